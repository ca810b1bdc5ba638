"""
The messages between a worker process and its owner, as bytes (I{pure}).

A message is a head of five bytes (the number of bytes that follow, and the message's kind) and
fields of known types. The owner sends L{Task}, then L{Go}; the worker sends L{Confined}, the events
of its reader, L{Progress} in between, and L{Logged} after an error in mkvtwist.

Media may have taken over a worker, so that its owner takes nothing for granted: each field has one
type, each size a bound, and anything else is a L{WireError}.
"""

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any, Literal, NamedTuple, get_args, get_origin

from mkvtwist.config.input import Form, Input
from mkvtwist.config.input_options import NO_OPTIONS, InputOptions
from mkvtwist.libav.limits import NOTE_LIMIT, PACKET_LIMIT, TRACK_LIMIT
from mkvtwist.libav.reader_events import Ended, Event, Noted, Noticed, Opened, Tagged
from mkvtwist.media.packet import Extra, Header, Packet, Track, TrackType
from mkvtwist.media.timeline import TimelineState, TrackState

MESSAGE_LIMIT = PACKET_LIMIT + (2 << 20)
"""
Bytes of one message: a packet, and its fields. A header is far smaller: setups have 1 MiB, and
attachments 16 MiB together.
"""

LIST_LIMIT = 4096
"""Items of one list in a message; the longest are the tracks of a timeline."""

TIME_LIMIT = 1 << 62
"""Microseconds: numbers that leave room for sums in 64 bits."""

SIZE_LIMIT = 1 << 31
"""Pixels, samples a second and channels that fit into the fields of all formats."""

LEAST_FRAME_RATE = 0.01
"""Pictures a second: a reader ignores less than one a minute."""

SENTENCE_LIMIT = 4096
"""Characters of a sentence; texts that are shown are cut further."""

LOG_LIMIT = 1 << 16
"""Characters of an error's traceback."""

MEDIA_TYPES = frozenset(get_args(TrackType))
"""The types of tracks."""


class WireError(Exception):
    """The exception for bytes that are no message, and for messages that are out of place."""


@dataclass(frozen=True, slots=True)
class Task:
    """
    The task of a worker: its input, and the settings.

    @ivar stream: the stream's name, for errors.
    @ivar has_media: whether the bytes of the input come from another descriptor.
    @ivar rate: media seconds for each second; 0 for no limit.
    @ivar burst: seconds of media that may be ahead.
    @ivar drain: whether the end waits until real time has reached it.
    @ivar frame_rate: pictures a second of video that carries no times.
    @ivar program: the programme of an MPEG-TS.
    @ivar options: options of libavformat.
    """

    stream: str
    source: Input
    has_media: bool
    rate: float
    burst: float
    drain: bool
    frame_rate: float
    program: int
    options: InputOptions = NO_OPTIONS


class Timing(NamedTuple):
    """
    The stream's timeline, and the zero of its pace.

    @ivar zero: when the clock of the pace began, by the machine's monotonic clock; L{None} if it
        has not.
    """

    timeline: TimelineState
    zero: float | None


@dataclass(frozen=True, slots=True)
class Go:
    """The order to read on, with the timeline, which is the worker's from now on."""

    timing: Timing


@dataclass(frozen=True, slots=True)
class Progress:
    """The timeline as the worker has it; always the last message before L{Ended}."""

    timing: Timing


@dataclass(frozen=True, slots=True)
class Confined:
    """The first message of a worker: the means of the kernel by which it is confined."""

    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Logged:
    """An error in mkvtwist, with its traceback, for the server's log."""

    text: str


@dataclass(frozen=True, slots=True)
class StillTask:
    """A task of another kind: the media of which a still is to be made."""

    media: bytes


@dataclass(frozen=True, slots=True)
class Still:
    """The still, as JPEG."""

    picture: bytes


@dataclass(frozen=True, slots=True)
class StillFailed:
    """
    The reason why there is no still.

    @ivar reason: in words for viewers.
    @ivar detail: the cause, for operators.
    """

    reason: str
    detail: str


Message = Event | Task | Go | Progress | Confined | Logged | StillTask | Still | StillFailed

_HEAD = struct.Struct("<IB")
_INT = struct.Struct("<q")
_FLOAT = struct.Struct("<d")
_SIZE = struct.Struct("<I")
_PACKET = struct.Struct("<HBqqq")
"""Track, whether it is a keyframe and has extras, pts, dts, duration; the payload follows."""

_KEY, _EXTRA = 1, 2


# -- Fields -------------------------------------------------------------------


class _Fields:
    """The fields of one message, read from its beginning to its end."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def raw(self, size: int) -> memoryview:
        end = self._at + size
        if end > len(self._data):
            raise WireError("a field is longer than its message")
        part, self._at = self._data[self._at : end], end
        return part

    def rest(self) -> bytes:
        return bytes(self.raw(len(self._data) - self._at))

    def integer(self) -> int:
        (number,) = _INT.unpack(self.raw(_INT.size))
        return int(number)

    def number(self) -> float:
        (number,) = _FLOAT.unpack(self.raw(_FLOAT.size))
        if not abs(number) < 1e18:  # neither is it NaN
            raise WireError("a number is out of bounds")
        return float(number)

    def truth(self) -> bool:
        (value,) = self.raw(1)
        if value > 1:
            raise WireError("a field is neither true nor false")
        return bool(value)

    def block(self) -> bytes:
        (size,) = _SIZE.unpack(self.raw(_SIZE.size))
        return bytes(self.raw(size))

    def text(self) -> str:
        try:
            return self.block().decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise WireError("a text is not UTF-8") from error

    def items(self, most: int = LIST_LIMIT) -> range:
        (size,) = _SIZE.unpack(self.raw(_SIZE.size))
        if size > most:
            raise WireError("a list is too long")
        return range(size)

    def texts(self, most: int = LIST_LIMIT) -> tuple[str, ...]:
        return tuple(self.text()[:SENTENCE_LIMIT] for _ in self.items(most))

    def end(self) -> None:
        if self._at != len(self._data):
            raise WireError("a message is longer than its fields")


_READ: dict[str, Callable[[_Fields], Any]] = {
    "int": _Fields.integer,
    "float": _Fields.number,
    "bool": _Fields.truth,
    "bytes": _Fields.block,
    "str": _Fields.text,
}


def _bytes(value: bytes) -> bytes:
    return _SIZE.pack(len(value)) + value


def _text(value: str) -> bytes:
    return _bytes(value.encode("utf-8", "surrogatepass"))


def _texts(values: Sequence[str]) -> bytes:
    return _SIZE.pack(len(values)) + b"".join(map(_text, values))


_WRITE: dict[str, Callable[[Any], bytes]] = {
    "int": _INT.pack,
    "float": _FLOAT.pack,
    "bool": lambda value: bytes([value]),
    "bytes": _bytes,
    "str": _text,
}


def _write(type_name: str, value: Any) -> bytes:
    """Return one value of a type, or L{None} where the type allows for it."""
    name, _, optional = type_name.partition(" | ")
    if not optional:
        return _WRITE[name](value)
    return b"\0" if value is None else b"\1" + _WRITE[name](value)


def _read(type_name: str, data: _Fields) -> Any:
    name, _, optional = type_name.partition(" | ")
    return None if optional and not data.truth() else _READ[name](data)


def _name(type_of_field: Any) -> str:
    """Return a field's type as it is written; one of several texts is a text."""
    if get_origin(type_of_field) is Literal:
        return "str"
    return type_of_field.__name__ if isinstance(type_of_field, type) else str(type_of_field)


_TRACK = tuple(_name(field.type) for field in fields(Track))
_FORMS = {form.value: form for form in Form}
_TRACK_STATE = ("int", "int | None", "int", "int", "int")


_TOKEN = re.compile(r"[\w./,:+ -]{0,200}", re.ASCII)
"""Names of codecs and the like, which stand in playlists and in headers of responses."""


def _track(track: Track) -> bytes:
    return b"".join(map(_write, _TRACK, astuple(track)))


def _read_track(data: _Fields) -> Track:
    track = Track(*(_read(name, data) for name in _TRACK))
    if not 0 < track.number <= 0xFFFF or track.type not in MEDIA_TYPES:
        raise WireError("a track has no valid number or type")
    for name in (track.codec, track.codec_string, track.video_range, track.supplemental):
        if name is not None and not _TOKEN.fullmatch(name):
            raise WireError("the name of a codec is invalid")
    for number in (track.width, track.height, track.sample_rate, track.channels):
        if number is not None and not 0 <= number < SIZE_LIMIT:
            raise WireError("a size of a track is out of bounds")
    if track.frame_rate is not None and track.frame_rate < LEAST_FRAME_RATE:
        raise WireError("a frame rate is out of bounds")
    return track


def _bounded(time: int | None) -> int | None:
    """Return a time of the input, cut to 64 bits: timestamps may be absurd."""
    return time if time is None else max(-TIME_LIMIT, min(time, TIME_LIMIT))


def _timing(timing: Timing) -> bytes:
    state, zero = timing
    return b"".join(
        [
            _write("float | None", zero),
            _INT.pack(state.discontinuities),
            _INT.pack(state.edge),
            _write("int | None", _bounded(state.origin)),
            _SIZE.pack(len(state.tracks)),
            *(b"".join(map(_write, _TRACK_STATE, map(_bounded, track))) for track in state.tracks),
        ]
    )


def _read_timing(data: _Fields) -> Timing:
    zero = _read("float | None", data)
    discontinuities, edge, origin = data.integer(), data.integer(), _read("int | None", data)
    tracks = tuple(TrackState(*(_read(name, data) for name in _TRACK_STATE)) for _ in data.items())
    if not (0 <= edge < TIME_LIMIT and 0 <= discontinuities < TIME_LIMIT):
        raise WireError("a timeline is out of bounds")
    return Timing(TimelineState(discontinuities, edge, origin, tracks), zero)


# -- Messages -----------------------------------------------------------------


def _header(header: Header) -> bytes:
    tracks = b"".join(map(_track, header.tracks))
    head = _SIZE.pack(len(header.tracks)) + tracks
    return head + _bytes(header.matroska_head) + _texts(header.left_out)


def _read_header(data: _Fields) -> Header:
    tracks = tuple(_read_track(data) for _ in data.items(TRACK_LIMIT))
    if len({track.number for track in tracks}) != len(tracks):
        raise WireError("two tracks have one number")
    return Header(tracks, data.block(), data.texts())


def _ended(ended: Ended) -> bytes:
    flags = bytes([ended.fault, ended.is_missing])
    return _text(ended.reason) + _text(ended.plain) + flags


def _read_ended(data: _Fields) -> Ended:
    reason, plain = (data.text()[:SENTENCE_LIMIT] for _ in range(2))
    return Ended(reason, data.truth(), plain, is_missing=data.truth())


def _read_tagged(data: _Fields) -> Tagged:
    return Tagged(*(data.text()[:SENTENCE_LIMIT] for _ in fields(Tagged)))


def _task(task: Task) -> bytes:
    return b"".join(
        [
            _text(task.stream),
            _text(task.source.form.value),
            _text(task.source.text),
            bytes([task.has_media]),
            _FLOAT.pack(task.rate),
            _FLOAT.pack(task.burst),
            bytes([task.drain]),
            _FLOAT.pack(task.frame_rate),
            _INT.pack(task.program),
            _texts([text for item in task.options.items for text in item]),
        ]
    )


def _read_task(data: _Fields) -> Task:
    stream, form, text = data.text(), data.text(), data.text()
    if form not in _FORMS:
        raise WireError("an input has no known form")
    return Task(
        stream,
        Input(_FORMS[form], text),
        data.truth(),
        data.number(),
        data.number(),
        data.truth(),
        data.number(),
        data.integer(),
        _read_options(data),
    )


def _read_options(data: _Fields) -> InputOptions:
    """Read names and values, in turn."""
    texts = [data.text() for _ in data.items()]
    if len(texts) % 2:
        raise WireError("an option has no value")
    return InputOptions(tuple(zip(texts[::2], texts[1::2], strict=True)))


def _read_packet(data: _Fields) -> Packet:
    track, flags, pts, dts, duration = _PACKET.unpack(data.raw(_PACKET.size))
    if not (abs(pts) < TIME_LIMIT and abs(dts) < TIME_LIMIT and 0 <= duration < TIME_LIMIT):
        raise WireError("a packet's times are out of bounds")
    extra = None
    if flags & _EXTRA:
        discard = data.integer()
        extra = Extra(tuple((data.integer(), data.block()) for _ in data.items()), discard)
    return Packet(track, pts, dts, duration, bool(flags & _KEY), data.rest(), extra)


_PACKET_KIND = 0
_KINDS: tuple[tuple[type, Callable[[Any], bytes], Callable[[_Fields], Message]], ...] = (
    (Packet, lambda packet: b"".join(encode(packet))[_HEAD.size :], _read_packet),
    (Opened, lambda _: b"", lambda _: Opened()),
    (Header, _header, _read_header),
    (Noticed, lambda noticed: _text(noticed.text), lambda data: Noticed(data.text())),
    (Noted, lambda noted: _texts(noted.texts), lambda data: Noted(data.texts(NOTE_LIMIT))),
    (Tagged, lambda tagged: b"".join(map(_text, astuple(tagged))), _read_tagged),
    (Ended, _ended, _read_ended),
    (Task, _task, _read_task),
    (Go, lambda go: _timing(go.timing), lambda data: Go(_read_timing(data))),
    (Progress, lambda made: _timing(made.timing), lambda data: Progress(_read_timing(data))),
    (Confined, lambda confined: _texts(confined.by), lambda data: Confined(data.texts())),
    (
        Logged,
        lambda logged: _text(logged.text[:LOG_LIMIT]),
        lambda data: Logged(data.text()[:LOG_LIMIT]),
    ),
    (StillTask, lambda task: task.media, lambda data: StillTask(data.rest())),
    (Still, lambda still: still.picture, lambda data: Still(data.rest())),
    (
        StillFailed,
        lambda failed: _text(failed.reason) + _text(failed.detail),
        lambda data: StillFailed(data.text()[:SENTENCE_LIMIT], data.text()[:SENTENCE_LIMIT]),
    ),
)
"""The messages by their kinds: how each is written, and read."""

_KIND_OF = {message: kind for kind, (message, _, _) in enumerate(_KINDS)}


def encode(message: Message) -> tuple[bytes, ...]:
    """Return a message in one or two pieces: the payload of a packet is not copied."""
    if type(message) is Packet:
        flags, more = message.key * _KEY, b""
        if message.extra is not None:
            flags |= _EXTRA
            additions = [_INT.pack(id_) + _bytes(data) for id_, data in message.extra.additions]
            more = b"".join(
                [_INT.pack(message.extra.discard), _SIZE.pack(len(additions)), *additions]
            )
        size = _PACKET.size + len(more) + len(message.data)
        times = _PACKET.pack(message.track, flags, message.pts, message.dts, message.duration)
        return _HEAD.pack(size, _PACKET_KIND) + times + more, message.data
    kind = _KIND_OF[type(message)]
    body = _KINDS[kind][1](message)
    return (_HEAD.pack(len(body), kind) + body,)


class Decoder:
    """Makes messages of bytes, however they are cut."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._needed = _HEAD.size  # bytes until there is another message

    @property
    def is_within(self) -> bool:
        """Whether the bytes have stopped within a message."""
        return bool(self._rest)

    def feed(self, data: bytes | memoryview) -> Iterator[Message]:
        """
        Yield the messages that are whole now.

        @param data: may change as soon as all messages have been yielded.
        @raise WireError: when the bytes are none; nothing may be fed after that.
        """
        if self._rest:
            self._rest += data
            if len(self._rest) < self._needed:
                return
            data = bytes(self._rest)
            self._rest.clear()
        at, end = 0, len(data)
        view = memoryview(data)
        while True:
            if end - at < _HEAD.size:
                self._needed = _HEAD.size
                break
            size, kind = _HEAD.unpack_from(data, at)
            if size > MESSAGE_LIMIT:
                raise WireError("a message is too long")
            if kind >= len(_KINDS):
                raise WireError("a message is of no known kind")
            begin = at + _HEAD.size
            if end - begin < size:
                self._needed = _HEAD.size + size
                break
            at = begin + size
            fields_ = _Fields(view[begin:at])
            made = _KINDS[kind][2](fields_)
            fields_.end()
            yield made
        self._rest += view[at:]
