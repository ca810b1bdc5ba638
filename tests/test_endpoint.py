"""Certificates that are renewed while somebody is connected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.internet.ssl import ClientContextFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from mkvtwist.config import Config, ConfigError, Form, Input, StreamConfig
from mkvtwist.endpoint import Endpoint
from mkvtwist.server import Server
from tests.fakes import Log, Reactor, StillReader


def certificate(name: str) -> bytes:
    """A key and a certificate that it has signed itself, for a test."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return secret + made.public_bytes(Encoding.PEM)


class Echo(Protocol):
    """Says the same."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


class Client(Protocol):
    """Says something, and waits for it."""

    transport: Any

    def __init__(self) -> None:
        self.heard: Deferred[bytes] = Deferred()
        self.lost: Deferred[None] = Deferred()

    def ask(self) -> Deferred[bytes]:
        """What comes back."""
        self.heard = Deferred()
        self.transport.write(b"hello")
        return self.heard

    def connectionMade(self) -> None:
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        self.heard.callback(data)

    def connectionLost(self, reason: Failure = Failure(ConnectionError())) -> None:  # noqa: B008
        self.lost.callback(None)

    @property
    def name(self) -> str:
        """Whom the server says it is."""
        return str(self.transport.getPeerCertificate().get_subject().CN)


class AnyContext(ClientContextFactory):
    """A client that believes everything."""

    method = SSL.TLS_CLIENT_METHOD


class RenewTests(TestCase):
    """L{Endpoint}, over sockets."""

    timeout = 30  # a safety net

    def file(self, content: bytes, path: str | None = None) -> str:
        """A file with this in it."""
        name = path or str(self.mktemp())
        Path(name).write_bytes(content)
        return name

    async def connect(self, port: Any) -> Client:
        """A client that has heard something."""
        from twisted.internet import reactor

        client = Client()
        factory: Any = ClientFactory()
        factory.noisy = False
        factory.buildProtocol = lambda _: client
        host = port.getHost()
        connector = reactor.connectSSL("127.0.0.1", host.port, factory, AnyContext())  # type: ignore[attr-defined]
        self.addCleanup(lambda: (connector.disconnect(), client.lost)[1])
        self.assertEqual(await client.heard, b"hello")
        return client

    async def test_renew(self) -> None:
        """Who connects after it sees the new certificate; who was there goes on."""
        from twisted.internet import reactor

        path = self.file(certificate("old"))
        text = f"ssl:0:interface=127.0.0.1:privateKey={path}"
        endpoint = Endpoint(reactor, text)
        verifyObject(IOpenSSLServerConnectionCreator, endpoint)
        port = await endpoint.listen(Factory.forProtocol(Echo))
        self.addCleanup(port.stopListening)
        before = await self.connect(port)
        self.file(certificate("new"), path)
        self.assertEqual((await self.connect(port)).name, "old")
        endpoint.renew()
        after = await self.connect(port)
        self.assertEqual((before.name, after.name), ("old", "new"))
        self.assertEqual(await before.ask(), b"hello")
        self.file(b"nothing", path)
        self.assertRaises(ConfigError, endpoint.renew)
        self.assertEqual((await self.connect(port)).name, "new")


class ServerTests(SynchronousTestCase):
    """When it is done."""

    def test_plain(self) -> None:
        """An endpoint without certificates has none to renew."""
        reactor = Reactor()
        endpoint = Endpoint(reactor, "tcp:8080:interface=127.0.0.1")
        endpoint.listen(Factory())
        endpoint.renew()
        self.assertEqual([port[0] for port in reactor.tcpServers], [8080])

    def test_reload(self) -> None:
        """A reload renews those of listeners and of inputs; one that is bad is said, and stays."""
        StillReader.instead_of_real_ones(self)
        log = Log(self)
        path = Path(self.mktemp())
        path.write_bytes(certificate("old"))
        text = f"ssl:0:privateKey={path}"
        stream = StreamConfig(Input(Form.ENDPOINT, text))
        config = Config((stream,), (text,))
        reactor = Reactor()
        server = Server(reactor, config, lambda _: config)
        server.privilegedStartService()
        server.startService()
        self.addCleanup(server.stopService)
        self.assertEqual(len(reactor.tcpServers), 2)
        server.reload()
        self.assertEqual(log.about("stays the old one"), [])
        path.write_bytes(b"nothing")
        server.reload()
        self.assertEqual(len(log.about("stays the old one")), 2)
