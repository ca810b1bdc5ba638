"""
A session: what a sender asks, what it is answered, and its media (I{pure}).

The states, and what leads from one to the next::

    HANDSHAKE --C2--> OPEN --publish--> ASKING --accept--> PUBLISHING --FCUnpublish--> OPEN
                                             '--refuse--> CLOSING

While it is ASKING whether the sender may publish, nothing more is read. Whoever owns the session
sends what L{Session.take_output} returns after each call.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import Enum, auto
from math import inf
from typing import Any

from mkvtwist.formats.flv import tags
from mkvtwist.inputs.rtmp import amf0, flv, messages
from mkvtwist.inputs.rtmp.chunks import FIRST_SIZE, WRAP, ChunkReader, Message, chunks
from mkvtwist.inputs.rtmp.errors import ProtocolError
from mkvtwist.inputs.rtmp.handshake import Handshake
from mkvtwist.inputs.rtmp.messages import Type, UserControl

CHUNK_SIZE = 65536
"""Bytes of the chunks that are sent. FFmpeg cuts its own in the same way from then on."""

WINDOW = 2_500_000
"""Bytes between two acknowledgements, unless the sender says otherwise: the usual value."""

SMALLEST_WINDOW = 1 << 14
"""Bytes: a sender that asks for acknowledgements more often does not get them more often."""

LONGEST_COMMAND = 1 << 16
"""
Bytes of a message until media have come: C{connect} has some hundreds, as have metadata and the
decoder's setup, with which media begin.
"""

LONGEST_MESSAGE = 8 << 20
"""Bytes of any other message: a keyframe of 4K at 100 Mbit/s has two million."""

MOST_EARLY = 256
"""
Messages before the sender may publish for the first time: senders send about 10. A stranger can
make a message of a single byte, and 65,000 of them in one read would stop all else for a while.
"""

MOST_AT_ONCE = 8192
"""Messages in one read, for the same reason: one with media has 8 bytes or more, 16 as a rule."""

MOST_MESSAGE_STREAMS = 8
"""Message streams that a session may make; one publishes."""

MOST_PUBLICATIONS = 32
"""
Publications over one connection, one after the other: senders have one. A hundred could come in
one read, each with its lines in the log.
"""

FOUR_CCS = ("avc1", "hvc1", "av01", "vp09", "vp08", "mp4a", "Opus", "fLaC", "ac-3", "ec-3", ".mp3")
"""The codecs that libavformat reads in Enhanced RTMP."""

_FORWARD = 4
"""In the codecs' maps: they are passed on, neither decoded nor encoded."""

CAPABILITIES = 2 | 4
"""C{capsEx} of Enhanced RTMP: several tracks, and modifiers such as nanoseconds."""


class State(Enum):
    """The state of a session."""

    HANDSHAKE = auto()
    OPEN = auto()
    ASKING = auto()
    PUBLISHING = auto()
    CLOSING = auto()


@dataclass(frozen=True, slots=True)
class PublishRequested:
    """
    The sender wants to publish; L{Session.accept} or L{Session.refuse} is due.

    @ivar app: the application, with its query, if it has one.
    @ivar path: the stream's name or key, with its query, if it has one.
    """

    app: str
    path: str


@dataclass(frozen=True, slots=True)
class PlayRequested:
    """The peer wants to watch, and has been refused."""

    path: str


@dataclass(frozen=True, slots=True)
class MediaReceived:
    """
    Media have come.

    @ivar data: FLV; the first one begins with its header.
    """

    data: bytes


@dataclass(frozen=True, slots=True)
class Unpublished:
    """The sender has ended what it published; it may publish again."""


Event = PublishRequested | PlayRequested | MediaReceived | Unpublished


class Session:
    """
    The server's side of one connection.

    @ivar state: its state.
    """

    def __init__(self, random: Callable[[int], bytes] = os.urandom) -> None:
        """
        @param random: makes so many random bytes, for the handshake.
        """
        self.state = State.HANDSHAKE
        self._handshake = Handshake(random)
        self._chunks = ChunkReader(LONGEST_COMMAND)
        self._output: list[bytes] = []
        self._output_size = FIRST_SIZE
        self._early: float = MOST_EARLY  # messages that may still come
        self._app = ""
        self._is_connected = False
        self._message_streams = 0
        self._publications = 0
        self._publishing = 0  # the number of its message stream
        self._flags: int | None = tags.HAS_AUDIO | tags.HAS_VIDEO  # until FLV's header is written
        self._received = self._acknowledged = 0
        self._window = WINDOW

    def take_output(self) -> bytes:
        """Return what is to be sent."""
        output = b"".join(self._output)
        self._output.clear()
        return output

    def receive(self, data: bytes) -> list[Event]:
        """
        Take bytes that have come.

        @return: what has happened, up to a L{PublishRequested}; what follows on it is read once it
            has been answered.
        @raise ProtocolError: if this is no RTMP, or exceeds a bound.
        """
        self._received += len(data)
        if self.state is State.CLOSING:
            return []
        if self.state is State.HANDSHAKE:
            answer = self._handshake.receive(data)
            if answer:
                self._output.append(answer)
            if not self._handshake.is_done:
                return []
            self.state, data = State.OPEN, self._handshake.rest
        self._chunks.feed(data)
        events = self._read()
        if self._received - self._acknowledged >= self._window:
            self._acknowledged = self._received
            self._send(messages.number(Type.ACKNOWLEDGEMENT, self._received % WRAP))
        return events

    def accept(self) -> list[Event]:
        """
        Let the sender publish.

        @return: what has happened since, as from L{receive}.
        """
        self.state = State.PUBLISHING
        self._early = inf
        self._flags = tags.HAS_AUDIO | tags.HAS_VIDEO
        number = self._publishing
        self._send(messages.user_control(UserControl.STREAM_BEGIN, number.to_bytes(4, "big")))
        self._status("status", "NetStream.Publish.Start", "Publishing.")
        return self._read()

    def refuse(self, code: str, text: str) -> None:
        """
        End the session, and tell the sender why.

        @param text: for people.
        """
        if self._is_connected:
            self._status("error", code, text)
        self.state = State.CLOSING

    # reading

    def _is_paused(self) -> bool:
        """Return whether nothing is read now."""
        return self.state in (State.ASKING, State.CLOSING)

    def _read(self) -> list[Event]:
        """Read messages, as far as the state allows."""
        events: list[Event] = []
        media: list[bytes] = []
        if self._is_paused():
            return events
        with closing(self._chunks.messages()) as found:
            for count, message in enumerate(found):
                if count >= MOST_AT_ONCE:
                    raise ProtocolError(f"more than {MOST_AT_ONCE} messages at once")
                self._early -= 1
                if self._early < 0:
                    raise ProtocolError(f"more than {MOST_EARLY} messages before it publishes")
                if message.type in _MEDIA:
                    media.extend(self._media(message))
                    continue
                event = self._message(message)
                if event is not None:
                    _flush(media, events)
                    events.append(event)
                if self._is_paused():
                    break
        _flush(media, events)
        return events

    def _media(self, message: Message) -> Iterator[bytes]:
        """Yield the media in a message as FLV; none unless the sender publishes."""
        if self.state is not State.PUBLISHING:
            return
        for one in flv.aggregated(message) if message.type == Type.AGGREGATE else (message,):
            type_, body = one.type, one.body
            if type_ in (Type.DATA, Type.DATA_AMF3):
                type_, body = Type.DATA, _metadata(one)
            if not body or type_ not in _IN_FLV:
                continue
            if self._flags is not None:
                if type_ == Type.DATA:
                    self._flags = _promised(body) or self._flags
                yield tags.header(self._flags)
                self._flags = None
                self._chunks.longest = LONGEST_MESSAGE
            yield tags.tag(type_, one.time, body)

    def _message(self, message: Message) -> Event | None:
        """Do what a message without media says."""
        type_, body = message.type, message.body
        value = int.from_bytes(body[:4], "big")
        if type_ in (Type.COMMAND, Type.COMMAND_AMF3):
            # In the latter a byte says that what follows is encoded as in the former.
            values = amf0.decode(body[type_ == Type.COMMAND_AMF3 :])
            return self._command(message.stream, values)
        if type_ == Type.SET_CHUNK_SIZE:
            self._chunks.size = value & 0x7FFFFFFF
            if not self._chunks.size:
                raise ProtocolError("chunks of no size")
        elif type_ == Type.ABORT:
            self._chunks.abort(value)
        elif type_ == Type.WINDOW_SIZE:
            self._window = max(value, SMALLEST_WINDOW)
        elif type_ == Type.USER_CONTROL and body[:2] == _PING:
            self._send(messages.user_control(UserControl.PING_RESPONSE, body[2:6]))
        return None

    def _command(self, stream: int, values: list[Any]) -> Event | None:
        """Do what a command says. One that is not known is ignored, as by other servers."""
        if len(values) < 2 or not isinstance(values[0], str):
            raise ProtocolError("a command without a name or a number")
        name, number, *arguments = values
        # Senders say null if they want no answer; a long text could not be encoded in one.
        transaction = number if isinstance(number, float) else 0.0
        if name != "connect" and not self._is_connected:
            raise ProtocolError("a command before connect")
        commands: dict[str, Callable[[int, float, list[Any]], Event | None]] = {
            "connect": self._connect,
            "createStream": self._create_stream,
            "releaseStream": self._acknowledge,
            "FCPublish": self._acknowledge,
            "publish": self._publish,
            "play": self._play,
            "play2": self._play,
            "FCUnpublish": self._unpublish,
            "closeStream": self._unpublish,
            "deleteStream": self._unpublish,
        }
        return commands.get(name, _ignore)(stream, transaction, arguments)

    def _connect(self, _: int, transaction: float, arguments: list[Any]) -> None:
        if self._is_connected:
            raise ProtocolError("connect, a second time")
        about = arguments[0] if arguments and isinstance(arguments[0], Mapping) else {}
        app = about.get("app")
        self._app = app if isinstance(app, str) else ""
        self._is_connected = True
        self._send(messages.number(Type.WINDOW_SIZE, WINDOW))
        self._send(messages.peer_bandwidth(WINDOW))
        self._send(messages.number(Type.SET_CHUNK_SIZE, CHUNK_SIZE))
        self._output_size = CHUNK_SIZE
        enhanced: dict[str, Any] = {}
        if "fourCcList" in about or "capsEx" in about:
            every = dict.fromkeys(FOUR_CCS, _FORWARD)
            enhanced = {
                "fourCcList": list(FOUR_CCS),
                "videoFourCcInfoMap": every,
                "audioFourCcInfoMap": every,
                "capsEx": CAPABILITIES,
            }
        server = {"fmsVer": "FMS/3,5,3,888", "capabilities": 31, "mode": 1, **enhanced}
        result = {
            "level": "status",
            "code": "NetConnection.Connect.Success",
            "description": "Connected.",
            "objectEncoding": 0,
        }
        self._send(messages.command(0, "_result", transaction, server, result))

    def _create_stream(self, _: int, transaction: float, arguments: list[Any]) -> None:
        self._message_streams += 1
        if self._message_streams > MOST_MESSAGE_STREAMS:
            raise ProtocolError(f"more than {MOST_MESSAGE_STREAMS} message streams")
        self._send(messages.command(0, "_result", transaction, None, self._message_streams))

    def _acknowledge(self, _: int, transaction: float, arguments: list[Any]) -> None:
        self._send(messages.command(0, "_result", transaction, None, None))

    def _publish(self, stream: int, transaction: float, arguments: list[Any]) -> Event:
        if self.state is State.PUBLISHING:
            raise ProtocolError("publish, while it publishes already")
        self._publications += 1
        if self._publications > MOST_PUBLICATIONS:
            raise ProtocolError(f"more than {MOST_PUBLICATIONS} publications")
        self._publishing = stream
        self.state = State.ASKING
        return PublishRequested(self._app, _text(arguments, 1))

    def _play(self, stream: int, transaction: float, arguments: list[Any]) -> Event:
        self._publishing = stream
        self.refuse("NetStream.Play.Failed", "This server takes media over RTMP, and plays none.")
        return PlayRequested(_text(arguments, 1))

    def _unpublish(self, _: int, transaction: float, arguments: list[Any]) -> Event | None:
        if self.state is not State.PUBLISHING:
            return None
        self._status("status", "NetStream.Unpublish.Success", "Published no longer.")
        self.state = State.OPEN
        self._chunks.longest = LONGEST_COMMAND
        return Unpublished()

    # sending

    def _status(self, level: str, code: str, text: str) -> None:
        self._send(messages.status(self._publishing, level, code, text), messages.STATUS_STREAM)

    def _send(self, message: Message, number: int = 0) -> None:
        own = messages.COMMAND_STREAM if message.type == Type.COMMAND else messages.CONTROL_STREAM
        self._output.append(chunks(message, number or own, self._output_size))


_IN_FLV = frozenset({Type.AUDIO, Type.VIDEO, Type.DATA})

_MEDIA = frozenset({Type.AUDIO, Type.VIDEO, Type.DATA, Type.DATA_AMF3, Type.AGGREGATE})

_PING = UserControl.PING_REQUEST.to_bytes(2, "big")

_SET_DATA_FRAME = amf0.encode("@setDataFrame")


def _ignore(stream: int, transaction: float, arguments: list[Any]) -> None:
    """Do nothing for a command that is not known."""


def _flush(media: list[bytes], events: list[Event]) -> None:
    """Make one event of media that have come together."""
    if media:
        events.append(MediaReceived(b"".join(media)))
        media.clear()


def _metadata(message: Message) -> bytes:
    """Return the metadata in a message as FLV has it: the order to keep it is RTMP's own."""
    body = message.body
    if message.type == Type.DATA_AMF3:
        body = body[1:]
    return body.removeprefix(_SET_DATA_FRAME)


def _promised(metadata: bytes) -> int:
    """Return the flags of the tracks that C{onMetaData} promises; 0 if it says nothing of them."""
    try:
        values = amf0.decode(metadata)
    except ProtocolError:  # libavformat may make more of it
        return 0
    about = next((value for value in values if isinstance(value, Mapping)), {})
    flags = tags.HAS_VIDEO if about.get("videocodecid") else 0
    return flags | (tags.HAS_AUDIO if about.get("audiocodecid") else 0)


def _text(arguments: list[Any], place: int) -> str:
    """Return an argument of a command that is a text; an empty one if there is none."""
    found = arguments[place : place + 1]
    return found[0] if found and isinstance(found[0], str) else ""
