"""Endpoints, tried before the server listens there."""

import errno
import os
import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.server.ports import PortCheck, PortProbe


class FreeProbe(PortProbe):
    """A probe for which every port is free."""

    def __init__(self) -> None:
        super().__init__()
        self.tried: list[tuple[int, str]] = []
        """The port and the interface of each."""

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> None:
        self.tried.append((port, interface))


class RootsProbe(PortProbe):
    """A probe for which every port is for root alone."""

    def listenTCP(self, *arguments: Any, **options: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


class PortTests(SynchronousTestCase):
    """L{PortCheck} and L{PortProbe}."""

    def test_low_port(self) -> None:
        """A port that only root may use is said to be one."""
        check = PortCheck((), may_be_taken=False, probe=RootsProbe())
        said = check.problem("tcp:80") or ""
        self.assertIn("cannot listen at 'tcp:80': Permission denied; a port below 1024", said)

    def test_twice(self) -> None:
        """Two endpoints cannot be one, but each that takes a free port is another."""
        check = PortCheck((), may_be_taken=False, probe=FreeProbe())
        self.assertIsNone(check.problem("tcp:80"))
        self.assertIn("twice", check.problem("tcp:80") or "")
        for _ in range(2):
            self.assertIsNone(check.problem("tcp:0"))

    def test_held(self) -> None:
        """A port where this process listens is not tried."""
        probe = FreeProbe()
        check = PortCheck({"ssl:80:privateKey=x"}, may_be_taken=False, probe=probe)
        self.assertTrue(check.others_may_listen)
        self.assertIsNone(check.problem("tcp:80"))
        self.assertIsNone(check.problem("tcp:81"))
        self.assertEqual(probe.tried, [(81, "")])

    def test_ssl(self) -> None:
        """A TLS endpoint's port is tried like any other."""
        probe = PortProbe()
        self.addCleanup(probe.close)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.assertRaises(OSError, probe.listenSSL, port, None, None, interface="127.0.0.1")
