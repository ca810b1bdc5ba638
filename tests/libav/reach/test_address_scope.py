"""The distance of an address, however it is written."""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.libav.reach.address_scope import Scope, scope_of, scope_of_host


class ScopeTests(SynchronousTestCase):
    """How near an address is."""

    def test_addresses(self) -> None:
        """Also one that is written as another kind."""
        for scope, addresses in (
            (Scope.MACHINE, "127.0.0.1 127.9.9.9 ::1 0.0.0.0 :: ::ffff:127.0.0.1 64:ff9b::7f00:1"),
            (Scope.MACHINE, "224.0.0.1 ff02::1 2002:7f00:1::"),
            (Scope.LINK, "169.254.169.254 fe80::1 ::ffff:169.254.1.1"),
            (Scope.PRIVATE, "10.250.1.1 172.31.255.1 192.168.254.253 100.64.0.1 fd00::1"),
            (Scope.WORLD, "1.1.1.1 2606:4700:4700::1111 ::ffff:1.1.1.1"),
        ):
            for address in addresses.split():
                self.assertEqual(scope_of(address), scope, address)

    def test_own(self) -> None:
        """Whatever addresses this machine has, they are its own."""
        for found in socket.getaddrinfo(socket.gethostname(), None):
            self.assertEqual(scope_of(str(found[4][0])), Scope.MACHINE)

    def test_host(self) -> None:
        """A name counts as the nearest of its addresses."""
        self.assertEqual(scope_of_host("localhost"), Scope.MACHINE)
