"""
The files that pages need, C{/static/} (I{reactor}).

Pages name their files below a version, C{/static/VERSION/page.js}, which is the hash of all files
together. Browsers may keep such a file for ever, and so may they keep the modules that it imports
by relative paths. An address without a version, as other sites have it for C{embed.js}, or with
another one, as a page has that was loaded before an upgrade, is the current file, to be asked for
again each time.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType

from twisted.web.http import Request

from mkvtwist.http.wire.caching import respond_if_unchanged
from mkvtwist.http.wire.response import View, respond

TYPES: Mapping[str, bytes] = MappingProxyType(
    {
        ".css": b"text/css; charset=utf-8",
        ".js": b"text/javascript; charset=utf-8",
        ".svg": b"image/svg+xml",
    }
)
"""MIME types by the ending of a file's name; other files are not served."""

FOR_EVER = b"public, max-age=31536000, immutable"
"""A year in seconds: RFC 9111 knows no longer word."""

_VERSION = re.compile(r"([0-9a-f]{12})/(.+)")
"""A version, and the path of a file; no folder has such a name."""

_IMPORT = re.compile(r'^(?:import|export) [^;]*?"(\.[^"]+)";', re.MULTILINE)
"""A relative path that a module imports."""


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    type: bytes
    hash: str


@cache
def _files() -> Mapping[str, _File]:
    """Return all files by their paths."""
    return dict(_walk(resources.files("mkvtwist").joinpath("static"), ""))


def _walk(folder: Traversable, path: str) -> Iterator[tuple[str, _File]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        type_ = TYPES.get(posixpath.splitext(entry.name)[1])
        if entry.is_dir():
            yield from _walk(entry, f"{path}{entry.name}/")
        elif type_ is not None:
            body = entry.read_bytes()
            yield f"{path}{entry.name}", _File(body, type_, sha256(body).hexdigest()[:12])


@cache
def current() -> str:
    """Return the version of all files together."""
    names = "".join(f"{path} {file.hash}\n" for path, file in _files().items())
    return sha256(names.encode()).hexdigest()[:12]


def address(path: str) -> str:
    """Return the address of a file as a page names it, relative to the server's root."""
    return f"static/{current()}/{path}"


@cache
def modules(path: str) -> tuple[str, ...]:
    """
    Return the paths of a module and of all modules that it imports, directly or not. A page names
    all of them in its head: a browser would otherwise learn of each after reading another one.
    """
    found = [path]
    for module in found:
        text = _files()[module].body.decode()
        for name in _IMPORT.findall(text):
            imported = posixpath.normpath(posixpath.join(posixpath.dirname(module), name))
            if imported not in found:
                found.append(imported)
    return tuple(found)


def find(path: str) -> View | None:
    """
    Return the view of a file, or L{None} if there is no such file.

    @param path: the file's path below C{/static/}, with a version or without one.
    """
    found = _VERSION.fullmatch(path)
    version, name = found.groups() if found else ("", path)
    file = _files().get(name)
    if file is None:
        return None
    return partial(_show, file, FOR_EVER if version == current() else b"no-cache")


def _show(file: _File, how: bytes, request: Request) -> None:
    request.setHeader(b"Access-Control-Allow-Origin", b"*")
    request.setHeader(b"Cache-Control", how)
    # The tag is weak: compressed bytes are other bytes.
    if not respond_if_unchanged(request, f'W/"{file.hash}"'.encode()):
        respond(request, file.body, file.type, how)
