"""Services that are about to end, and what waits for them."""

from __future__ import annotations

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.server.endings import Endings
from tests.support.fakes import Log


class Slow(Service):
    """A service that ends when C{stopped} fires."""

    def __init__(self) -> None:
        self.stopped: Deferred[None] = Deferred()

    def stopService(self) -> Deferred[None]:
        """Wait."""
        super().stopService()
        return self.stopped


class EndingsTests(SynchronousTestCase):
    """L{Endings}."""

    def setUp(self) -> None:
        """A service with one slow child."""
        self.log = Log(self)
        self.parent = MultiService()
        self.parent.startService()
        self.child = Slow()
        self.child.setServiceParent(self.parent)
        self.endings = Endings(self.parent)
        self.called: list[str] = []

    def test_nothing_ends(self) -> None:
        """If nothing is about to end, nothing waits."""
        self.endings.then(lambda: self.called.append("now"))
        self.assertEqual(self.called, ["now"])
        self.successResultOf(self.endings.wait())

    def test_then(self) -> None:
        """A call waits for what is about to end now, whose place is held so long."""
        self.endings.end(self.child, "child", "tcp:1")
        self.endings.then(lambda: self.called.append("after"))
        self.assertEqual((self.called, self.endings.places), ([], {"tcp:1"}))
        self.child.stopped.callback(None)
        self.assertEqual((self.called, self.endings.places), (["after"], set()))

    def test_parent_stops(self) -> None:
        """Nothing begins any more when the parent has stopped meanwhile."""
        self.endings.end(self.child, "child", "")
        self.endings.then(lambda: self.called.append("after"))
        self.parent.stopService()
        waiting = self.endings.wait()
        self.assertNoResult(waiting)
        self.child.stopped.callback(None)
        self.successResultOf(waiting)
        self.assertEqual(self.called, [])

    def test_fails(self) -> None:
        """A service that fails to stop has ended all the same, and the log says so."""
        self.endings.end(self.child, "stream cam", "tcp:1")
        self.endings.then(lambda: self.called.append("after"))
        self.child.stopped.errback(OSError("stuck"))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertEqual(self.log.about("stopping failed"), ["stream cam: stopping failed"])
        self.assertEqual(self.called, ["after"])

    def test_twice(self) -> None:
        """A service without a parent has ended already."""
        self.endings.end(Slow(), "orphan", "tcp:2")
        self.assertEqual(self.endings.places, set())
