"""The process around the service: this needs of Twisted what Twisted does not promise."""

import asyncio
import subprocess
import sys
from typing import Any

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.pollreactor import PollReactor
from twisted.internet.selectreactor import SelectReactor
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.server.process import ignore_second_stop, use_monotonic_clock
from mkvtwist.testing import Reactor
from tests.test_end_to_end import CHECKOUT, PATIENCE


class ClockTests(SynchronousTestCase):
    """L{use_monotonic_clock}; the clock is set by hand, and the real one hardly moves meanwhile."""

    def setUp(self) -> None:
        """Some seconds after the machine was started."""
        self.now = 50.0
        self.called: list[str] = []

    def clock(self) -> float:
        """The monotonic clock."""
        return self.now

    def check(self, reactor: Any) -> None:
        """Delayed calls come when this clock says so, and so does the end of a sleep."""
        for selectable in reactor.removeAll():
            self.addCleanup(selectable.connectionLost, None)
        wall = reactor.seconds()
        reactor.callLater(7.0, self.called.append, "before")
        use_monotonic_clock(reactor, self.clock)
        self.assertApproximates(reactor.seconds(), wall, 1.0)
        call = reactor.callLater(10.0, self.called.append, "on time")
        reactor.callLater(3600.0, self.called.append, "much later")
        self.assertApproximates(reactor.timeout(), 7.0, 1.0)
        self.now += 8.0
        reactor.runUntilCurrent()
        self.assertEqual(self.called, ["before"])
        self.assertApproximates(reactor.timeout(), 2.0, 1e-3)
        call.reset(5.0)
        self.now += 4.0
        reactor.runUntilCurrent()
        self.assertEqual(self.called, ["before"])
        self.now += 1.5
        reactor.runUntilCurrent()
        self.assertEqual(self.called, ["before", "on time"])

    def test_select(self) -> None:
        """It holds for select, and for what shares its loop."""
        self.check(SelectReactor())

    def test_poll(self) -> None:
        """It holds for poll; epoll, the default on Linux, shares its loop."""
        self.check(PollReactor())

    def test_asyncio(self) -> None:
        """It holds for a reactor on another event loop."""
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        self.check(AsyncioSelectorReactor(loop))

    def test_twice(self) -> None:
        """A second call changes nothing."""
        reactor = SelectReactor()
        for selectable in reactor.removeAll():
            self.addCleanup(selectable.connectionLost, None)
        use_monotonic_clock(reactor, self.clock)
        clock = reactor.seconds
        use_monotonic_clock(reactor)
        self.assertIs(reactor.seconds, clock)

    def test_real(self) -> None:
        """Without a word it is the machine's monotonic clock."""
        reactor = Reactor()
        reactor.advance(1000)
        use_monotonic_clock(reactor)
        first = reactor.seconds()
        self.assertApproximates(first, 1000, 5)
        self.assertGreaterEqual(reactor.seconds(), first)


class StopTests(SynchronousTestCase):
    """L{ignore_second_stop}."""

    def test_again(self) -> None:
        """Only the first of several signals to stop counts, and none is an error."""
        reactor = SelectReactor()
        for selectable in reactor.removeAll():
            self.addCleanup(selectable.connectionLost, None)
        for _ in range(2):
            ignore_second_stop(reactor)
        stopped: list[str] = []
        reactor.addSystemEventTrigger("during", "shutdown", stopped.append, "stopped")
        reactor.startRunning(installSignalHandlers=False)
        reactor.sigInt(2)
        reactor.sigTerm(15)
        reactor.runUntilCurrent()
        reactor.runUntilCurrent()
        self.assertEqual(stopped, ["stopped"])
        self.assertEqual(self.flushLoggedErrors(), [])


class CollectorTests(SynchronousTestCase):
    """L{mkvtwist.server.process.spare_modules}."""

    def run_program(self, *lines: str) -> str:
        """Run a program in a process of its own, and return what it prints."""
        begin = (
            "import gc, mkvtwist.server.tap",
            "from mkvtwist.server.process import spare_modules",
            "gc.disable()",
            "spare_modules()",
        )
        program = "\n".join((*begin, *lines))
        command = (sys.executable, "-c", program)
        return subprocess.check_output(command, cwd=CHECKOUT, text=True, timeout=PATIENCE)

    def test_bound(self) -> None:
        """A collection does not look at modules: what it looks at is not one in a hundred."""
        said = self.run_program("print(len(gc.get_objects()), gc.get_freeze_count())")
        left, spared = map(int, said.split())
        self.assertLess(left, spared / 100)

    def test_later(self) -> None:
        """It finds what is made after that, even if it is done again."""
        said = self.run_program(
            "a = []; a.append(a)", "spare_modules()", "del a", "print(gc.collect())"
        )
        self.assertEqual(said, "1\n")


class ExitTests(SynchronousTestCase):
    """L{mkvtwist.server.process.exit_with}."""

    def test_exit(self) -> None:
        """The status is that of the process, and all that was printed comes out."""
        program = "from mkvtwist.server.process import exit_with; exit_with(3); print('end')"
        ended = subprocess.run(
            (sys.executable, "-c", program),
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        self.assertEqual(ended.returncode, 3)
        self.assertEqual(ended.stdout, "end\n")
