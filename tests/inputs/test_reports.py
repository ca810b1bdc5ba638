"""What operators are told of an input."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import parse_input
from mkvtwist.inputs.reports import SAME_FAULT_INTERVAL, describe
from mkvtwist.libav import Ended, Noted, Noticed, Opened
from mkvtwist.media.packet import Track
from mkvtwist.testing import AUDIO, END, VIDEO, footage, header
from tests.support.inputs import InputTestCase


class ReportTests(InputTestCase):
    """Lines of the log, and how often each is there."""

    def test_tracks(self) -> None:
        """The log says what is in it, once as long as that stays the same."""
        self.start(at_end="loop")
        left_out = replace(header(VIDEO, AUDIO), left_out=("track 2: data",))
        for _ in range(3):
            self.emit(left_out, *footage(0, 1), END)
        self.assertEqual(
            self.log.about("track"),
            [
                "stream live: film.mkv: track 1, video: h264, 160x120",
                "stream live: film.mkv: track 2, audio: aac, 48000 Hz, 2 channels",
                "stream live: film.mkv: left out: track 2: data",
            ],
        )
        self.assertEqual(self.service.reports.left_out, ("track 2: data",))
        self.emit(header())
        self.assertEqual(self.service.reports.left_out, ())

    def test_notes(self) -> None:
        """How the input is read is noted as long as it is open, and said once."""
        self.start(at_end="loop")
        for _ in range(3):
            self.emit(Noted(("25 is assumed",)), header(), *footage(0, 1))
            self.assertEqual(self.service.reports.notes, ("25 is assumed",))
            self.emit(END)
            self.assertEqual(self.service.reports.notes, ())
        self.assertEqual(self.log.about("assumed"), ["stream live: film.mkv: 25 is assumed"])
        self.emit(Noted(("25 is assumed", "it waits")), Noted(("it waits",)), Noted(()))
        self.assertEqual(self.service.reports.notes, ())
        self.assertEqual(len(self.log.about("it waits")), 1)

    def test_notes_of_the_fallback(self) -> None:
        """Notes on the fallback are for the log only."""
        self.start("tcp:12345", fallback=parse_input("fallback", "pause.h264"))
        self.emit(Noted(("25 is assumed",)))
        self.assertEqual(self.service.reports.notes, ())
        self.assertEqual(self.log.about("assumed"), ["stream live: pause.h264: 25 is assumed"])

    def test_notices(self) -> None:
        """Notices are logged at most once a second, with the number of those that were not."""
        self.start()
        self.emit(header(), *(Noticed("the timestamps jump") for _ in range(10)))
        self.reactor.advance(1)
        self.emit(Noticed("a damaged packet"))
        self.assertEqual(
            self.log.about("film.mkv: ")[1:],
            [
                "stream live: film.mkv: the timestamps jump",
                "stream live: film.mkv: a damaged packet (and 9 times more)",
            ],
        )

    def test_same_fault(self) -> None:
        """A fault that is the same at each try is logged now and then only; another one at once."""
        self.start("http://host/live.mkv")
        for _ in range(10):
            self.emit(Ended("connection refused", fault=True))
            self.reactor.advance(self.pending()[0] + 0.001)
        self.assertEqual(len(self.log.about("connection refused")), 1)
        self.emit(Ended("no route to host", fault=True))
        self.assertEqual(len(self.log.about("no route to host")), 1)
        self.reactor.advance(self.pending()[0] + 0.001)
        self.reactor.advance(SAME_FAULT_INTERVAL)
        self.emit(Ended("no route to host", fault=True))
        self.assertEqual(len(self.log.about("no route to host")), 2)
        self.reactor.advance(self.pending()[0] + 0.001)
        self.emit(header(), *footage(0, 1), Ended("no route to host", fault=True))
        self.assertEqual(len(self.log.about("no route to host")), 3)

    def test_recovered(self) -> None:
        """After an end or a fault the log also says that the input is there again."""
        self.start("http://host/live.mkv")
        self.emit(header(), *footage(0, 1))
        self.assertEqual(self.log.about("packets are coming"), [])
        for round_, end in enumerate((END, Ended("connection refused", fault=True)), 1):
            self.emit(end)
            self.reactor.advance(self.pending()[0] + 0.001)
            self.emit(header(), *footage(round_, round_ + 1))
            said = "stream live: http://host/live.mkv: packets are coming"
            self.assertEqual(self.log.about("packets are coming"), [said] * round_)


class UpAndDownTests(InputTestCase):
    """Events of an input that comes and goes."""

    def test_once(self) -> None:
        """Up when packets begin to come, down when they do not come any more, with how long."""
        self.start("http://me:secret@host/")
        self.emit(Opened())
        self.assertEqual(self.told, [])
        self.emit(header(), *footage(0, 1))
        self.reactor.advance(2.5)
        self.emit(header(AUDIO), END)
        reason = {"reason": "the end of the input", "seconds": 2.5}
        self.assertEqual(
            self.told, [("input up", {"input": "http://me:***@host/"}), ("input down", reason)]
        )

    def test_never(self) -> None:
        """An input that never came does not go down."""
        self.start("http://host/")
        self.emit(Ended("connection refused", fault=True))
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.told, [])

    def test_loop(self) -> None:
        """Another round of a loop is no event; the end of the last one is."""
        self.start(at_end="loop")
        for _ in range(3):
            self.emit(header(), *footage(0, 1), END)
        self.assertEqual(self.ups_and_downs(), ["input up"])
        self.emit(Ended("no such file", fault=True))
        self.assertEqual(self.ups_and_downs(), ["input up", "input down: no such file"])

    def test_stop(self) -> None:
        """An input that is stopped, that nobody watches, or that brings too much goes down."""
        for settings, reason in (
            ({}, "it has been stopped"),
            ({"on_demand": True}, "nobody is watching"),
            ({"max_bitrate": 8}, "more than 8 bits per second"),
        ):
            self.start("http://host/", **settings)
            self.watch()
            self.emit(header())
            (client,) = self.fanout.clients
            self.fanout.leave(client, "the client has gone")
            self.reactor.pump([1.0] * 60)
            self.emit(*footage(1, 2))
            self.service.stopService()
            self.assertEqual(self.ups_and_downs(), ["input up", f"input down: {reason}"])

    def test_fallback(self) -> None:
        """The fallback is up from its first round to the input's return, or to its own end."""
        self.start("http://host/", fallback=parse_input("fallback", "pause.mkv"))
        self.emit(Opened(), header(), *footage(0, 1), END)
        for second in (1, 2):
            self.emit(Opened(), header(), *footage(second, second + 1), END)
        self.emit(Opened(), header(), *footage(3, 4))
        self.emit(Ended("a broken file", fault=True))
        self.assertEqual(
            self.ups_and_downs(),
            [
                "input up",
                "input down: the end of the input",
                "fallback up",
                "fallback down: a broken file",
            ],
        )
        opened = len(self.readers)
        while len(self.readers) == opened:
            self.reactor.advance(0.1)
        self.emit(Ended("connection refused", fault=True))
        self.emit(Opened(), header(), *footage(4, 5))
        while len(self.readers) == opened + 2:
            self.reactor.advance(0.1)
        self.emit(Opened(), header(), *footage(5, 6))
        self.assertEqual(
            self.ups_and_downs()[4:],
            ["fallback up", "fallback down: the input is back", "input up"],
        )


class WordsTests(SynchronousTestCase):
    """How tracks are written."""

    def test_describe(self) -> None:
        """A track is described by what is known of it."""
        video = Track(1, "video", "h264", width=640, height=360, frame_rate=25.0)
        audio = Track(2, "audio", "aac", language="deu", sample_rate=48000, channels=2)
        self.assertEqual(describe(video), "track 1, video: h264, 640x360, 25 fps")
        self.assertEqual(describe(audio), "track 2, audio: aac, 48000 Hz, 2 channels, deu")
        self.assertEqual(describe(Track(3, "subtitle", "subrip")), "track 3, subtitle: subrip")
