"""A disk that gets full when a test says so."""

from __future__ import annotations

import errno
import math
from typing import BinaryIO, cast

from mkvtwist.outputs.recorder import create


class Disk:
    """
    Creates files, as long as it has room.

    @ivar room: how many bytes more; if these were not enough, nothing can be closed either.
    @ivar closed: how many files were.
    """

    def __init__(self, room: float = math.inf) -> None:
        self.room = room
        self.closed = 0

    def create(self, wanted: str) -> tuple[BinaryIO, str]:
        """Create a file, as L{create} does."""
        file, path = create(wanted)
        return cast("BinaryIO", _File(self, file)), path


class _File:
    """A file on it."""

    def __init__(self, disk: Disk, file: BinaryIO) -> None:
        self._disk = disk
        self._file = file

    def write(self, data: bytes) -> int:
        """Take it, or not."""
        self._disk.room -= len(data)
        self._look()
        return self._file.write(data)

    def flush(self) -> None:
        """What is there is written."""
        self._file.flush()

    def close(self) -> None:
        """What is left cannot be written either."""
        self._file.close()
        self._disk.closed += 1
        self._look()

    def _look(self) -> None:
        if self._disk.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
