"""
The handshake at the beginning of a connection, simple or with digests (I{pure}).

Each side sends 1536 bytes, and then the other's back. Flash's way has a digest hidden in these
bytes, HMAC-SHA256 under a key that everyone knows; some senders accept nothing else in return. A
sender whose bytes have no such digest gets the simple answer::

    sender    C0 C1 --------------> C2
    server          S0 S1 S2 ---->

The digest lies at a place that four bytes before it name, in the one half of C1 or in the other.
"""

import hashlib
import hmac
import os
from collections.abc import Callable

from mkvtwist.inputs.rtmp.errors import ProtocolError

VERSION = 3
"""RTMP's own version; 6 is RTMPE, whose encryption protects nothing."""

SIZE = 1536
"""Bytes of C1, S1, C2 and S2."""

_DIGEST = 32
"""Bytes of a digest by SHA-256."""

_SALT = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
"""The bytes behind the words in both keys."""

CLIENT_KEY = b"Genuine Adobe Flash Player 001"
SERVER_KEY = b"Genuine Adobe Flash Media Server 001"
"""The keys of the digests. The words with the salt behind them are the key of S2's."""

_SERVER_VERSION = bytes([4, 5, 0, 1])
"""Bytes 4 to 8 of S1: zero here would say that there are no digests."""

_PLACES = (8, 772)
"""The places of the four bytes that name a digest's place, in the two schemes."""


class Handshake:
    """
    The server's side of one handshake.

    @ivar is_done: whether all of it has come.
    @ivar rest: what has come behind it.
    """

    def __init__(self, random: Callable[[int], bytes] = os.urandom) -> None:
        """
        @param random: makes so many random bytes.
        """
        self._random = random
        self._data = bytearray()
        self._has_answered = False
        self.is_done = False
        self.rest = b""

    def receive(self, data: bytes) -> bytes:
        """
        Take bytes that have come.

        @return: the bytes to send, if there are any.
        @raise ProtocolError: if this is no RTMP.
        """
        self._data += data
        if self._data and self._data[0] != VERSION:
            raise ProtocolError("it does not speak RTMP")
        answer = b""
        if not self._has_answered and len(self._data) >= 1 + SIZE:
            answer = self._answer(bytes(self._data[1 : 1 + SIZE]))
            self._has_answered = True
        if len(self._data) >= 1 + 2 * SIZE:  # C2 may have anything in it: senders are sloppy
            self.is_done = True
            self.rest = bytes(self._data[1 + 2 * SIZE :])
            self._data.clear()
        return answer

    def _answer(self, sent: bytes) -> bytes:
        """Return S0, S1 and S2 for this C1."""
        head = bytes([VERSION])
        if any(sent[4:8]):
            for names_place in _PLACES:
                digest = _digest_in(sent, names_place)
                if digest is not None:
                    return head + self._with_digest(names_place) + self._echo_of(digest)
        return head + bytes(8) + self._random(SIZE - 8) + sent

    def _with_digest(self, names_place: int) -> bytes:
        """Return S1 with its digest, in the scheme of the sender's."""
        made = bytes(4) + _SERVER_VERSION + self._random(SIZE - 8)
        place = _place_of(made, names_place)
        digest = _without(made, place, SERVER_KEY)
        return made[:place] + digest + made[place + _DIGEST :]

    def _echo_of(self, digest: bytes) -> bytes:
        """Return S2 for the digest of C1."""
        made = self._random(SIZE - _DIGEST)
        key = hmac.digest(SERVER_KEY + _SALT, digest, hashlib.sha256)
        return made + hmac.digest(key, made, hashlib.sha256)


def _place_of(block: bytes, names_place: int) -> int:
    return names_place + 4 + sum(block[names_place : names_place + 4]) % 728


def _without(block: bytes, place: int, key: bytes) -> bytes:
    """Return the digest of all that is not the digest."""
    return hmac.digest(key, block[:place] + block[place + _DIGEST :], hashlib.sha256)


def _digest_in(sent: bytes, names_place: int) -> bytes | None:
    """Return the digest in C1; L{None} if there is none in this scheme."""
    place = _place_of(sent, names_place)
    digest = sent[place : place + _DIGEST]
    wanted = _without(sent, place, CLIENT_KEY)
    return digest if hmac.compare_digest(digest, wanted) else None
