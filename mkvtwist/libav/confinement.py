"""
Keeping a worker process from everything but its input (I{process}).

The process has loaded the code that it needs. From then on it opens files below a few directories,
read-only, or none; it uses the network only for an input that is there; it runs no program, and
touches no other process. If the kernel lacks one of the means, the process goes on without it:
L{confine} returns those that hold.

U{Landlock<https://docs.kernel.org/userspace-api/landlock.html>} is about files, TCP and signals,
U{seccomp<https://man7.org/linux/man-pages/man2/seccomp.2.html>} about system calls.
"""

import ctypes
import os
import platform
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from mkvtwist.config.input import Form, Input
from mkvtwist.config.input_options import NO_OPTIONS, InputOptions

MEMORY_LIMIT = 2 << 30
"""
Bytes of address space that an input may take beside the process's own: packets of 64 MiB, of which
libavformat makes copies, and a few pictures of 8K.
"""

FILE_LIMIT = 64
"""Descriptors of one worker: an input has a few connections at most."""

CPU_LIMIT = 60
"""
Seconds of a processor that an input may take without an event. An input that takes longer is in an
endless loop: opening takes 60 s of the clock at most, and most of that is waiting.
"""

NICENESS = 5
"""
How much less important a worker is than the server, which serves all viewers: it has a third of
the weight.
"""

OOM_SCORE = 500
"""
When the machine runs out of memory, a worker counts as if it had half of it more: the kernel ends
workers before the server.
"""

RESOLVER = (
    *("/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf"),
    *("/etc/services", "/etc/protocols", "/etc/ssl", "/etc/pki", "/etc/ca-certificates"),
    *("/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/lib/ssl"),
    *("/run/systemd/resolve", "/run/resolvconf", "/lib", "/lib64", "/usr/lib", "/usr/lib64"),
)
"""Files of DNS and TLS: their settings, certificates, and the libraries that glibc loads late."""

ALWAYS = ("/dev/urandom", "/dev/null")
"""Files that libraries read whatever the input is."""

LANDLOCK, SECCOMP = CONFINED_BY = ("Landlock", "seccomp")
"""The means of the kernel by which a process is confined."""


@dataclass(frozen=True, slots=True)
class Reach:
    """
    The files and the network that a worker may reach.

    @ivar paths: files, and directories with all that is in them, to read.
    @ivar network: whether it may connect to others, and others to it.
    """

    paths: tuple[str, ...] = ()
    network: bool = False


def reach_of(source: Input, options: InputOptions = NO_OPTIONS) -> Reach:
    """Return the reach that reading an input needs: none, if the server passes the bytes on."""
    if source.form in (Form.FILE, Form.SDP):
        return _reach_of_file(source.text)
    if source.form is not Form.URL:
        return Reach()
    parts = urlsplit(source.text)
    if parts.scheme.lower() == "file":
        return _reach_of_file(source.text.partition("://")[2])
    return Reach((*RESOLVER, *options.files), network=True)


def _reach_of_file(path: str) -> Reach:
    """Return the directories of a file and of its link's target; an SDP file needs the network."""
    path = os.path.abspath(path)
    paths = tuple({os.path.dirname(path), os.path.dirname(os.path.realpath(path))})
    if path.lower().endswith(".sdp"):
        return Reach((*paths, *RESOLVER), network=True)
    return Reach(paths)


# -- The kernel ---------------------------------------------------------------

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SECCOMP_MODE_FILTER = 2
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_LANDLOCK_VERSION, _LANDLOCK_PATH_BENEATH = 1, 1


class Kernel:
    """The system calls that Python has no name for."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def syscall(self, number: int, *arguments: int | bytes | None) -> int:
        """
        Make a system call.

        @raise OSError: when it fails.
        """
        return self._checked(self._libc.syscall(ctypes.c_long(number), *map(_word, arguments)))

    def prctl(self, option: int, *arguments: int | bytes | None) -> int:
        """
        Set something of this process.

        @raise OSError: when that fails.
        """
        words = [*map(_word, arguments), *(ctypes.c_ulong(0) for _ in range(4))][:4]
        return self._checked(self._libc.prctl(ctypes.c_int(option), *words))

    @staticmethod
    def _checked(result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result


def _word(value: int | bytes | None) -> object:
    return ctypes.c_ulong(value) if isinstance(value, int) else ctypes.c_char_p(value)


def die_with_parent(kernel: Kernel) -> None:
    """Have the kernel end this process when the thread that made it ends."""
    kernel.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def confine(reach: Reach, kernel: Kernel | None = None) -> tuple[str, ...]:
    """
    Keep this process, from now on, from everything beyond its reach.

    @return: those of L{CONFINED_BY} that hold; none if the kernel has neither.
    """
    kernel = kernel or Kernel()
    limit_resources()
    with suppress(OSError):
        kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1)
    held = []
    with suppress(OSError):
        _restrict_files(reach, kernel)
        held.append(LANDLOCK)
    with suppress(OSError, KeyError):
        _filter_calls(reach, kernel, opens=bool(held) or bool(reach.paths))
        held.append(SECCOMP)
    return tuple(held)


def limit_resources() -> None:
    """Bound the process's memory, descriptors and files; no core is dumped."""
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write(str(OOM_SCORE))
    with suppress(OSError):
        os.nice(NICENESS)
    for kind, most in (
        (resource.RLIMIT_AS, _address_space() + MEMORY_LIMIT),
        (resource.RLIMIT_NOFILE, FILE_LIMIT),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))
    allow_cpu()


def allow_cpu(seconds: int = CPU_LIMIT) -> None:
    """Let the process work for so long from now on, before it is ended by SIGXCPU."""
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    most = int(used) + 1 + seconds
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (most, hard))


def _address_space() -> int:
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return MEMORY_LIMIT


# -- Landlock -----------------------------------------------------------------

_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FILES = ((1, 0x1FFF), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
"""Landlock's rights on files, by the version of its interface that they came with."""
_TCP = (4, 0b11)
_SCOPES = (6, 0b11)
"""Abstract UNIX sockets, and signals, of processes outside."""


def landlock_version(kernel: Kernel) -> int:
    """
    Return the version of Landlock's interface.

    @raise OSError: if there is none, or it is switched off.
    """
    return kernel.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION)


def _restrict_files(reach: Reach, kernel: Kernel) -> None:
    version = landlock_version(kernel)
    files = sum(rights for since, rights in _FILES if version >= since)
    tcp = 0 if reach.network or version < _TCP[0] else _TCP[1]
    scopes = _SCOPES[1] if version >= _SCOPES[0] else 0
    size = 24 if version >= _SCOPES[0] else 16 if version >= _TCP[0] else 8
    attributes = struct.pack("=QQQ", files, tcp, scopes)[:size]
    rules = kernel.syscall(_LANDLOCK_CREATE_RULESET, attributes, size, 0)
    try:
        for path in (*ALWAYS, *reach.paths):
            with suppress(OSError):  # not there
                _allow_reading(kernel, rules, path)
        kernel.syscall(_LANDLOCK_RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)


def _allow_reading(kernel: Kernel, rules: int, path: str) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = _READ_FILE | (_READ_DIR if os.path.isdir(path) else 0)
        rule = struct.pack("=Qi", rights, place)
        kernel.syscall(_LANDLOCK_ADD_RULE, rules, _LANDLOCK_PATH_BENEATH, rule, 0)
    finally:
        os.close(place)


# -- seccomp ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Machine:
    """
    A processor's numbers of system calls; of those that it does not have, none.

    @ivar audit: its number in C{linux/audit.h}.
    @ivar calls: by their names.
    """

    audit: int
    calls: Mapping[str, int]


def _machine(audit: int, calls: str) -> Machine:
    pairs = (pair.split("=") for pair in calls.split())
    common = (pair.split("=") for pair in _COMMON.split())
    return Machine(audit, {name: int(number) for name, number in (*common, *pairs)})


_COMMON = """
pidfd_send_signal=424 io_uring_setup=425 open_tree=428 move_mount=429 fsopen=430 fsconfig=431
fsmount=432 fspick=433 pidfd_open=434 clone3=435 openat2=437 pidfd_getfd=438 process_madvise=440
mount_setattr=442 process_mrelease=448 fchmodat2=452
"""

MACHINES: Mapping[str, Machine] = MappingProxyType(
    {
        "x86_64": _machine(
            0xC000003E,
            """
            open=2 socket=41 connect=42 accept=43 bind=49 listen=50 socketpair=53 clone=56 fork=57
            vfork=58 execve=59 kill=62 truncate=76 ftruncate=77 rename=82 mkdir=83 rmdir=84 creat=85
            link=86 unlink=87 symlink=88 chmod=90 fchmod=91 chown=92 fchown=93 lchown=94 ptrace=101
            rt_sigqueueinfo=129 utime=132 mknod=133 personality=135 setpriority=141
            sched_setparam=142 sched_setscheduler=144 pivot_root=155 chroot=161 acct=163 mount=165
            umount2=166 swapon=167 reboot=169 init_module=175 delete_module=176 quotactl=179
            setxattr=188 lsetxattr=189 fsetxattr=190 removexattr=197 lremovexattr=198
            fremovexattr=199 tkill=200 sched_setaffinity=203 tgkill=234 utimes=235 kexec_load=246
            add_key=248 request_key=249 keyctl=250 ioprio_set=251 migrate_pages=256 openat=257
            mkdirat=258 mknodat=259 fchownat=260 futimesat=261 unlinkat=263 renameat=264 linkat=265
            symlinkat=266 fchmodat=268 unshare=272 move_pages=279 utimensat=280 accept4=288
            rt_tgsigqueueinfo=297 perf_event_open=298 prlimit64=302 name_to_handle_at=303
            open_by_handle_at=304 setns=308 process_vm_readv=310 process_vm_writev=311 kcmp=312
            finit_module=313 sched_setattr=314 renameat2=316 memfd_create=319 bpf=321 execveat=322
            userfaultfd=323 ioctl=16 fcntl=72
            """,
        ),
        "aarch64": _machine(
            0xC00000B7,
            """
            setxattr=5 lsetxattr=6 fsetxattr=7 removexattr=14 lremovexattr=15 fremovexattr=16
            ioprio_set=30 mknodat=33 mkdirat=34 unlinkat=35 symlinkat=36 linkat=37 renameat=38
            umount2=39 mount=40 pivot_root=41 truncate=45 ftruncate=46 chroot=51 fchmod=52
            fchmodat=53 fchownat=54 fchown=55 openat=56 quotactl=60 utimensat=88 acct=89
            personality=92 unshare=97 kexec_load=104 init_module=105 delete_module=106 ptrace=117
            sched_setparam=118 sched_setscheduler=119 sched_setaffinity=122 kill=129 tkill=130
            tgkill=131 rt_sigqueueinfo=138 setpriority=140 reboot=142 socket=198 socketpair=199
            bind=200 listen=201 accept=202 connect=203 add_key=217 request_key=218 keyctl=219
            clone=220 execve=221 swapon=224 migrate_pages=238 move_pages=239 rt_tgsigqueueinfo=240
            perf_event_open=241 accept4=242 prlimit64=261 name_to_handle_at=264
            open_by_handle_at=265 setns=268 process_vm_readv=270 process_vm_writev=271 kcmp=272
            finit_module=273 sched_setattr=274 renameat2=276 memfd_create=279 bpf=280 execveat=281
            userfaultfd=282 fcntl=25 ioctl=29
            """,
        ),
    }
)
"""The machines for which the numbers are known, as C{platform.machine} calls them."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEVER = _names(
    """
    fork vfork execve execveat ptrace process_vm_readv process_vm_writev process_madvise tkill
    rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open pidfd_send_signal pidfd_getfd mount umount2
    pivot_root chroot unshare setns bpf perf_event_open userfaultfd add_key request_key keyctl
    io_uring_setup kexec_load init_module finit_module delete_module reboot swapon acct quotactl
    name_to_handle_at open_by_handle_at personality memfd_create open_tree move_mount fsopen
    fsconfig fsmount fspick mount_setattr chmod fchmod fchmodat fchmodat2 chown fchown lchown
    fchownat utime utimes futimesat utimensat setxattr lsetxattr fsetxattr removexattr lremovexattr
    fremovexattr truncate ftruncate rename renameat renameat2 mkdir mkdirat rmdir link linkat unlink
    unlinkat symlink symlinkat mknod mknodat creat setpriority sched_setparam sched_setscheduler
    sched_setaffinity sched_setattr ioprio_set migrate_pages move_pages kcmp process_mrelease
    """
)
"""
Programs, other processes and their share of the machine, the system's state, and every change of
files, which holds even if there is no Landlock.
"""

_NETWORK = _names("socket socketpair connect bind listen accept accept4")
_FILES_CALLS = _names("open openat")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
"""Families of sockets by which libavformat and the resolver reach the network."""
_OWNER_CALLS = {"fcntl": (8, 10, 15), "ioctl": (0x8901, 0x8902)}
"""
C{F_SETOWN}, C{F_SETSIG}, C{F_SETOWN_EX}; C{FIOSETOWN}, C{SIOCSPGRP}. The owner of a socket gets
signals from it, even one that ends the owner, and the owner may be any process of the same user.
"""
_THREAD = 0x10000
"""C{CLONE_THREAD}: libavcodec may have threads, but no processes."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT, _THIRD_ARGUMENT = 0, 4, 16, 24, 32
_EPERM, _ENOSYS = 1, 38
_X32 = 0x40000000
"""Numbers from here on are those of another set of calls on x86-64."""


def _filter_calls(reach: Reach, kernel: Kernel, *, opens: bool) -> None:
    """
    Have system calls fail that reading an input does not take.

    @param opens: whether files may be opened at all.
    @raise KeyError: on a machine whose numbers are not known.
    """
    code = filter_program(_this_machine(), reach, os.getpid(), opens=opens)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
    kernel.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program)


def _this_machine() -> Machine:
    """
    Return this process's machine.

    @raise KeyError: if its numbers are not known; a process of 32 bits has others than its kernel.
    """
    if sys.byteorder != "little" or sys.maxsize < 1 << 32:
        raise KeyError(sys.byteorder)
    return MACHINES[platform.machine()]


def filter_program(machine: Machine, reach: Reach, pid: int, *, opens: bool) -> bytes:
    """
    Return the program that the kernel runs before each system call (classic BPF).

    @param pid: the process that it is for.
    @param opens: whether files may be opened at all.
    """
    denied = _NEVER | (frozenset() if reach.network else _NETWORK)
    denied |= frozenset() if opens else _FILES_CALLS
    calls = machine.calls
    fail = _step(_RETURN, _FAIL | _EPERM)
    allow = _step(_RETURN, _ALLOW)
    first = _step(_LOAD, _FIRST_ARGUMENT)
    steps = [_step(_LOAD, _ARCHITECTURE), _step(_EQUAL, machine.audit, 1, 0), fail]
    steps += [_step(_LOAD, _NUMBER), _step(_AT_LEAST, _X32, 0, 1), fail]
    writing = [_step(_ANY_BIT, _WRITING, 0, 1), fail, allow]
    blocks: dict[str, list[bytes]] = {
        "open": [_step(_LOAD, _SECOND_ARGUMENT), *writing],
        "openat": [_step(_LOAD, _THIRD_ARGUMENT), *writing],
        "socket": [first, *_any_of(_FAMILIES), fail, allow],
    }
    for name, commands in _OWNER_CALLS.items():
        blocks[name] = [_step(_LOAD, _SECOND_ARGUMENT), *_any_of(commands), allow, fail]
    blocks |= {name: [fail] for name in sorted(denied)}
    # The C library takes an unknown clone3 for an old kernel, and uses clone, whose flags can be
    # looked at; those of clone3 and openat2 are in memory.
    for name in ("clone3", "openat2"):
        blocks[name] = [_step(_RETURN, _FAIL | _ENOSYS)]
    blocks["clone"] = [first, _step(_ANY_BIT, _THREAD, 0, 1), allow, fail]
    for name in ("kill", "tgkill"):
        blocks[name] = [first, _step(_EQUAL, pid, 0, 1), allow, fail]
    blocks["prlimit64"] = [
        *(first, _step(_EQUAL, 0, 0, 1), allow),
        *(_step(_EQUAL, pid, 0, 1), allow, fail),
    ]
    for name, block in blocks.items():
        if name in calls:
            steps += [_step(_EQUAL, calls[name], 0, len(block)), *block]
    return b"".join([*steps, allow])


def _any_of(values: Sequence[int]) -> list[bytes]:
    """Return steps that go on with the next one, or leave it out if one of the values is there."""
    last = len(values)
    return [_step(_EQUAL, value, last - at) for at, value in enumerate(values)]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


Confine = Callable[[Reach], tuple[str, ...]]
