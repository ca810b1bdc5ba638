"""What a worker may do with the timeline of its stream."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.inputs.lent_timeline import LONGEST_READING, LentTimeline
from mkvtwist.libav.packets.pace import Pace
from mkvtwist.libav.wire import Timing, WireError
from mkvtwist.media.packet import SECOND
from mkvtwist.media.timeline import LONGEST_DURATION, Timeline, TimelineState, TrackState
from mkvtwist.testing import footage, header


class LentTimelineTests(SynchronousTestCase):
    """A timeline that media, which have taken over a worker, try to spoil."""

    def setUp(self) -> None:
        """Lend a timeline."""
        self.timeline = Timeline()
        self.lent = LentTimeline(self.timeline, Pace(1.0, 0.0))
        self.lent.lend()
        self.lent.begin(header())
        self.packet = footage(0, 1)[0]

    def rejects(self, edge: int, *tracks: TrackState) -> None:
        """Have a state rejected, and the timeline stay as it was."""
        before = self.timeline.state
        with self.assertRaisesRegex(WireError, "far ahead"):
            self.lent.follow(Timing(TimelineState(0, edge, None, tracks), None))
        self.assertEqual(self.timeline.state, before)

    def test_packets(self) -> None:
        """The edge is where the last packet ends, and where the next reading begins."""
        self.lent.place(self.packet)
        self.assertEqual(self.timeline.edge, self.packet.end)
        self.lent.break_off()
        self.assertFalse(self.lent.is_lent)
        self.timeline.restart()
        self.assertEqual(
            self.timeline.place(1, 0, 0, 40_000), (self.packet.end, self.packet.end, 40_000)
        )

    def test_far_packets(self) -> None:
        """A packet is not far ahead of the edge, nor shown long after it is decoded."""
        packet, far = self.packet, LONGEST_DURATION + SECOND
        for changed in (
            packet._replace(pts=packet.pts + far),
            packet._replace(pts=packet.pts + far, dts=packet.dts + far),
            packet._replace(duration=far),
        ):
            with self.assertRaisesRegex(WireError, "far ahead"):
                self.lent.place(changed)
        self.assertEqual(self.timeline.edge, 0)

    def test_long_reading(self) -> None:
        """One worker does not bring the edge, step by step, to where times have no room."""
        self.timeline.edge = LONGEST_READING - SECOND
        with self.assertRaisesRegex(WireError, "far ahead"):
            self.lent.place(self.packet._replace(pts=LONGEST_READING, dts=LONGEST_READING))

    def test_states(self) -> None:
        """A state that would have packets of later senders dropped or delayed is rejected."""
        far = LONGEST_DURATION + SECOND
        self.rejects(far)
        self.rejects(SECOND, TrackState(1, None, far, 0, 0))
        self.rejects(SECOND, TrackState(1, None, 0, far, 0))
        self.rejects(SECOND, TrackState(1, None, 0, 0, far))
        self.rejects(SECOND, TrackState(1, None, 0, 0, -1))

    def test_never_back(self) -> None:
        """A state that lies before the last packet does not move the edge back."""
        self.lent.place(self.packet)
        self.lent.follow(Timing(Timeline().state, None))
        self.assertEqual(self.timeline.edge, self.packet.end)

    def test_not_lent(self) -> None:
        """A worker that does not have the timeline begins nothing, and moves nothing."""
        self.lent.break_off()
        for attempt in (
            lambda: self.lent.begin(header()),
            lambda: self.lent.place(self.packet),
            lambda: self.lent.follow(Timing(Timeline().state, None)),
        ):
            self.assertRaises(WireError, attempt)

    def test_end(self) -> None:
        """A worker brings the timeline back after its last packet."""
        self.lent.follow(Timing(self.timeline.state, None))
        self.lent.place(self.packet)
        self.assertRaises(WireError, self.lent.end)
        self.lent.follow(Timing(self.timeline.state, None))
        self.lent.end()
        self.assertFalse(self.lent.is_lent)
