"""How many clients may watch at once."""

from __future__ import annotations

import ipaddress

from mkvtwist.config.settings import Config
from tests.support.site import Connection, SiteTestCase


class ClientLimitsTests(SiteTestCase):
    """How many may watch at once."""

    def join(self, target: str = "/live.mkv", **headers: str) -> Connection:
        """A client that stays, or is refused."""
        connection = self.connect()
        connection.ask(target, **headers)
        return connection

    def test_total(self) -> None:
        """All streams' clients together are so many at most."""
        other = self.add("other")
        self.site.configure(Config((), max_clients_total=2))
        first = self.join()
        self.join("/other.mkv")
        for target in ("/live.mkv", "/other.mkv"):
            got = self.get(target)
            self.assertEqual(got.status, 503)
            self.assertEqual(
                got.text, "The limit of 2 clients of all streams is reached; try again later.\n"
            )
            self.assertEqual(got.headers["retry-after"], "5")
        first.lose()
        self.join("/other.mkv")
        self.assertEqual(len(other.fanout.clients), 2)

    def test_address(self) -> None:
        """One address has so many clients at most; whoever goes makes room."""
        self.site.configure(
            Config(
                (), max_clients_per_address=1, trusted_proxies=(ipaddress.ip_network("0.0.0.0/0"),)
            )
        )
        first = self.join(X_Forwarded_For="203.0.113.1")
        self.assertEqual(self.get("/live.mkv", X_Forwarded_For="203.0.113.1").status, 503)
        self.assertEqual(self.get("/live.mkv", X_Forwarded_For="203.0.113.2").status, 200)
        self.assertEqual(self.get("/status", X_Forwarded_For="203.0.113.1").status, 200)
        first.lose()
        self.assertEqual(self.get("/live.mkv", X_Forwarded_For="203.0.113.1").status, 200)
        self.join(X_Forwarded_For="2001:db8::1")
        for host, status in (("2001:db8::2", 503), ("2001:db8:0:1::1", 200)):  # a host has a /64
            got = self.get("/live.mkv", X_Forwarded_For=host)
            self.assertEqual(got.status, status, host)

    def test_bandwidth(self) -> None:
        """Nobody joins who would need more than there is."""
        period = self.stream.publisher.period
        assert period is not None
        bitrate = period.ring.bitrate(5_000_000)
        self.add("unknown")
        self.site.configure(Config((), max_bandwidth=int(2.5 * bitrate)))
        self.join()
        self.join()
        self.assertEqual(self.get("/live.mkv").status, 503)
        self.join("/unknown.mkv")  # of which nothing is known yet
        self.assertEqual(len(self.stream.fanout.clients), 2)

    def test_bandwidth_of_a_pause(self) -> None:
        """While the input is away, a client counts as much as when it is back."""
        period = self.stream.publisher.period
        assert period is not None
        bitrate = period.ring.bitrate(5_000_000)
        self.site.configure(Config((), max_bandwidth=int(1.5 * bitrate)))
        self.join()
        self.reactor.advance(10.0)
        self.assertEqual(self.stream.statistics().bitrate, 0.0)
        self.assertEqual(self.get("/live.mkv").status, 503)
