"""
The static files of pages, C{/static/} (I{reactor}).

Pages name their files below a version, C{/static/VERSION/page.js}, which is the hash of all files
together, and browsers keep them for ever. An address without a version, as other sites have it for
C{embed.js}, or with another one, as a page has that was loaded before an upgrade, is the current
file, to be asked for again each time.

A script is served together with the modules that it imports, as one file. Browsers open six
connections to a host: with a request for each of twenty modules the first picture came a quarter of
a second later where a round trip takes 50 ms.
"""

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from importlib import resources
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
"""MIME types by the ending of a file's name; other files are not served, nor are folders."""

FOR_EVER = b"public, max-age=31536000, immutable"
"""A year in seconds: RFC 9111 knows no longer word."""

_VERSION = re.compile(r"([0-9a-f]{12})/(.+)")
"""A version, and the name of a file."""

_IMPORT = re.compile(r'^import (\{[^}]+\}) from "(\.{1,2}/[^"]+)";$', re.MULTILINE)
"""The only form of an import in our modules: names of another one, by its relative path."""

_COMMENT = re.compile(r"^ *(?://[^\n]*|/\*\*.*?\*/)\n", re.MULTILINE | re.DOTALL)
"""A comment on lines of its own: a third of our scripts, and more than TCP sends at once."""

_EXPORT = re.compile(r"^export (?=(?:async )?(?:const|class|function\*?) (\w+))", re.MULTILINE)
"""The only form of an export in our modules: before what it exports."""


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    type: bytes
    hash: str


@cache
def _files() -> Mapping[str, _File]:
    """Return all files by their names."""
    files = {}
    for entry in resources.files("mkvtwist").joinpath("static").iterdir():
        type_ = TYPES.get(posixpath.splitext(entry.name)[1])
        if type_ is not None:
            text = _read(entry.name)
            body = (join(entry.name, _read) if _IMPORT.search(text) else text).encode()
            files[entry.name] = _File(body, type_, _hash(body))
    return files


def _read(path: str) -> str:
    return resources.files("mkvtwist").joinpath("static", path).read_text("utf-8")


def _hash(body: bytes) -> str:
    """Return enough of a hash to tell the versions of a file apart."""
    return sha256(body).hexdigest()[:12]


@cache
def _version() -> str:
    """Return the version of all files together."""
    return _hash("".join(sorted(file.hash for file in _files().values())).encode())


def join(path: str, read: Callable[[str], str]) -> str:
    """
    Return a script and the modules that it imports as one text: each module is a function that
    returns what the module exports.

    @param path: the script's, relative to the folder that has all of them.
    @param read: returns the text of a script by its path.
    """
    joined: dict[str, str] = {}

    def name(path: str) -> str:
        return "_" + re.sub(r"\W", "_", path)

    def add(path: str) -> None:
        def imported(found: re.Match[str]) -> str:
            other = posixpath.normpath(posixpath.join(posixpath.dirname(path), found[2]))
            if other not in joined:
                add(other)
            return f"const {found[1].replace(' as ', ': ')} = {name(other)};"

        text = _IMPORT.sub(imported, _COMMENT.sub("", read(path)))
        exported = ", ".join(_EXPORT.findall(text))
        text = _EXPORT.sub("", text)
        joined[path] = (
            f"const {name(path)} = (() => {{ // {path}\n{text}return {{ {exported} }};\n}})();\n"
        )

    add(path)
    return "\n".join(joined.values())


def address(name: str) -> str:
    """Return the address of a file as a page names it, relative to the server's root."""
    return f"static/{_version()}/{name}"


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
    return partial(_show, file, FOR_EVER if version == _version() else b"no-cache")


def _show(file: _File, how: bytes, request: Request) -> None:
    request.setHeader(b"Access-Control-Allow-Origin", b"*")
    request.setHeader(b"Cache-Control", how)
    # The tag is weak: compressed bytes are other bytes.
    if not respond_if_unchanged(request, f'W/"{file.hash}"'.encode()):
        respond(request, file.body, file.type, how)
