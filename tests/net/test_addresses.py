"""IP addresses: what counts as one host, and what as this machine."""

from __future__ import annotations

import ipaddress

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.net.addresses import is_loopback, means_loopback, one_host, parse_address, within


class AddressTests(SynchronousTestCase):
    """L{mkvtwist.net.addresses}."""

    def test_parse(self) -> None:
        """An address is what it means; a zone is no part of it."""
        self.assertEqual(str(parse_address("::ffff:192.0.2.7")), "192.0.2.7")
        self.assertEqual(str(parse_address("fe80::1%eth0")), "fe80::1")
        self.assertIsNone(parse_address("192.0.2.256"))

    def test_one_host(self) -> None:
        """One host is an address in IPv4, and a network in IPv6."""
        self.assertEqual(one_host("192.0.2.7"), "192.0.2.7")
        self.assertEqual(one_host("2001:db8::7"), "2001:db8::/64")

    def test_within(self) -> None:
        """An address is in a network whichever way it is written; what is none is nowhere."""
        network = ipaddress.ip_network("192.0.2.0/28")
        self.assertTrue(within("::ffff:192.0.2.7", [network]))
        self.assertFalse(within("192.0.2.16", [network]))
        self.assertFalse(within("nonsense", [network]))

    def test_loopback(self) -> None:
        """Loopback addresses are this machine, and so is a client without an address."""
        for host in ("127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1", None):
            self.assertTrue(is_loopback(host), host)
        for host in ("192.0.2.7", "::2", "nonsense", "localhost"):
            self.assertFalse(is_loopback(host), host)

    def test_names(self) -> None:
        """Names that resolve to nothing but this machine are as good as its addresses."""
        for name in ("localhost", "tv.localhost", "127.0.0.1", "::1"):
            self.assertTrue(means_loopback(name), name)
        for name in ("localhost.example", "tv.example", "192.0.2.7"):
            self.assertFalse(means_loopback(name), name)
