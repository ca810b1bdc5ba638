"""
The log of one stream (I{any thread}).
"""

from typing import Any

from twisted.logger import Logger, LogLevel


class StreamLog(Logger):
    """
    A logger whose lines begin with the name of a stream.

    An operator of several streams cannot use a line that names none.
    """

    def __init__(self, name: str, namespace: str) -> None:
        """
        @param name: the stream's.
        @param namespace: the module that logs.
        """
        super().__init__(namespace)
        self._name = name

    def emit(self, level: LogLevel, format: str | None = None, **kwargs: Any) -> None:  # noqa: A002
        """Log an event; see C{Logger.emit}."""
        super().emit(level, f"stream {{stream}}: {format}", stream=self._name, **kwargs)
