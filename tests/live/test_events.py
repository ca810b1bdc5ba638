"""What happens is told, in order, to whoever wants to know."""

from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Form, Input
from mkvtwist.config.settings import StreamConfig
from mkvtwist.live.client import Wish
from mkvtwist.live.events import Event, Events, InputDown, InputUp, SenderRefused
from mkvtwist.testing import Reactor, footage, header
from tests.support.fakes import Response
from tests.support.streams import broadcast

UP = InputUp(stream="cam", input="demo:")
DOWN = InputDown(stream="cam", reason="gone", seconds=2.5)


class DocumentTests(SynchronousTestCase):
    """Events as programs read them."""

    def test_document(self) -> None:
        """An event is its stream, its date, and what is known."""
        down = replace(DOWN, when=1_700_000_000.5)
        self.assertEqual(down.kind, "input down")
        self.assertEqual(dict(down.details), {"reason": "gone", "seconds": 2.5})
        self.assertEqual(
            down.document,
            {
                "stream": "cam",
                "when": "2023-11-14T22:13:20.500+00:00",
                "reason": "gone",
                "seconds": 2.5,
            },
        )

    def test_unknown(self) -> None:
        """Unknown details of an event are left out."""
        refused = SenderRefused(peer="192.0.2.7:5000", reason="no", status=404)
        self.assertEqual(
            dict(refused.details), {"peer": "192.0.2.7:5000", "reason": "no", "status": 404}
        )
        self.assertEqual(refused.stream, "")


class EventsTests(SynchronousTestCase):
    """Listeners come and go, and fail alone."""

    def setUp(self) -> None:
        """One who listens."""
        self.events = Events()
        self.heard: list[Event] = []
        self.unsubscribe = self.events.subscribe(self.heard.append)

    def test_order(self) -> None:
        """Each event comes once, with what is known, until one has heard enough."""
        self.events.tell(UP)
        self.events.tell(DOWN)
        self.unsubscribe()
        self.events.tell(UP)
        self.assertEqual(self.heard, [UP, DOWN])

    def test_failure(self) -> None:
        """A listener's failure, now or later, is logged, and the others hear everything."""
        later: Deferred[None] = Deferred()

        def fails(_: Event) -> None:
            raise ZeroDivisionError

        self.events.subscribe(fails)
        self.events.subscribe(lambda _: later)
        also: list[Event] = []
        self.events.subscribe(also.append)
        self.events.tell(UP)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        later.errback(OSError())
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertEqual(also, self.heard)

    def test_from_within(self) -> None:
        """One who stops listening, while being told, does not take anything from the others."""
        stop = self.events.subscribe(lambda _: stop())
        also: list[Event] = []
        self.events.subscribe(also.append)
        self.events.tell(UP)
        self.events.tell(DOWN)
        self.assertEqual(also, self.heard)


class ClientTests(SynchronousTestCase):
    """What the fan-out tells."""

    def test_join_and_leave(self) -> None:
        """A client that joins and leaves is two events, the second with what it got and why."""
        events = Events()
        heard: list[Event] = []
        events.subscribe(heard.append)
        config = StreamConfig(Input(Form.DEMO, "demo:"), name="cam")
        reactor = Reactor()
        made = broadcast(reactor, config, events=events)
        made.publisher.begin(header())
        made.publisher.publish(footage(0, 1))
        response = Response()
        made.fanout.join(response, Wish(0.0, peer="192.0.2.7:5000", user_agent="mpv"))
        made.publisher.end()
        reactor.turn()
        joined, left = heard
        self.assertEqual((joined.kind, left.kind), ("client joined", "client left"))
        self.assertEqual((joined.stream, left.stream), ("cam", "cam"))
        self.assertEqual(
            joined.details,
            {"id": 1, "peer": "192.0.2.7:5000", "user_agent": "mpv", "format": "matroska"},
        )
        self.assertEqual(left.details["id"], 1)
        self.assertEqual(left.details["bytes"], len(response.data))
        self.assertEqual(left.details["reason"], "the end of the stream")
