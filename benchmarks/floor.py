"""
The floor in Python, for machines without a C compiler.

What C{floor.c} does, which documents the records and the answers, in the least Python
that does it: a loop of C{send()} over all clients.
"""

import os
import select
import socket
import sys

BACKLOG = 4096
KEPT = 32 << 20
"""Bytes of the stream that a slow client may be behind."""

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: video/x-matroska\r\n"
    b"Cache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def chunk(data: bytes) -> bytes:
    """HTTP's framing."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class Floor:
    """The stream so far, and a place in it for each client."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self._listener.setblocking(False)
        self._epoll = select.epoll()
        self._stream = bytearray()
        self._begin = 0  # the stream's first byte that is kept, absolute, like all places
        self._segment = 0
        self._header = b""
        self._held = bytearray()
        self._connections: dict[int, socket.socket] = {}
        self._places: dict[int, int] = {}
        self._waiting: set[int] = set()

    def run(self) -> None:
        """Serve until standard input ends."""
        print(f"http://127.0.0.1:{self._listener.getsockname()[1]}/", flush=True)
        self._epoll.register(self._listener, select.EPOLLIN)
        self._epoll.register(sys.stdin.fileno(), select.EPOLLIN)
        while True:
            for descriptor, events in self._epoll.poll():
                if descriptor == self._listener.fileno():
                    self._accept()
                elif descriptor == sys.stdin.fileno():
                    if not self._read():
                        return
                elif descriptor in self._connections:
                    self._client(descriptor, events)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections[connection.fileno()] = connection
            self._epoll.register(connection, select.EPOLLIN)

    def _read(self) -> bool:
        data = os.read(sys.stdin.fileno(), 1 << 20)
        if not data:
            return False
        held = self._held
        held += data
        while len(held) >= 5 and len(held) >= 5 + int.from_bytes(held[1:5], "big"):
            end = 5 + int.from_bytes(held[1:5], "big")
            self._record(held[:1], bytes(held[5:end]))
            del held[:end]
        if len(self._stream) > 2 * KEPT:
            self._begin += len(self._stream) - KEPT
            del self._stream[:-KEPT]
        for descriptor in list(self._places):
            if descriptor not in self._waiting:
                self._catch_up(descriptor)
        return True

    def _record(self, kind: bytes | bytearray, content: bytes) -> None:
        if kind == b"H":
            self._header = HEAD + chunk(content)
            return
        if kind == b"K":
            self._segment = self._begin + len(self._stream)
        self._stream += chunk(content)

    def _client(self, descriptor: int, events: int) -> None:
        if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
            try:
                request = self._connections[descriptor].recv(4096)
            except OSError:
                request = b""
            if not request:
                self._drop(descriptor)
                return
            if descriptor not in self._places:
                # The header fits the socket's empty buffer.
                self._connections[descriptor].send(self._header)
                self._places[descriptor] = self._segment
        self._catch_up(descriptor)

    def _catch_up(self, descriptor: int) -> None:
        place = self._places[descriptor] - self._begin
        try:
            with memoryview(self._stream) as stream, stream[max(0, place) :] as rest:
                sent = self._connections[descriptor].send(rest) if rest else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            place = -1
        if place < 0:
            self._drop(descriptor)
            return
        self._places[descriptor] += sent
        if place + sent < len(self._stream):
            self._waiting.add(descriptor)
            self._epoll.modify(descriptor, select.EPOLLIN | select.EPOLLOUT)
        elif descriptor in self._waiting:
            self._waiting.discard(descriptor)
            self._epoll.modify(descriptor, select.EPOLLIN)

    def _drop(self, descriptor: int) -> None:
        self._places.pop(descriptor, None)
        self._waiting.discard(descriptor)
        self._connections.pop(descriptor).close()


if __name__ == "__main__":
    Floor().run()
