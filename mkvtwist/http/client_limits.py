"""
Limits for the number of clients that watch at once (I{reactor}).
"""

from collections import Counter
from collections.abc import Mapping

from twisted.web.http import Request

from mkvtwist.config.settings import Config
from mkvtwist.http.wire.peer import client_host
from mkvtwist.http.wire.response import respond_unavailable
from mkvtwist.net.addresses import one_host
from mkvtwist.streams.stream import Stream

CLIENT_RETRY = 5
"""Seconds after which a client that was one too many may ask again."""


class ClientLimits:
    """
    The limits for all clients together.

    @ivar config: what they are; may be set again.
    """

    def __init__(self, config: Config, streams: Mapping[str, Stream]) -> None:
        self.config = config
        self._streams = streams
        self._by_address: Counter[str] = Counter()

    def refuse(self, stream: Stream, request: Request) -> bool:
        """Return whether one more client of a stream would be too many; if so, respond that."""
        full = self._refusal(stream, request)
        if full is not None:
            respond_unavailable(request, f"{full}; try again later.", CLIENT_RETRY)
        return full is not None

    def _refusal(self, stream: Stream, request: Request) -> str | None:
        config = self.config
        clients = stream.audience
        if _reached(stream.config.max_clients, clients):
            return f"The limit of {clients} clients is reached"
        if config.max_clients_total:
            total = sum(other.audience for other in self._streams.values())
            if _reached(config.max_clients_total, total):
                return f"The limit of {total} clients of all streams is reached"
        if stream.config.pattern and stream.config.name not in self._streams:
            made = sum(bool(other.config.pattern) for other in self._streams.values())
            if _reached(config.max_streams, made):
                return f"The limit of {made} streams is reached"
        mine = self._by_address[one_host(client_host(request))]
        if _reached(config.max_clients_per_address, mine):
            return f"The limit of {mine} clients from one address is reached"
        if (
            config.max_bandwidth
            and self._bandwidth() + stream.client_bitrate > config.max_bandwidth
        ):
            return "The limit of the bandwidth is reached"
        return None

    def enter(self, request: Request) -> None:
        """Count one more client, until its connection is lost or its response complete."""
        address = one_host(client_host(request))
        self._by_address[address] += 1
        request.notifyFinish().addBoth(lambda _: self._leave(address))

    def _leave(self, address: str) -> None:
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]

    def _bandwidth(self) -> float:
        return sum(stream.client_bitrate * stream.audience for stream in self._streams.values())


def _reached(most: int, count: int) -> bool:
    return 0 < most <= count
