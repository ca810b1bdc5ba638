"""
URLs at which libavformat waits for a sender, and how it is told to (I{pure}).

Datagrams need nothing: whoever reads from C{udp:} or C{rtp:} waits. For a connection libavformat
waits when the URL has C{listen} or C{listen=1} in its query; few of its protocols look there, so
all of them get an option.
"""

from collections.abc import Mapping
from typing import NamedTuple

from mkvtwist.config.input import Form, Input

DATAGRAMS = frozenset({"udp", "udplite", "rtp", "srtp", "sap"})
"""Schemes without connections: nobody knows whether there is a sender before something comes."""

WAIT = 15
"""
Seconds that a sender is waited for at a time; then the same again, at once. libavformat cannot be
interrupted in any other way, so this is also the time for which a thread outlives its stream.
"""

_MILLISECONDS = str(WAIT * 1000)

OPTIONS: Mapping[str, Mapping[str, str]] = {
    "tcp": {"listen": "1", "listen_timeout": _MILLISECONDS},
    "tls": {"listen": "1", "listen_timeout": _MILLISECONDS},
    "http": {"listen": "1", "listen_timeout": _MILLISECONDS},
    "https": {"listen": "1", "listen_timeout": _MILLISECONDS},
    "rtmp": {"listen": "1", "timeout": str(WAIT)},
    "rtmps": {"listen": "1", "timeout": str(WAIT)},
    "rtsp": {"rtsp_flags": "listen", "listen_timeout": str(WAIT)},
    "unix": {"listen": "1"},
}
"""
Of each scheme that can wait for a connection: libavformat's options for it, with the time in the
unit of each.
"""

_ENTIRELY = frozenset({"http", "https"})
"""
Schemes whose query is the other side's: it must be C{listen} and nothing else, since a radio's URL
may have anything in its query.
"""


class ListenOptions(NamedTuple):
    """A URL to wait at, and libavformat's options for that."""

    url: str
    options: Mapping[str, str]


def listen_options(source: Input) -> ListenOptions | None:
    """Return how to wait for a sender's connection; L{None} if nothing waits at this input."""
    if source.form is not Form.URL:
        return None
    scheme, query = _parts(source.text)
    asked = [item for item in query if item in ("listen", "listen=1")]
    rest = [item for item in query if item not in asked]
    if scheme not in OPTIONS or not asked or (rest and scheme in _ENTIRELY):
        return None
    url = source.text.partition("?")[0] + ("?" + "&".join(rest) if rest else "")
    return ListenOptions(url, OPTIONS[scheme])


def listens(source: Input) -> bool:
    """Whether an input is there before its sender is, and brings nothing until one comes."""
    if source.form is not Form.URL:
        return False
    scheme, query = _parts(source.text)
    if scheme == "srt":
        return not {"mode=listener", "mode=rendezvous"}.isdisjoint(query)
    return scheme in DATAGRAMS or listen_options(source) is not None


def _parts(url: str) -> tuple[str, list[str]]:
    """The scheme of a URL, and the items of its query."""
    query = url.partition("?")[2]
    return url.partition("://")[0].lower(), query.split("&") if query else []
