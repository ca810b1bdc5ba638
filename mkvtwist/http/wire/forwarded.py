"""
The client's address behind proxies, as C{X-Forwarded-For} has it (I{reactor}).
"""

from collections.abc import Sequence

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

from mkvtwist.config.values import Network
from mkvtwist.net.addresses import parse_address, within


def client_address(
    connected: IAddress, lines: Sequence[bytes], trusted: Sequence[Network]
) -> IAddress:
    """
    Return the address of the client: the one that a trusted proxy has its request from.

    Each proxy adds at the end from where it was asked. What stands before the last address that is
    not trusted may be anything.

    @param connected: the address of the connection.
    @param lines: the values of C{X-Forwarded-For}.
    @param trusted: the networks of proxies that are believed.
    """
    if not trusted or not within(getattr(connected, "host", None), trusted):
        return connected
    address = connected
    words = b",".join(lines).decode("latin-1").split(",")
    for text in reversed([word.strip() for word in words]):
        found = parse_address(text or "?")
        if found is None:
            break
        kind = IPv4Address if found.version == 4 else IPv6Address
        address = kind("TCP", str(found), 0)
        if not within(str(found), trusted):
            break
    return address
