"""
The place for senders: the current one, and the next (I{reactor}).

One sender at a time is read. Another one that sends meanwhile is next if the one before has left,
and is rejected if not. With C{takeover} it replaces a sender that is still there; without, it does
so only if it is the same one, which has come back while its old connection is silent
(L{Sender.makes_way_for}).
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from zope.interface import implementer

from mkvtwist.config.input import AtEnd
from mkvtwist.config.settings import StreamConfig
from mkvtwist.inputs.deadline import Deadline
from mkvtwist.inputs.lifecycle import Lifecycle, State
from mkvtwist.inputs.readings import LEFTOVER_TIMEOUT, Readings
from mkvtwist.inputs.reports import Reports
from mkvtwist.inputs.resting import Rest
from mkvtwist.inputs.senders import ISenderSlot, Parting, Sender, SenderStatistics
from mkvtwist.libav import Ended

STUCK_LIMIT = 4
"""
Readers of one input that have been stopped and have not gone, before new senders are rejected:
libavformat cannot be interrupted while it works, and each takes a processor.
"""

SENDER_OPENING_TIMEOUT = 60.0
"""
Seconds from a sender's first bytes until the first header: a picture every ten seconds is known
after two of them.
"""


@implementer(ISenderSlot)
class SenderSlot:
    """
    The place of the sender of one input.

    @ivar config: the stream's.
    @ivar connected: the senders that are connected and have not been rejected.
    @ivar current: the sender that is read; it may have left.
    @ivar next: the sender that is read after the current one; it may have left, too.
    @ivar is_open: whether senders are let in at all.
    """

    def __init__(
        self,
        reactor: Any,
        config: StreamConfig,
        *,
        life: Lifecycle,
        readings: Readings,
        rest: Rest,
        deadline: Deadline,
        reports: Reports,
        on_turn: Callable[[Sender], None],
        on_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """
        @param on_turn: has a sender read, which is the current one now.
        @param on_wanted: called when a sender comes and the place is not open; returns whether
            there is room for the stream.
        """
        self.reactor = reactor
        self.config = config
        self.log = reports.log
        self.connected: set[Sender] = set()
        self.current: Sender | None = None
        self.next: Sender | None = None
        self.is_open = False
        self._has_replaced = False
        self._waiting: deque[Callable[[], None]] = deque()
        self._life = life
        self._readings = readings
        self._rest = rest
        self._deadline = deadline
        self._reports = reports
        self._on_turn = on_turn
        self._on_wanted = on_wanted

    # called by the input

    def open(self) -> None:
        """Let senders in."""
        self.is_open = True
        if self._waiting:
            self.reactor.callLater(0, self._call_waiting)

    def part(self, ended: Ended) -> None:
        """Part with the current sender, if there is one: all of its media has been read."""
        sender, self.current = self.current, None
        if sender is not None:
            sender.drop(Parting.UNREADABLE if ended.fault else Parting.TAKEN, ended.reason)

    @property
    def goes_on(self) -> bool:
        """
        Return whether a next sender is read even if the input ends with its sender: it has replaced
        the one before.
        """
        return self.next is not None and (self.config.takeover or self._has_replaced)

    def advance(self) -> bool:
        """Have the next sender read, if there is one; return whether there is."""
        sender, self.next = self.next, None
        self._has_replaced = False
        if sender is not None:
            self._take(sender)
        self._call_waiting()
        return self.current is not None

    def close(self, reason: str) -> None:
        """Let no more senders in, and disconnect all of them."""
        self.is_open = False
        for sender in (*self.connected, self.current, self.next):
            if sender is not None:
                sender.drop(Parting.CLOSED, reason)
        self.current = self.next = None
        self._has_replaced = False
        self._call_waiting()

    def rest(self) -> None:
        """Have the current sender wait, until L{wake}."""
        if self.current is not None:
            self.current.rest()

    def wake(self) -> None:
        """Have the current sender go on."""
        if self.current is not None:
            self.current.wake()

    # called by senders

    @property
    def has_left_nothing(self) -> bool:
        """
        Return whether the stream has been started, and all has been read of senders that have left.

        Listeners to events hear of a sender's end before the input is ready for the next one.
        """
        idle = State.WAITING_FOR_SENDER if self.is_open else State.ENDED
        is_ready = self.current is not None or self._life.state is idle
        return is_ready and all(s is None or s.present for s in (self.current, self.next))

    def in_turn(self, call: Callable[[], None]) -> None:
        """Call a function as soon as L{has_left_nothing}, perhaps now."""
        self._waiting.append(call)
        self._call_waiting()

    def _call_waiting(self) -> None:
        while self._waiting and self.has_left_nothing:
            self._waiting.popleft()()

    def statistics(self) -> SenderStatistics | None:
        """Return the figures of the sender that is there; L{None} if there is none."""
        sender = self.current
        return sender.statistics() if sender is not None and sender.present else None

    @property
    def is_live(self) -> bool:
        """Return whether the current sender's media yields packets."""
        return self._life.state is State.LIVE

    @property
    def is_empty(self) -> bool:
        """Return whether no sender is there, and nothing of one is left to be read."""
        return not self.connected and self.current is None and self.next is None

    def objection(self, identity: str) -> Parting | None:
        """
        Return why a sender that has connected now may not send; L{None} if it may.

        @param identity: the sender's, see L{mkvtwist.inputs.senders.identity_of}.
        """
        if not self.is_open and not self._on_wanted():
            return Parting.FULL
        # A resting input does not see that a sender has left; it has seen so at this one's first
        # bytes.
        return None if self._rest.wake() else self._objection(identity)

    def _objection(self, identity: str) -> Parting | None:
        if not self.is_open:
            return Parting.CLOSED
        # Not those of a fallback: a URL that does not answer holds its reader for some seconds.
        if self._readings.count_leaving(self.config.input) >= STUCK_LIMIT:
            return Parting.STUCK
        present = [s for s in (self.current, self.next) if s is not None and s.present]
        free = self.config.takeover or all(sender.makes_way_for(identity) for sender in present)
        return None if free else Parting.OCCUPIED

    def came(self, sender: Sender) -> Parting | None:
        """
        Take note of a sender's first bytes.

        @return: why the sender may not go on; L{None} if its pipe will be read.
        """
        objection = self._objection(sender.identity)
        if objection is not None:
            return objection
        if self.current is None:
            self._take(sender)
            return None
        # Of those before, one that has left is read to its end; one that is there is replaced.
        for other in (self.current, self.next):
            if other is not None and (other.present or other is self.next):
                self._replace(other, sender)
        self.next = sender
        if self.goes_on or self.config.at_end is AtEnd.WAIT:
            self._deadline.tighten(LEFTOVER_TIMEOUT, "another sender has come")
        return None

    def _replace(self, old: Sender, sender: Sender) -> None:
        line = "sender {peer} takes over from {old}"
        if old.makes_way_for(sender.identity):
            line += ", which has sent nothing for {seconds:.1f} s"
        self.log.warn(line, peer=sender.peer, old=old.peer, seconds=old.silent_for)
        self._has_replaced = True
        old.drop(Parting.REPLACED, Parting.REPLACED.value)

    def left(self, sender: Sender) -> None:
        """Take note that a sender has left; the rest of what it has sent is still to be read."""
        if sender is self.current and self._life.state is State.OPENING:
            reason = (
                f"no media was recognised in it {LEFTOVER_TIMEOUT:g} s after its sender had left"
            )
            self._deadline.tighten(LEFTOVER_TIMEOUT, reason)

    def refuse(self, peer: str, reason: str, line: str) -> None:
        """
        Tell operators that a sender was refused.

        @param line: of the log; may name C{peer}, C{input} and C{reason}.
        """
        self._reports.refuse(peer, reason, line, reason)

    def remark(self, reason: str) -> None:
        """Record why the last connection sent no usable media."""
        if self._life.state is State.WAITING_FOR_SENDER:
            self._life.remark(reason)

    def _take(self, sender: Sender) -> None:
        self.current = sender
        self._on_turn(sender)
        reason = f"no media was recognised in it after {SENDER_OPENING_TIMEOUT:g} s"
        self._deadline.tighten(SENDER_OPENING_TIMEOUT, reason)
