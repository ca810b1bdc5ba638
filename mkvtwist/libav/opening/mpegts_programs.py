"""
The programs of an MPEG-TS, and which of them is sent (I{pure}).
"""

from collections.abc import Callable, Collection

from mkvtwist.libav.opening.format_dump import Programs


class SentProgram:
    """
    The one program of a container that is sent.

    @ivar number: its number in the transport stream; L{None} if there is nothing to choose from.
    """

    def __init__(
        self,
        programs: Callable[[], Programs],
        videos: Collection[int],
        wanted: int = 0,
        before: int | None = None,
    ) -> None:
        """
        @param programs: returns the programs that are known by now.
        @param videos: the indices of the container's tracks of video.
        @param wanted: the number that is asked for; 0 if none is. The program may not have come
            yet.
        @param before: the program that was sent before the input was opened anew: it stays.
        """
        self._programs = programs
        self._found = programs()
        full = [number for number, tracks in self._found.items() if tracks]
        shown = [number for number in full if not self._found[number].isdisjoint(videos)]
        choices = [wanted] if wanted else [n for n in (before,) if n in full] or shown or full
        self.number = choices[0] if choices and self._found else None

    def look(self) -> None:
        """See whether the tables of programs have changed."""
        self._found = self._programs()

    def has(self, index: int) -> bool:
        """
        Return whether a track belongs to the program that is sent, as far as tables are known.
        """
        return self.number is None or index in self._found.get(self.number, ())

    @property
    def is_missing(self) -> bool:
        """Return whether the program that was asked for is missing, so far."""
        return self.number is not None and not self._found.get(self.number)

    def others_of(self, index: int) -> str:
        """Return the program of a track that is not sent, in words."""
        owners = [str(number) for number, tracks in self._found.items() if index in tracks]
        owner = f"of programme {', '.join(owners)}" if owners else "of no programme"
        return f"{owner}; programme {self.number} is sent"

    def __str__(self) -> str:
        """Return which programs there are, if the one that was asked for is missing."""
        known = ", ".join(map(str, self._found)) or "none"
        return f"there is no programme {self.number}; known so far: {known}"
