"""
URLs at which libavformat waits for a sender, and how it is told to (I{pure}).

Datagrams need nothing: a reader of C{udp:} or C{rtp:} waits by itself. For a connection libavformat
waits when the URL has C{listen} or C{listen=1} in its query; few of its protocols look there, so
all of them get an option.
"""

from collections.abc import Mapping
from typing import NamedTuple

from mkvtwist.config.input import Form, Input

DATAGRAMS = frozenset({"udp", "udplite", "rtp", "srtp", "sap"})
"""Schemes without connections: a sender is known only by its first datagram."""

LISTEN_WAIT = 15.0
"""
Seconds that a sender is waited for at a time; then for as long again, at once. libavformat cannot
be interrupted in any other way, so this is also the time for which a thread outlives its stream.
"""

_OPTIONS: Mapping[str, tuple[Mapping[str, str], str, int]] = {
    **dict.fromkeys(("tcp", "tls", "http", "https"), ({"listen": "1"}, "listen_timeout", 1000)),
    **dict.fromkeys(("rtmp", "rtmps"), ({"listen": "1"}, "timeout", 1)),
    "rtsp": ({"rtsp_flags": "listen"}, "listen_timeout", 1),
    "unix": ({"listen": "1"}, "", 1),
}
"""
The schemes that can wait for a connection: libavformat's options for each, the option that says for
how long, if there is one, and how many of its units are a second.
"""

_ENTIRELY = frozenset({"http", "https"})
"""
Schemes whose query belongs to the remote server: it must be C{listen} and nothing else, since a
radio's URL may have anything in its query.
"""


class ListenUrl(NamedTuple):
    """A URL at which libavformat waits, and the options that make it wait."""

    url: str
    options: Mapping[str, str]


def listen_url(source: Input, wait: float = LISTEN_WAIT) -> ListenUrl | None:
    """
    Return how to wait for a sender's connection; L{None} if nothing waits at this input.

    @param wait: seconds to wait for.
    """
    if source.form is not Form.URL:
        return None
    scheme, query = _parts(source.text)
    asked = [item for item in query if item in ("listen", "listen=1")]
    rest = [item for item in query if item not in asked]
    if scheme not in _OPTIONS or not asked or (rest and scheme in _ENTIRELY):
        return None
    url = source.text.partition("?")[0] + ("?" + "&".join(rest) if rest else "")
    options, time, unit = _OPTIONS[scheme]
    return ListenUrl(url, {**options, **({time: str(round(wait * unit))} if time else {})})


def listens(source: Input) -> bool:
    """Return whether libavformat waits at an input for a sender."""
    if source.form is not Form.URL:
        return source.form is Form.SDP
    scheme, query = _parts(source.text)
    if scheme == "srt":
        return not {"mode=listener", "mode=rendezvous"}.isdisjoint(query)
    return scheme in DATAGRAMS or listen_url(source) is not None


def _parts(url: str) -> tuple[str, list[str]]:
    """Return the scheme of a URL, and the items of its query."""
    query = url.partition("?")[2]
    return url.partition("://")[0].lower(), query.split("&") if query else []
