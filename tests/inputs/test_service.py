"""An input's life: files, URLs and standard input."""

from __future__ import annotations

from mkvtwist.libav import Ended
from mkvtwist.testing import END, footage, header
from tests.support.fakes import head, sent
from tests.support.inputs import InputTestCase, SenderTestCase

CRASH = Ended(
    "its process was ended by signal SIGSEGV",
    fault=True,
    plain="reading the input has failed",
    crashed=True,
)


class CrashTests(InputTestCase):
    """Ends of the process that reads an input, which are no ends of the input."""

    def test_file(self) -> None:
        """A file is opened again at once, whatever happens at its end; clients go on."""
        service = self.start(at_end="exit")
        response = self.watch()
        self.emit(header(), *footage(0, 1), CRASH)
        self.assertEqual(service.life.state, "retrying")
        self.assertIn("reading the input has failed", service.life.reason)
        self.assertEqual(service.life.detail, CRASH.reason)
        pause, _ = self.pending()  # then the clients are held no longer
        self.assertLess(pause, 0.2)
        self.reactor.advance(pause)
        self.assertEqual(len(self.readers), 2)
        self.emit(header(), *footage(1, 2))
        self.assertEqual(response.blocks, sent(footage(0, 2)))
        self.emit(END)
        self.assertEqual(self.ends, [service])
        self.assertFalse(service.failed)

    def test_standard_input(self) -> None:
        """Standard input cannot be read again: the stream ends, and has failed."""
        service = self.start("-")
        self.emit(header(), CRASH)
        self.assertEqual(self.ends, [service])
        self.assertTrue(service.failed)

    def test_loop(self) -> None:
        """A loop goes on after a pause: it may crash at once again."""
        service = self.start(at_end="loop")
        self.emit(header(), CRASH)
        self.assertEqual(len(self.readers), 1)
        self.assertEqual(service.life.state, "retrying")


class CrashOfSenderTests(SenderTestCase):
    """Ends of the process that reads a sender's media."""

    def test_sender(self) -> None:
        """The sender is disconnected, and the next one may come, whatever happens at the end."""
        for at_end in ("wait", "exit"):
            service = self.start("tcp:12345", at_end=at_end)
            sender = self.connect()
            self.send(sender)
            self.emit(header(), CRASH)
            self.assertTrue(self.turned_away(sender))
            self.assertEqual(service.life.state, "waiting for a sender")
            self.assertEqual(self.ends, [])
            self.lose(sender)
            self.send(self.connect())
            self.assertEqual(service.life.state, "opening")
            service.stopService()


class FileTests(InputTestCase):
    """Inputs that are opened here: files, URLs, standard input."""

    def test_life(self) -> None:
        """A file is opened, live, and ends; clients get packets in the turn in which they came."""
        service = self.start()
        self.assertEqual(service.life.state, "opening")
        self.assertTrue(self.reader.drain)
        self.assertIsNone(self.reader.media)
        response = self.watch()
        self.reactor.advance(2)
        self.emit(header())
        self.assertEqual((service.life.state, service.life.since), ("live", 2))
        self.emit(*footage(0, 0.3))
        self.reactor.turn()
        self.emit(*footage(0.3, 0.6))
        self.assertEqual(response.blocks, sent(footage(0, 0.6)))
        self.assertEqual(len(response.writes), 3, "the header, what came at once, and the rest")
        self.emit(END)
        self.reactor.turn()
        self.assertEqual(
            (service.life.state, service.life.reason), ("ended", "the end of the input")
        )
        self.assertTrue(response.finished)
        self.assertEqual(self.ends, [service])
        self.assertEqual(
            self.log.about("end of the input"), ["stream live: film.mkv: the end of the input"]
        )
        self.assertEqual(service.primary.restarts, 0)

    def test_no_media(self) -> None:
        """The fault of an unreadable file is one line in the log, and the reason of the state."""
        service = self.start()
        response = self.watch()
        self.emit(Ended("no media", fault=True))
        self.assertEqual(self.log.about("no media"), ["stream live: film.mkv: no media"])
        self.assertEqual(self.state_and_reason(), ("ended", "no media"))
        self.assertTrue(response.finished)
        self.assertEqual(self.ends, [service])

    def test_loop(self) -> None:
        """A loop begins again at once, on the same line of time; it stays live, clients go on."""
        service = self.start(at_end="loop")
        response = self.watch()
        for round_ in range(4):
            self.assertEqual(len(self.readers), round_ + 1)
            self.assertFalse(self.reader.drain)
            self.emit(header(), *footage(round_, round_ + 1), END)
            self.reactor.turn()
            self.assertEqual(service.life.state, "live")
        self.assertEqual(response.blocks, sent(footage(0, 4)))
        self.assertEqual(response.data.count(head()), 1)
        self.assertEqual(service.primary.restarts, 0, "a round is none")
        self.assertEqual({reader.timeline for reader in self.readers}, {service.timeline})
        self.assertEqual({reader.pace for reader in self.readers}, {self.reader.pace})
        self.assertEqual(self.log.about("the end of the input"), [])

    def test_loop_of_nothing(self) -> None:
        """An unreadable file in a loop is not read again at once."""
        for reason in (Ended("no media", fault=True), END):
            service = self.start(at_end="loop")
            opened = len(self.readers)
            self.emit(reason)
            self.assertEqual(len(self.readers), opened)
            self.assertEqual(service.life.state, "retrying")

    def test_retry(self) -> None:
        """A URL is opened again after pauses that grow, with a jitter, up to half a minute."""
        service = self.start("http://host/live.mkv")
        self.assertFalse(self.reader.drain)
        pauses = []
        for attempt in range(12):
            self.emit(Ended("connection refused", fault=True))
            self.assertEqual(service.life.state, "retrying")
            (pause,) = self.pending()
            self.assertEqual(
                service.life.reason, f"connection refused; trying again in {pause:.1f} s"
            )
            pauses.append(pause)
            self.reactor.advance(pause)
            self.assertEqual(service.life.state, "opening")
            self.assertEqual(len(self.readers), attempt + 2)
        self.assertLess(pauses[0], 4)
        self.assertGreater(sum(pauses[6:]) / 6, 3 * pauses[0])
        self.assertLess(max(pauses), 60)
        self.assertEqual(len(set(pauses)), len(pauses))
        self.assertEqual(service.primary.restarts, 12)
        self.emit(header())
        self.emit(END)
        self.assertLess(self.pending()[0], 4)

    def test_retry_at_once(self) -> None:
        """
        What was live a moment ago is opened again at once, then every 2 s at least, for as long as
        clients are held; only then after pauses that grow.
        """
        service = self.start("http://host/live.mkv", hold=20)
        self.emit(header(), *footage(0, 10))
        self.reactor.advance(10)
        self.emit(END)
        self.assertLess(self.pending()[0], 0.2)
        away = self.reactor.seconds()
        pauses = []
        while self.reactor.seconds() < away + 200:
            (pause,) = self.pending()
            pauses.append((self.reactor.seconds() - away, pause))
            self.reactor.advance(pause)
            self.assertEqual(service.life.state, "opening")
            self.emit(Ended("connection refused", fault=True))
        quick = [pause for when, pause in pauses[1:] if when < 20]
        self.assertGreaterEqual(min(quick), 0.25)
        self.assertLessEqual(max(quick), 2)
        self.assertGreater(len(quick), 10)
        slow = [pause for when, pause in pauses if when >= 20]
        self.assertGreater(max(slow), 10)
        self.assertLessEqual(max(slow), 30)

    def test_retry_for_ever(self) -> None:
        """The pauses do not grow if clients are held for ever."""
        self.start("http://host/live.mkv", hold=0)
        self.emit(header(), *footage(0, 10), END)
        for _ in range(200):
            (pause,) = self.pending()
            self.assertLessEqual(pause, 2)
            self.reactor.advance(pause)
            self.emit(Ended("connection refused", fault=True))
        self.assertGreater(self.reactor.seconds(), 100)

    def test_retry_what_ends_at_once(self) -> None:
        """An input that works each time, and ends at once, is not opened without pauses."""
        self.start("http://host/short.mkv")
        self.emit(header(), *footage(0, 1), END)
        for _ in range(100):
            (pause,) = self.pending()
            self.reactor.advance(pause)
            self.emit(header(), *footage(0, 1), END)
        self.assertGreater(self.reactor.seconds(), 50)
        self.assertLessEqual(self.pending()[0], 2)

    def test_listening(self) -> None:
        """
        What waits for a sender never pauses, and says since when nobody has come; only when one who
        was there has gone is it a restart.
        """
        service = self.start("udp://127.0.0.1:1234")
        self.assertEqual(service.life.state, "waiting for a sender")
        silence = "nothing has come for 15 s"
        for number in range(50):
            self.assertEqual(len(self.readers), number + 1)
            self.reactor.advance(15)
            self.emit(Ended(silence, fault=True))
            self.assertEqual(
                (service.life.state, service.life.reason), ("waiting for a sender", silence)
            )
        self.assertEqual(service.primary.restarts, 0)
        self.assertEqual(len(self.log.about(silence)), 2)
        self.emit(header(), *footage(0, 1))
        self.assertEqual(service.life.state, "live")
        self.reactor.advance(15)
        self.emit(Ended(silence, fault=True))
        self.assertEqual(
            (service.life.state, service.life.reason), ("waiting for a sender", silence)
        )
        self.assertEqual(service.primary.restarts, 1)

    def test_listening_in_vain(self) -> None:
        """A URL that cannot listen is tried every 2 s at least, and does not spin."""
        self.start("tcp://127.0.0.1:1234?listen")
        for _ in range(100):
            self.emit(Ended("address in use", fault=True))
            for pause in self.pending():
                self.assertLessEqual(pause, 2)
                self.reactor.advance(pause)
        self.assertGreater(self.reactor.seconds(), 50)

    def test_retry_keeps_clients(self) -> None:
        """While it is away, clients stay and newcomers wait; then all go on."""
        self.start("http://host/live.mkv")
        old = self.watch()
        self.emit(header(), *footage(0, 2))
        self.emit(END)
        new = self.watch()
        self.assertEqual(new.data, b"")
        self.reactor.advance(self.pending()[0])
        while len(self.readers) < 2:
            self.reactor.advance(self.pending()[0])
        self.emit(header(), *footage(2, 3))
        self.reactor.turn()
        self.assertEqual(old.blocks, sent(footage(1, 3)))
        self.assertEqual(new.blocks, sent(footage(2, 3)))

    def test_stop_while_retrying(self) -> None:
        """An input that is stopped between two tries is not opened again."""
        service = self.start("http://host/")
        self.emit(END)
        self.successResultOf(service.stopService())
        self.assertEqual(self.pending(), [])
