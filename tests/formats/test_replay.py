"""The last seconds as a file: complete, indexed, from 0 on, with the pictures that were sent."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats import replay
from mkvtwist.formats.base import Format, IndexEntry
from mkvtwist.formats.choice import choose
from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.formats.matroska.ebml import Element, element, elements, unsigned
from mkvtwist.formats.mp4 import MP4
from mkvtwist.formats.mp4.boxes import box, boxes
from mkvtwist.formats.replay import Replay, cut, guide
from mkvtwist.formats.webm import WEBM
from mkvtwist.libav import set_up
from mkvtwist.live.period import Period
from mkvtwist.live.ring import Ring
from mkvtwist.media.packet import SECOND, Header, Packet
from mkvtwist.testing import AUDIO, SOUND, VIDEO, footage, mixed
from tests.support import media
from tests.support.readers import ThreadedReader, headers, packets

CLIPS: dict[Format, dict[str, Any]] = {
    MATROSKA: {"bframes": 2, "audio": "aac", "subtitles": [(1, 2, "one"), (4, 1, "two")]},
    WEBM: {"container": "webm"},
    MP4: {"bframes": 2, "audio": "aac", "subtitles": [(1, 2, "one"), (4, 1, "two")]},
}


def replay_of(header: Header, given: list[Packet], format_: Format, seconds: float) -> Replay:
    """What the server makes the file of."""
    period = Period(header, Ring(60 * SECOND, 1 << 30))
    period.released = sum(1 for _ in period.segmenter.append(given))
    choice = choose(header, format_)
    made = period.muxer(choice)
    last = [p for p in period.since(round(seconds * SECOND)) if p.track in choice.tracks]
    return Replay(header.only(choice.tracks), format_, made, last)


def written(made: Replay) -> bytes:
    """The file's bytes."""
    file = io.BytesIO()
    made.write(file)
    return file.getvalue()


class FileTests(SynchronousTestCase):
    """Real media, read back by libavformat."""

    def setUp(self) -> None:
        set_up()

    def clip(self, format_: Format) -> Path:
        """Six seconds with a keyframe in each."""
        return media.clip(seconds=6, gop=25, **CLIPS[format_])

    def replay(self, format_: Format, seconds: float) -> Replay:
        """The last seconds of that, all of which has been sent."""
        events = ThreadedReader(self, self.clip(format_)).all()
        return replay_of(headers(events)[-1], packets(events), format_, seconds)

    def test_complete(self) -> None:
        """It says how long it is, begins at 0, and has the pictures from the keyframe on."""
        for format_ in CLIPS:
            data = written(self.replay(format_, 2.5))
            with media.opened(data) as container:
                assert container.duration is not None
                self.assertLess(abs(container.duration / SECOND - 3), 0.2)
                assert container.start_time is not None
                self.assertLess(abs(container.start_time), 0.1 * SECOND)
            shown = [frame for frame in media.frames(data) if frame.type == "video"]
            self.assertEqual([frame.number for frame in shown], list(range(75, 150)))

    def test_same_frames(self) -> None:
        """What is decoded of it is what is decoded of the clip, once the sound has begun."""
        for format_ in CLIPS:
            data = written(self.replay(format_, 60))
            theirs = media.frames(self.clip(format_))
            for kind, last in (("video", 150), ("audio", 200)):
                self.assertEqual(
                    [frame.digest for frame in media.frames(data) if frame.type == kind][-last:],
                    [frame.digest for frame in theirs if frame.type == kind][-last:],
                )

    def test_in_step(self) -> None:
        """Sound and pictures are as far from each other as they were."""
        for format_ in CLIPS:
            made = self.replay(format_, 2.5)
            found = media.packets(written(made))
            shift = {
                p.pts - f.pts
                for f in found
                for p in made.packets
                if f.pts is not None and p.data == f.data and len(p.data) > 100
            }
            self.assertLessEqual(max(shift) - min(shift), 1000)

    def test_seek(self) -> None:
        """
        From the middle one is at the keyframe before it, and decodes on from there.

        libavformat goes one keyframe further back in an MP4 in fragments, its own ones included.
        """
        for format_ in CLIPS:
            data = written(self.replay(format_, 60))
            for second in (4, 1, 3, 0, 5):
                with media.opened(data) as container:
                    stream = container.streams.video[0]
                    container.seek(second * SECOND + SECOND // 2)
                    frame = next(container.decode(stream))
                    number = media.picture_number(frame)
                back = 25 if format_ is MP4 and number != second * 25 else 0
                self.assertEqual(number, second * 25 - back)

    def test_seek_on(self) -> None:
        """All that comes after the place that was sought is there, whatever the segments are."""
        for gop in (5, 25, 50, 150):
            events = ThreadedReader(self, media.clip(seconds=6, gop=gop, bframes=2)).all()
            made = replay_of(headers(events)[-1], packets(events), MP4, 60)
            data = written(made)
            everything = _places(data, 0)
            for second in (4, 1, 3, 0, 5):
                there = _places(data, second * SECOND + SECOND // 2)
                for stream, places in there.items():
                    self.assertEqual(places, everything[stream][-len(places) :])

    def test_seek_reads_little(self) -> None:
        """To seek in it takes its beginning and what is sought, not all that lies between."""
        for format_ in CLIPS:
            file = Watched(written(self.replay(format_, 60)))
            with av.open(file, "r") as container:
                file.read_so_far = 0
                container.seek(5 * SECOND + 100_000)
                self.assertTrue(next(container.decode(video=0)).key_frame)
            self.assertLess(file.read_so_far, len(file.getvalue()) * 2 // 3)

    def test_chapters(self) -> None:
        """Chapters, which are at times of the stream, are not in it; tags are."""
        clip = media.clip(
            seconds=3, chapters=[(0, 1, "a"), (1, 3, "b")], metadata=[("title", "Film")]
        )
        events = ThreadedReader(self, clip).all()
        data = written(replay_of(headers(events)[0], packets(events), MATROSKA, 1))
        with media.opened(data) as container:
            self.assertEqual((container.chapters(), container.metadata["title"]), ([], "Film"))

    def test_index(self) -> None:
        """
        The index of an MP4 leads to each segment, which is one moof: libavformat finds no others.
        """
        data = written(self.replay(MP4, 60))
        tops = list(boxes(data, 0, len(data)))
        self.assertEqual([top.type for top in tops[:4]], [b"ftyp", b"moov", b"sidx", b"moof"])
        sidx = tops[2]
        flags, number, scale, _, offset, _, count = struct.unpack_from(">IIIQQHH", data, sidx.start)
        self.assertEqual((flags, number, scale, offset, count), (1 << 24, 1, 90000, 0, 6))
        moofs = [top.head for top in tops if top.type == b"moof"]
        at = sidx.end
        for size, duration, kind in struct.iter_unpack(">III", data[sidx.start + 32 : sidx.end]):
            self.assertEqual(at, moofs.pop(0))
            self.assertEqual(kind, 0x90000000)
            self.assertLess(abs(duration - scale), scale // 5)
            at += size
        self.assertEqual((at, moofs), (len(data), []))

    def test_elements(self) -> None:
        """The Segment ends where the file does, and the index finds its parts and its Clusters."""
        data = written(self.replay(MATROSKA, 60))
        ebml, segment = elements(data, 0, len(data))
        self.assertEqual((ebml.id, segment.end), (0x1A45DFA3, len(data)))
        self.assertNotEqual(data[segment.start - 8], 0xFF, "a known size")
        parts = list(elements(data, segment.start, segment.end))
        places = {part.head - segment.start: part.id for part in parts}
        sought = {
            place: int.from_bytes(id_, "big")
            for id_, place in found(data, parts, 0x114D9B74, 0x4DBB, 0x53AB, 0x53AC)
        }
        self.assertEqual(sought, {place: places[place] for place in sought})
        self.assertEqual(set(sought.values()), {0x1549A966, 0x1654AE6B, 0x1C53BB6B})
        cued = [
            (int.from_bytes(time, "big"), place, places[place])
            for time, place in found(data, parts, 0x1C53BB6B, 0xBB, 0xB3, 0xB7)
        ]
        first = cued[0][0]  # a packet that primes the sound's decoder may be before it
        self.assertEqual([time - first for time, _, _ in cued], [0, 1000, 2000, 3000, 4000, 5000])
        self.assertEqual({id_ for _, _, id_ in cued}, {0x1F43B675})


def _places(data: bytes, sought: int) -> dict[int, list[int | None]]:
    """Where the packets of each stream are that are read once that time has been sought."""
    places: dict[int, list[int | None]] = {}
    with media.opened(data) as container:
        container.seek(sought)
        for packet in container.demux():
            if packet.size:
                places.setdefault(packet.stream_index, []).append(packet.pos)
    return places


class Watched(io.BytesIO):
    """
    Bytes that count how many of them are read.
    """

    read_so_far = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.read_so_far += len(data)
        return data


def found(data: bytes, parts: list[Element], list_: int, *names: int) -> list[tuple[bytes, int]]:
    """The entries of a SeekHead or of Cues: what each is about, and where it says that is."""
    item, name, place = names
    entries = []
    for part in parts:
        if part.id != list_:
            continue
        for entry in elements(data, part.start, part.end):
            assert entry.id == item
            values = {v.id: v for v in elements(data, entry.start, entry.end)}
            what, where = values[name], values[place]
            if place == 0xB7:
                (where,) = (v for v in elements(data, where.start, where.end) if v.id == 0xF1)
            entries.append(
                (
                    data[what.start : what.end],
                    int.from_bytes(data[where.start : where.end], "big"),
                )
            )
    return entries


class PieceTests(SynchronousTestCase):
    """How packets are cut, and what the index makes of the pieces."""

    def cut(self, given: list[Packet]) -> list[tuple[bool, float, float]]:
        """Whether each piece begins with a keyframe, and from when to when it is."""
        return [
            (key, group[0].dts / SECOND, group[-1].dts / SECOND)
            for key, group in cut(given, 1, SECOND)
        ]

    def test_guide(self) -> None:
        """One finds one's way by the first track of video, or else of sound."""
        self.assertEqual(guide([AUDIO, VIDEO]), 1)
        self.assertEqual(guide([AUDIO]), 2)
        self.assertEqual(guide([SOUND]), 1)
        text = replace(SOUND, type="subtitle")
        self.assertEqual(guide([text, AUDIO]), 2)

    def test_keyframes(self) -> None:
        """A piece is a segment, or a second of a longer one, or some of the shorter ones."""
        self.assertEqual(self.cut(footage(0, 2)), [(True, 0, 0.9), (True, 1, 1.9)])
        self.assertEqual(
            self.cut(footage(0, 4, gop=2.5)),
            [(True, 0, 0.9), (False, 1, 1.9), (False, 2, 2.4), (True, 2.5, 3.4), (False, 3.5, 3.9)],
        )
        self.assertEqual(self.cut(footage(0, 1, gop=0.1)), [(True, 0, 0.4), (True, 0.5, 0.9)])

    def test_weight(self) -> None:
        """A piece is not held beyond some bytes, whatever track they are of."""
        given = mixed(footage(0, 0.2), footage(0, 0.6, track=2, size=replay.WEIGHT // 2))
        self.assertEqual([len(group) for _, group in cut(given, 1, SECOND)], [4, 2, 2])

    def test_keyframes_found(self) -> None:
        """A keyframe begins a piece, also soon after one that ended for its bytes: for an index."""
        heavy = footage(0, 8, gop=2, size=replay.WEIGHT // 18)
        for layout in (MATROSKA.file, MP4.file):
            assert layout is not None
            keys = [group[0].dts / SECOND for key, group in cut(heavy, 1, layout.span) if key]
            self.assertEqual(keys, [0, 2, 4, 6])

    @given(st.lists(st.tuples(st.booleans(), st.integers(1, 2), st.integers(0, 9)), max_size=60))
    def test_all_of_it(self, steps: list[tuple[bool, int, int]]) -> None:
        """However packets come, the pieces are all of them in their order."""
        made, dts = [], 0
        for key, track, tenths in steps:
            dts += tenths * SECOND // 10
            made.append(Packet(track, dts, dts, 0, key, b"x"))
        groups = list(cut(made, 1, SECOND))
        self.assertEqual([packet for _, group in groups for packet in group], made)
        for key, group in groups:
            self.assertEqual(key, group[0].key and group[0].track == 1)

    @given(
        st.lists(st.tuples(st.integers(0, 1 << 40), st.integers(0, 1 << 40), st.booleans())),
        st.integers(0, 1 << 50),
    )
    @settings(max_examples=50)
    def test_front(self, values: list[tuple[int, int, bool]], duration: int) -> None:
        """What stands in front is as long whatever the pieces' times and sizes are."""
        for format_, head in ((MATROSKA, HEAD), (WEBM, HEAD), (MP4, MP4_HEAD)):
            assert format_.file is not None
            front = format_.file.front
            real = [IndexEntry(*value) for value in values]
            none = [IndexEntry(0, 0, entry.key) for entry in real]
            self.assertEqual(len(front(head, 1, real, duration)), len(front(head, 1, none, 0)))


HEAD = element(0x1A45DFA3, b"") + (
    b"\x18\x53\x80\x67\xff"
    + element(0x1549A966, unsigned(0x2AD7B1, 1000000))
    + element(0x1654AE6B, b"")
)
"""A Segment of unknown size, with Info and Tracks."""

MP4_HEAD = box(b"ftyp", b"iso5") + box(
    b"moov",
    box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 1000, 0)),
    box(
        b"trak",
        box(b"tkhd", struct.pack(">IIII", 0, 0, 0, 1)),
        box(b"mdia", box(b"mdhd", struct.pack(">IIIII", 0, 0, 0, 90000, 0))),
    ),
    box(b"mvex", box(b"trex", bytes(24))),
)
"""A movie with track 1, as far as it takes to tell the time."""
