"""
The source registry: each form of input, and the way to its media (I{reactor}).

There are four ways::

    opened      the reader, or C{open}, opens the source: a file, standard input, a URL
    runs        a program is started, and the reader reads its standard output: C{exec:}
    listens     libavformat waits for a sender: at C{rtmp://...?listen=1}, or as C{camera.sdp} says
    listener    we let senders in, and give what they send to the reader: an endpoint, RTMP, C{push}

A new protocol is a module or a folder beside this one, and a line in L{SOURCES}.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mkvtwist.config.input import Form, Input, endpoint_of
from mkvtwist.config.settings import StreamConfig
from mkvtwist.inputs.endpoint import media_listener
from mkvtwist.inputs.listener import MakeListener
from mkvtwist.inputs.push import PushListener
from mkvtwist.inputs.rtmp.listener import rtmp_listener
from mkvtwist.libav import listens
from mkvtwist.media.byte_source import ByteSource


def _nothing(_: Input) -> None:
    """Return nothing: the reader opens the source by its name."""


def _standard_input(_: Input) -> ByteSource:
    """Return standard input, unbuffered; closing it leaves the descriptor open."""
    return open(0, "rb", buffering=0, closefd=False)


def _nowhere(_: Input) -> str:
    """Return no endpoint."""
    return ""


def _input(config: StreamConfig) -> str:
    """Return the input as the user has written it, without passwords."""
    return str(config.input)


def _path(config: StreamConfig) -> str:
    """Return the path that senders publish to."""
    return f"/{config.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """
    The source of one form of input: the way to its media.

    @ivar open: returns the bytes that the reader reads; L{None} if the reader opens the source.
    @ivar runs: whether a program is started whose output is read.
    @ivar listens: whether libavformat waits for a sender when it opens the source.
    @ivar listener: makes the listener that lets senders in; L{None} if the form has no senders.
    @ivar rewinds: whether the source can begin again at once after its end.
    @ivar exclusive: whether only one stream of a server can have the source.
    @ivar endpoint: returns the endpoint at which the input listens; empty if there is none.
    @ivar asks: whether senders are asked for credentials, so that a C{send} rule can hold.
    @ivar label: returns the input in words, for the log.
    """

    open: Callable[[Input], ByteSource | None] = _nothing
    runs: bool = False
    listens: bool = False
    listener: MakeListener | None = None
    rewinds: bool = False
    exclusive: bool = False
    endpoint: Callable[[Input], str] = _nowhere
    asks: bool = False
    label: Callable[[StreamConfig], str] = _input


SOURCES: Mapping[Form, Source] = MappingProxyType(
    {
        Form.FILE: Source(rewinds=True),
        Form.STDIN: Source(open=_standard_input, exclusive=True),
        Form.DEMO: Source(rewinds=True),
        Form.URL: Source(),
        Form.EXEC: Source(runs=True),
        Form.ENDPOINT: Source(listener=media_listener, endpoint=endpoint_of),
        Form.RTMP: Source(listener=rtmp_listener, endpoint=endpoint_of, asks=True),
        Form.SDP: Source(listens=True),
        Form.PUSH: Source(listener=PushListener, label=_path, asks=True),
    }
)

LISTENING_URL = Source(listens=True)
"""A URL at which libavformat waits: only its query tells it from any other URL."""


def source_of(input_: Input) -> Source:
    """Return the source of an input."""
    return LISTENING_URL if listens(input_) else SOURCES[input_.form]
