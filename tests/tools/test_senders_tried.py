"""The script that runs each documented sender: what it runs, without running it."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support import media
from tools.senders_tried import SENDERS, Tried, frames_in

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "senders.md"


class SendersTriedTests(SynchronousTestCase):
    """Its table, and how it counts."""

    def test_documented(self) -> None:
        """Each program that the how-to says was tested is one that the script runs."""
        table = PAGE.read_text().partition("## Tested with")[2]
        rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
        named = {row.rpartition(" ")[0] or row for row in rows[1:]}
        self.assertEqual(named, {sender.name for sender in SENDERS})

    def test_filled(self) -> None:
        """In no command and in no file is anything left to fill in."""
        for sender in SENDERS:
            tried = Tried(sender, Path(self.mktemp()))
            for text in (sender.command, sender.input, *sender.files.values()):
                self.assertNotIn("$", tried.filled(text), sender)

    def test_frames(self) -> None:
        """Frames are counted by codec, also in what breaks off; nothing is none."""
        data = media.clip(seconds=1).read_bytes()
        self.assertEqual(frames_in(data)["h264"], 25)
        self.assertTrue(0 < frames_in(data[: len(data) // 2])["h264"] < 25)
        self.assertEqual(frames_in(b""), {})
