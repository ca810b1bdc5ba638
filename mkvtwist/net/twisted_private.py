"""
The private parts of Twisted that mkvtwist relies on, and its only use of them (I{reactor}).

Twisted has no public way for any of these. So C{pyproject.toml} has an upper bound on its version,
and C{tests.net.test_twisted_private} names the part that a new release has changed.
L{mkvtwist.server.process} has those that concern the whole process.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet import _sslverify
from twisted.internet.interfaces import IAcceptableCiphers

ChannelClass = TypeVar("ChannelClass", bound=type)


def refuses_with(name: str) -> Callable[[ChannelClass], ChannelClass]:
    """
    Return a decorator for a class of HTTP channels, one of whose methods is called for a request
    that Twisted cannot read, in place of Twisted's own response.

    @param name: the method's name.
    """

    def decorate(cls: ChannelClass) -> ChannelClass:
        vars(cls)[name]  # it is the class's own
        setattr(cls, "_respondToBadRequestAndDisconnect", getattr(cls, name))  # noqa: B010 - private
        return cls

    return decorate


def call_when_writable(transport: Any) -> None:
    """
    Have the producer of a TCP connection resumed as soon as the socket has room, although nothing
    was written through the transport: an empty buffer resumes a producer that is paused.
    """
    transport.producerPaused = True
    transport.startWriting()


def use_ciphers(ciphers: IAcceptableCiphers) -> None:
    """
    Have all TLS of this process use these ciphers by default. Twisted looks at them wherever it
    reads certificates, for C{tls:} again and again.
    """
    _sslverify.defaultCiphers = ciphers
