"""
The private parts of Twisted that mkvtwist relies on: each test names one, and fails with the
release that has changed it.
"""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

from twisted import __version__
from twisted.internet import _sslverify
from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import AcceptableCiphers, CertificateOptions
from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import HTTPChannel

from mkvtwist.net.twisted_private import call_when_writable, refuses_with, use_ciphers

CHECKOUT = Path(__file__).parents[2]


class Watcher:
    """A reactor that notes which descriptors wait to write."""

    def __init__(self) -> None:
        self.writers: set[Any] = set()

    def addWriter(self, writer: Any) -> None:  # noqa: N802 - the interface's name
        self.writers.add(writer)

    def removeWriter(self, writer: Any) -> None:  # noqa: N802
        self.writers.discard(writer)

    def removeReader(self, _: Any) -> None:  # noqa: N802
        pass


class Producer:
    """One that notes that it is resumed."""

    resumed = 0

    def resumeProducing(self) -> None:
        self.resumed += 1

    def pauseProducing(self) -> None:
        pass

    def stopProducing(self) -> None:
        pass


class TwistedTests(SynchronousTestCase):
    """L{mkvtwist.net.twisted_private}."""

    def name(self, part: str) -> str:
        """What a failure says."""
        return (
            f"{part} is no longer what mkvtwist.net.twisted_private takes it for: Twisted"
            f" {__version__} has changed it"
        )

    def test_bad_requests(self) -> None:
        """C{HTTPChannel._respondToBadRequestAndDisconnect} is called for what is no request."""

        @refuses_with("refuse")
        class Channel(HTTPChannel):
            refused = 0

            def refuse(self) -> None:
                self.refused += 1

        part = "twisted.web.http.HTTPChannel._respondToBadRequestAndDisconnect"
        for data in (b"nonsense\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"):
            channel: Any = Channel()
            channel.makeConnection(StringTransport(peerAddress=IPv4Address("TCP", "x", 1)))
            channel.setTimeout(None)
            channel.dataReceived(data)
            self.assertGreater(channel.refused, 0, self.name(part))
            self.assertEqual(channel.transport.value(), b"", self.name(part))

    def test_producer_paused(self) -> None:
        """C{FileDescriptor.producerPaused} and an empty buffer resume the producer."""
        part = "twisted.internet.abstract.FileDescriptor.producerPaused"
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        watcher: Any = Watcher()
        producer = Producer()
        transport: Any = Connection(ours, Protocol(), watcher)
        transport.connected = True
        transport.registerProducer(producer, True)
        call_when_writable(transport)
        self.assertIn(transport, watcher.writers, self.name(part))
        transport.doWrite()
        self.assertEqual(producer.resumed, 1, self.name(part))

    def test_default_ciphers(self) -> None:
        """C{_sslverify.defaultCiphers} is what certificates are read with."""
        part = "twisted.internet._sslverify.defaultCiphers"
        before = _sslverify.defaultCiphers
        self.addCleanup(use_ciphers, before)
        use_ciphers(AcceptableCiphers.fromOpenSSLCipherString("ECDHE+AES256+AESGCM"))
        context = CertificateOptions().getContext()
        names = _cipher_names(context)
        self.assertTrue(names, self.name(part))
        for name in names:
            self.assertRegex(name, "^(TLS_|ECDHE-.*AES256-GCM)", self.name(part))

    def test_bound(self) -> None:
        """The newest release that was tried is the one that may be installed."""
        text = (CHECKOUT / "pyproject.toml").read_text()
        (bound,) = re.findall(r'"Twisted\[tls\]>=[0-9.]+,<([0-9]+)\.([0-9]+)"', text)
        tried = tuple(map(int, __version__.split(".")[:2]))
        self.assertLess(tried, tuple(map(int, bound)))


def _cipher_names(context: Any) -> list[str]:
    """Return the names of the cipher suites of a context."""
    from OpenSSL.SSL import Connection as TLSConnection

    names: list[str] = TLSConnection(context, None).get_cipher_list()
    return names
