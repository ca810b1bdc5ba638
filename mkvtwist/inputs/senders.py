"""
Senders, which connect to a stream and publish media (I{reactor}).

The rules are the same however a sender connects. L{Sender} has them; it talks to the sender's
program through an L{IUplink}, which is a connection to an endpoint or a request's body, and to its
stream through an L{ISenderSlot}::

    program ---> IUplink --- arrive, receive, leave ---> Sender --- came, left ---> ISenderSlot
                    <------- pause, resume, hang_up -----      <--- drop, rest, wake ---
                                                           |
                                                         Pipe ---> reader
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from zope.interface import Attribute, Interface

from mkvtwist.libav.pipe import Pipe

SENDER_SILENCE = 10.0
"""Seconds that a sender may say nothing at all before another one gets its place."""

DEAD_AFTER = 2.0
"""
Seconds of silence after which a sender makes way for itself, if it has never paused for so long:
encoders send many times a second, and a program takes longer to see that its link is dead.
"""

LONGER_THAN_EVER = 2.0
"""A sender is silent if it has sent nothing for so many times its longest pause."""


class Parting(Enum):
    """The reason why a sender is disconnected or rejected."""

    TAKEN = "all bytes were accepted"
    UNREADABLE = "it cannot be read as media"
    OCCUPIED = "another sender is connected"
    REPLACED = "another sender has taken over"
    SILENT = "it said nothing"
    CLOSED = "the stream accepts no more media"
    FULL = "there are too many streams; try again later"
    STUCK = "too many senders before have left media that take long to read; try again later"


class IUplink(Interface):
    """
    The way over which a sender's media come: a connection, the body of a request.

    L{Sender} makes all calls, in the reactor's thread. The uplink calls L{Sender.arrive} first,
    then L{Sender.receive} any number of times, then L{Sender.leave}.
    """

    def pause() -> None:
        """Bring no more bytes for now; bytes that still come are taken."""

    def resume() -> None:
        """Bring more, if the sender's program is still there."""

    def hang_up(parting: Parting, reason: str) -> None:
        """
        End the uplink, in any state; the last call. It may come from within L{Sender.arrive},
        L{Sender.receive} and L{Sender.leave}.

        @param reason: in plain words, for programs that can be told.
        """


class ISenderSlot(Interface):
    """The place for senders, as senders know it; see L{mkvtwist.inputs.sender_slot}."""

    reactor = Attribute("where time and threads are")
    log = Attribute("the stream's C{Logger}")
    connected = Attribute("the set of senders that are connected and have not been rejected")
    is_live = Attribute("whether packets are coming out of what was sent")

    def objection(identity: str) -> Parting | None:
        """
        Return why a sender that has connected now may not send; L{None} if it may.

        @param identity: the sender's, see L{identity_of}.
        """

    def came(sender: "Sender") -> Parting | None:
        """
        Take note of a sender's first bytes.

        @return: why the sender may not go on; L{None} if its pipe will be read.
        """

    def left(sender: "Sender") -> None:
        """Take note that a sender has left; the rest of what it has sent is still to be read."""

    def refuse(peer: str, reason: str, line: str) -> None:
        """
        Tell operators that a sender was refused.

        @param line: of the log; may name C{peer}, C{input} and C{reason}.
        """

    def remark(reason: str) -> None:
        """Record why the last connection sent no usable media."""


def identity_of(user: str, host: str | None) -> str:
    """
    Return the identity by which a sender is known when it comes back: the user whose credentials it
    has, or else its address. Without either it has none, and the text is empty.

    @param user: as L{mkvtwist.access.rules.Visitor} has it; empty if no credentials are asked for.
    @param host: L{None} for a UNIX socket.
    """
    return f"user {user}" if user else host or ""


@dataclass(frozen=True, slots=True)
class SenderStatistics:
    """The figures of a sender that is connected."""

    peer: str
    since: float
    """The time of connecting, by the reactor's clock."""
    bytes: int


class Station(NamedTuple):
    """A sender's words on its station, as Icecast's send them; each is empty if it sends none."""

    name: str = ""
    description: str = ""
    genre: str = ""


class Sender:
    """
    A sender, from its arrival on.

    @ivar peer: its address, in words.
    @ivar identity: see L{identity_of}; empty if it cannot be known when it comes back.
    @ivar uplink: the way over which its media come.
    @ivar pipe: what it has sent, for the reader.
    @ivar present: whether more may come.
    @ivar program: the programme of its MPEG-TS that it asks to be sent; 0 if it does not ask.
    @ivar station: the station that it sends.
    """

    def __init__(self, slot: ISenderSlot, peer: str, uplink: IUplink, identity: str = "") -> None:
        self.peer = peer
        self.identity = identity
        self.uplink = uplink
        self.program = 0
        self.station = Station()
        self.pipe = Pipe(lambda: slot.reactor.callFromThread(self._has_room))
        self.present = False
        self._slot = slot
        self._log = slot.log
        self._is_read = self._is_full = self._rests = False
        self._silence: Any = None
        self._since = self._heard = self._longest_pause = 0.0

    # called by the uplink

    def arrive(self) -> bool:
        """
        Take note that the sender has connected.

        @return: whether it may send; if not, the uplink has been hung up.
        """
        objection = self._slot.objection(self.identity)
        if objection is not None:
            self._reject(objection)
            return False
        self.present = True
        self._since = self._slot.reactor.seconds()
        self._slot.connected.add(self)
        self._log.info("sender {peer} connected", peer=self.peer)
        self._silence = self._slot.reactor.callLater(SENDER_SILENCE, self._disconnect_silent)
        return True

    def receive(self, data: bytes) -> None:
        """Take what the sender has sent."""
        if self not in self._slot.connected:
            return  # it has been rejected
        if not self._is_read:
            objection = self._slot.came(self)
            if objection is not None:
                self._reject(objection)
                return
            self._is_read = True
        else:
            self._longest_pause = max(self._longest_pause, self.silent_for)
        self._heard = self._slot.reactor.seconds()
        if self._silence is not None:
            self._silence.reset(SENDER_SILENCE)
        if not self.pipe.write(data):
            self._is_full = True
            self.uplink.pause()

    def leave(self) -> None:
        """Take note that nothing more will come; what the sender has sent is still read."""
        known = self.present
        self._forget()
        self.pipe.close()
        if self._is_read:
            self._log.info(
                "sender {peer} left after {bytes} bytes", peer=self.peer, bytes=self.pipe.total
            )
            self._slot.left(self)
        elif known:
            self._log.warn("sender {peer} left without sending anything", peer=self.peer)
            self._slot.remark("the last sender left without sending anything")
            self.uplink.hang_up(Parting.UNREADABLE, "nothing was sent")

    # called by the slot

    def statistics(self) -> SenderStatistics:
        """Return its figures at this moment."""
        return SenderStatistics(self.peer, self._since, self.pipe.total)

    @property
    def silent_for(self) -> float:
        """Return the seconds since anything has come; 0 while the sender is not read."""
        if self._is_full or self._rests:
            return 0.0
        return float(self._slot.reactor.seconds() - self._heard)

    def makes_way_for(self, identity: str) -> bool:
        """
        Return whether a newcomer is this sender, which has come back while its old connection is
        silent: for longer than ever, or for as long as no sender may say nothing.
        """
        patience = max(DEAD_AFTER, LONGER_THAN_EVER * self._longest_pause)
        is_silent = self.silent_for >= min(patience, SENDER_SILENCE)
        return is_silent and identity == self.identity != ""

    def drop(self, parting: Parting, reason: str) -> None:
        """End the sender: neither more bytes are wanted, nor those that it has sent."""
        self._forget()
        self.pipe.cancel()
        self.uplink.hang_up(parting, reason)

    def rest(self) -> None:
        """Have the sender wait until L{wake}."""
        if self.present:
            self._rests = True
            self.uplink.pause()

    def wake(self) -> None:
        """Have the sender go on."""
        if self._rests:
            self._rests = False
            self._go_on()

    def _has_room(self) -> None:
        self._is_full = False
        self._heard = self._slot.reactor.seconds()
        self._go_on()

    def _go_on(self) -> None:
        if not (self._is_full or self._rests):
            self.uplink.resume()

    def _forget(self) -> None:
        self.present = False
        self._slot.connected.discard(self)
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _reject(self, objection: Parting) -> None:
        self._forget()
        line = "sender {peer} refused by {input}: {reason}"
        self._slot.refuse(self.peer, objection.value, line)
        self.uplink.hang_up(objection, objection.value)

    def _disconnect_silent(self) -> None:
        """Disconnect the sender, unless its media was live: then it may be silent."""
        self._silence = None
        if self._is_read and (self._is_full or self._slot.is_live):
            return
        reason = f"sent nothing for {SENDER_SILENCE:g} s"
        self._slot.refuse(self.peer, reason, "sender {peer} {reason}: disconnected")
        self._slot.remark(f"the last sender {reason}")
        self._forget()
        self.pipe.close()
        self.uplink.hang_up(Parting.SILENT, reason)
        self._slot.left(self)
