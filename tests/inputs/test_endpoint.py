"""Inputs at an endpoint."""

from __future__ import annotations

import socket

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IPushProducer, ITransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mkvtwist.testing import Reactor
from tests.support.inputs import MemoryTransport, SenderTestCase


class Occupied(Reactor):
    """A reactor all of whose ports are taken."""

    def listenTCP(self, port: int, *_: object, **__: object) -> IListeningPort:
        """Fail, as the kernel does."""
        raise CannotListenError("", port, OSError(98, "Address already in use"))


class EndpointTests(SenderTestCase):
    """Endpoints that senders connect to."""

    def test_listening(self) -> None:
        """The input listens at the endpoint, logs the address, and waits."""
        self.assertEqual(self.reactor.tcpServers[0][0], 12345)
        self.assertEqual(self.service.life.state, "waiting for a sender")
        self.assertEqual(len(self.log.about("waiting for a sender at 0.0.0.0:12345")), 1)
        self.assertEqual(self.readers, [])

    def test_keep_alive(self) -> None:
        """A sender whose machine vanishes is noticed: its socket is kept alive."""
        sender = self.connect()
        handle = sender.transport.getHandle()
        self.assertTrue(handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
        idle = handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
        self.assertEqual(idle, 10)

    def test_tls(self) -> None:
        """A sender over TLS, whose handle is no socket, is let in as well."""
        sender = self.connect(handle=object())
        self.send(sender)
        self.assertEqual(len(self.readers), 1)

    def test_stop_while_waiting(self) -> None:
        """With no sender there is nothing to wait for; one that comes now is turned away."""
        early = self.connect()
        self.successResultOf(self.service.stopService())
        self.send(early)
        self.assertTrue(self.turned_away(early))
        self.assertEqual(self.readers, [])

    def test_deaf(self) -> None:
        """An input that cannot listen has ended, and says why."""
        self.reactor = Occupied()
        service = self.start("tcp:12345")
        self.assertEqual(service.life.state, "ended")
        self.assertEqual(service.life.reason, "nobody can connect: Address already in use")
        (line,) = self.log.about("Address already")
        self.assertEqual(line, "stream live: cannot listen at tcp:12345: Address already in use")
        self.assertEqual(self.ends, [service])

    def test_renew(self) -> None:
        """To read the certificates of an input that has none is nothing."""
        self.service.renew()
        self.start("film.mkv").renew()
        self.start("http").renew()

    def test_reason(self) -> None:
        """Viewers read it, too: it names neither where senders connect, nor who they were."""
        service = self.start("tcp:12345:interface=127.0.0.1")
        self.assertEqual(service.life.reason, "nobody has connected yet")
        self.connect().connectionLost()
        self.assertEqual(service.life.reason, "the last sender left without sending anything")


class TransportTests(SynchronousTestCase):
    """The stand-in fits where it stands in."""

    def test_transport(self) -> None:
        """The transport in memory is one."""
        verifyObject(ITransport, MemoryTransport(1))
        verifyObject(IPushProducer, MemoryTransport(1))
