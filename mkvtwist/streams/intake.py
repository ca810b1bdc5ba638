"""
The count of what a stream's input has brought (I{reactor}).
"""

from twisted.internet.interfaces import IReactorTime

from mkvtwist.live.fragment import Fragment
from mkvtwist.live.period import Period
from mkvtwist.live.rate import Rate
from mkvtwist.live.sink import Sink


class Intake(Sink):
    """
    The count of fragments and bytes that an input has brought.

    @ivar fragments: how many have come.
    @ivar bytes: the payload of their packets.
    @ivar arrived: when the newest one came, as the reactor's clock counts.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.fragments = 0
        self.bytes = 0
        self.arrived = clock.seconds()
        self._clock = clock
        self._rate = Rate()
        self._edge = 0  # where the newest fragment ends, in microseconds
        self._counted = 0, 0  # the bytes and the edge at the last flush

    @property
    def bitrate(self) -> float:
        """Return the bits per second that came in over the last seconds of the clock."""
        return self._rate.bits(self._clock.seconds())

    def begin(self, period: Period) -> None:
        """Go on where the ring's line stands."""
        self._edge = period.ring.edge
        self._counted = self.bytes, self._edge

    def append(self, fragment: Fragment) -> None:
        """Count a fragment."""
        self.fragments += 1
        self.bytes += fragment.payload
        self._edge = fragment.end

    def flush(self) -> None:
        """Note when the fragments came, and how much media they are."""
        self.arrived = self._clock.seconds()
        size, edge = self._counted
        self._rate.add(self.arrived, self.bytes - size, self._edge - edge)
        self._counted = self.bytes, self._edge
