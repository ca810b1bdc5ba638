"""
The distance of an address: this machine, link, private network, world (I{any thread}).

A playlist from the internet must not name a machine of the local network.
"""

import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum


class Scope(IntEnum):
    """A distance: a playlist reaches addresses that are at least as far as its own."""

    MACHINE = 0
    """This machine: loopback, and its own addresses."""
    LINK = 1
    """The machines on the same wire."""
    PRIVATE = 2
    """Networks that the internet does not reach (RFC 1918, RFC 4193, RFC 6598)."""
    WORLD = 3


_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 addresses as NAT64 writes them (RFC 6052)."""


def scope_of(address: str) -> Scope:
    """
    Return how near an address is.

    @param address: as C{getaddrinfo} writes it; C{fe80::1%eth0} may have a zone.
    """
    found: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        hidden = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if found in _TRANSLATED:
            hidden = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        found = hidden or found
    if found.is_loopback or found.is_unspecified or found.is_multicast or _is_own(str(found)):
        return Scope.MACHINE
    if found.is_link_local:
        return Scope.LINK
    return Scope.WORLD if found.is_global else Scope.PRIVATE


def _is_own(address: str) -> bool:
    """Return whether an address is this machine's own: packets to it come from the same address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as line:
        line.connect((address, 9))  # UDP: nothing is sent
        return bool(line.getsockname()[0] == address)
    return False


def scope_of_host(host: str, scope_of: Callable[[str], Scope] = scope_of) -> Scope:
    """
    Return how near a host is: the nearest of its addresses.

    @raise OSError: when the host's name cannot be found.
    """
    return min(scope_of(str(found[4][0])) for found in socket.getaddrinfo(host, None))
