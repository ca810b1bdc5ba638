"""What the kernel knows: processor time, memory, the machine. Reads C{/proc} only."""

import os
import platform
import resource
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")

# Fields of /proc/PID/stat after the command's name, which may hold spaces (proc(5)).
# After _SYSTEM come user and system time of children that have been waited for.
_PARENT, _USER, _SYSTEM, _RESIDENT = 1, 11, 12, 21
_KERNEL_THREADS = 2
"""The parent of all of them."""


def raise_file_limit() -> int:
    """
    Allow as many descriptors as the hard limit does; children inherit it.

    @return: how many that is.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _stat(pid: int) -> list[str] | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def family(pid: int) -> set[int]:
    """A process and all its living descendants: a server may have workers."""
    parents = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            parents[int(entry.name)] = int(fields[_PARENT])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """
    Processor time, user and system, of these processes with all their threads.

    The scheduler's count is in nanoseconds but loses the threads that have ended; the
    process's own is in ticks: whichever is more has more of it.
    """
    total = 0.0
    for pid in pids:
        if fields := _stat(pid):
            ticks = int(fields[_USER]) + int(fields[_SYSTEM])
            total += max(ticks / _TICKS, _scheduled_seconds(pid))
    return total


def _scheduled_seconds(pid: int) -> float:
    nanoseconds = 0
    with suppress(OSError):
        for task in (_PROC / str(pid) / "task").iterdir():
            nanoseconds += int((task / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9


def resident_bytes(pids: Iterable[int]) -> int:
    """Resident memory of these processes (what C{VmRSS} shows)."""
    return sum(int(fields[_RESIDENT]) * _PAGE for pid in pids if (fields := _stat(pid)))


def other_cpu_seconds(ours: set[int]) -> float:
    """
    Processor time so far of all processes that are not C{ours}: the neighbours.

    Includes the children that they have waited for, so that a compiler run is not
    missed; leaves out the kernel's own threads, which may be at work for us.
    """
    ticks = 0
    for entry in _PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) in ours:
            continue
        fields = _stat(int(entry.name))
        if fields and int(fields[_PARENT]) != _KERNEL_THREADS:
            ticks += sum(map(int, fields[_USER : _USER + 4]))
    return ticks / _TICKS


def machine() -> dict[str, str | int]:
    """What the results were measured on."""
    cpu = "unknown"
    for line in (_PROC / "cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model", "Hardware")):
            cpu = line.partition(":")[2].strip()
            break
    total = (_PROC / "meminfo").read_text().split(maxsplit=2)[1]
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": int(total) // 1024,
        "kernel": f"{platform.system()} {platform.release()}",
        "distribution": _distribution(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
    }


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return "unknown"
