"""Senders over HTTP in memory, and a site with a reader that reads nothing."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Form, Input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.http import LiveSite
from mkvtwist.streams.stream import Stream
from mkvtwist.testing import FakeReaders, Reactor
from tests.support.fakes import Answer, Log, answer
from tests.support.site import Connection

CHUNKED = "Transfer-Encoding: chunked"
UNTIL_CLOSE = "Connection: close"
EXPECT = "Expect: 100-continue"
SOUP = "User-Agent: GStreamer souphttpclientsink libsoup/2.74.3"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def chunks(*pieces: bytes) -> bytes:
    """In the chunked coding, without the last one."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


class Sending(Connection):
    """A sender's connection in memory."""

    def begin(
        self, *headers: str, target: str = "/cam", method: str = "PUT", version: str = "HTTP/1.1"
    ) -> None:
        """Send the head of a request."""
        lines = (f"{method} {target} {version}", "Host: tv.example", *headers, "", "")
        self.send("\r\n".join(lines).encode())

    @property
    def said(self) -> bytes:
        """What has been said to it."""
        return bytes(self.transport.value())

    @property
    def is_paused(self) -> bool:
        """Whether it is not read from."""
        return self.transport.producerState == "paused"

    def verdict(self) -> Answer:
        """The one answer, which must be there."""
        return answer(self.said.removeprefix(CONTINUE))


class SendersTestCase(SynchronousTestCase):
    """What the cases below have in common."""

    stream: Stream

    def setUp(self) -> None:
        """A stream that waits for senders over HTTP, and one that does not."""
        self.reactor = Reactor()
        self.readers = FakeReaders()
        self.log = Log(self)
        self.streams: dict[str, Stream] = {}
        self.site = LiveSite(self.reactor, self.streams)
        self.ends: list[Stream] = []
        self.start()
        self.streams["live"] = self.make("live", Form.DEMO)

    def make(self, name: str, form: Form, **settings: Any) -> Stream:
        """A stream that has not been started."""
        config = StreamConfig(Input(form, form.value.lower()), name=name, **settings)
        return Stream(self.reactor, config, self.ends.append, start_reader=self.readers)

    def start(self, **settings: Any) -> None:
        """The stream, with these settings."""
        self.stream = self.streams["cam"] = self.make("cam", Form.PUSH, **settings)
        self.stream.startService()

    def connect(self) -> Sending:
        """A sender's new connection."""
        return Sending(self.site, self.reactor)

    def sender(self, *headers: str, data: bytes = b"media", **about: str) -> Sending:
        """One who sends this for a beginning, chunked, and goes on sending."""
        connection = self.connect()
        connection.begin(*(headers or (CHUNKED,)), **about)
        connection.send(chunks(data))
        return connection

    def read(self, size: int) -> bytes:
        """So much of what has been sent, or what there is before its end."""
        got = b""
        while len(got) < size:
            piece = self.readers[-1].media.read(size - len(got))  # type: ignore[union-attr]
            if not piece:
                break
            got += piece
        self.reactor.turns()
        return got

    def emit(self, *events: Any) -> None:
        """What the reader has made of it."""
        self.readers[-1].emit(*events)
        self.reactor.turns()

    @property
    def state(self) -> str:
        """What the input does."""
        return self.stream.input.life.state
