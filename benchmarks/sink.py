"""
The sink in Python, for machines without a C compiler.

The same command line, commands and answers as C{sink.c}, which documents them. It is
slow: with more than about a hundred clients it would be measuring itself. A mark
arrives when it is read (C{--kernel-time} is accepted and does nothing).
"""

import argparse
import json
import select
import socket
import sys
import time
from dataclasses import dataclass, field

from benchmarks import marks, wire

TICK_SECONDS = 0.02
"""How often slow clients read, and clients that are due connect."""

MOST = 1 << 20
"""Bytes of one read."""

SMALL_BUFFER = 1 << 16
"""Of clients that are slow: the kernel must not hide their lag."""


@dataclass
class Client:
    """
    One client.

    @ivar first: when its media came, in nanoseconds after the crowd's instant; 0: not yet.
    @ivar got: bytes in this window.
    @ivar head: what came before its media.
    @ivar rest: the end of what was read: a mark may straddle two reads.
    """

    index: int
    socket: socket.socket
    kind: str
    raw: bool
    first: int = 0
    got: int = 0
    gone: bool = False
    asked: bool = False
    allowance: float = 0.0
    head: bytes = b""
    rest: bytes = b""


@dataclass
class Window:
    """
    What was seen since C{begin}.

    @ivar worst: by sequence: how often a mark was seen, when it was sent, and how late it
        was at worst.
    """

    begin: int = 0
    lost: int = 0
    worst: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    delays: list[int] = field(default_factory=list)


class Sink:
    """All clients, and the loop that serves them."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._epoll = select.epoll()
        self._window: Window | None = None
        self._instant = 0
        self._due: list[Client] = []
        self._started = False
        self._joined_said = False
        self._refused = 0
        self._clients = [self._make(index) for index in range(options.clients)]
        self._by_fd = {client.socket.fileno(): client for client in self._clients}
        self._epoll.register(sys.stdin.fileno(), select.EPOLLIN)

    def _make(self, index: int) -> Client:
        options = self._options
        fast = options.clients - options.slow - options.stalled
        kind = "fast" if index < fast else "slow" if index < fast + options.slow else "stalled"
        connection = socket.socket()
        connection.setblocking(False)
        if kind != "fast":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        return Client(index, connection, kind, options.raw)

    def run(self) -> None:
        """Serve until standard input ends."""
        say("ready")
        ticked = time.monotonic()
        while True:
            for descriptor, _ in self._epoll.poll(TICK_SECONDS):
                if client := self._by_fd.get(descriptor):
                    self._ready(client)
                elif not self._command():
                    return
            now = time.monotonic()
            self._connect_due()
            for client in self._clients:
                if client.kind == "slow" and client.first and not client.gone:
                    client.allowance += self._options.slow_rate * (now - ticked)
                    self._read_slowly(client)
            ticked = now

    def _command(self) -> bool:
        word, _, number = sys.stdin.readline().strip().partition(" ")
        if word == "go":
            self._instant = time.monotonic_ns()
            self._due = list(self._clients)
            self._connect_due()
        elif word == "joined":
            self._say_joined()
        elif word == "begin":
            self._begin()
        elif word == "count":
            say("count", bytes=sum(client.got for client in self._clients))
        elif word == "end":
            self._end(int(number or 0))
        return word not in {"quit", ""}

    def _connect_due(self) -> None:
        rate = self._options.rate
        passed = (time.monotonic_ns() - self._instant) / 1e9
        begun = len(self._clients) - len(self._due)
        for client in self._due[: 1 + int(passed * rate) - begun] if rate else self._due:
            client.socket.connect_ex((self._options.host, self._options.port))
            self._epoll.register(client.socket, select.EPOLLOUT)
        del self._due[: max(0, 1 + int(passed * rate) - begun) if rate else len(self._due)]

    def _ready(self, client: Client) -> None:
        if client.asked:
            self._read(client, MOST)
            return
        client.asked = True
        path = self._options.path
        if self._options.streams > 1:
            path %= client.index % self._options.streams
        titles = "Icy-MetaData: 1\r\n" if self._options.radio else ""
        host = self._options.host
        request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n{titles}\r\n"
        try:
            client.socket.send(b"\r\n" if client.raw else request.encode())
        except OSError:
            self._lose(client)
        else:
            self._epoll.modify(client.socket, select.EPOLLIN)

    def _read(self, client: Client, most: int) -> int:
        try:
            data = client.socket.recv(most)
        except BlockingIOError:
            return 0
        except OSError:
            data = b""
        if not data:
            self._lose(client)
            return 0
        arrived = time.monotonic_ns()
        client.got += len(data)
        if not client.first:
            self._lead(client, data)
        elif self._options.marks and client.kind == "fast":
            self._scan(client, data, arrived)
        return len(data)

    def _read_slowly(self, client: Client) -> None:
        while client.allowance >= 1:
            got = self._read(client, int(min(client.allowance, MOST)))
            client.allowance = client.allowance - got if got else 0.0

    def _lead(self, client: Client, data: bytes) -> None:
        """What comes before the media: the response's head, the stream's header."""
        client.head += data
        body = client.head
        if not client.raw:
            head, end, body = client.head.partition(b"\r\n\r\n")
            if not end:
                return
            if head[8:12] != b" 200":
                self._refused += 1
                self._lose(client)
                return
        if self._options.radio or wire.CLUSTER in body:
            client.first = time.monotonic_ns() - self._instant
            client.head = b""
            if client.kind != "fast":
                self._epoll.unregister(client.socket)
            self._look_whether_joined()

    def _scan(self, client: Client, data: bytes, arrived: int) -> None:
        data = client.rest + data
        at = data.find(marks.MAGIC)
        while 0 <= at <= len(data) - marks.LENGTH:
            text = data[at + len(marks.MAGIC) : at + marks.LENGTH]
            self._mark(int(text[:8], 16), int(text[8:], 16), arrived)
            at = data.find(marks.MAGIC, at + marks.LENGTH)
        client.rest = data[-(marks.LENGTH - 1) :]

    def _mark(self, sequence: int, sent: int, arrived: int) -> None:
        window = self._window
        if window is None or sent < window.begin:
            return
        count, _, worst = window.worst.get(sequence, (0, 0, 0))
        window.worst[sequence] = (count + 1, sent, max(worst, arrived - sent))
        window.delays.append(arrived - sent)

    def _lose(self, client: Client) -> None:
        client.gone = True
        del self._by_fd[client.socket.fileno()]
        client.socket.close()
        if self._window:
            self._window.lost += 1
        self._look_whether_joined()

    def _look_whether_joined(self) -> None:
        if all(client.first or client.gone for client in self._clients):
            self._say_joined()

    def _say_joined(self) -> None:
        if self._joined_said:
            return
        self._joined_said = True
        times = sorted(client.first // 1000 for client in self._clients if client.first)
        first = {}
        if times:
            first = {
                "first_us": {
                    "p50": times[len(times) // 2],
                    "p99": times[len(times) * 99 // 100],
                    "max": times[-1],
                }
            }
        say(
            "joined",
            clients=len(self._clients),
            with_media=len(times),
            failed=sum(client.gone and not client.first for client in self._clients),
            refused=self._refused,
            **first,
        )

    def _alive(self) -> list[Client]:
        return [client for client in self._clients if client.first and not client.gone]

    def _begin(self) -> None:
        for client in self._clients:
            client.got = 0
        self._window = Window(time.monotonic_ns())
        say("begin", alive=len(self._alive()))

    def _end(self, until: int) -> None:
        window = self._window or Window()
        fast = [client for client in self._alive() if client.kind == "fast"]
        sizes = [client.got for client in fast] or [0]
        seen = [(count, worst) for count, sent, worst in window.worst.values() if sent <= until]
        delays = sorted(window.delays) or [0]
        say(
            "end",
            alive=len(self._alive()),
            lost=window.lost,
            least=min(sizes),
            most=max(sizes),
            each_us={
                "p50": delays[len(delays) // 2] // 1000,
                "p99": delays[len(delays) * 99 // 100] // 1000,
                "max": delays[-1] // 1000,
            },
            last_us=[worst // 1000 for count, worst in seen if count >= len(fast)],
            incomplete=sum(count < len(fast) for count, _ in seen),
        )
        self._window = None


def say(event: str, **figures: object) -> None:
    """One line of JSON."""
    print(json.dumps({"event": event, "time": time.monotonic_ns(), **figures}), flush=True)


def main() -> None:
    """The command line of C{sink.c}."""
    parser = argparse.ArgumentParser(prog="benchmarks.sink")
    for name in ("rate", "stalled", "slow"):
        parser.add_argument(f"--{name}", type=int, default=0)
    for name in ("streams", "sources"):
        parser.add_argument(f"--{name}", type=int, default=1)
    for name in ("raw", "radio", "marks", "kernel-time"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--slow-rate", type=float, default=0)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("clients", type=int)
    Sink(parser.parse_args()).run()


if __name__ == "__main__":
    main()
