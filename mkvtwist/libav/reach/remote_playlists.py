"""
The fetcher of a remote playlist's files, unless their address is too near (I{remux thread}).

libavformat follows a playlist, and a redirection, to any address. So if the operator's URL is not
of this machine, its reader of HLS gets every file from L{PlaylistFetcher}: it looks names up,
connects only to addresses that are at least as far as the operator's URL, and follows redirections
in the same way. Ranges, cookies, passwords in URLs and AES-128 (RFC 8216, 4.3.2.4) are done here,
since libavformat's own protocols are not asked.
"""

import base64
import http.client
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit, urlunsplit

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from mkvtwist.libav.reach.address_scope import Scope, scope_of
from mkvtwist.libav.reach.whitelists import is_http
from mkvtwist.media.byte_source import ByteSource

_PASSED_ON: Mapping[str, str] = {
    "user_agent": "User-Agent",
    "cookies": "Cookie",
    "referer": "Referer",
}
"""Options of libavformat that become headers."""

BLOCK = 16
"""Bytes that AES works on at a time."""


class TooNear(OSError):
    """The exception when a playlist or a redirection names an address that it may not reach."""


class ReadableFile(ByteSource, Protocol):
    """A file that PyAV reads."""

    def close(self) -> None:
        """Note that no more of the file is wanted."""


class PlaylistFetcher:
    """Opens URLs that are far enough; PyAV's C{io_open}."""

    def __init__(
        self, nearest: Scope, timeout: float, scope: Callable[[str], Scope] = scope_of
    ) -> None:
        """
        @param nearest: how near an address may be.
        @param timeout: seconds that a server may say nothing.
        @param scope: how near an address is.
        """
        far = FarHosts(nearest, scope)
        self._timeout = timeout
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            _Plain(far),
            _Secure(far),
            urllib.request.HTTPRedirectHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
            urllib.request.HTTPCookieProcessor(),
            urllib.request.DataHandler(),
        ):
            self._opener.add_handler(handler)

    def __call__(self, url: str, flags: int, options: Mapping[str, str]) -> ReadableFile:
        """
        Open a URL that libavformat wants to read.

        @raise OSError: when its host is too near, or it cannot be opened.
        """
        if url.startswith(("crypto+", "crypto:")):
            return _Decrypted(self(url[7:], flags, options), options["key"], options["iv"])
        if not (is_http(url) or url.startswith("data:")):
            raise TooNear(f"{urlsplit(url).scheme or 'a file'} may not be opened by a playlist")
        try:
            return _Body(self._opener.open(self._request(url, options), timeout=self._timeout))
        except urllib.error.URLError as error:
            if isinstance(error.reason, OSError):  # it says more than what is around it
                raise error.reason from None
            raise

    def _request(self, url: str, options: Mapping[str, str]) -> urllib.request.Request:
        parts = urlsplit(url)
        _, at, host = parts.netloc.rpartition("@")
        made = urllib.request.Request(urlunsplit(parts._replace(netloc=host, fragment="")))  # noqa: S310 - looked at above
        if at:
            name, password = unquote(parts.username or ""), unquote(parts.password or "")
            token = base64.b64encode(f"{name}:{password}".encode()).decode()
            made.add_unredirected_header("Authorization", f"Basic {token}")
        for option, header in _PASSED_ON.items():
            if value := options.get(option):
                made.add_unredirected_header(header, value.strip())
        for line in options.get("headers", "").splitlines():
            name, colon, value = line.partition(":")
            if colon:
                made.add_unredirected_header(name.strip(), value.strip())
        start, end = int(options.get("offset", 0)), int(options.get("end_offset", 0))
        if start or end:
            made.add_unredirected_header("Range", f"bytes={start}-{end - 1 if end else ''}")
        return made


class _Body:
    """A response's body, as it comes: C{read} would wait until there is as much as is asked for."""

    def __init__(self, response: Any) -> None:
        self.read = getattr(response, "read1", response.read)
        self.close = response.close


class _Decrypted:
    """A file that is encrypted with AES-128 in CBC, in clear, without padding (RFC 5652, 6.3)."""

    def __init__(self, file: ReadableFile, key: str, iv: str) -> None:
        """
        @param key: in hexadecimal, as libavformat's option has it; so is C{iv}.
        """
        self._file = file
        self.close = file.close
        cipher = Cipher(algorithms.AES(bytes.fromhex(key)), modes.CBC(bytes.fromhex(iv)))
        self._cipher = cipher.decryptor()
        self._last = b""
        self._done = False

    def read(self, size: int, /) -> bytes:
        while not self._done:
            data = self._file.read(max(1, size - BLOCK))
            self._done = not data
            # The last block is held back, for the number of its bytes to take off is at its end.
            clear = self._last + self._cipher.update(data)
            keep = len(clear) - BLOCK
            if self._done:
                return clear[: -clear[-1]] if clear and 0 < clear[-1] <= BLOCK else clear
            clear, self._last = clear[: max(0, keep)], clear[max(0, keep) :]
            if clear:
                return clear
        return b""


# -- Connections --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FarHosts:
    """
    The hosts that are far enough to be connected to.

    @ivar nearest: how near an address may be.
    @ivar scope: how near an address is.
    """

    nearest: Scope
    scope: Callable[[str], Scope]

    def connect(self, host: str, port: int, timeout: float | None) -> socket.socket:
        """
        Connect to the first address of a host that is far enough and answers.

        The address is looked at, not the name: what a name stands for changes between two looks.

        @raise TooNear: when no address is far enough.
        @raise OSError: when no address answers.
        """
        refused: OSError = TooNear(f"{host} is nearer than the input's own address")
        for family, type_, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        ):
            if self.scope(str(address[0])) < self.nearest:
                continue
            line = socket.socket(family, type_, protocol)
            try:
                line.settimeout(timeout)
                line.connect(address)
            except OSError as error:
                refused = error
                line.close()
            else:
                return line
        raise refused


class _PlainConnection(http.client.HTTPConnection):
    far: FarHosts

    def connect(self) -> None:
        self.sock = self.far.connect(self.host, self.port, self.timeout)


class _SecureConnection(http.client.HTTPSConnection, _PlainConnection):
    """C{HTTPSConnection.connect} has the next class connect, and then speaks TLS."""


def _to(far: FarHosts, type_: type[_PlainConnection], *args: Any, **more: Any) -> _PlainConnection:
    made = type_(*args, **more)
    made.far = far
    return made


class _Plain(urllib.request.HTTPHandler):
    def __init__(self, far: FarHosts) -> None:
        super().__init__()
        self._connection = partial(_to, far, _PlainConnection)

    def http_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(self._connection, req)


class _Secure(urllib.request.HTTPSHandler):
    def __init__(self, far: FarHosts) -> None:
        super().__init__()
        context = ssl.create_default_context()
        # As libavformat does for the operator's URL itself: cameras have no certificate to check.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._connection = partial(_to, far, _SecureConnection, context=context)

    def https_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(self._connection, req)
