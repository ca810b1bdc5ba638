"""Views that respond later, and fail."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from mkvtwist.http.wire.later import supervise
from mkvtwist.http.wire.response import respond_text
from mkvtwist.testing import Reactor
from tests.support.site import Connection


class LaterView(Resource):
    """A view that responds when it is told to."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.responding: Deferred[Any] = Deferred()
        self.cancelled: list[Deferred[Any]] = []

    def render(self, request: Any) -> int:
        """Respond when there is a status."""
        self.responding = Deferred(self.cancelled.append)
        self.responding.addCallback(lambda code: respond_text(request, code, "later"))
        supervise(self.responding, request)
        return NOT_DONE_YET


class LaterTests(SynchronousTestCase):
    """L{supervise}."""

    def setUp(self) -> None:
        """A client has asked."""
        reactor = Reactor()
        self.view = LaterView()
        self.connection = Connection(Site(self.view, reactor=reactor), reactor)
        self.connection.ask("/")

    def test_response(self) -> None:
        """The view responds when its Deferred fires."""
        self.assertEqual(self.connection.transport.value(), b"")
        self.view.responding.callback(200)
        self.assertEqual(self.connection.answer().text, "later\n")

    def test_failure(self) -> None:
        """A view that fails is in the log with its traceback, and its client gets 500."""
        self.view.responding.callback(1000)
        self.assertEqual(self.connection.answer().status, 500)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_failed_result(self) -> None:
        """A view that has no response for the failure of its Deferred fails, too."""
        self.view.responding.errback(ValueError("oddly"))
        self.assertEqual(self.connection.answer().status, 500)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_gone(self) -> None:
        """If the connection is lost the view's Deferred is cancelled, and nothing is logged."""
        self.connection.lose()
        self.assertEqual(self.view.cancelled, [self.view.responding])
        self.assertEqual(self.flushLoggedErrors(CancelledError), [])

    def test_gone_afterwards(self) -> None:
        """A connection that is lost after the response cancels nothing."""
        self.view.responding.callback(200)
        self.connection.lose()
        self.assertEqual(self.view.cancelled, [])
