"""
Where one listens, as Twisted's endpoint strings say it, with certificates that can be renewed
(I{reactor}).

C{ssl:} reads its files once. Here they can be read again: whoever connects from then on is shown
the new certificate, and nobody who is there notices. Everything else is what Twisted makes of the
string: C{ssl:} is told a reactor that listens for it in this way.
"""

from typing import Any

from OpenSSL.SSL import Connection
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort, IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from mkvtwist.config import ConfigError


@implementer(IOpenSSLServerConnectionCreator)
class Endpoint:
    """A server endpoint."""

    def __init__(self, reactor: Any, text: str) -> None:
        """
        @param text: what L{serverFromString} understands.
        """
        self._reactor = reactor
        self._text = text
        self._options: Any = None
        self._endpoint = serverFromString(self, text)

    def listen(self, factory: Any) -> Deferred[IListeningPort]:
        """Begin to listen."""
        port: Deferred[IListeningPort] = self._endpoint.listen(factory)
        return port

    def renew(self) -> None:
        """
        Read the certificates again, if there are any.

        @raise ConfigError: when they cannot be used; what was read before holds.
        """
        if self._options is None:
            return
        reader = _Reader()
        try:
            serverFromString(reader, self._text).listen(Factory())
        except Exception as error:  # noqa: BLE001 - whatever reads them raises what it likes
            raise ConfigError(
                f"{self._text!r}: the certificate stays the old one: {error}"
            ) from None
        self._options = reader.options

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> Connection:
        """For each that connects."""
        return Connection(self._options.getContext(), None)

    # the reactor, for what the string makes

    def listenSSL(
        self, port: int, factory: Any, contextFactory: Any, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        """Listen for TLS with certificates that this has read."""
        self._options = contextFactory
        found: IListeningPort = self._reactor.listenTCP(
            port, TLSMemoryBIOFactory(self, False, factory), backlog, interface
        )
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)


class _Reader:
    """A reactor that listens nowhere, but takes the certificates."""

    options: Any = None

    def listenSSL(self, port: int, factory: Any, contextFactory: Any, **options: Any) -> None:
        """Only what is wanted."""
        self.options = contextFactory
