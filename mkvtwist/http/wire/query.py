"""
Parameters in the query of a request (I{reactor}).
"""

from urllib.parse import urlencode

from twisted.web.http import Request

from mkvtwist.config.values import parse_tracks


def parameter(request: Request, name: str) -> str | None:
    """Return the last value of a query parameter; L{None} if it has none."""
    values = request.args.get(name.encode()) if request.args else None
    return values[-1].decode("utf-8", "replace") if values else None


def wanted_tracks(request: Request) -> frozenset[int] | None:
    """
    Return the numbers in C{?tracks=1,3}; L{None} if the query names no tracks.

    @raise mkvtwist.config.values.ConfigError: if they are no numbers.
    """
    text = parameter(request, "tracks")
    return None if text is None else parse_tracks("tracks", text)


def token_query(request: Request) -> str:
    """
    Return the query that the addresses in a response need, C{?token=...} or nothing, so that a
    client that follows them may do what it may here. Clients repeat other credentials themselves.
    """
    token = parameter(request, "token")
    return f"?{urlencode({'token': token})}" if token else ""
