"""Whatever happens to an input, in whatever order: the table of its states has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mkvtwist.config.input import parse_input
from mkvtwist.inputs.endpoint import EndpointUplink
from mkvtwist.inputs.lifecycle import State
from mkvtwist.libav import Ended, Opened
from mkvtwist.testing import AUDIO, END, FakeReader, Reactor, footage, header
from tests.support.inputs import SenderTestCase

FORMS = (
    ("film.mkv", ("exit", "loop", "retry")),
    ("http://host/live.mkv", ("retry", "exit", "loop")),
    ("udp://127.0.0.1:1234", ("retry", "exit", "loop")),
    ("tcp:12345", ("wait", "exit")),
)


@st.composite
def inputs(draw: st.DrawFn) -> dict[str, Any]:
    """An input of any form, with settings that it can have."""
    text, ends = draw(st.sampled_from(FORMS))
    found: dict[str, Any] = {"text": text, "at_end": draw(st.sampled_from(ends))}
    if text.startswith("tcp"):
        found["takeover"] = draw(st.booleans())
    else:
        found["on_demand"] = draw(st.booleans())
    if draw(st.booleans()):
        found["fallback"] = parse_input("fallback", "pause.mkv")
    found["max_bitrate"] = draw(st.sampled_from([0, 8_000]))
    return found


class Walk:
    """One input, to which things happen; readers and senders behave as real ones do."""

    def __init__(self, case: SenderTestCase, about: dict[str, Any]) -> None:
        self.case = case
        self.opened: set[FakeReader] = set()
        self.headed: set[FakeReader] = set()
        self.over: set[FakeReader] = set()
        self.uplinks: list[EndpointUplink] = []
        self.seconds = 0
        case.reactor = Reactor()
        case.readers.clear()
        text = about.pop("text")
        case.start(text, **about)
        self.actions: tuple[Callable[[int], None], ...] = (
            self.open,
            self.begin,
            self.bring,
            self.end,
            self.connect,
            self.send,
            self.lose,
            self.wait,
            self.watch,
            self.leave,
            self.stop_or_start,
        )

    def go(self, action: int, choice: int) -> None:
        """Have something happen, and the reactor come to rest."""
        self.actions[action % len(self.actions)](choice)
        self.case.reactor.turns()

    def reader(self, choice: int, *, gone_on: bool) -> FakeReader | None:
        """One of the readers that are at work."""
        found = [
            r
            for r in self.case.readers
            if r not in self.over and not r.stopped and r.gone_on is gone_on
        ]
        return found[choice % len(found)] if found else None

    def open(self, choice: int) -> None:
        """A reader has opened what it reads."""
        reader = self.reader(choice, gone_on=False)
        if reader is not None and reader not in self.opened:
            self.opened.add(reader)
            reader.emit(Opened())

    def begin(self, choice: int) -> None:
        """A reader that has its turn finds tracks."""
        reader = self.reader(choice, gone_on=True)
        if reader is not None:
            self.headed.add(reader)
            reader.emit(header(AUDIO) if choice % 5 == 4 else header())

    def bring(self, choice: int) -> None:
        """A reader has packets."""
        reader = self.reader(choice, gone_on=True)
        if reader in self.headed and reader is not None:
            self.seconds += 1
            size = 5_000 if choice % 4 == 3 else 20
            reader.emit(*footage(self.seconds, self.seconds + 1, size=size))

    def end(self, choice: int) -> None:
        """A reader comes to an end, opened or not."""
        reader = self.reader(choice, gone_on=bool(choice % 2))
        if reader is not None:
            self.over.add(reader)
            reader.emit(END if choice % 3 else Ended("broken", fault=True))
            reader.join()

    def connect(self, choice: int) -> None:
        """A sender connects, if it can."""
        if self.case.service.running and self.case.reactor.tcpServers:
            self.uplinks.append(self.case.connect(object()))

    def sender(self, choice: int) -> EndpointUplink | None:
        """One of the senders that are connected."""
        found = [one for one in self.uplinks if one.connected and not self.case.turned_away(one)]
        return found[choice % len(found)] if found else None

    def send(self, choice: int) -> None:
        """A sender sends something."""
        sender = self.sender(choice)
        if sender is not None:
            sender.dataReceived(b"media")

    def lose(self, choice: int) -> None:
        """A sender goes."""
        sender = self.sender(choice)
        if sender is not None:
            self.case.lose(sender)

    def wait(self, choice: int) -> None:
        """Time goes on."""
        for _ in range((1, 5, 30, 140)[choice % 4]):
            self.case.reactor.advance(0.5)

    def watch(self, choice: int) -> None:
        """Somebody watches."""
        self.case.watch()

    def leave(self, choice: int) -> None:
        """Everybody goes."""
        for client in tuple(self.case.fanout.clients):
            self.case.fanout.leave(client, "the client has gone")

    def stop_or_start(self, choice: int) -> None:
        """The service is stopped, or started again; seldom."""
        if choice % 5:
            return
        if self.case.service.running:
            self.case.service.stopService()
        else:
            self.case.service.startService()


class WalkTests(SenderTestCase):
    """Hypothesis looks for an order of events that the table of states does not have."""

    @settings(
        max_examples=150,
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
    )
    @given(inputs(), st.lists(st.tuples(st.integers(0, 10), st.integers(0, 59)), max_size=40))
    def test_walk(self, about: dict[str, Any], steps: list[tuple[int, int]]) -> None:
        """No order of events raises; what is stopped in the end leaves nothing to be done."""
        walk = Walk(self, dict(about))
        for step in steps:
            walk.go(*step)
        walk.leave(0)
        if self.service.running:
            self.service.stopService()
        self.assertIs(self.service.life.state, State.ENDED)
        for reader in self.readers:
            reader.join()
        self.reactor.turns()
        self.assertEqual(self.pending(), [], [str(c) for c in self.reactor.getDelayedCalls()])
