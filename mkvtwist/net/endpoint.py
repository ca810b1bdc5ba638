"""
Endpoints where the server listens, with certificates that can be renewed (I{reactor}).

Twisted's C{ssl:} reads its files once. An L{Endpoint} can read them again: new connections get the
new certificate, and connections that are there go on. Everything else is what Twisted makes of the
string: C{ssl:} is given a reactor that listens in this way.

Recorded TLS cannot be read later with the certificate's key, whatever the endpoint: each session
has keys of its own (forward secrecy).
"""

import os
import re
from typing import Any

from OpenSSL import SSL, crypto
from OpenSSL.SSL import Connection
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import VerifyError
from twisted.internet.interfaces import IListeningPort, IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory
from twisted.internet.ssl import AcceptableCiphers
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from mkvtwist.config.values import ConfigError, unusable
from mkvtwist.net.twisted_private import use_ciphers

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""
The cipher suites of TLS 1.2, in OpenSSL's words: those of RFC 9325 (4.2), which have forward
secrecy and authenticated encryption. The suites of TLS 1.3 all have both.
"""

_FILES = re.compile(r":(?:privateKey|certKey|extraCertChain|dhParameters)=((?:\\.|[^:\\])*)")

TLS_PROBLEMS = (SSL.Error, crypto.Error, VerifyError)
"""The exceptions for a certificate or a key that cannot be used."""


@implementer(IOpenSSLServerConnectionCreator)
class Endpoint:
    """A server endpoint."""

    def __init__(self, reactor: Any, text: str) -> None:
        """
        @param text: an endpoint, as C{serverFromString} of Twisted understands it.
        """
        self._reactor = reactor
        self._text = text
        self._options: Any = None
        if _has_tls(text):
            _require_forward_secrecy()
        self._endpoint = serverFromString(self, text)

    def listen(self, factory: Any) -> Deferred[IListeningPort]:
        """Begin to listen; a Deferred that fails tells why that is impossible."""
        port: Deferred[IListeningPort] = self._endpoint.listen(factory)
        return port

    def renew(self) -> None:
        """
        Read the certificates again, if there are any.

        @raise ConfigError: if they cannot be used; the certificates from before hold.
        """
        if self._options is None:
            return
        reader = _CertificateReader()
        try:
            check_files(self._text)
            listening = serverFromString(reader, self._text).listen(Factory())
        except ConfigError as error:
            mistakes = list(error.args)
        except Exception as error:  # noqa: BLE001 - whatever reads them raises what it likes
            mistakes = [explain(self._text, error)]
        else:
            mistakes = []
            listening.addErrback(lambda why: mistakes.append(explain(self._text, why.value)))
        if mistakes:
            raise ConfigError(f"{mistakes[0]}; the certificate stays the old one")
        self._options = reader.options

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> Connection:
        """Return the TLS of a new connection, with the newest certificate."""
        return Connection(self._options.getContext(), None)

    # the reactor, for what the string makes

    def listenSSL(
        self, port: int, factory: Any, contextFactory: Any, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        """Listen for TLS, with certificates that can be renewed."""
        self._options = contextFactory
        found: IListeningPort = self._reactor.listenTCP(
            port, TLSMemoryBIOFactory(self, False, factory), backlog, interface
        )
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)


class _CertificateReader:
    """A reactor that listens nowhere, but reads the certificates."""

    options: Any = None

    def listenSSL(self, port: int, factory: Any, contextFactory: Any, **options: Any) -> None:
        """Keep the certificates."""
        contextFactory.getContext()  # finds a key that belongs to another certificate
        self.options = contextFactory


def check_files(text: str) -> None:
    """
    Check that the files which an endpoint names can be read.

    @raise ConfigError: for the first that cannot be read, with what to do.
    """
    named = [re.sub(r"\\(.)", r"\1", path) for path in _FILES.findall(text)]
    kind, _, rest = text.partition(":")
    for path in named:
        try:
            with open(path, "rb"):
                pass
        except (OSError, ValueError) as error:
            raise ConfigError(f"{text!r}: {unusable(path, error)}") from None
    if kind == "tls":
        folder = re.sub(r"\\(.)", r"\1", re.split(r"(?<!\\):", rest)[0])
        try:
            os.listdir(folder)
        except (OSError, ValueError) as error:
            raise ConfigError(f"{text!r}: {unusable(folder, error)}") from None


def explain(text: str, error: BaseException) -> str:
    """
    Return a message for the user: what is wrong with an endpoint, and what to do.

    @param text: the endpoint.
    @param error: what Twisted raised when it read the text, or the files that the text names.
    """
    if isinstance(error, OSError) and error.filename is not None:
        return f"{text!r}: {unusable(os.fsdecode(error.filename), error)}"
    if isinstance(error, TLS_PROBLEMS) or (_has_tls(text) and "PEM" in str(error)):
        return (
            f"{text!r}: the certificate or its key cannot be used: {_reason(error)}; privateKey"
            " must name a private key without a passphrase, certKey the certificate that belongs"
            " to it, both in PEM"
        )
    return (
        f"{text!r} is not a Twisted server endpoint, such as tcp:8080 or"
        f" tcp:8080:interface=127.0.0.1 ({error})"
    )


def _reason(error: BaseException) -> str:
    """
    Return the text of an error; OpenSSL has a list of errors, the last of which names the cause.
    """
    said = error.args[0] if error.args else ""
    if isinstance(said, list):
        said = next((words[-1] for words in reversed(said) if words[-1]), "")
    return str(said) or type(error).__name__


def _has_tls(text: str) -> bool:
    return re.search(r"\b(ssl|tls)\b", text) is not None


def _require_forward_secrecy() -> None:
    """Have all TLS of this process use L{CIPHERS}."""
    use_ciphers(AcceptableCiphers.fromOpenSSLCipherString(CIPHERS))
