"""
The server as the management interface controls it (I{reactor}).
"""

from collections.abc import Mapping
from typing import Any, Protocol

from mkvtwist.config.settings import StreamConfig
from mkvtwist.live.events import Events
from mkvtwist.streams.stream import Stream


class StreamsControl(Protocol):
    """
    The streams of a server that can be managed. Each method but C{in} raises L{KeyError} for a
    stream that does not exist.
    """

    def __getitem__(self, name: str, /) -> Stream:
        """Return a stream."""

    def __contains__(self, name: object, /) -> bool:
        """Return whether there is a stream of this name."""

    def remove(self, name: str) -> None:
        """End a stream, and forget it."""

    def start(self, name: str) -> None:
        """Begin with a stream that was stopped."""

    def stop(self, name: str) -> None:
        """End a stream; it can be started again."""

    def restart(self, name: str) -> None:
        """End a stream, and begin with it anew."""


class Control(Protocol):
    """
    A server that can be managed. Its methods raise L{mkvtwist.config.values.ConfigError} for
    settings that cannot be used.
    """

    events: Events
    token: bytes | None
    """The management token; without one the interface is for this machine only."""

    @property
    def streams(self) -> StreamsControl:
        """The streams by their names."""

    @property
    def pattern_configs(self) -> Mapping[str, StreamConfig]:
        """The settings of streams whose names clients choose, by the patterns of the names."""

    def forget_pattern(self, pattern: str) -> None:
        """End all streams that were made of a pattern, and make no more."""

    def define(self, name: str, settings: Mapping[str, Any]) -> None:
        """Add a stream or a pattern with these settings, or change the one of this name."""

    def reload(self) -> None:
        """Read the configuration file again."""
