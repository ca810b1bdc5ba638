"""Whose word is taken on where a request comes from."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.testing import StringTransport

from mkvtwist.config.rule import AccessRule
from mkvtwist.config.settings import Config
from tests.support.fakes import answer
from tests.support.site import SiteTestCase


class ProxyTests(SiteTestCase):
    """Whose word is taken on where a request comes from."""

    def peer(self, *forwarded: str, near: str = "192.0.2.7") -> str:
        """Where a client is said to be from."""
        address = (IPv6Address if ":" in near else IPv4Address)("TCP", near, 5000)
        protocol: Any = self.site.buildProtocol(address)
        protocol.makeConnection(StringTransport(peerAddress=address))
        lines = [f"X-Forwarded-For: {text}" for text in forwarded]
        head = ["GET /live.mkv HTTP/1.1", "Host: x", *lines, "", ""]
        protocol.dataReceived("\r\n".join(head).encode("latin-1"))
        (client,) = self.stream.fanout.clients
        self.stream.fanout.leave(client, "the test goes on")
        return client.statistics().peer

    def trust(self, *networks: str) -> None:
        """These proxies' word is taken."""
        trusted = tuple(ipaddress.ip_network(text) for text in networks)
        self.site.configure(Config((), trusted_proxies=trusted))

    def test_nobody(self) -> None:
        """Nobody's word is taken unless that is said."""
        self.assertEqual(self.peer("203.0.113.9"), "192.0.2.7:5000")
        self.trust("10.0.0.0/8")
        self.assertEqual(self.peer("203.0.113.9"), "192.0.2.7:5000")

    def test_last(self) -> None:
        """Of what a proxy says the last one holds that is not a proxy itself."""
        self.trust("192.0.2.0/24", "10.0.0.1")
        self.assertEqual(self.peer("203.0.113.9"), "203.0.113.9:0")
        self.assertEqual(self.peer("1.2.3.4, 203.0.113.9, 10.0.0.1"), "203.0.113.9:0")
        self.assertEqual(self.peer("1.2.3.4", "2001:db8::1"), "[2001:db8::1]:0")
        self.assertEqual(self.peer("10.0.0.1"), "10.0.0.1:0")

    def test_nonsense(self) -> None:
        """What is no address is not taken for one."""
        self.trust("192.0.2.0/24")
        for text in ("", "unknown", "203.0.113.9:80", "a\x1b[31m", ","):
            self.assertEqual(self.peer(text), "192.0.2.7:5000", text)
        self.assertEqual(self.peer("203.0.113.9, unknown, 192.0.2.1"), "192.0.2.1:0")
        self.assertEqual(self.peer(), "192.0.2.7:5000")

    def test_both_families(self) -> None:
        """IPv4 that comes through a socket of IPv6 is IPv4: for people, rules and proxies."""
        mapped = "::ffff:192.0.2.7"
        self.assertEqual(self.peer(near=mapped), "192.0.2.7:5000")
        self.assertIn("192.0.2.7:5000", self.log.about("joined")[-1])
        self.trust("192.0.2.0/24")
        self.assertEqual(self.peer("203.0.113.9", near=mapped), "203.0.113.9:0")
        denied = AccessRule(deny=(ipaddress.ip_network("192.0.2.7"),))
        self.site.configure(Config((replace(self.stream.config, watch=denied),)))
        self.stream.configure(replace(self.stream.config, watch=denied))
        self.assertRaises(ValueError, self.peer, near=mapped)  # nobody has joined

    def test_one_address(self) -> None:
        """An address counts once, by whichever socket it comes."""
        self.site.configure(Config((), max_clients_per_address=1))
        self.connect().ask("/live.mkv")
        peer = IPv6Address("TCP", "::ffff:192.0.2.7", 5001)
        protocol: Any = self.site.buildProtocol(peer)
        transport = StringTransport(peerAddress=peer)
        protocol.makeConnection(transport)
        protocol.dataReceived(b"GET /live.mkv HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(answer(transport.value()).status, 503)
