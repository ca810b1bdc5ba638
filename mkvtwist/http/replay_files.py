"""
The files of the last seconds that are kept, and whose they are (I{reactor}).

An address that is sent to a file, or reads one, holds it. It holds only its share: for one more it
lets go of another, and a file that no address holds is removed. So an address cannot have a file
removed that another one holds. If there are too many files of all together, those go that are least
likely to be missed; if there are none, no more are made.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from twisted.web.static import File

from mkvtwist.formats.base import Format

COUNT = 16
SIZE = 256 << 20
"""
Files that are kept, for all streams, and their bytes: four times what a ring holds when nobody
says, since the folder for temporary files may be memory. The only one is kept whatever its size.
"""

SHARE = 4
"""Files that one address may hold, and of how many equal parts of L{SIZE} it may have one."""

BUSY = 60.0
"""Seconds for which a file that was asked for is not removed, if its holder has no other."""

KEEP = 600.0
"""
Seconds that a file is kept after it was last asked for or read, and that a client may read nothing:
a long pause in the player.
"""

HOLDERS = 1000
"""Addresses of which is remembered that they hold a file."""

Key = tuple[str, Format, frozenset[int] | None, float]
"""The stream's name, the format, the tracks that are asked for, the seconds."""

Taker = tuple[str, bytes]
"""Whoever asks: where from, with what player."""


class Kept(File):
    """
    A file that is kept for a while, and served with all that C{twisted.web} knows about ranges.

    @ivar name: the last part of its address.
    @ivar takers: who was sent to it.
    @ivar holders: the addresses that hold it.
    @ivar readers: how many read it now.
    @ivar was_read: whether anybody has read it.
    @ivar asked: when it was last asked for, as the reactor counts.
    """

    def __init__(self, path: str, kind: str, key: Key, now: float) -> None:
        super().__init__(path)
        self.type, self.encoding = kind, None
        self.name = os.path.basename(path)
        self.key = key
        self.made = self.asked = now
        self.size: int = self.getsize()
        self.takers: set[Taker] = set()
        self.holders: set[str] = set()
        self.readers = 0
        self.was_read = False

    @property
    def tag(self) -> bytes:
        """What tells it from any other (RFC 9110, 8.8.3)."""
        return f'"{self.name}"'.encode()


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Room for a file that is being made for an address; how many bytes it will have."""

    address: str
    size: int


class Shelf:
    """
    The files that are kept, and places for those that are being made.
    """

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._files: dict[tuple[str, str], Kept] = {}  # the oldest first
        self._places: set[Place] = set()

    def __bool__(self) -> bool:
        return bool(self._files)

    def of(self, key: Key) -> list[Kept]:
        """Return the files that were made for one request, the oldest first."""
        return [file for file in self._files.values() if file.key == key]

    def find(self, stream: str, name: str) -> Kept | None:
        """Return a stream's file by its name; L{None} if it is not kept."""
        return self._files.get((stream, name))

    def clear(self) -> None:
        """Forget all files."""
        self._files.clear()

    def reserve(self, address: str, size: int) -> Place | None:
        """
        Make room for one more file.

        @param address: for whom.
        @param size: about how many bytes it will have.
        @return: its place; L{None} if all that could go for it are needed.
        """
        coming = [place for place in self._places if place.address == address]
        coming_size = size + sum(place.size for place in coming)
        mine = self._held_by(address)
        while len(mine) + len(coming) >= SHARE or (
            mine and _size(mine) + coming_size > SIZE // SHARE
        ):
            file = _least_missed(file for file in mine if not file.readers)
            if file is None:
                return None
            mine.remove(file)
            self._let_go(file, address)
        coming_size = size + sum(place.size for place in self._places)
        while self._files and (
            len(self._files) + len(self._places) >= COUNT
            or _size(self._files.values()) + coming_size > SIZE
        ):
            file = _least_missed(file for file in self._files.values() if self._may_go(file))
            if file is None:
                return None
            self._remove(file)
        if len(self._places) >= COUNT:
            return None
        place = Place(address, size)
        self._places.add(place)
        return place

    def release(self, place: Place) -> None:
        """Give a place back: its file is there, or will not be made."""
        self._places.discard(place)

    def put(self, file: Kept, place: Place) -> None:
        """Keep a file in its place."""
        self.release(place)
        self._files[file.key[0], file.name] = file
        self.hold(file, place.address)

    def hold(self, file: Kept, address: str) -> None:
        """Have an address hold a file that it is sent to, or asks for."""
        file.asked = self._clock.seconds()
        if address in file.holders or len(file.holders) >= HOLDERS:
            return
        file.holders.add(address)
        mine = self._held_by(address)
        while len(mine) > SHARE:
            spare = _least_missed(held for held in mine if held is not file and not held.readers)
            if spare is None:
                break
            mine.remove(spare)
            self._let_go(spare, address)

    def drop_old(self) -> None:
        """Remove the files that have not been asked for in L{KEEP} seconds."""
        now = self._clock.seconds()
        for file in list(self._files.values()):
            if now - file.asked >= KEEP:
                self._remove(file)

    def _held_by(self, address: str) -> list[Kept]:
        return [file for file in self._files.values() if address in file.holders]

    def _may_go(self, file: Kept) -> bool:
        """Whether a file may be removed for one of somebody else."""
        if file.readers:
            return False
        if self._clock.seconds() - file.asked >= BUSY:
            return True
        return all(len(self._held_by(address)) > 1 for address in file.holders)

    def _let_go(self, file: Kept, address: str) -> None:
        file.holders.discard(address)
        if not file.holders:
            self._remove(file)

    def _remove(self, file: Kept) -> None:
        del self._files[file.key[0], file.name]
        with suppress(OSError):  # whoever cleans up there has been faster
            os.unlink(file.path)


def _size(files: Iterable[Kept]) -> int:
    return sum(file.size for file in files)


def _least_missed(files: Iterable[Kept]) -> Kept | None:
    """Return one that nobody has read yet, or else the one that was asked for longest ago."""
    return min(files, key=lambda file: (file.was_read, file.asked), default=None)
