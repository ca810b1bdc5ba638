"""
The kernel's part in a connection: options that are set, figures that are read (I{reactor}).

Everything here is about TCP. Over anything else, such as a UNIX socket, or on a system that lacks
an option, the functions do nothing or return L{None}.
"""

import ipaddress
import socket
import struct
from collections.abc import Callable
from contextlib import closing, suppress
from errno import EPERM
from math import ceil
from typing import Any, NamedTuple

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

from mkvtwist.net.addresses import parse_address

UNSENT = 128 << 10
"""
Bytes that the kernel takes for one connection beyond what is on its way (C{TCP_NOTSENT_LOWAT}). The
bytes on their way grow with the distance, as TCP finds out by itself; SO_SNDBUF would end that.
"""

PROBES = 3
PROBE_SECONDS = 10
"""
A connection over which nothing goes is probed after so long. Three probes, which follow each other
in half that time, remain without an answer, and the connection is closed: after 25 s.
"""

KERNEL_GRACE = 2.0
"""
Seconds that the kernel waits longer than mkvtwist: a client that only takes nothing is disconnected
by the fan-out, which logs it.
"""

_INFO = struct.Struct("=3xB20xI28xI60xQ16xI")
"""
Fields of C{struct tcp_info}, up to Linux 4.6: C{tcpi_probes}, C{tcpi_unacked},
C{tcpi_last_ack_recv}, C{tcpi_bytes_acked}, C{tcpi_notsent_bytes}.
"""

_AVAILABLE = "/proc/sys/net/ipv4/tcp_available_congestion_control"
_USUAL = "/proc/sys/net/ipv4/tcp_congestion_control"


class Traffic(NamedTuple):
    """
    The state of the way to the other end, as the kernel knows it.

    @ivar acknowledged: bytes that have arrived there, with those of TLS.
    @ivar unsent: bytes that wait to be sent.
    @ivar silent: seconds since anything came from there, if an answer is due; else 0.
    """

    acknowledged: int
    unsent: int
    silent: float


def tcp_socket(transport: Any) -> socket.socket | None:
    """Return the TCP socket below a transport, below TLS as well; L{None} if there is none."""
    while transport is not None:
        get = getattr(transport, "getHandle", None)
        try:
            handle = get() if get is not None else None
        except AttributeError:  # Twisted's transports have none when the connection is lost
            return None
        if isinstance(handle, socket.socket):
            return handle if handle.family in (socket.AF_INET, socket.AF_INET6) else None
        transport = getattr(transport, "transport", None)
    return None


def attend(transport: Any, seconds: float) -> None:
    """
    Bound what the kernel holds for a client, and have the kernel notice when the client vanishes.

    @param seconds: how long the client's machine may acknowledge nothing, or its program take
        nothing; L{KERNEL_GRACE} later the connection is closed.
    """
    patience = seconds + KERNEL_GRACE
    step = max(1, min(PROBE_SECONDS, ceil(patience / (PROBES + 1))))
    _tell(transport, step, step, round(patience * 1000), UNSENT)


def keep_alive(transport: Any, unsent: int = 0) -> None:
    """
    Have the kernel notice, while nothing is sent, when the other end vanishes. It may pause for as
    long as it likes.

    @param unsent: see L{UNSENT}; 0 is to leave that as it is.
    """
    _tell(transport, PROBE_SECONDS, PROBE_SECONDS // 2, 0, unsent)


def _tell(transport: Any, idle: int, interval: int, patience: int, unsent: int) -> None:
    handle = tcp_socket(transport)
    if handle is None:
        return
    with suppress(OSError):  # the connection is lost, as will be noticed in a moment
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", idle),
            ("TCP_KEEPINTVL", interval),
            ("TCP_KEEPCNT", PROBES),
            ("TCP_USER_TIMEOUT", patience),
            ("TCP_NOTSENT_LOWAT", unsent),
        ):
            option = getattr(socket, name, None)
            if option is not None and not (name == "TCP_NOTSENT_LOWAT" and not value):
                handle.setsockopt(socket.IPPROTO_TCP, option, value)


def traffic(handle: socket.socket | None) -> Traffic | None:
    """
    Return what the kernel knows of a connection; L{None} if it does not say.

    @param handle: from L{tcp_socket}.
    """
    if handle is None or not hasattr(socket, "TCP_INFO"):
        return None
    try:
        data = handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    except OSError:
        return None
    if len(data) < _INFO.size:
        return None
    probes, unacked, last, acked, unsent = _INFO.unpack(data)
    # A probe of a client that has paused is answered before the next one.
    due = unacked > 0 or probes > 1
    return Traffic(acked, unsent, last / 1000 if due else 0.0)


def plain(address: IAddress) -> IAddress:
    """Return an address in IPv4 if it is one of those that IPv6 has for IPv4: ::ffff:192.0.2.7."""
    if isinstance(address, IPv6Address):
        parsed = parse_address(address.host)
        if isinstance(parsed, ipaddress.IPv4Address):
            return IPv4Address(address.type, str(parsed), address.port)
    return address


def host_of(where: IAddress) -> str | None:
    """Return the host of an address, without its port; L{None} for a UNIX socket."""
    found = getattr(plain(where), "host", None)
    return str(found) if found is not None else None


def address(where: IAddress) -> str:
    """Return an address as users type it: C{127.0.0.1:80}, C{[::1]:80}, a socket's path."""
    where = plain(where)
    host, port = getattr(where, "host", None), getattr(where, "port", None)
    if host is None:
        name = getattr(where, "name", None)
        return name.decode(errors="replace") if isinstance(name, bytes) else "a local process"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def both_families(port: int, make_socket: Callable[..., Any] = socket.socket) -> tuple[str, ...]:
    """
    Return the endpoints that serve IPv4 and IPv6 at a port, as far as this machine has them.

    @param make_socket: makes the sockets that are tried.
    """
    try:
        with make_socket(socket.AF_INET6) as trial:
            only = trial.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
            trial.bind(("::", 0))
    except OSError:
        return (f"tcp:{port}",)
    # Otherwise a socket of IPv6 takes IPv4 as well, and one of IPv4 beside it has no place.
    return (f"tcp:{port}", f"tcp6:{port}") if only else (f"tcp6:{port}",)


# -- Congestion control -------------------------------------------------------


def congestion_problem(
    name: str, *, lenient: bool = False, make_socket: Callable[..., Any] = socket.socket
) -> str | None:
    """
    Return why connections cannot have this congestion control; L{None} if they can.

    @param lenient: whether it is no problem that only root may choose it: a server that began as
        root has chosen it then.
    @param make_socket: makes the socket that is tried.
    """
    if not hasattr(socket, "TCP_CONGESTION"):
        return f"{name!r}: this system does not let programs choose; leave it out"
    with closing(make_socket()) as trial:
        try:
            trial.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name.encode())
        except OSError as error:
            if error.errno == EPERM and lenient:
                return None
            if error.errno == EPERM:
                return (
                    f"{name!r} is for root only on this machine; allow it to everybody with"
                    " sysctl net.ipv4.tcp_allowed_congestion_control"
                )
            available = _read(_AVAILABLE) or "not known"
            return (
                f"{name!r} is not available on this machine: use one of {available}, or load the"
                f" kernel module tcp_{name}"
            )
    return None


def choose_congestion(handle: socket.socket | None, name: str | None) -> None:
    """
    Set the congestion control of a socket that listens, and so of each connection to come.

    @param handle: from L{tcp_socket}, or one that listens.
    @param name: L{None} is the machine's own choice.
    @raise OSError: if the kernel does not have it, or not for this user.
    """
    if handle is None or handle.family == socket.AF_UNIX or not hasattr(socket, "TCP_CONGESTION"):
        return
    chosen = name or _read(_USUAL)
    if chosen:
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, chosen.encode())


def _read(path: str) -> str:
    """Return a line of a file of the kernel's; an empty text if the file does not exist."""
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return ""
