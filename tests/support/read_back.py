"""What a reader makes of an input, and what a player shows of what is sent of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import av
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from mkvtwist.formats.base import Muxer
from mkvtwist.media.packet import SECOND, Header, Packet
from tests.support import media
from tests.support.readers import ThreadedReader

LATER = 5 * 3600 * SECOND


class Sent(NamedTuple):
    """What an input became."""

    header: Header
    packets: list[Packet]


def read(case: SynchronousTestCase, source: Any) -> Sent:
    """An input, read in earnest."""
    path = case.mktemp()
    if isinstance(source, bytes):
        Path(path).write_bytes(source)
        source = path
    events = ThreadedReader(case, source).all()
    (made,) = (event for event in events if isinstance(event, Header))
    return Sent(made, [event for event in events if isinstance(event, Packet)])


def read_clip(case: SynchronousTestCase, video: str | None, audio: str | None, **more: Any) -> Sent:
    """A clip, read in earnest; the test is skipped if there is no encoder for it."""
    for name in (video, audio):
        if name and name not in av.codecs_available:
            raise SkipTest(f"this PyAV has no encoder {name}")
    return read(case, media.clip(video=video, audio=audio, **more))


def bytes_of(muxer: Muxer[Any], packets: Sequence[Packet], size: int) -> bytes:
    """The head, and the packets in fragments of so many."""
    cuts = range(0, len(packets), size)
    return muxer.head + b"".join(muxer.render(packets[at : at + size]) for at in cuts)


def decoded(data: bytes) -> dict[int, list[tuple[int, str]]]:
    """What is shown, by track: time in microseconds, digest."""
    shown: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for frame in media.frames(data, numbers=False):
        assert frame.pts is not None
        shown[frame.track].append((frame.pts, frame.digest))
    return shown


def check_shown(
    case: SynchronousTestCase,
    got: dict[int, list[tuple[int, str]]],
    expected: dict[int, list[tuple[int, str]]],
    begin: int,
    late: int = 0,
) -> None:
    """
    What is shown is the same, to a millisecond (Matroska's times are whole ones), from a quarter of
    a second on: Matroska states how much primes a decoder, others do not.

    @param late: how much later all of it is than expected.
    """
    case.assertEqual(len(got), len(expected))
    for track, shown in expected.items():
        mine = [frame for frame in shown if frame[0] >= begin]
        theirs = got[track][-len(mine) :]
        case.assertEqual([digest for _, digest in theirs], [digest for _, digest in mine])
        for (time, _), (other, _) in zip(theirs, mine, strict=True):
            case.assertApproximates(time - late, other, 1000)
