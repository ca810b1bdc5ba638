"""
The sentences on how an input is read, bounded (I{pure}).
"""

from collections.abc import Callable

from mkvtwist.libav.limits import NOTE_LIMIT
from mkvtwist.libav.reader_events import Event, Noted


class Notes:
    """Sentences on how an input is read; each new one is told with those before it."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        """
        @param emit: hands an event over.
        """
        self._emit = emit
        self._texts: list[str] = []

    def add(self, text: str) -> None:
        """Tell one more sentence, unless there are very many of them."""
        if len(self._texts) < NOTE_LIMIT:
            self._texts.append(text)
            self._emit(Noted(tuple(self._texts)))
