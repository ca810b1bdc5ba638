"""A browser's side of a WebSocket, for the tests of ours."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wsproto.frame_protocol import Opcode

from tests.support.senders import Sending

KEY = b64encode(bytes(range(16))).decode()

UPGRADE = (
    "Connection: keep-alive, Upgrade",  # as Firefox has it
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    f"Sec-WebSocket-Key: {KEY}",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
)
"""The headers of a browser's handshake, but for its origin."""


def masked(
    payload: bytes,
    opcode: int = Opcode.BINARY,
    *,
    final: bool = True,
    mask: bytes = b"\x01\x80\x7f\xff",
) -> bytes:
    """A client's frame."""
    first = opcode | (0x80 if final else 0)
    length = len(payload)
    if length <= 125:
        head = bytes((first, 0x80 | length))
    elif length < 1 << 16:
        head = bytes((first, 0x80 | 126)) + length.to_bytes(2)
    else:
        head = bytes((first, 0x80 | 127)) + length.to_bytes(8)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def closing(code: int) -> bytes:
    """A client's close frame."""
    return masked(code.to_bytes(2), Opcode.CLOSE)


@dataclass(frozen=True)
class Frame:
    """A frame of the server's."""

    opcode: int
    payload: bytes

    @property
    def code(self) -> int:
        """The code of a close frame."""
        return int.from_bytes(self.payload[:2])

    @property
    def reason(self) -> str:
        """The reason in a close frame."""
        return self.payload[2:].decode()


def frames(data: bytes) -> list[Frame]:
    """
    What a server has sent.

    @raise ValueError: when a frame is in parts, has a mask, or is not whole.
    """
    found = []
    while data:
        if data[0] & 0xF0 != 0x80 or data[1] & 0x80:
            raise ValueError(f"no frame of a server: {data!r}")
        size = {126: 2, 127: 8}.get(data[1], 0)
        length = int.from_bytes(data[2 : 2 + size]) if size else data[1]
        payload = data[2 + size : 2 + size + length]
        if len(payload) < length:
            raise ValueError(f"not whole: {data!r}")
        found.append(Frame(data[0] & 0x0F, payload))
        data = data[2 + size + length :]
    return found


class SocketConnection(Sending):
    """The connection of a page that publishes."""

    def open(self, target: str = "/cam/publish", headers: Sequence[str] = UPGRADE) -> None:
        """Send the handshake."""
        self.begin(*headers, target=target, method="GET")

    @property
    def received(self) -> list[Frame]:
        """All frames that have come."""
        return frames(self.verdict().body)

    @property
    def reports(self) -> list[Any]:
        """The reports that have come."""
        return [json.loads(f.payload) for f in self.received if f.opcode == Opcode.TEXT]

    @property
    def closed(self) -> tuple[int, str]:
        """The code and the reason of the last frame, which must be a close frame."""
        last = self.received[-1]
        assert last.opcode == Opcode.CLOSE, last
        return last.code, last.reason
