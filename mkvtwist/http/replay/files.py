"""
The files of replays, and the addresses that hold them (I{reactor}).

 1. An address that is sent to a file, or reads one, holds it.
 2. An address holds only its share: for one more it lets go of another. A file that no address
    holds is removed. So no address can have a file removed that another one holds.
 3. If all addresses together have too many files, those are removed that are least likely to be
    missed; if there are none of these, no more files are made.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from twisted.web.static import File

from mkvtwist.formats.base import Format

MOST_REPLAY_FILES = 16
MOST_BYTES = 256 << 20
"""
Files that are kept, for all streams, and their bytes: four times what a ring holds by default,
since the folder for temporary files may be memory. The only file is kept whatever its size.
"""

FILES_PER_ADDRESS = 4
"""Files that one address may hold. It may have one of so many equal parts of all bytes."""

IN_USE = 60.0
"""Seconds for which a file that was asked for is not removed, if its holder has no other."""

KEEP_TIME = 600.0
"""
Seconds that a file is kept after it was last asked for or read, and that a client may read nothing:
a long pause in the player.
"""

MOST_HOLDERS = 1000
"""Addresses that are remembered as holders of files."""

Key = tuple[str, Format, frozenset[int] | None, float]
"""The stream's name, the format, the tracks that are asked for, the seconds."""

Recipient = tuple[str, bytes]
"""A client that is sent to a file: its address and its player."""


class ReplayFile(File):
    """
    A file that is kept for a while, and served with all that C{twisted.web} knows about ranges.

    @ivar name: the last part of its URL.
    @ivar recipients: the clients that were sent to it.
    @ivar holders: the addresses that hold it.
    @ivar readers: how many clients read it now.
    @ivar was_read: whether any client has read it.
    @ivar asked: when it was last asked for, as the reactor counts.
    """

    def __init__(self, path: str, kind: str, key: Key, now: float) -> None:
        super().__init__(path)
        self.type, self.encoding = kind, None
        self.name = os.path.basename(path)
        self.key = key
        self.made = self.asked = now
        self.size: int = self.getsize()
        self.recipients: set[Recipient] = set()
        self.holders: set[str] = set()
        self.readers = 0
        self.was_read = False

    @property
    def tag(self) -> bytes:
        """Return the entity tag of the file (RFC 9110, 8.8.3)."""
        return f'"{self.name}"'.encode()


@dataclass(frozen=True, slots=True, eq=False)
class Reservation:
    """Room for a file that is being made for an address, and the bytes that it will have."""

    address: str
    size: int


class ReplayFiles:
    """The files that are kept, and the room for those that are being made."""

    def __init__(self, clock: Any, most_bytes: int = MOST_BYTES) -> None:
        """
        @param most_bytes: the bytes of all files together.
        """
        self._clock = clock
        self._most_bytes = most_bytes
        self._files: dict[tuple[str, str], ReplayFile] = {}  # the oldest first
        self._reserved: set[Reservation] = set()

    def __bool__(self) -> bool:
        return bool(self._files)

    def of(self, key: Key) -> list[ReplayFile]:
        """Return the files that were made for one request, the oldest first."""
        return [file for file in self._files.values() if file.key == key]

    def find(self, stream: str, name: str) -> ReplayFile | None:
        """Return a stream's file by its name; L{None} if it is not kept."""
        return self._files.get((stream, name))

    def clear(self) -> None:
        """Forget all files."""
        self._files.clear()

    def reserve(self, address: str, size: int) -> Reservation | None:
        """
        Make room for one more file.

        @param address: for whom.
        @param size: about how many bytes it will have.
        @return: L{None} if all files that could be removed for it are needed.
        """
        coming = [room for room in self._reserved if room.address == address]
        coming_size = size + sum(room.size for room in coming)
        mine = self._held_by(address)
        while len(mine) + len(coming) >= FILES_PER_ADDRESS or (
            mine and _size(mine) + coming_size > self._most_bytes // FILES_PER_ADDRESS
        ):
            file = _least_missed(file for file in mine if not file.readers)
            if file is None:
                return None
            mine.remove(file)
            self._let_go(file, address)
        coming_size = size + sum(room.size for room in self._reserved)
        while self._files and (
            len(self._files) + len(self._reserved) >= MOST_REPLAY_FILES
            or _size(self._files.values()) + coming_size > self._most_bytes
        ):
            file = _least_missed(file for file in self._files.values() if self._may_go(file))
            if file is None:
                return None
            self._remove(file)
        if len(self._reserved) >= MOST_REPLAY_FILES:
            return None
        room = Reservation(address, size)
        self._reserved.add(room)
        return room

    def release(self, room: Reservation) -> None:
        """Give room back: its file is there, or will not be made."""
        self._reserved.discard(room)

    def put(self, file: ReplayFile, room: Reservation) -> None:
        """Keep a file in the room that was reserved for it."""
        self.release(room)
        self._files[file.key[0], file.name] = file
        self.hold(file, room.address)

    def hold(self, file: ReplayFile, address: str) -> None:
        """Have an address hold a file that it is sent to, or asks for."""
        file.asked = self._clock.seconds()
        if address in file.holders or len(file.holders) >= MOST_HOLDERS:
            return
        file.holders.add(address)
        mine = self._held_by(address)
        while len(mine) > FILES_PER_ADDRESS:
            spare = _least_missed(held for held in mine if held is not file and not held.readers)
            if spare is None:
                break
            mine.remove(spare)
            self._let_go(spare, address)

    def drop_old(self) -> None:
        """Remove the files that have not been asked for in L{KEEP_TIME} seconds."""
        now = self._clock.seconds()
        for file in list(self._files.values()):
            if now - file.asked >= KEEP_TIME:
                self._remove(file)

    def _held_by(self, address: str) -> list[ReplayFile]:
        return [file for file in self._files.values() if address in file.holders]

    def _may_go(self, file: ReplayFile) -> bool:
        """Return whether a file may be removed for one of another address."""
        if file.readers:
            return False
        if self._clock.seconds() - file.asked >= IN_USE:
            return True
        return all(len(self._held_by(address)) > 1 for address in file.holders)

    def _let_go(self, file: ReplayFile, address: str) -> None:
        file.holders.discard(address)
        if not file.holders:
            self._remove(file)

    def _remove(self, file: ReplayFile) -> None:
        del self._files[file.key[0], file.name]
        with suppress(OSError):  # it has been cleaned up from outside
            os.unlink(file.path)


def _size(files: Iterable[ReplayFile]) -> int:
    return sum(file.size for file in files)


def _least_missed(files: Iterable[ReplayFile]) -> ReplayFile | None:
    """Return a file that no client has read yet, or else the one asked for longest ago."""
    return min(files, key=lambda file: (file.was_read, file.asked), default=None)
