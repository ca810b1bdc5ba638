"""The handshake."""

from __future__ import annotations

import hashlib
import hmac
import os

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.inputs.rtmp.errors import ProtocolError
from mkvtwist.inputs.rtmp.handshake import CLIENT_KEY, SERVER_KEY, SIZE, Handshake


def with_digest(names_place: int) -> tuple[bytes, bytes]:
    """A C1 with a digest in one of the two schemes, and the digest."""
    made = bytes(4) + bytes([9, 0, 124, 2]) + os.urandom(SIZE - 8)
    place = names_place + 4 + sum(made[names_place : names_place + 4]) % 728
    rest = made[:place] + made[place + 32 :]
    digest = hmac.digest(CLIENT_KEY, rest, hashlib.sha256)
    return made[:place] + digest + made[place + 32 :], digest


class HandshakeTests(SynchronousTestCase):
    """L{Handshake}."""

    def test_simple(self) -> None:
        """A sender without a digest gets its own bytes back; what follows is kept."""
        for first in (bytes(SIZE), bytes(4) + b"\1\2\3\4" + os.urandom(SIZE - 8)):
            shake = Handshake()
            answer = shake.receive(b"\3" + first)
            self.assertEqual((answer[0], len(answer)), (3, 1 + 2 * SIZE))
            self.assertEqual(answer[1 + SIZE :], first)
            self.assertFalse(shake.is_done)
            self.assertEqual(shake.receive(bytes(SIZE) + b"more"), b"")
            self.assertEqual((shake.is_done, shake.rest), (True, b"more"))

    def test_bytes(self) -> None:
        """The bytes may come one by one."""
        shake = Handshake(random=bytes)
        data = b"\3" + bytes(2 * SIZE) + b"x"
        said = b"".join(shake.receive(data[n : n + 1]) for n in range(len(data) - 1))
        self.assertEqual(said, b"\3" + bytes(2 * SIZE))
        self.assertTrue(shake.is_done)

    def test_digest(self) -> None:
        """A sender with a digest, in either scheme, gets digests that it can check."""
        for names_place in (8, 772):
            first, digest = with_digest(names_place)
            answer = Handshake().receive(b"\3" + first)
            own, echo = answer[1 : 1 + SIZE], answer[1 + SIZE :]
            place = names_place + 4 + sum(own[names_place : names_place + 4]) % 728
            rest = own[:place] + own[place + 32 :]
            self.assertEqual(own[place : place + 32], hmac.digest(SERVER_KEY, rest, hashlib.sha256))
            self.assertTrue(any(own[4:8]))
            # The key of the echo has 32 bytes that every player has, behind the words.
            salt = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
            key = hmac.digest(SERVER_KEY + salt, digest, hashlib.sha256)
            self.assertEqual(echo[-32:], hmac.digest(key, echo[:-32], hashlib.sha256))

    def test_something_else(self) -> None:
        """HTTP, TLS and RTMPE are refused at their first byte."""
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"\6"):
            self.assertRaises(ProtocolError, Handshake().receive, data)
