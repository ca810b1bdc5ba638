"""
Senders: whoever connects to a stream's input and writes media to it (I{reactor}).

The rules are the same however one connects. L{Sender} has them; what it came over, an L{ILine}, is
a L{Connection} to an endpoint, or a request of HTTP's.
"""

from enum import Enum
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface, implementer

from mkvtwist.libav.pipe import Pipe
from mkvtwist.net.sockets import address, keep_alive

SILENCE = 10.0
"""Seconds that a sender may say nothing at all before another one gets its place."""


class Parting(Enum):
    """Why the input wants no more of a sender."""

    TAKEN = "all that was sent has been taken"
    UNREADABLE = "it cannot be read as media"
    OCCUPIED = "another one is connected"
    REPLACED = "another one has taken over"
    SILENT = "it said nothing"
    CLOSED = "nothing more is taken"
    STUCK = "too many senders before have left media that take long to read; try again later"


class ILine(Interface):
    """What a sender came over. All calls are the sender's."""

    def pause() -> None:
        """Bring nothing more for now; what comes all the same is taken."""

    def resume() -> None:
        """Bring more, if there is still somebody."""

    def hang_up(parting: Parting, reason: str) -> None:
        """
        End it, in any state; last call. It may be called from within L{Sender.arrive},
        L{Sender.receive} and L{Sender.leave}.

        @param reason: in plain words, for who can be told.
        """


class IInput(Interface):
    """What senders need of the input that they send to."""

    reactor = Attribute("where time and threads are")
    label = Attribute("the input in words")
    log = Attribute("the stream's C{Logger}")
    senders = Attribute("the set of those who are connected and have not been turned away")
    is_live = Attribute("whether packets are coming out of what was sent")

    def objection() -> Parting | None:
        """Why one who has connected now may not send; L{None} when it may."""

    def sender_came(sender: "Sender") -> Parting | None:
        """Its first bytes have come; why it may not go on, or L{None}: its pipe will be read."""

    def refuse(peer: str, reason: str, line: str) -> None:
        """
        Tell operators that a sender was refused.

        @param line: of the log; may name C{peer}, C{input} and C{reason}.
        """

    def sender_left(sender: "Sender") -> None:
        """Note that a sender has left; the rest of what it has sent is still to be read."""

    def remark(reason: str) -> None:
        """Something has come of a sender who never was one."""


class Sender:
    """
    One who sends media, from its arrival on.

    @ivar peer: where from, in words.
    @ivar pipe: what it has sent, for the thread.
    @ivar present: whether more may come.
    @ivar line: what it came over.
    @ivar program: which programme of its MPEG-TS it asks to be sent; 0 if it does not.
    """

    def __init__(self, input_: Any, peer: str, line: Any) -> None:
        """
        @param input_: an L{IInput}.
        @param line: an L{ILine}.
        """
        self.peer = peer
        self.line = line
        self.program = 0
        self.pipe = Pipe(lambda: input_.reactor.callFromThread(self._resume))
        self.present = False
        self._input = input_
        self._log = input_.log
        self._taken = self._paused = self._resting = False
        self._silence: Any = None

    # called by the line

    def arrive(self) -> bool:
        """It has connected; whether it may send. If not, the line has been hung up."""
        objection = self._input.objection()
        if objection is not None:
            self._turn_away(objection)
            return False
        self.present = True
        self._input.senders.add(self)
        self._log.info("sender {peer} connected", peer=self.peer)
        self._silence = self._input.reactor.callLater(SILENCE, self._too_quiet)
        return True

    def receive(self, data: bytes) -> None:
        """It has sent this."""
        if self not in self._input.senders:
            return  # it has been turned away
        if not self._taken:
            objection = self._input.sender_came(self)
            if objection is not None:
                self._turn_away(objection)
                return
            self._taken = True
        if self._silence is not None:
            self._silence.reset(SILENCE)
        if not self.pipe.write(data):
            self._paused = True
            self.line.pause()

    def leave(self) -> None:
        """Nothing more will come of it; what it has sent is still read."""
        known = self.present
        self._forget()
        self.pipe.close()
        if self._taken:
            self._log.info(
                "sender {peer} left after {bytes} bytes", peer=self.peer, bytes=self.pipe.total
            )
            self._input.sender_left(self)
        elif known:
            self._log.warn("sender {peer} left without sending anything", peer=self.peer)
            self._input.remark("the last sender left without sending anything")
            self.line.hang_up(Parting.UNREADABLE, "nothing was sent")

    # called by the input

    def drop(self, parting: Parting, reason: str) -> None:
        """The input wants no more of it."""
        self._forget()
        self.pipe.cancel()
        self.line.hang_up(parting, reason)

    def rest(self) -> None:
        """Nothing more is read of it for the moment."""
        if self.present:
            self._resting = True
            self.line.pause()

    def wake(self) -> None:
        """It is read again."""
        if self._resting:
            self._resting = False
            self._go_on()

    def _resume(self) -> None:
        self._paused = False
        self._go_on()

    def _go_on(self) -> None:
        if not (self._paused or self._resting):
            self.line.resume()

    def _forget(self) -> None:
        self.present = False
        self._input.senders.discard(self)
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _turn_away(self, objection: Parting) -> None:
        self._forget()
        line = "sender {peer} refused by {input}: {reason}"
        self._input.refuse(self.peer, objection.value, line)
        self.line.hang_up(objection, objection.value)

    def _too_quiet(self) -> None:
        """Nothing for a while, before anything could be made of it; later it may be as it likes."""
        self._silence = None
        if self._taken and (self._paused or self._input.is_live):
            return
        reason = f"said nothing for {SILENCE:g} s"
        self._input.refuse(self.peer, reason, "sender {peer} {reason}: disconnected")
        self._input.remark(f"the last sender {reason}")
        self._forget()
        self.pipe.close()
        self.line.hang_up(Parting.SILENT, reason)
        self._input.sender_left(self)


@implementer(ILine)
class Connection(Protocol):
    """What a sender came over to an endpoint: its bytes are media, and nothing is said to it."""

    factory: Any
    transport: Any

    def connectionMade(self) -> None:
        self.sender = Sender(self.factory.input, address(self.transport.getPeer()), self)
        if self.sender.arrive():
            keep_alive(self.transport)

    def dataReceived(self, data: bytes) -> None:
        self.sender.receive(data)

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
        self.connected = 0  # which Twisted leaves at 1
        self.sender.leave()

    def pause(self) -> None:
        self.transport.pauseProducing()

    def resume(self) -> None:
        if self.connected:
            self.transport.resumeProducing()

    def hang_up(self, parting: Parting, reason: str) -> None:
        if self.connected:
            self.transport.abortConnection()
