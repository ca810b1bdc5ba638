"""Certificates that are renewed while somebody is connected."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
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
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from mkvtwist.config.input import Form, Input
from mkvtwist.config.settings import Config, StreamConfig
from mkvtwist.config.values import ConfigError
from mkvtwist.net.endpoint import Endpoint, explain
from mkvtwist.server.ports import PortCheck, PortProbe
from mkvtwist.server.server import Server
from mkvtwist.testing import FakeReaders, Reactor
from tests.support.fakes import Log


def certificate(name: str, *, rsa: bool = False) -> bytes:
    """A key and a certificate that it has signed itself, for a test."""
    key: Any = ec.generate_private_key(ec.SECP256R1())
    if rsa:
        key = generate_private_key(65537, 2048)
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
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem: bytes = secret + made.public_bytes(Encoding.PEM)
    return pem


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


class CipherTests(TestCase):
    """What TLS is spoken, over sockets."""

    timeout = 30  # a safety net

    async def shake_hands(self, text: str, ciphers: str) -> str | None:
        """The cipher that a client of TLS 1.2 with these ciphers agrees upon, if any."""
        from twisted.internet import reactor

        port: Any = await Endpoint(reactor, text).listen(Factory.forProtocol(Protocol))
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        client.set_ciphers(ciphers)

        def connect() -> str | None:
            with socket.create_connection(("127.0.0.1", port.getHost().port), 10) as plain:
                try:
                    with client.wrap_socket(plain, server_hostname="tv.example") as secured:
                        found = secured.cipher()
                        return found[0] if found else None
                except (ssl.SSLError, ConnectionError):
                    return None

        try:
            return await deferToThread(connect)
        finally:
            await port.stopListening()

    def folder(self) -> Path:
        """A folder with a certificate that every key exchange could use."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "server.pem").write_bytes(certificate("tv.example", rsa=True))
        return folder

    async def test_forward_secrecy(self) -> None:
        """No session can be read later with the certificate's key, whatever the endpoint's kind."""
        folder = self.folder()
        for text in (
            f"ssl:0:interface=127.0.0.1:privateKey={folder}/server.pem",
            f"tls:{folder}:0:interface=127.0.0.1",
        ):
            self.assertIsNotNone(await self.shake_hands(text, "ECDHE+AESGCM"))
            for weak in ("kRSA:@SECLEVEL=0", "DHE:@SECLEVEL=0", "SHA1:SHA256:SHA384:@SECLEVEL=0"):
                self.assertIsNone(await self.shake_hands(text, weak), (text, weak))


class MistakeTests(SynchronousTestCase):
    """What is said of files that an endpoint names."""

    def setUp(self) -> None:
        """Two certificates, each with its key."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        for name in ("a", "b"):
            key, mark, made = certificate(name).partition(b"-----BEGIN CERTIFICATE")
            (self.folder / f"{name}.key").write_bytes(key)
            (self.folder / f"{name}.pem").write_bytes(mark + made)
        (self.folder / "empty").touch()

    def said(self, **files: str) -> str:
        """What the check says of an endpoint with these files."""
        named = ":".join(f"{key}={self.folder / name}" for key, name in files.items())
        places = PortCheck((), may_be_taken=False, probe=PortProbe())
        self.addCleanup(places.close)
        return places.problem(f"ssl:0:interface=127.0.0.1:{named}") or ""

    def test_right(self) -> None:
        """Files that can be used are."""
        self.assertEqual(self.said(privateKey="a.key", certKey="a.pem"), "")

    def test_unusable(self) -> None:
        """A file that cannot be read, or has something else in it, is named, with what to do."""
        for files, words in (
            ({"privateKey": "none.key", "certKey": "a.pem"}, ("none.key", "No such file")),
            ({"privateKey": "a.key", "certKey": "."}, ("Is a directory",)),
            ({"privateKey": "a.key", "certKey": "a.pem", "extraCertChain": "no"}, ("/no'",)),
            ({"privateKey": "a.key", "certKey": "empty"}, ("PEM", "certKey")),
            ({"privateKey": "empty", "certKey": "a.pem"}, ("PEM", "privateKey")),
            ({"privateKey": "a.key", "certKey": "b.pem"}, ("do not match", "belongs to it")),
            (
                {"privateKey": "a.key", "certKey": "a.pem", "extraCertChain": "empty"},
                ("PEM",),
            ),
        ):
            said = self.said(**files)
            for word in words:
                self.assertIn(word, said)
            self.assertNotIn("is not a Twisted server endpoint", said)

    def test_forbidden(self) -> None:
        """A key that the server's user may not read is not taken for a mistake in the endpoint."""
        refused = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/a.key")
        said = explain("ssl:0:privateKey=/a.key", refused)  # root may read everything
        self.assertIn("'/a.key': Permission denied; let the user", said)

    def test_folder(self) -> None:
        """The folder of certificates of C{tls:} has to be there."""
        places = PortCheck((), may_be_taken=False, probe=PortProbe())
        self.addCleanup(places.close)
        said = places.problem(f"tls:{self.folder}/none:0")
        self.assertIn(f"'{self.folder}/none': No such file", said or "")

    def test_renewed(self) -> None:
        """A renewal names the file as well, and changes nothing."""
        reactor = Reactor()
        path = self.folder / "a.key"
        made = Endpoint(reactor, f"ssl:0:privateKey={path}:certKey={self.folder}/a.pem")
        made.listen(Factory())
        for spoil in (lambda: path.write_bytes(certificate("c")), path.unlink):
            spoil()
            with self.assertRaises(ConfigError) as caught:
                made.renew()
            self.assertIn("the certificate stays the old one", str(caught.exception))
            self.assertIn("a.key", str(caught.exception))


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
        log = Log(self)
        path = Path(self.mktemp())
        path.write_bytes(certificate("old"))
        text = f"ssl:0:privateKey={path}"
        stream = StreamConfig(Input(Form.ENDPOINT, text))
        config = Config((stream,), (text,))
        reactor = Reactor()
        server = Server(reactor, config, lambda _: config, start_reader=FakeReaders())
        server.privilegedStartService()
        server.startService()
        self.addCleanup(server.stopService)
        self.assertEqual(len(reactor.tcpServers), 2)
        server.reload()
        self.assertEqual(log.about("stays the old one"), [])
        path.write_bytes(b"nothing")
        server.reload()
        self.assertEqual(len(log.about("stays the old one")), 2)
