"""Requests that have come, for the tests of what is read from them."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport
from twisted.web.http import Request, parse_qs


class Channel:
    """What a request asks of the connection that it came over."""

    def __init__(self, peer: str) -> None:
        self._peer = IPv4Address("TCP", peer, 5000)
        self.transport = StringTransport(peerAddress=self._peer)

    def getPeer(self) -> IPv4Address:
        return self._peer

    def getHost(self) -> IPv4Address:  # noqa: N802
        return IPv4Address("TCP", "192.0.2.1", 8080)

    def isSecure(self) -> bool:  # noqa: N802
        return False


def request(
    target: str = "/live.mkv", method: str = "GET", peer: str = "192.0.2.7", **headers: str
) -> Request:
    """A request as Twisted has read it; C{_} stands for C{-} in the headers' names."""
    channel: Any = Channel(peer)
    made = Request(channel)
    made.method, made.uri = method.encode(), target.encode()
    made.path, _, query = made.uri.partition(b"?")
    made.args = parse_qs(query)
    for name, value in headers.items():
        made.requestHeaders.addRawHeader(name.replace("_", "-").encode(), value.encode())
    return made
