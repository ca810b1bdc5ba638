"""
The writer of replays, into a folder of its own (I{reactor; a pool's thread writes them}).
"""

import errno
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

from twisted.internet.defer import Deferred, fail

from mkvtwist.formats.replay import Replay
from mkvtwist.net.pool import Pool

PREFIX = "last"
"""The beginning of each file's name."""


class ReplayWriter:
    """
    Writes one file at a time.

    @ivar directory: the folder of the files; L{None} while there is none.
    @ivar is_stopped: whether no more files are written, because they would not be removed.
    """

    def __init__(
        self,
        reactor: Any,
        write: Callable[[Replay, BinaryIO], None] = Replay.write,
        parent: str | None = None,
    ) -> None:
        """
        @param write: writes a file, in a thread.
        @param parent: where the folder is made; by default where temporary files are.
        """
        self.directory: str | None = None
        self.is_stopped = False
        self._write = write
        self._parent = parent
        self._pool = Pool(reactor, 1)

    def write(self, replay: Replay) -> Deferred[str]:
        """
        Write a file, after those that wait already.

        @return: fires with the path, or fails with L{OSError}.
        """
        if self.directory is None and not self.is_stopped:
            try:
                self.directory = tempfile.mkdtemp(prefix="mkvtwist-", dir=self._parent)
            except OSError as error:
                return fail(error)
        return self._pool.run(self._write_in_thread, self.directory, replay)

    def stop(self) -> None:
        """Remove the folder with all files, and write no more."""
        self.is_stopped = True
        directory, self.directory = self.directory, None
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)

    def _write_in_thread(self, directory: str | None, replay: Replay) -> str:
        if directory is None or self.directory != directory:
            raise _cancelled()
        # The time is for people; the rest is in no other file's name, of other runs neither.
        when = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
        path = os.path.join(directory, f"{PREFIX}-{when}{replay.format.ending}")
        try:
            with open(path, "xb") as file:
                self._write(replay, file)
        except BaseException:
            with suppress(OSError):
                os.unlink(path)
            raise
        if self.directory != directory:  # it was removed meanwhile, but for what came after that
            shutil.rmtree(directory, ignore_errors=True)
            raise _cancelled()
        return path


def _cancelled() -> OSError:
    return OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
