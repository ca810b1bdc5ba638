"""
Try the RTMP server: its speed, many senders at once, and sessions with wrong bytes.

::

    python tools/rtmp_tried.py speed                            Mbit/s that one core reads
    python tools/rtmp_tried.py load [--senders N] [--mbit N] [--seconds N]
    python tools/rtmp_tried.py mutate [--count N] [--seed N]

C{speed} reads a session as three programs cut it into chunks, up to what libavformat gets. C{load}
starts a server with a stream for each sender, sends H.264 to each at its own pace, and
measures what the server takes; each stream must be live all the time, and have got every byte.
C{mutate} damages sessions and splits them at random; each must end in events or in a
C{ProtocolError}, no session may take much memory. The exit status is 1 if anything failed.
"""

# ruff: noqa: T201, S311 (a script speaks by printing; its random choices are to be repeatable)

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run as a script, this file finds its neighbours

from mkvtwist.formats.flv import tags  # noqa: E402 (after the path is set)
from mkvtwist.inputs.rtmp import flv, messages  # noqa: E402
from mkvtwist.inputs.rtmp.chunks import FIRST_SIZE, Message, chunks  # noqa: E402
from mkvtwist.inputs.rtmp.errors import ProtocolError  # noqa: E402
from mkvtwist.inputs.rtmp.messages import Type  # noqa: E402
from mkvtwist.inputs.rtmp.session import MediaReceived, Session, State  # noqa: E402
from tests.support import media  # noqa: E402
from tests.support.processes import free_port, terminate  # noqa: E402
from tests.support.rtmp import HEARD, SHOWN, command, publish  # noqa: E402

READ = 1 << 16
"""Bytes that Twisted reads from a socket at once."""

PATIENCE = 60.0
"""Seconds in which a server must be there, and all streams live."""

RATE = 25
"""Pictures a second."""

STUMBLES = (0, 1, 2, 3, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xC3, 0xFE, 0xFF)
"""Values at which a reader of chunks may stumble."""


def clip(mbit: float, seconds: float) -> list[Message]:
    """Return the media of a clip as RTMP's messages: H.264, filled up to a bitrate."""
    path = Path(tempfile.gettempdir()) / f"rtmp-tried-{os.getpid()}.flv"
    media.clip(path, container="flv", audio=None, seconds=seconds, rate=RATE, gop=2 * RATE)
    data = path.read_bytes()
    path.unlink()
    whole = Message(Type.AGGREGATE, 1, 0, data[13:])
    sent = [message for message in flv.aggregated(whole) if message.type == Type.VIDEO]
    size = round(mbit * 1e6 / 8 / RATE)
    return [message._replace(body=_filled(message.body, size)) for message in sent]


def _filled(body: bytes, size: int) -> bytes:
    """Return a picture with filler data (NAL unit type 12) up to a size; a setup as it is."""
    missing = size - len(body) - 6
    if body[1] == 0 or missing < 0:
        return body
    filler = b"\x0c" + b"\xff" * missing + b"\x80"
    return body + len(filler).to_bytes(4, "big") + filler


def resized(size: int) -> bytes:
    """Return what says that chunks have this size from now on."""
    return chunks(messages.number(Type.SET_CHUNK_SIZE, size), messages.CONTROL_STREAM, FIRST_SIZE)


def speed() -> int:
    """Print how fast one core reads."""
    sent = clip(3.0, 10.0)
    for program, size in (("librtmp", 128), ("OBS", 4096), ("FFmpeg", 65536)):
        data = b"".join(chunks(message, 4, size) for message in sent)
        data *= max(1, (64 << 20) // len(data))
        session = Session()
        session.receive(publish() + (resized(size) if size != FIRST_SIZE else b""))
        session.accept()
        begun = time.process_time()
        for place in range(0, len(data), READ):
            session.receive(data[place : place + READ])
            session.take_output()
        took = time.process_time() - begun
        print(f"{program}: chunks of {size} bytes: {len(data) * 8 / took / 1e6:,.0f} Mbit/s")
    return 0


async def _send(port: int, number: int, sent: list[Message], seconds: float) -> int:
    """Publish a clip over and over; return how many bytes of FLV that are."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    size = 4096
    writer.write(publish("live", f"s{number}") + resized(size))
    drain = asyncio.ensure_future(_drain(reader))
    begun, round_ = time.monotonic(), 0
    length = sent[-1].time + 40
    total = len(tags.header(0))
    try:
        while True:
            for message in sent:
                at = message.time + round_ * length
                if at > seconds * 1000:
                    return total
                await asyncio.sleep(max(0.0, begun + at / 1000 - time.monotonic()))
                writer.write(chunks(message._replace(time=at), 4, size))
                total += len(tags.tag(9, at, message.body))
                await writer.drain()
            round_ += 1
    finally:
        writer.write(chunks(messages.command(0, "FCUnpublish", 9, None, ""), 3, size))
        with suppress(OSError):
            await writer.drain()
            await asyncio.sleep(0.5)
        drain.cancel()
        writer.close()


async def _drain(reader: asyncio.StreamReader) -> None:
    while await reader.read(READ):
        pass


def _processor_time(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(senders: int, mbit: float, seconds: float) -> int:
    """Start a server, send to it, and print what it took."""
    sent = clip(mbit, 10.0)
    http, rtmp = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        here = "interface=127.0.0.1"
        lines = [f'listen = ["tcp:{http}:{here}"]', f'rtmp_listen = ["tcp:{rtmp}:{here}"]']
        lines += [f'[streams.s{number}]\ninput = "push"' for number in range(senders)]
        (Path(folder) / "c.toml").write_text("\n".join(lines))
        start = "from twisted.scripts.twistd import run; run()"
        log = (Path(folder) / "log").open("wb")
        server = subprocess.Popen(
            (sys.executable, "-c", start, "-n", "--pidfile=", "mkvserve", "--config=c.toml"),
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
        )
        end = time.monotonic() + PATIENCE
        while not _states(http) and time.monotonic() < end:
            time.sleep(0.2)
        try:
            result = asyncio.run(_measure(server.pid, http, rtmp, sent, (senders, seconds)))
        finally:
            terminate(server)
            log.close()
        said = (Path(folder) / "log").read_text()
    if "Traceback" in said:
        print(said[said.index("Traceback") :][:2000])
        return 1
    got = sorted(map(int, re.findall(r"left after (\d+) bytes", said)))
    print("every byte has arrived" if got == result else f"sent {result}, arrived {got}")
    return int(got != result)


def _states(http: int) -> dict[str, str]:
    """Return the state of each stream; none if the server does not answer."""
    with (
        suppress(OSError),
        urllib.request.urlopen(f"http://127.0.0.1:{http}/status", timeout=5) as answer,
    ):
        return {name: one["state"] for name, one in json.load(answer)["streams"].items()}
    return {}


def _most_memory(pid: int) -> int:
    """Return the most memory in MiB that a process has had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM"))


async def _measure(
    pid: int, http: int, rtmp: int, sent: list[Message], scale: tuple[int, float]
) -> list[int]:
    """Send, and print what that takes; return the bytes of each sender, the fewest first."""
    senders, seconds = scale
    sending = [
        asyncio.ensure_future(_send(rtmp, number, sent, seconds)) for number in range(senders)
    ]
    begun = time.monotonic()
    while time.monotonic() < begun + min(PATIENCE, seconds / 2):
        states = await asyncio.to_thread(_states, http)
        if all(state == "live" for state in states.values()):
            break
        await asyncio.sleep(0.2)
    ready = time.monotonic() - begun
    before, then = _processor_time(pid), time.monotonic()
    await asyncio.sleep(max(1.0, seconds - ready - 2))
    took = (_processor_time(pid) - before) / (time.monotonic() - then)
    states = await asyncio.to_thread(_states, http)
    live = sum(state == "live" for state in states.values())
    totals = await asyncio.gather(*sending)
    rate = sum(totals) * 8 / seconds / 1e6
    print(f"{senders} senders, {rate:.0f} Mbit/s together, for {seconds:g} s")
    print(f"all live after {ready:.1f} s; {live} of {senders} live at the end")
    print(f"the server took {took:.2f} cores, and {_most_memory(pid)} MiB at most")
    return sorted(totals) if live == senders else []


def mutated(random_: random.Random) -> Iterator[bytes]:
    """Yield the pieces of a session in which some bytes are wrong."""
    size = random_.choice((10, 128, 4096, 65536))
    body = random_.randbytes(random_.choice((0, 1, 100, 2000)))
    aggregate = Message(Type.AGGREGATE, 1, 5, tags.tag(9, 0, body) + tags.tag(8, 9, b"x"))
    later = [SHOWN, HEARD, Message(Type.VIDEO, 1, 0xFFFFFFFE, body), aggregate]
    data = bytearray(publish() + resized(size))
    for message in random_.choices(later, k=random_.randrange(8)):
        data += chunks(message, random_.randrange(3, 8), size)
    data += command("FCUnpublish", 6, None, "cam", size=size)
    for _ in range(random_.choice((0, 1, 3, 30))):
        # The handshake's two kilobytes say little: most harm is done behind them.
        place = random_.randrange(min(random_.choice((0, 3073)), len(data) - 1), len(data))
        kind = random_.randrange(4)
        if kind == 0:
            data[place] = random_.choice(STUMBLES)
        elif kind == 1:
            data[place] ^= 1 << random_.randrange(8)
        elif kind == 2:
            del data[place : place + random_.randrange(1, 50)]
        else:
            data[place:place] = random_.randbytes(random_.randrange(1, 50))
        data = data or bytearray(1)
    place = 0
    while place < len(data):
        step = random_.choice((1, 7, 100, 1500, READ, READ))
        yield bytes(data[place : place + step])
        place += step


def play(pieces: Iterator[bytes]) -> str:
    """Have a session read some bytes; return how it ended."""
    session = Session(random=bytes)
    ends = "events"
    try:
        for piece in pieces:
            events = session.receive(piece)
            if session.state is State.ASKING:
                events += session.accept()
            if any(isinstance(event, MediaReceived) for event in events):
                ends = "media"
            session.take_output()
    except ProtocolError as error:
        return str(error)
    return ends


def mutate(count: int, seed: int) -> int:
    """Play damaged sessions; print how they ended."""
    ended: dict[str, int] = {}
    failed = 0
    for number in range(count):
        try:
            end = play(mutated(random.Random(f"{seed} {number}")))
        except Exception:  # noqa: BLE001 - any is a fault of ours
            traceback.print_exc()
            print(f"session {number} of seed {seed}")
            failed += 1
            continue
        ended[end] = ended.get(end, 0) + 1
    for end, times in sorted(ended.items(), key=lambda item: -item[1]):
        print(f"{times:8} {end}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{failed} of {count} failed; {memory} MiB at most")
    return int(bool(failed))


def main() -> int:
    """Try what the command line says; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("speed")
    loading = what.add_parser("load")
    loading.add_argument("--senders", type=int, default=50)
    loading.add_argument("--mbit", type=float, default=3.0)
    loading.add_argument("--seconds", type=float, default=40.0)
    mutating = what.add_parser("mutate")
    mutating.add_argument("--count", type=int, default=100_000)
    mutating.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    if asked.what == "speed":
        return speed()
    if asked.what == "load":
        return load(asked.senders, asked.mbit, asked.seconds)
    return mutate(asked.count, asked.seed)


if __name__ == "__main__":
    sys.exit(main())
