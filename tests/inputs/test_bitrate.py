"""The bitrate of an input, held against what is allowed."""

from __future__ import annotations

import socket
from typing import Any

from mkvtwist.testing import footage, header
from tests.support.inputs import InputTestCase, MemoryTransport


class GuardTests(InputTestCase):
    """An input that brings more than it may."""

    def test_sender(self) -> None:
        """A sender is disconnected, with a reason; the next one is waited for, and clients stay."""
        service = self.start("tcp:12345", max_bitrate=8_000)
        factory: Any = self.reactor.tcpServers[-1][1]
        sender = factory.buildProtocol(None)
        sender.makeConnection(MemoryTransport(5001, handle := socket.socket()))
        self.addCleanup(handle.close)
        sender.dataReceived(b"media")
        response = self.watch()
        self.emit(header(), *footage(0, 5, size=100))
        self.emit(*footage(5, 9, size=100))
        self.assertEqual(service.life.state, "live")
        self.emit(*footage(9, 11, size=1000))
        self.assertEqual(service.life.state, "waiting for a sender")
        self.assertEqual(service.life.reason, "more than 8000 bits per second")
        self.assertTrue(sender.transport.disconnected)
        self.assertTrue(self.reader.stopped)
        self.assertFalse(response.ended)
        self.assertEqual(len(self.log.about("more than 8000 bits per second")), 1)

    def test_url(self) -> None:
        """Any other input is closed, and opened again after a pause."""
        service = self.start("http://host/", max_bitrate=8_000)
        self.emit(header(), *footage(0, 1, size=10_000))
        self.assertEqual(service.life.state, "retrying")
        self.assertIn("more than 8000 bits per second", service.life.reason)
        self.emit(header(), *footage(1, 2))
        self.assertEqual(service.life.state, "retrying")

    def test_average(self) -> None:
        """A burst is none of its business, as long as the seconds around it make up for it."""
        service = self.start(max_bitrate=8_000)
        self.emit(header())
        for second in range(0, 60, 5):
            self.emit(*footage(second, second + 0.1, size=4_900))
            self.emit(*footage(second + 1, second + 5, rate=1, size=20))
        self.assertEqual(service.life.state, "live")

    def test_no_limit(self) -> None:
        """Without a limit there is none."""
        service = self.start()
        self.emit(header(), *footage(0, 1, size=1_000_000))
        self.assertEqual(service.life.state, "live")
