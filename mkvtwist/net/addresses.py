"""
IP addresses of clients: hosts, networks, and this machine (I{pure}).

A client without an address, on a UNIX socket, counts as this machine everywhere.
"""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from mkvtwist.config.values import Network

ADDRESSES_KEPT = 4096
"""Addresses that need not be parsed again: each request has one, which takes 5 microseconds."""

_THIS_MACHINE = "127.0.0.1"
"""The address of clients that have none."""


@lru_cache(maxsize=ADDRESSES_KEPT)
def parse_address(host: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """
    Return an address, as IPv4 if it is an IPv4-mapped one; L{None} if the text is no address.

    @param host: L{None} for a UNIX socket.
    """
    try:
        address = ipaddress.ip_address((host or _THIS_MACHINE).partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=ADDRESSES_KEPT)
def one_host(host: str | None) -> str:
    """Return the address of a host, or for IPv6 the network (/64) that one host has."""
    address = parse_address(host)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def within(host: str | None, networks: Iterable[Network]) -> bool:
    """Return whether an address is in one of these networks."""
    address = parse_address(host)
    return address is not None and any(address in network for network in networks)


def is_loopback(host: str | None) -> bool:
    """Return whether an address is a loopback address."""
    address = parse_address(host)
    return address is not None and address.is_loopback


def means_loopback(name: str) -> bool:
    """Return whether a host's name or address always means this machine (RFC 6761, 6.3)."""
    return is_loopback(name) or name == "localhost" or name.endswith(".localhost")
