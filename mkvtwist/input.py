"""
An input's life: it is opened, it ends, the next one is waited for (I{reactor}).

Each opening has a L{Reader} in a thread of its own, which ends with it. What it makes comes through
an L{Outlet}, and is given to the publisher in the turn in which it arrived. A sender's bytes go the
other way through a L{Pipe}.

::

    file, URL, demo:           opening -> live -> ended | opening (loop) | retrying -> opening
    endpoint    waiting for a sender -> opening -> live -> waiting for a sender | ended
"""

import socket
import threading
from collections.abc import Callable
from typing import Any

from twisted.application.internet import backoffPolicy
from twisted.application.service import Service
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from mkvtwist.config import AtEnd, Form, StreamConfig
from mkvtwist.demux import Ended, Event, Media, Noticed, Pace, Reader, set_up
from mkvtwist.packet import Header, Packet, Track
from mkvtwist.pipe import Outlet, Pipe
from mkvtwist.publisher import Publisher
from mkvtwist.recorder import Recorder
from mkvtwist.timeline import Timeline

SILENCE = 10.0
"""Seconds that a sender may say nothing at all before another one gets its place."""

PATIENCE = 1.0
"""
Seconds that stopping waits for the thread. One that is blocked in libavformat or on standard input
cannot be woken: it is left alone, and ends with the process.
"""

RETRY = backoffPolicy(initialDelay=1.0, maxDelay=30.0, factor=1.7)
"""Seconds until an input is opened again, by the number of failures; with jitter of its own."""

KEEPALIVE = ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))
"""A sender whose machine has vanished is noticed after 25 s, and its place is free again."""


class InputService(Service):
    """
    Feeds a publisher from one input for as long as the service runs.

    @ivar state: one of the states of C{/status}, but for what only the publisher knows.
    @ivar reason: the state in plain words.
    @ivar senders: whoever is connected and has not been turned away.
    @ivar left_out: one sentence for each track of the input that is not sent.
    @ivar restarts: how many times the input was opened again.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        config: StreamConfig,
        publisher: Publisher,
        recorder: Recorder | None,
        on_end: Callable[[], None],
    ) -> None:
        """
        @param on_end: called when the input has ended for good.
        """
        self.config = config
        self.state = "opening"
        self.reason = "the input has not been opened yet"
        self.since = reactor.seconds()
        self.restarts = 0
        self.timeline = Timeline()
        self.reactor = reactor
        self._publisher = publisher
        self._recorder = recorder
        self._on_end = on_end
        self._pace = Pace(config.readrate, config.readrate_initial_burst)
        self._reader: Reader | None = None
        self._outlet: Outlet[Event] | None = None
        self._thread_done: Deferred[None] | None = None
        self.senders: set[Sender] = set()
        self._sender: Sender | None = None
        self._next_sender: Sender | None = None
        self._port: IListeningPort | None = None
        self._retry: Any = None
        self._failures = 0
        self._opened = False
        self._heard = False
        self.left_out: tuple[str, ...] = ()
        self._noticed = float("-inf")
        self._unsaid = 0

    def startService(self) -> None:
        """Open the input, or listen for a sender."""
        super().startService()
        set_up()
        if self.config.input.form is Form.ENDPOINT:
            self._listen()
        else:
            self._open()

    def stopService(self) -> Deferred[None]:
        """
        @return: fires when nobody can connect any more, and the thread has ended, or after a second
            without that.
        """
        super().stopService()
        if self.state != "ended":
            self._become("ended", "it has been stopped")
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        closed: Any = None
        if self._port is not None:
            closed = self._port.stopListening()
            self._port = None
        for sender in (*self.senders, self._sender, self._next_sender):
            if sender is not None:
                sender.drop()
        stopped: Deferred[None] = Deferred()
        if self._reader is None:
            stopped.callback(None)
        else:
            self._reader.stop()
            self._thread_done = stopped
            late = self.reactor.callLater(PATIENCE, self._thread_ended, self._reader)
            stopped.addCallback(lambda _: late.cancel() if late.active() else None)
        return stopped.addCallback(lambda _: closed)

    def resume(self) -> None:
        """The recorder has room again."""
        if self._reader is not None:
            self._deliver(self._reader)

    # opening

    def _open(self) -> None:
        self._retry = None
        media: Media | None = None
        if self.config.input.form is Form.STDIN:
            media = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 - it is not ours
        self._read(media)

    def _read(self, media: Media | None) -> None:
        self._become("opening", "reading the beginning, to see what it is")
        self.restarts += self._opened
        self._opened = True
        self._heard = False
        outlet: Outlet[Event] = Outlet(lambda: self.reactor.callFromThread(self._deliver, reader))
        reader = Reader(
            self.config.input,
            media,
            self.timeline,
            self._pace,
            outlet,
            drain=self.config.at_end is AtEnd.EXIT and self.config.input.form is not Form.ENDPOINT,
        )
        self._reader, self._outlet = reader, outlet
        threading.Thread(
            target=self._run, args=(reader,), name=f"input of {self.config.name}", daemon=True
        ).start()

    def _run(self, reader: Reader) -> None:
        reader.run()
        self.reactor.callFromThread(self._thread_ended, reader)

    def _thread_ended(self, reader: Reader) -> None:
        if self._reader is reader and self._thread_done is not None:
            self._reader = None
            done, self._thread_done = self._thread_done, None
            done.callback(None)

    # what the thread has made

    def _deliver(self, reader: Reader) -> None:
        """Take what has come since the last turn, unless the recorder is behind."""
        if reader is not self._reader or not self.running:
            return
        if self._recorder is not None and self._recorder.full:
            return
        assert self._outlet is not None
        packets: list[Packet] = []
        for event in self._outlet.take():
            if isinstance(event, Packet):
                packets.append(event)
                continue
            self._publish(packets)
            packets = []
            if isinstance(event, Header):
                self._begin(event)
            elif isinstance(event, Noticed):
                self._notice(event.text)
            else:
                self._ended(event)
        self._publish(packets)

    def _publish(self, packets: list[Packet]) -> None:
        if packets:
            self._publisher.publish(packets)

    def _begin(self, header: Header) -> None:
        self._heard = True
        self._failures = 0
        self._become("live", "packets are coming")
        programme = self._publisher.programme
        if programme is None or programme.header.tracks != header.tracks:
            for track in header.tracks:
                self.log.info("{input}: {track}", input=self._label, track=describe(track))
        if self.left_out != header.left_out:
            for text in header.left_out:
                self.log.warn("{input}: left out: {text}", input=self._label, text=text)
        self.left_out = header.left_out
        self._publisher.begin(header)

    def _notice(self, text: str) -> None:
        """At most one line a second."""
        now = self.reactor.seconds()
        if now - self._noticed < 1:
            self._unsaid += 1
            return
        more = f" (and {self._unsaid} times more)" if self._unsaid else ""
        self._noticed, self._unsaid = now, 0
        self.log.warn("{input}: {text}{more}", input=self._label, text=text, more=more)

    @property
    def _label(self) -> str:
        return str(self.config.input)

    # the end

    def _ended(self, ended: Ended) -> None:
        self._reader = None
        if ended.fault:
            self.log.error("{input}: {reason}", input=self._label, reason=ended.reason)
        elif self.config.at_end is not AtEnd.LOOP:  # each round of which would be a line
            self.log.info("{input}: {reason}", input=self._label, reason=ended.reason)
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.drop()
        at_end = self.config.at_end
        if at_end is AtEnd.EXIT:
            self._become("ended", ended.reason)
            self._publisher.end()
            self._on_end()
        elif at_end is AtEnd.WAIT:
            self._wait(ended.reason)
        elif at_end is AtEnd.LOOP and self._heard and not ended.fault:
            self._open()
        else:
            self._publisher.hold()
            self._failures += 1
            pause = RETRY(self._failures)
            self._become("retrying", f"{ended.reason}; trying again in {pause:.1f} s")
            self._retry = self.reactor.callLater(pause, self._open)

    def _wait(self, reason: str) -> None:
        self._publisher.hold()
        self._become("waiting for a sender", reason)
        sender, self._next_sender = self._next_sender, None
        if sender is not None:
            self._take(sender)

    def _become(self, state: str, reason: str) -> None:
        if state != self.state:
            self.since = self.reactor.seconds()
        self.state, self.reason = state, reason

    # senders

    def _listen(self) -> None:
        self._become("waiting for a sender", f"nobody has connected to {self._label}")
        factory: Any = Factory.forProtocol(Sender)
        factory.noisy = False
        factory.input = self
        endpoint = serverFromString(self.reactor, self.config.input.text)
        listening = endpoint.listen(factory)
        listening.addCallbacks(self._listening, self._deaf)

    def _listening(self, port: IListeningPort) -> None:
        self._port = port
        self.log.info("waiting for a sender at {address}", address=address(port.getHost()))

    def _deaf(self, failure: Failure) -> None:
        self._become("ended", f"cannot listen at {self._label}: {failure.value}")
        self.log.error("{reason}", reason=self.reason)
        self._publisher.end()
        self._on_end()

    def sender_came(self, sender: "Sender") -> bool:
        """A sender has sent its first bytes; whether it may go on."""
        if not self.running or self.state == "ended":
            return False
        if self._sender is None and self._reader is None:
            self._take(sender)
            return True
        if self._sender is not None and self._sender.connected:
            return False
        if self._next_sender is not None and self._next_sender.connected:
            return False
        # The one before has gone, but not all that it sent has been read.
        self._next_sender = sender
        return True

    def remark(self, reason: str) -> None:
        """Something has come of a sender who never was one."""
        if self.state == "waiting for a sender":
            self.reason = reason

    def _take(self, sender: "Sender") -> None:
        self._sender = sender
        self._read(sender.pipe)

    @property
    def occupied(self) -> bool:
        """Whether a sender is connected."""
        return any(s is not None and s.connected for s in (self._sender, self._next_sender))


class Sender(Protocol):
    """
    A connection to an endpoint input: whoever sends media.

    @ivar pipe: what it has sent, for the thread.
    """

    log = Logger()
    factory: Any
    transport: Any

    def connectionMade(self) -> None:
        self.input: InputService = self.factory.input
        self.peer = address(self.transport.getPeer())
        self.pipe = Pipe(lambda: self.input.reactor.callFromThread(self._resume))
        self._taken = self._paused = False
        self._silence: Any = None
        if self.input.occupied:
            self._turn_away()
            return
        self.input.senders.add(self)
        self.log.info("sender {peer} connected", peer=self.peer)
        self._silence = self.input.reactor.callLater(SILENCE, self._too_quiet)
        if not isinstance(self.transport.getPeer(), UNIXAddress):
            self.transport.setTcpKeepAlive(True)
            handle = self.transport.getHandle()
            if isinstance(handle, socket.socket):  # TLS has another one
                for option, value in KEEPALIVE:
                    handle.setsockopt(socket.IPPROTO_TCP, option, value)

    def dataReceived(self, data: bytes) -> None:
        if self not in self.input.senders:
            return  # it has been turned away
        if not self._taken and not self.input.sender_came(self):
            self._turn_away()
            return
        self._taken = True
        if self._silence is not None:
            self._silence.reset(SILENCE)
        if not self.pipe.write(data):
            self._paused = True
            self.transport.pauseProducing()

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
        self.connected = 0  # which Twisted leaves at 1
        if self._taken:
            self.log.info(
                "sender {peer} left after {bytes} bytes", peer=self.peer, bytes=self.pipe.total
            )
        elif self._silence is not None:
            self.log.warn("sender {peer} left without sending anything", peer=self.peer)
            self.input.remark(f"the last sender, {self.peer}, left without sending anything")
        self._forget()
        self.pipe.close()

    def _forget(self) -> None:
        self.input.senders.discard(self)
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def drop(self) -> None:
        """The input wants no more of it."""
        self._forget()
        self.pipe.cancel()
        if self.connected and self.transport is not None:
            self.transport.abortConnection()

    def _resume(self) -> None:
        self._paused = False
        if self.connected:
            self.transport.resumeProducing()

    def _turn_away(self) -> None:
        self._forget()
        self.log.warn(
            "sender {peer} turned away: another one is connected to {input}",
            peer=self.peer,
            input=str(self.input.config.input),
        )
        self.transport.abortConnection()

    def _too_quiet(self) -> None:
        """Nothing for a while, before anything could be made of it; later it may be as it likes."""
        self._silence = None
        if self._taken and (self._paused or self.input.state == "live"):
            return
        self.input.senders.discard(self)
        self.log.warn(
            "sender {peer} said nothing for {seconds:g} s: disconnected",
            peer=self.peer,
            seconds=SILENCE,
        )
        self.input.remark(f"the last sender, {self.peer}, said nothing for {SILENCE:g} s")
        self.transport.abortConnection()


def address(where: IAddress) -> str:
    """An address as one would type it: C{127.0.0.1:8080}, C{[::1]:8080}, a socket's path."""
    host, port = getattr(where, "host", None), getattr(where, "port", None)
    if host is None:
        name = getattr(where, "name", None)
        return name.decode(errors="replace") if isinstance(name, bytes) else "a local process"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def describe(track: Track) -> str:
    """A track in words, for the log: C{track 1, video: h264, 640x360, 25 fps}."""
    words = [track.codec]
    if track.width:
        words.append(f"{track.width}x{track.height}")
    if track.frame_rate:
        words.append(f"{track.frame_rate:g} fps")
    if track.sample_rate:
        words.append(f"{track.sample_rate} Hz, {track.channels} channels")
    if track.language:
        words.append(track.language)
    return f"track {track.number}, {track.type}: {', '.join(words)}"
