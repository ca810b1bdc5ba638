"""
An input's life as a table of states and transitions (I{pure}).

One table serves every form of input. A file, a URL or the test picture is opened by the stream, and
begins in C{opening}. An endpoint and C{push} begin in C{waiting for a sender}. So does a URL at
which libavformat listens; it skips C{opening}, since nobody can tell when its sender connects. An
input on demand begins in C{waiting for a client}.

The diagram is what L{diagram} makes of L{TRANSITIONS}; a test compares the two::

    opening
        the stream is started ------------------> opening
        the input is opened --------------------> opening
        the input waits for senders ------------> waiting for a sender
        nobody watches -------------------------> waiting for a client
        a header comes -------------------------> live
        the media ends, until the next sender --> waiting for a sender
        the media ends, until after a pause ----> retrying
        the media ends for good ----------------> ended
        the stream is stopped ------------------> ended
    live
        a header comes -------------------------> live
        the media ends, and begins again -------> live
        the media ends, until the next sender --> waiting for a sender
        the media ends, until after a pause ----> retrying
        nobody watches -------------------------> waiting for a client
        the media ends for good ----------------> ended
        the stream is stopped ------------------> ended
    waiting for a sender
        a sender's first bytes come ------------> opening
        a header comes -------------------------> live
        the media ends, until the next sender --> waiting for a sender
        nobody watches -------------------------> waiting for a client
        senders cannot connect -----------------> ended
        the media ends for good ----------------> ended
        the stream is stopped ------------------> ended
    retrying
        the input is opened --------------------> opening
        nobody watches -------------------------> waiting for a client
        the media ends for good ----------------> ended
        the stream is stopped ------------------> ended
    waiting for a client
        the stream is started ------------------> opening
        the input is opened --------------------> opening
        the input waits for senders ------------> waiting for a sender
        the stream is stopped ------------------> ended
    ended
        the stream is started ------------------> opening
"""

from collections.abc import Callable, Mapping
from enum import Enum, StrEnum
from types import MappingProxyType


class State(StrEnum):
    """The states of an input, in the words of C{/status}."""

    OPENING = "opening"
    LIVE = "live"
    WAITING_FOR_SENDER = "waiting for a sender"
    RETRYING = "retrying"
    WAITING_FOR_CLIENT = "waiting for a client"
    ENDED = "ended"


class Trigger(Enum):
    """The events in an input's life; the values are the words of the diagram."""

    START = "the stream is started"
    OPEN = "the input is opened"
    LISTEN = "the input waits for senders"
    UNWATCHED = "nobody watches"
    SENDER = "a sender's first bytes come"
    HEADER = "a header comes"
    BEGIN_AGAIN = "the media ends, and begins again"
    NEXT_SENDER = "the media ends, until the next sender"
    PAUSE = "the media ends, until after a pause"
    END = "the media ends for good"
    CANNOT_LISTEN = "senders cannot connect"
    STOP = "the stream is stopped"


TRANSITIONS: Mapping[State, Mapping[Trigger, State]] = MappingProxyType(
    {
        State.OPENING: {  # also the state of an input at its beginning
            Trigger.START: State.OPENING,
            Trigger.OPEN: State.OPENING,
            Trigger.LISTEN: State.WAITING_FOR_SENDER,
            Trigger.UNWATCHED: State.WAITING_FOR_CLIENT,
            Trigger.HEADER: State.LIVE,
            Trigger.NEXT_SENDER: State.WAITING_FOR_SENDER,
            Trigger.PAUSE: State.RETRYING,
            Trigger.END: State.ENDED,
            Trigger.STOP: State.ENDED,
        },
        State.LIVE: {
            Trigger.HEADER: State.LIVE,
            Trigger.BEGIN_AGAIN: State.LIVE,
            Trigger.NEXT_SENDER: State.WAITING_FOR_SENDER,
            Trigger.PAUSE: State.RETRYING,
            Trigger.UNWATCHED: State.WAITING_FOR_CLIENT,
            Trigger.END: State.ENDED,
            Trigger.STOP: State.ENDED,
        },
        State.WAITING_FOR_SENDER: {
            Trigger.SENDER: State.OPENING,
            Trigger.HEADER: State.LIVE,
            Trigger.NEXT_SENDER: State.WAITING_FOR_SENDER,
            Trigger.UNWATCHED: State.WAITING_FOR_CLIENT,
            Trigger.CANNOT_LISTEN: State.ENDED,
            Trigger.END: State.ENDED,
            Trigger.STOP: State.ENDED,
        },
        State.RETRYING: {
            Trigger.OPEN: State.OPENING,
            Trigger.UNWATCHED: State.WAITING_FOR_CLIENT,
            Trigger.END: State.ENDED,
            Trigger.STOP: State.ENDED,
        },
        State.WAITING_FOR_CLIENT: {  # also the state of an input on demand at its beginning
            Trigger.START: State.OPENING,
            Trigger.OPEN: State.OPENING,
            Trigger.LISTEN: State.WAITING_FOR_SENDER,
            Trigger.STOP: State.ENDED,
        },
        State.ENDED: {Trigger.START: State.OPENING},
    }
)
"""The state that each event leads to, by the state in which it may happen."""


NOT_OPENED = "the input has not been opened yet"
"""The reason of the state at the beginning."""

UNWATCHED = "nobody is watching; opened when somebody does"
"""The reason of C{waiting for a client}."""


class ImpossibleTransition(Exception):
    """The state has no transition for an event: a mistake in mkvtwist, not in the input."""


class Lifecycle:
    """
    The state of one input, and why it is in that state.

    @ivar state: now.
    @ivar reason: why, in a sentence for viewers: without addresses, paths and libavformat's words.
    @ivar detail: the cause, for operators only; empty if the reason says all of it.
    @ivar since: when the state began, as the clock counts.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """
        @param clock: returns seconds.
        """
        self.state = State.OPENING
        self.reason = NOT_OPENED
        self.detail = ""
        self.since = clock()
        self._clock = clock

    def happen(self, trigger: Trigger, reason: str, detail: str = "") -> None:
        """
        Go to the state that an event leads to.

        @raise ImpossibleTransition: if it cannot happen now.
        """
        state = TRANSITIONS[self.state].get(trigger)
        if state is None:
            raise ImpossibleTransition(
                f"{trigger.value!r} cannot happen to an input that is {self.state.value!r}"
            )
        if state is not self.state:
            self.since = self._clock()
        self.state, self.reason, self.detail = state, reason, detail

    def remark(self, reason: str) -> None:
        """Replace the reason of the state, which goes on."""
        self.reason, self.detail = reason, ""


def diagram() -> str:
    """Return L{TRANSITIONS} as text: under each state the events, and where each leads."""
    width = max(len(trigger.value) for trigger in Trigger) + 3
    lines = []
    for state, transitions in TRANSITIONS.items():
        lines.append(state.value)
        for trigger, target in transitions.items():
            arrow = f"{trigger.value} ".ljust(width, "-") + ">"
            lines.append(f"    {arrow} {target.value}")
    return "\n".join(lines)
