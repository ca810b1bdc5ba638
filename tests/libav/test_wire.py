"""What a worker and its owner say to each other, whole, cut and damaged."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Form, Input
from mkvtwist.config.input_options import InputOptions
from mkvtwist.libav import Ended, Noted, Noticed, Opened, Tagged
from mkvtwist.libav.wire import (
    MESSAGE_LIMIT,
    Confined,
    Decoder,
    Go,
    Logged,
    Message,
    Progress,
    Still,
    StillFailed,
    StillTask,
    Task,
    Timing,
    WireError,
    encode,
)
from mkvtwist.media.packet import Extra, Header, Packet, Track
from mkvtwist.media.timeline import TimelineState, TrackState

TIMES = st.integers(-(1 << 61), 1 << 61)
TEXTS = st.text(max_size=20)
NAMES = st.from_regex(r"[A-Za-z0-9_./, -]{0,20}", fullmatch=True)
TRACK_STATES = st.builds(
    TrackState, TIMES, st.none() | TIMES, TIMES, TIMES, st.integers(0, 1 << 40)
)
TIMINGS = st.builds(
    Timing,
    st.builds(
        TimelineState,
        st.integers(0, 1 << 40),
        st.integers(0, 1 << 61),
        st.none() | TIMES,
        st.lists(TRACK_STATES, max_size=3).map(tuple),
    ),
    st.none() | st.floats(-1e9, 1e9),
)
TRACKS = st.builds(
    Track,
    number=st.integers(1, 0xFFFF),
    type=st.sampled_from(["video", "audio", "subtitle"]),
    codec=NAMES,
    setup=st.binary(max_size=20),
    codec_string=st.none() | NAMES,
    language=st.none() | TEXTS,
    title=st.none() | TEXTS,
    default=st.booleans(),
    width=st.none() | st.integers(0, 9999),
    height=st.none() | st.integers(0, 9999),
    frame_rate=st.none() | st.floats(0.01, 1000),
    video_range=st.none() | NAMES,
    supplemental=st.none() | NAMES,
    sample_rate=st.none() | st.integers(0, 192_000),
    channels=st.none() | st.integers(0, 64),
    codec_private=st.binary(max_size=20),
    mp4_head=st.binary(max_size=20),
)
HEADERS = st.builds(
    Header,
    st.lists(TRACKS, max_size=3, unique_by=lambda track: track.number).map(tuple),
    st.binary(max_size=50),
    st.lists(TEXTS, max_size=3).map(tuple),
)
EXTRAS = st.builds(
    Extra,
    st.lists(st.tuples(st.integers(0, 1 << 40), st.binary(max_size=9)), max_size=2).map(tuple),
    st.integers(0, 1 << 40),
)
PACKETS = st.builds(
    Packet,
    st.integers(0, 0xFFFF),
    TIMES,
    TIMES,
    st.integers(0, 1 << 40),
    st.booleans(),
    st.binary(max_size=100),
    st.none() | EXTRAS,
)
TASKS = st.builds(
    Task,
    TEXTS,
    st.builds(Input, st.sampled_from(Form), TEXTS),
    st.booleans(),
    st.floats(0, 1000),
    st.floats(0, 1000),
    st.booleans(),
    st.floats(0, 1000),
    st.integers(0, 65535),
    st.builds(InputOptions, st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple)),
)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    PACKETS,
    HEADERS,
    TASKS,
    st.just(Opened()),
    st.builds(Noticed, TEXTS),
    st.builds(Noted, st.lists(TEXTS, max_size=3).map(tuple)),
    st.builds(Ended, TEXTS, st.booleans(), TEXTS, is_missing=st.booleans()),
    st.builds(Tagged, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS),
    st.builds(Go, TIMINGS),
    st.builds(Progress, TIMINGS),
    st.builds(Confined, st.lists(TEXTS, max_size=3).map(tuple)),
    st.builds(Logged, TEXTS),
    st.builds(StillTask, st.binary(max_size=50)),
    st.builds(Still, st.binary(max_size=50)),
    st.builds(StillFailed, TEXTS, TEXTS),
)


def written(*messages: Message) -> bytes:
    """Messages as they go over the wire."""
    return b"".join(piece for message in messages for piece in encode(message))


def exactly(message: Any) -> Any:
    """All fields of a message; a track is equal to another one with other titles."""
    if isinstance(message, Header):
        tracks = [
            tuple(getattr(track, field.name) for field in fields(track)) for track in message.tracks
        ]
        return tracks, message.matroska_head, message.left_out
    return message


class WireTests(SynchronousTestCase):
    """Messages in, messages out."""

    @given(st.lists(MESSAGES, max_size=5), st.lists(st.integers(1, 40), max_size=50))
    def test_any_cut(self, messages: list[Message], sizes: list[int]) -> None:
        """However the bytes are cut, the same messages come out."""
        data, decoder = written(*messages), Decoder()
        made: list[Message] = []
        for size in sizes:
            made += decoder.feed(data[:size])
            data = data[size:]
        made += decoder.feed(data)
        self.assertEqual([*map(exactly, made)], [*map(exactly, messages)])
        self.assertEqual([*map(type, made)], [*map(type, messages)])
        self.assertFalse(decoder.is_within)

    @given(MESSAGES, st.data())
    def test_within(self, message: Message, data: st.DataObject) -> None:
        """A message that has not come to its end is none yet, and is known to have begun."""
        whole, decoder = written(message), Decoder()
        cut = data.draw(st.integers(1, len(whole) - 1))
        self.assertEqual(list(decoder.feed(whole[:cut])), [])
        self.assertTrue(decoder.is_within)

    @given(st.binary(max_size=300))
    def test_garbage(self, data: bytes) -> None:
        """Bytes of any kind are messages, the beginning of one, or an error that says so."""
        try:
            for message in Decoder().feed(data):
                self.assertIsInstance(message, Message)
        except WireError as error:
            self.assertTrue(str(error))

    @given(MESSAGES, st.data())
    def test_damage(self, message: Message, data: st.DataObject) -> None:
        """A message with one other byte is a message, the beginning of one, or an error."""
        whole = bytearray(written(message))
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
        try:
            list(Decoder().feed(bytes(whole)))
        except WireError as error:
            self.assertTrue(str(error))

    def test_too_long(self) -> None:
        """A message of more than the limit is an error before its bytes have come."""
        head = (MESSAGE_LIMIT + 1).to_bytes(4, "little") + b"\0"
        with self.assertRaisesRegex(WireError, "too long"):
            list(Decoder().feed(head))

    def test_longer_than_fields(self) -> None:
        """A message with more bytes than its fields is an error."""
        with self.assertRaisesRegex(WireError, "longer than its fields"):
            list(Decoder().feed(b"\1\0\0\0\1."))

    def test_unknown_kind(self) -> None:
        """A message of a kind that nobody knows is an error."""
        with self.assertRaisesRegex(WireError, "kind"):
            list(Decoder().feed(b"\0\0\0\0\xff"))

    def test_times(self) -> None:
        """A packet whose times leave no room for sums in 64 bits is an error."""
        with self.assertRaisesRegex(WireError, "times"):
            list(Decoder().feed(written(Packet(1, (1 << 63) - 1, 0, 0, True, b"."))))

    def test_codec(self) -> None:
        """The name of a codec has no characters that would end a line of a playlist, or a quote."""
        for name in ("avc1\n#EXT-X-ENDLIST", 'avc1", "'):
            header = Header((Track(1, "video", "h264", codec_string=name),))
            with self.assertRaisesRegex(WireError, "name of a codec"):
                list(Decoder().feed(written(header)))

    def test_sizes(self) -> None:
        """A track has no size and no frame rate of which a format cannot make its fields."""
        track = Track(1, "video", "h264", width=640, height=360, frame_rate=25.0)
        for wrong in (
            replace(track, width=-1),
            replace(track, height=1 << 40),
            replace(track, frame_rate=-1.0),
            replace(track, frame_rate=1e-12),
        ):
            with self.assertRaisesRegex(WireError, "out of bounds"):
                list(Decoder().feed(written(Header((wrong,)))))

    def test_absurd_timeline(self) -> None:
        """A timeline whose input has times beyond 64 bits is cut to what a message can carry."""
        absurd = TrackState(1, 1 << 80, 0, 0, 0)
        sent = Progress(Timing(TimelineState(0, 0, -(1 << 80), (absurd,)), None))
        (made,) = Decoder().feed(written(sent))
        assert isinstance(made, Progress)
        self.assertLess(made.timing.timeline.origin or 0, -(1 << 61))
        self.assertGreater(made.timing.timeline.tracks[0].first or 0, 1 << 61)

    def test_twice_the_same_track(self) -> None:
        """A header with two tracks of one number is an error."""
        track = Track(1, "video", "h264")
        with self.assertRaisesRegex(WireError, "number"):
            list(Decoder().feed(written(Header((track, track)))))
