"""
A live media server for Twisted: it turns whatever libavformat reads into live Matroska over HTTP.

For programs that have a stream in a site of their own::

    from mkvtwist import Stream, StreamConfig, StreamResource

    stream = Stream(reactor, StreamConfig("demo:", name="cam"))
    stream.startService()
    root.putChild(b"tv", StreamResource(reactor, stream))

The names in C{__all__}, L{mkvtwist.live.events} and L{mkvtwist.testing} are public: they change
only with notice in the changelog. Everything else may change at any time.

Each name is imported when it is first used: L{mkvtwist.ctl} and the plugin of C{twistd} load this
file, and need none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkvtwist.access.tokens import IToken
    from mkvtwist.config.input import AtEnd, Form, Input
    from mkvtwist.config.rule import AccessRule
    from mkvtwist.config.settings import StreamConfig
    from mkvtwist.config.values import ConfigError
    from mkvtwist.http import StreamResource
    from mkvtwist.inputs.feed import Feed
    from mkvtwist.live.events import Event, Events
    from mkvtwist.media.packet import Header, Packet, Track
    from mkvtwist.server.check import read_stream
    from mkvtwist.server.process import use_monotonic_clock
    from mkvtwist.streams.statistics import StreamStatistics
    from mkvtwist.streams.stream import Stream

__version__ = "0.1.0"

__all__ = [
    "AccessRule",
    "AtEnd",
    "ConfigError",
    "Event",
    "Events",
    "Feed",
    "Form",
    "Header",
    "IToken",
    "Input",
    "Packet",
    "Stream",
    "StreamConfig",
    "StreamResource",
    "StreamStatistics",
    "Track",
    "read_stream",
    "use_monotonic_clock",
]

_MODULES = {
    "AccessRule": "config.rule",
    "AtEnd": "config.input",
    "ConfigError": "config.values",
    "Event": "live.events",
    "Events": "live.events",
    "Feed": "inputs.feed",
    "Form": "config.input",
    "Header": "media.packet",
    "IToken": "access.tokens",
    "Input": "config.input",
    "Packet": "media.packet",
    "Stream": "streams.stream",
    "StreamConfig": "config.settings",
    "StreamResource": "http",
    "StreamStatistics": "streams.statistics",
    "Track": "media.packet",
    "read_stream": "server.check",
    "use_monotonic_clock": "server.process",
}


def __getattr__(name: str) -> Any:
    """
    Return a public name, imported now.

    @raise AttributeError: if there is no such name.
    """
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
