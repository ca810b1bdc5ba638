"""
Clients that stay, take apart what they get, and look at the time of each frame: C{soak.py}'s eyes.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

ROUNDING = 2.0
"""Milliseconds: two times, each rounded to one."""

SILENCE = 5.0
"""Seconds without a frame after which a stream stands still. This machine may be busy."""

HARMED = 25.0
"""Seconds that a stream has to recover, sender, keyframe and players that come back included."""

AGAIN = 0.5
"""Seconds after which a player whose response has ended comes back."""

SLOW = 25_000
"""Bytes that a slow client takes in a second: less than the demo brings."""

SMALL = 128 << 10
"""
Bytes of the receive buffer of a slow client: a segment of loopback (64 KiB) fits. With 4 KiB the
server's kernel takes the client's window for closed, although the client reads all the time, and
resets the connection when C{TCP_USER_TIMEOUT} has passed.
"""


# -- What is watched ----------------------------------------------------------


class Frame(NamedTuple):
    """
    One frame, as a player finds it.

    @ivar type: C{video}, C{audio}.
    @ivar time: milliseconds.
    """

    track: int
    type: str
    time: float
    key: bool


class Parser(Protocol):
    """Finds the frames in a container's bytes, as they come."""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that are complete with these bytes."""


class NonsenseError(ValueError):
    """The exception for a response that is not what was asked for."""


class MatroskaParser:
    """Matroska and WebM (RFC 9559): Clusters of known size in a Segment of unknown size."""

    _TYPES: Mapping[int, str] = {1: "video", 2: "audio"}
    _ENTERED = frozenset({0x18538067, 0x1654AE6B, 0xAE})  # Segment, Tracks, TrackEntry

    def __init__(self) -> None:
        self._data = bytearray()
        self._types: dict[int, str] = {}
        self._entry = 0
        self._base = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        self._data += data
        at = 0
        while (found := self._element(at)) is not None:
            id_, start, end = found
            if id_ in self._ENTERED:
                at = start
                continue
            if end > len(self._data):
                break
            at = end
            if id_ == 0xD7:  # TrackNumber, which libavformat writes before TrackType
                self._entry = int.from_bytes(self._data[start:end], "big")
            elif id_ == 0x83:  # TrackType
                type_ = int.from_bytes(self._data[start:end], "big")
                self._types[self._entry] = self._TYPES.get(type_, "other")
            elif id_ == 0x1F43B675:  # Cluster
                yield from self._cluster(start, end)
        del self._data[:at]

    def _cluster(self, at: int, end: int) -> Iterator[Frame]:
        while at < end:
            found = self._element(at)
            if found is None or found[2] > end:
                raise NonsenseError("a Cluster whose elements reach beyond it")
            id_, start, stop = found
            at = stop
            if id_ == 0xE7:  # Timestamp
                self._base = int.from_bytes(self._data[start:stop], "big")
            elif id_ == 0xA0:  # BlockGroup
                at = start
            elif id_ in (0xA3, 0xA1):  # SimpleBlock, Block
                track, head, _ = self._number(start, marker=False)
                offset, flags = struct.unpack_from(">hB", self._data, head)
                if track not in self._types:
                    raise NonsenseError(f"a block of track {track}, which there is not")
                key = id_ == 0xA1 or bool(flags & 0x80)
                yield Frame(track, self._types[track], self._base + offset, key)

    def _element(self, at: int) -> tuple[int, int, int] | None:
        """Return an element's ID, and where its payload begins and ends."""
        try:
            id_, at, _ = self._number(at, marker=True)
            size, at, unknown = self._number(at, marker=False)
        except IndexError:
            return None
        return id_, at, sys.maxsize if unknown else at + size

    def _number(self, at: int, *, marker: bool) -> tuple[int, int, bool]:
        length = 9 - self._data[at].bit_length()
        if length > 8:
            raise NonsenseError("no EBML")
        if at + length > len(self._data):
            raise IndexError
        value = int.from_bytes(self._data[at : at + length], "big")
        ones = (1 << 7 * length) - 1
        return value if marker else value & ones, at + length, value & ones == ones


class Mp4Parser:
    """Fragmented MP4 (ISO/IEC 14496-12): what moov says of tracks, moof of samples."""

    _TYPES: Mapping[bytes, str] = {b"vide": "video", b"soun": "audio"}

    def __init__(self) -> None:
        self._data = bytearray()
        self._scale: dict[int, int] = {}
        self._types: dict[int, str] = {}

    def feed(self, data: bytes) -> Iterator[Frame]:
        self._data += data
        at = 0
        while len(self._data) - at >= 8:
            size, name = struct.unpack_from(">I4s", self._data, at)
            if size < 8 or not name.isalnum():
                raise NonsenseError(f"a box {name!r} of {size} bytes")
            if len(self._data) - at < size:
                break
            box = bytes(self._data[at + 8 : at + size])
            at += size
            if name == b"moov":
                for track in _boxes(box, b"trak"):
                    self._track(track)
            elif name == b"moof":
                for fragment in _boxes(box, b"traf"):
                    yield from self._fragment(fragment)
        del self._data[:at]

    def _track(self, trak: bytes) -> None:
        head = next(_boxes(trak, b"tkhd"))
        number = struct.unpack_from(">I", head, 20 if head[0] else 12)[0]
        mdia = next(_boxes(trak, b"mdia"))
        head = next(_boxes(mdia, b"mdhd"))
        self._scale[number] = struct.unpack_from(">I", head, 20 if head[0] else 12)[0]
        self._types[number] = self._TYPES.get(next(_boxes(mdia, b"hdlr"))[8:12], "other")

    def _fragment(self, traf: bytes) -> Iterator[Frame]:
        head = next(_boxes(traf, b"tfhd"))
        flags, track = struct.unpack_from(">II", head)
        at = 8
        defaults = dict.fromkeys((0x08, 0x10, 0x20), 0)
        for bit, length in ((0x01, 8), (0x02, 4), (0x08, 4), (0x10, 4), (0x20, 4)):
            if flags & bit:
                defaults[bit] = int.from_bytes(head[at : at + length], "big")
                at += length
        start = next(_boxes(traf, b"tfdt"))
        time_ = int.from_bytes(start[4 : 12 if start[0] else 8], "big")
        scale = self._scale[track]
        for run in _boxes(traf, b"trun"):
            flags, count = struct.unpack_from(">II", run)
            at = 8 + 4 * bool(flags & 0x01)
            first = None
            if flags & 0x04:
                first = int.from_bytes(run[at : at + 4], "big")
                at += 4
            for index in range(count):
                sample = {0x100: defaults[0x08], 0x400: defaults[0x20]}
                for bit in (0x100, 0x200, 0x400, 0x800):
                    if flags & bit:
                        sample[bit] = int.from_bytes(run[at : at + 4], "big")
                        at += 4
                if first is not None and index == 0:
                    sample[0x400] = first
                key = not sample[0x400] & 0x10000  # sample_is_non_sync_sample
                yield Frame(track, self._types[track], 1000 * time_ / scale, key)
                time_ += sample[0x100]


def _boxes(data: bytes, wanted: bytes) -> Iterator[bytes]:
    """Yield the contents of the boxes of one kind that lie side by side."""
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if size < 8:
            raise NonsenseError(f"a box {name!r} of {size} bytes")
        if name == wanted:
            yield data[at + 8 : at + size]
        at += size


PARSERS: Mapping[str, Callable[[], Parser]] = {
    "mkv": MatroskaParser,
    "webm": MatroskaParser,
    "mp4": Mp4Parser,
}


@dataclass
class Stream:
    """
    A stream of the server, and what its watchers have seen.

    @ivar formats: in which it is watched, each by one client that stays.
    @ivar steps: milliseconds from frame to frame, by the track's type.
    @ivar excused: until when (C{time.monotonic}) it may be as it likes, for it was harmed.
    @ivar slowest: seconds that a newcomer waited for the first frame.
    @ivar worst: seconds that a frame came later than the one that came soonest.
    """

    name: str
    formats: tuple[str, ...]
    steps: Mapping[str, float]
    excused: float = 0.0
    frames: int = 0
    joins: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    worst: float = 0.0
    slowest: float = 0.0
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    def harm(self, seconds: float = HARMED) -> None:
        """Expect nothing of the stream for so long."""
        self.excused = max(self.excused, time.monotonic() + seconds)

    @property
    def is_harmed(self) -> bool:
        """Return whether nothing is expected of the stream now."""
        return time.monotonic() < self.excused


class Judge(Protocol):
    """The run, which the watchers report to."""

    port: int

    def target(self, path: str) -> str:
        """Return the target of a request, with the token that its stream requires."""

    def say(self, text: str) -> None:
        """Print one line, with the time."""

    def fault(self, text: str) -> None:
        """Note a fault."""

    def judge(self, stream: Stream, kind: str, text: str) -> None:
        """Note an event that is a fault unless the stream has been harmed."""


class Watcher:
    """
    A client that stays, and comes back when its response ends.

    @ivar slow: whether it takes less than there is, and so may miss something.
    """

    def __init__(self, soak: Judge, stream: Stream, format_: str, *, slow: bool = False) -> None:
        self.soak, self.stream, self.format, self.slow = soak, stream, format_, slow
        self._heard = time.monotonic()
        self._still = False
        self._last: dict[int, float] = {}
        self._soonest = float("inf")

    def __str__(self) -> str:
        return f"{self.stream.name}.{self.format}{', slow' * self.slow}"

    async def run(self) -> None:
        """Watch until this is cancelled."""
        self._heard = time.monotonic()
        while True:
            try:
                await self._watch()
                reason = "its response has ended"
            except (OSError, EOFError, ValueError) as error:
                reason = f"{type(error).__name__}: {error}"
            self.soak.judge(self.stream, "ends", f"{self}: {reason}")
            await asyncio.sleep(AGAIN)

    def look(self) -> None:
        """Check whether frames still come."""
        quiet = time.monotonic() - self._heard
        if self.stream.is_harmed:
            self._heard = max(self._heard, self.stream.excused - SILENCE)
            self._still = False
        elif quiet > SILENCE and not self._still:
            self._still = True
            self.soak.judge(self.stream, "silences", f"{self}: no frame for {quiet:.1f} s")

    async def _watch(self) -> None:
        parser = PARSERS[self.format]()
        self._last.clear()
        self._soonest = float("inf")
        target = self.soak.target(f"/{self.stream.name}.{self.format}")
        async with opened(self.soak.port, target, small=self.slow) as response:
            if response.status != 200:
                raise NonsenseError(f"answered with {response.status}")
            self.stream.joins += 1
            async for data in response:
                for frame in parser.feed(data):
                    self.see(frame)
                if self.slow:
                    await asyncio.sleep(len(data) / SLOW)

    def see(self, frame: Frame) -> None:
        """Check one more frame."""
        now = self._heard = time.monotonic()
        self._still = False
        stream = self.stream
        stream.frames += 1
        last = self._last.get(frame.track)
        self._last[frame.track] = frame.time
        if not self.slow:
            self._compare(now - frame.time / 1000)
        if last is None:
            if frame.type == "video" and not frame.key:
                self.soak.fault(f"{self}: begins with a picture that is no keyframe")
            return
        step = frame.time - last
        what = f"{self}: {frame.type} goes on {step:.1f} ms after {last / 1000:.3f} s"
        if step <= 0:
            self.soak.fault(f"{what}: back")
        elif step > stream.steps[frame.type] + ROUNDING and not self.slow:
            self.soak.judge(stream, "gaps", what)

    def _compare(self, late: float) -> None:
        """Note by how much a frame is later than the one that came soonest, by its time."""
        if self.stream.is_harmed:
            self._soonest = float("inf")  # its time stands still while nobody sends
            return
        self._soonest = min(self._soonest, late)
        late -= self._soonest
        if late > self.stream.worst + 0.5:
            self.soak.say(f"{self}: a frame comes {late:.2f} s late")
        self.stream.worst = max(self.stream.worst, late)


class HlsWatcher(Watcher):
    """A client that stays, and gets playlists and segments (RFC 8216) one after the other."""

    async def _watch(self) -> None:
        parser = Mp4Parser()
        self._last.clear()
        playlist = self._names((await self._get("index.m3u8")).decode())[-1]
        place, setup = 0, ""
        jumps: int | None = None
        self.stream.joins += 1
        while True:
            text = (await self._get(playlist)).decode()
            number = int(re.findall(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", text)[0])
            names = self._names(text)
            if place > number + len(names):
                self.soak.fault(f"{self}: {number + len(names)} segments after {place}")
            if place and place < number:
                gone = f"{self}: segments {place} to {number - 1} have gone"
                self.soak.judge(self.stream, "gaps", gone)
            place = max(place or number + len(names) - 2, number)
            for name in names[place - number :]:
                lines = text.partition(f"\n{name}\n")[0]
                before, jumps = jumps, lines.splitlines().count("#EXT-X-DISCONTINUITY")
                jumps += sum(map(int, re.findall(r"#EXT-X-DISCONTINUITY-SEQUENCE:(\d+)", text)))
                if before not in (None, jumps):
                    self.soak.judge(self.stream, "discontinuities", f"{self}: a discontinuity")
                    self._last.clear()
                if setup != (setup := re.findall(r'#EXT-X-MAP:URI="([^"]+)"', lines)[-1]):
                    for _ in parser.feed(await self._get(setup)):
                        raise NonsenseError("frames in an initialization section")
                for frame in parser.feed(await self._get(name)):
                    self.see(frame)
                place += 1
            await asyncio.sleep(1)

    async def _get(self, name: str) -> bytes:
        target = self.soak.target(f"/{self.stream.name}/{name}")
        async with opened(self.soak.port, target) as response:
            if response.status != 200:
                raise NonsenseError(f"{target} is answered with {response.status}")
            return await response.body()

    @staticmethod
    def _names(playlist: str) -> list[str]:
        """Return the names that a playlist lists."""
        return [line for line in playlist.splitlines() if line and not line.startswith("#")]

    def _compare(self, late: float) -> None:
        """Do nothing: frames come a segment at a time."""


# -- HTTP ---------------------------------------------------------------------


class Response:
    """A response whose head has been read; iterating over it yields the body as it comes."""

    def __init__(self, status: int, headers: dict[str, str], reader: asyncio.StreamReader) -> None:
        self.status, self.headers = status, headers
        self._reader = reader

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self.headers.get("transfer-encoding") != "chunked":
            while data := await self._reader.read(65536):
                yield data
            return
        while length := int((await self._reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            yield (await self._reader.readexactly(length + 2))[:-2]

    async def body(self) -> bytes:
        """Return the whole body."""
        return b"".join([data async for data in self])


@asynccontextmanager
async def opened(
    port: int,
    target: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    *,
    small: bool = False,
) -> AsyncIterator[Response]:
    """
    Make a request.

    @param small: keep little of what has not been read.
    """
    connection = socket.socket()
    connection.setblocking(False)
    if small:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    try:
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    except OSError:
        connection.close()
        raise
    reader, writer = await asyncio.open_connection(sock=connection, limit=4096 if small else 65536)
    try:
        sent = {"Host": f"127.0.0.1:{port}", "Connection": "close", "User-Agent": "soak"}
        sent |= headers or {}
        if body:
            sent["Content-Length"] = str(len(body))
        lines = [f"{method} {target} HTTP/1.1", *(f"{key}: {text}" for key, text in sent.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        got = (line.partition(":")[::2] for line in rest if line)
        found = {key.lower(): text.strip() for key, text in got}
        yield Response(int(first.split()[1]), found, reader)
    finally:
        writer.transport.abort()
