"""
Send a file as Icecast's programs do, with libshout itself.

::

    python tests/support/libshout.py PORT MOUNT FILE [PASSWORD]

ezstream, ices2, VLC's and GStreamer's shout2send and many others are built on that library. The
exit status is 1, with libshout's words, if the server refuses.
"""

# ruff: noqa: T201 (a script speaks by printing)

from __future__ import annotations

import ctypes
import sys
from ctypes.util import find_library
from pathlib import Path

PIECE = 1024
"""Bytes in one call: about what programs give it."""

FORMATS = {".ogg": 0, ".mp3": 1, ".webm": 2}
"""C{SHOUT_FORMAT_...} in shout.h, by a file's ending."""


def library() -> ctypes.CDLL | None:
    """Return libshout; L{None} if this machine has none."""
    name = find_library("shout")
    return ctypes.CDLL(name) if name else None


def send(port: int, mount: str, path: Path, password: str) -> str:
    """
    Send a file to this machine, at the speed of its media.

    @return: what went wrong; empty if nothing did.
    """
    shout = library()
    if shout is None:
        return "there is no libshout on this machine: install libshout3"
    shout.shout_new.restype = ctypes.c_void_p
    shout.shout_get_error.restype = ctypes.c_char_p
    shout.shout_init()
    handle = ctypes.c_void_p(shout.shout_new())
    shout.shout_set_host(handle, b"127.0.0.1")
    shout.shout_set_port(handle, port)
    shout.shout_set_mount(handle, mount.encode())
    shout.shout_set_password(handle, password.encode())
    shout.shout_set_format(handle, FORMATS[path.suffix])
    failed = shout.shout_open(handle)
    with path.open("rb") as file:
        while not failed and (piece := file.read(PIECE)):
            failed = shout.shout_send(handle, piece, len(piece))
            shout.shout_sync(handle)
    problem = shout.shout_get_error(handle).decode() if failed else ""
    if not failed:
        shout.shout_close(handle)
    shout.shout_free(handle)
    shout.shout_shutdown()
    return problem


def main(port: str, mount: str, path: str, password: str = "any") -> int:  # noqa: S107 - no secret
    """Send the file that the command line names; the exit status."""
    problem = send(int(port), mount, Path(path), password)
    if problem:
        print(problem)
    return int(bool(problem))


if __name__ == "__main__":
    if not 4 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
