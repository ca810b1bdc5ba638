"""A reader in a thread of its own, and what comes of it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Input, parse_input
from mkvtwist.formats.matroska.clusters import MatroskaMuxer
from mkvtwist.libav import Ended, Event, Noticed, Pace, Reader, set_up
from mkvtwist.libav.pipe import Outlet, Pipe
from mkvtwist.media.byte_source import ByteSource
from mkvtwist.media.packet import SECOND, Header, Packet
from mkvtwist.media.timeline import Timeline
from tests.support import media

SAFE = 30.0
"""Seconds; never waited for unless something is broken."""


def filled_pipe(data: bytes) -> Pipe:
    """The pipe of a sender that has sent some bytes, and has gone."""
    pipe = Pipe(lambda: None)
    pipe.write(data)
    pipe.close()
    return pipe


class ThreadedReader:
    """
    A reader in a thread of its own.

    @ivar events: what has come so far.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        source: Input | Path | str,
        bytes_: ByteSource | None = None,
        *,
        pace: Pace | None = None,
        timeline: Timeline | None = None,
        drain: bool = False,
        **manner: Any,
    ) -> None:
        if not isinstance(source, Input):
            source = parse_input("input", str(source))
        self.events: list[Event] = []
        self.timeline = timeline or Timeline()
        self.outlet: Outlet[Event] = Outlet(self._some)
        self._came = threading.Event()
        self.reader = Reader(
            source, bytes_, self.timeline, pace or Pace(0, 0), self.outlet, drain=drain, **manner
        )
        self.reader.go()
        self.thread = threading.Thread(target=self.reader.run, daemon=True)
        case.addCleanup(self.reader.stop)
        self.thread.start()

    def _some(self) -> None:
        self._came.set()

    def until(self, enough: Callable[[list[Event]], bool]) -> list[Event]:
        """What comes up to and with the turn in which this becomes true."""
        while not enough(self.events):
            if not self._came.wait(SAFE):
                raise AssertionError(f"nothing came after {self.events[-1:]}")
            self._came.clear()
            self.events += self.outlet.take()
        return self.events

    def all(self) -> list[Event]:
        """What comes up to the end."""
        self.until(lambda events: bool(events) and isinstance(events[-1], Ended))
        self.join()
        return self.events

    def join(self) -> None:
        """The thread ends, soon."""
        self.thread.join(SAFE)
        if self.thread.is_alive():
            raise AssertionError("the thread did not end")


def headers(events: list[Event]) -> list[Header]:
    """The headers among them."""
    return [event for event in events if isinstance(event, Header)]


def packets(events: list[Event]) -> list[Packet]:
    """The packets among them."""
    return [event for event in events if isinstance(event, Packet)]


def notices(events: list[Event]) -> list[str]:
    """What was noticed."""
    return [event.text for event in events if isinstance(event, Noticed)]


def stored(events: list[Event]) -> list[bytes]:
    """What a recording of all this holds: one file for each header."""
    files: list[bytes] = []
    for event in events:
        if isinstance(event, Header):
            format_ = MatroskaMuxer(event)
            files.append(format_.head)
        elif isinstance(event, Packet):
            files[-1] += format_.render([event])
    return files


class ReaderTestCase(SynchronousTestCase):
    """What the cases below have in common."""

    def setUp(self) -> None:
        """Have libavformat as quiet as in the server."""
        set_up()

    def read(self, source: Input | Path | str, **options: Any) -> list[Event]:
        """All that comes of it."""
        return ThreadedReader(self, source, **options).all()

    def read_fault(self, source: Input | Path | str, **options: Any) -> Ended:
        """The end of an input that is to blame for it, and of which nothing else comes."""
        (ended,) = self.read(source, **options)
        assert isinstance(ended, Ended)
        self.assertTrue(ended.fault)
        return ended

    def assert_same_frames(self, got: bytes, source: media.Source, *types: str) -> None:
        """Everything that a player shows of one is what it shows of the other."""
        shown, wanted = media.frames(got), media.frames(source)
        self.assertEqual([(f.type, f.number) for f in shown], [(f.type, f.number) for f in wanted])
        for type_ in types or ("video", "audio"):
            self.assertEqual(
                [f.digest for f in shown if f.type == type_],
                [f.digest for f in wanted if f.type == type_],
            )


def is_video(packet: media.Read) -> bool:
    """Whether it has a picture."""
    return packet.type == "video"


def gone(type_: str, since: float, until: float = math.inf) -> Callable[[media.Read], bool]:
    """Whether a packet is one of those of a type between two seconds."""
    return lambda p: p.type == type_ and since * SECOND <= (p.pts or 0) < until * SECOND


def jpeg() -> bytes:
    """A small picture."""
    context: Any = av.CodecContext.create("mjpeg", "w")
    context.width, context.height, context.pix_fmt = 160, 120, "yuvj420p"
    context.time_base = Fraction(1, 25)
    frame = media.picture(1).reformat(format="yuvj420p")
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])


class Unseekable:
    """A file of which only C{read} works."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, size: int, /) -> bytes:
        """Some of it."""
        data: bytes = self._file.read(size)
        return data
