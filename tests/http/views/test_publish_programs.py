"""Senders over HTTP: real programs, end to end."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest

from tests.support import libshout, media
from tests.test_end_to_end import PATIENCE, EndToEndTestCase, Mkvserve, Viewer, pictures, shows


class ProgramTests(EndToEndTestCase):
    """Real senders, and a viewer who stays while they come and go."""

    def setUp(self) -> None:
        """A server that waits for them."""
        self.clip = media.clip(seconds=2)
        self.server = Mkvserve(self, "--readrate=0", "--name=cam", "http")
        self.place = f"127.0.0.1:{self.server.port}/cam"

    def over(self, number: int) -> None:
        """So many have come, and gone."""
        server = self.server
        server.until(lambda: server.log.count(" left after ") >= number)
        server.until(lambda: server.status("cam")["state"] == "waiting for a sender")

    def seen(self, viewer: Viewer, pictures_: int) -> None:
        """A viewer has so many pictures of the clip, which has 50."""
        self.server.until(lambda: len(viewer.data) > 5000)  # more than the header
        self.server.until(partial(shows, viewer, pictures_))

    def curl(self, *arguments: str | Path, **options: Any) -> tuple[str, str]:
        """What curl says, and the status at its end."""
        command = ("curl", "-sS", "-w", "%{http_code}", *arguments)
        process = self.run_(*command, stdout=subprocess.PIPE, **options)
        said, _ = process.communicate(timeout=PATIENCE)
        text, _, status = said.decode().rpartition("\n")
        return text, status

    def test_ffmpeg(self) -> None:
        """FFmpeg, over HTTP and as a sender of Icecast's in the newer and the older way."""
        viewer = Viewer(self.server, "/cam.mkv")
        self.server.said("client 1 joined")
        outputs = (
            (f"http://{self.place}",),
            ("-method", "PUT", f"http://{self.place}.mkv"),
            ("-content_type", "video/x-matroska", f"icecast://source:pw@{self.place}"),
            ("-legacy_icecast", "1", f"icecast://source:pw@{self.place}.mkv"),
        )
        read = ("-i", self.clip, "-c", "copy", "-f", "matroska")
        for number, output in enumerate(outputs, 1):
            # In the older way it does not read the answer, and closes: all that has not been read
            # here by then is lost. So it sends at the speed of its media, as a live sender does.
            speed = ("-re",) if "-legacy_icecast" in output else ()
            sender = self.run_("ffmpeg", "-v", "error", *speed, *read, *output)
            self.assertEqual(sender.wait(PATIENCE), 0)
            self.over(number)
            self.seen(viewer, 50 * number)
            self.assertEqual(pictures(viewer.data), [*range(50)] * number, output)
        self.assertNotIn("Traceback", self.server.log)

    def test_curl(self) -> None:
        """curl, from a pipe and from a file; its exit follows what has been taken."""
        url = f"http://{self.place}"
        viewer = Viewer(self.server, "/cam.mkv")
        self.server.said("client 1 joined")
        size = self.clip.stat().st_size
        ways: tuple[tuple[str | Path, ...], ...] = (
            ("-T", "-", url),
            ("-T", self.clip, url),
            ("-T", self.clip, "--http1.0", url),
            ("-H", "Expect:", "-T", "-", url),
            ("--data-binary", f"@{self.clip}", url),
        )
        for number, way in enumerate(ways, 1):
            with self.clip.open("rb") as clip:
                said = self.curl(*way, stdin=clip)
            self.assertEqual(said, (f"After {size} bytes: the end of the input.", "200"), way)
            self.seen(viewer, 50 * number)
        self.assertEqual(pictures(viewer.data), [*range(50)] * len(ways))

    def test_no_media(self) -> None:
        """A sender that sends rubbish without end is told while it sends."""
        # Always the same: now and then random bytes look like media at first.
        rubbish = self.run_("yes", "This is no media.", stdout=subprocess.PIPE)
        text, status = self.curl("-T", "-", f"http://{self.place}", stdin=rubbish.stdout)
        self.assertEqual(status, "415")
        self.assertIn("no media that libavformat can read", text)

    def test_killed(self) -> None:
        """A sender that is killed can come back; while one is there nobody else can send."""
        viewer = Viewer(self.server, "/cam.mkv")
        self.server.said("client 1 joined")
        read = ("ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", self.clip)
        output = ("-c", "copy", "-f", "matroska", f"http://{self.place}")
        for number in (1, 2):
            sender = self.run_(*read, *output)
            self.server.until(lambda: self.server.status("cam")["state"] == "live")
            said = self.curl("-T", self.clip, f"http://{self.place}")
            self.assertEqual(said, ("No bytes were accepted: another sender is connected.", "409"))
            sender.kill()
            self.over(number)
        self.assertFalse(viewer.complete or viewer.lost)
        self.assertNotIn("Traceback", self.server.log)

    def test_libshout(self) -> None:
        """libshout, which ezstream, ices2, VLC and GStreamer send with: it can come again."""
        if libshout.library() is None:
            raise SkipTest("libshout is not installed")
        viewer = Viewer(self.server, "/cam.mkv")
        self.server.said("client 1 joined")
        script = Path(libshout.__file__)
        clip = media.clip(container="webm", seconds=2)
        place = (str(self.server.port), "/cam.webm", str(clip))
        for number in (1, 2):
            sender = self.run_(sys.executable, str(script), *place)
            self.assertEqual(sender.wait(PATIENCE), 0)
            self.over(number)
            self.seen(viewer, 50 * number)
        self.assertEqual(pictures(viewer.data), [*range(50)] * 2)
        self.assertNotIn("refused", self.server.log)

    def test_gstreamer(self) -> None:
        """GStreamer, which makes a request for each piece."""
        sink = "souphttpclientsink"
        if self.run_("gst-inspect-1.0", "--exists", sink).wait(PATIENCE):
            raise SkipTest(f"GStreamer has no {sink}")
        viewer = Viewer(self.server, "/cam.mkv")
        self.server.said("client 1 joined")
        # It is no live source, and what has not been sent at its end is not sent any more.
        source = f"filesrc location={self.clip} blocksize=4000 ! identity sleep-time=50000"
        line = f"gst-launch-1.0 -q {source} ! {sink} location=http://{self.place}"
        self.assertEqual(self.run_(*line.split()).wait(PATIENCE), 0)
        self.seen(viewer, 20)
        self.assertEqual(pictures(viewer.data)[:20], [*range(20)])
        self.server.said("sender 127.0.0.1")
        self.assertEqual(self.server.log.count(" connected"), 1)
