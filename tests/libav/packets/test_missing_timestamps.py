"""Raw video: a camera's pictures are timed by their arrival, a file's by a rate."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from mkvtwist.libav import Event, Noted, Pace
from mkvtwist.libav.packets.missing_timestamps import ASSUMED, timestamps_for
from mkvtwist.libav.stopping import Signal
from mkvtwist.media.packet import SECOND, Packet
from tests.support import media
from tests.support.readers import ReaderTestCase, ThreadedReader, headers, packets

BOUNDARY = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n"


class Camera:
    """
    A sender of pictures, each of which is there when the camera's clock says so. The clock goes on
    when somebody waits for a picture, and not otherwise.
    """

    def __init__(self, pictures: Iterable[bytes], rate: float) -> None:
        self._pictures = iter(pictures)
        self._rest = b""
        self._step = 1 / rate
        self.now = 1000.0

    def read(self, size: int, /) -> bytes:
        """Wait for the next picture, if nothing is left of the one before."""
        if not self._rest:
            self.now += self._step
            self._rest = next(self._pictures, b"")
        given, self._rest = self._rest[:size], self._rest[size:]
        return given

    def clock(self) -> float:
        """What time it is."""
        return self.now


def without_rate(codec: str, *, bframes: int = 0, seconds: float = 12) -> Path:
    """Raw video that does not say how many pictures a second it has."""
    if codec == "libx265":
        options = [("x265-params", f"vui-timing-info=0:bframes={bframes}:log-level=none:pools=1")]
        return media.clip(
            container="hevc", size=(64, 48), seconds=seconds, bframes=bframes, video_options=options
        )
    container = {"mjpeg": "mjpeg", "libsvtav1": "obu"}[codec]
    return media.clip(container=container, seconds=seconds, size=(64, 64))


def pieces(clip: Path) -> list[bytes]:
    """A raw file, picture by picture; JPEG pictures get a comment of a usual size."""
    comment = b"\xff\xd8\xff\xfe" + (6000).to_bytes(2, "big") + bytes(5998)
    return [
        comment + packet.data[2:] if packet.data[:2] == b"\xff\xd8" else packet.data
        for packet in media.packets(clip)
    ]


def notes(events: list[Event]) -> list[str]:
    """What is said of the input as long as it is open."""
    said = [event for event in events if isinstance(event, Noted)]
    return list(said[-1].texts) if said else []


def shown(events: list[Event]) -> list[int]:
    """When pictures are shown, one after the other."""
    return sorted(packet.pts for packet in packets(events))


class LiveTests(ReaderTestCase):
    """Live senders."""

    def assert_real_time(self, pictures: list[bytes], rate: float, name: str) -> list[Packet]:
        """After the first seconds the pictures are as far apart as they came."""
        camera = Camera(pictures, rate)
        reading = ThreadedReader(self, "tcp:12345", camera, clock=camera.clock)
        events = reading.all()
        found = packets(events)
        self.assertEqual(len(found), len(pictures), name)
        self.assertIn("by their arrival", " ".join(notes(events)))
        times = shown(events)
        self.assertEqual(len(set(times)), len(times), name)
        self.assertTrue(all(a.dts < b.dts for a, b in pairwise(found)), name)
        # Before that, the input is looked at (1 MB of some), and the rate is learned.
        known = times[len(times) * 3 // 4 :]
        seconds = (known[-1] - known[0]) / SECOND
        self.assertLess(abs(seconds * rate / (len(known) - 1) - 1), 0.01, f"{name} {rate}")
        for one, two in pairwise(known):
            self.assertLess(abs((two - one) * rate / SECOND - 1), 0.05, f"{name} {rate}")
        return found

    def test_rates(self) -> None:
        """Raw HEVC with B-pictures and without a rate, at any rate: x1.00, even, none lost."""
        pictures = pieces(without_rate("libx265", bframes=2))
        for rate in (5, 24, 30000 / 1001, 40, 60):
            found = self.assert_real_time(pictures, rate, "hevc")
            self.assertTrue(any(packet.pts - packet.dts > SECOND / rate for packet in found))

    def test_codecs(self) -> None:
        """Raw AV1, and pictures one after the other."""
        for codec in ("libsvtav1", "mjpeg"):
            pictures = pieces(without_rate(codec))
            for rate in (5, 40):
                self.assert_real_time(pictures, rate, codec)

    def test_claims(self) -> None:
        """A rate that the bitstream claims is not believed where the pictures come with another."""
        for container, bframes in (("h264", 2), ("mpeg2video", 2), ("m4v", 2)):
            clip = media.clip(container=container, seconds=12, bframes=bframes, size=(64, 48))
            for rate in (10, 50):
                self.assert_real_time(pieces(clip), rate, container)

    def test_multipart(self) -> None:
        """JPEG pictures as cameras send them over HTTP, at 5 and at 40 a second."""
        pictures = pieces(without_rate("mjpeg"))
        for rate in (5, 40):
            parts = [BOUNDARY % (len(picture), picture) for picture in pictures]
            self.assert_real_time(parts, rate, "mpjpeg")

    def test_frame_rate(self) -> None:
        """A rate that somebody has set is that of a sender's pictures, too."""
        camera = Camera(pieces(without_rate("libx265", seconds=4)), 7)
        reading = ThreadedReader(self, "tcp:12345", camera, clock=camera.clock, frame_rate=50.0)
        events = reading.all()
        self.assertEqual({round((b - a) / 1000) for a, b in pairwise(shown(events))}, {20})
        self.assertIn("50 pictures a second", notes(events)[0])

    def test_header(self) -> None:
        """A live sender's rate is in the header if the bitstream claims one; none is made up."""
        claims = media.clip(container="h264", rate=50, seconds=4, size=(64, 48))
        for clip, rate in ((without_rate("mjpeg", seconds=4), None), (claims, 50.0)):
            camera = Camera(pieces(clip), 50)
            events = ThreadedReader(self, "tcp:12345", camera, clock=camera.clock).all()
            self.assertEqual(headers(events)[0].tracks[0].frame_rate, rate)

    def test_not_held_back(self) -> None:
        """Where nothing may be ahead of the clock, a wrong guess at the rate holds nothing back."""
        pictures = pieces(without_rate("libx265"))
        camera = Camera(pictures, 60)
        held: list[float] = []

        class Held(Pace):
            """Says how long it would have held a packet back."""

            def wait(self, dts: int, stop: Signal, slack: float = 0.0) -> bool:
                held.append(dts / SECOND - (camera.now - 1000.0) - slack)
                return False

        ThreadedReader(self, "tcp:12345", camera, clock=camera.clock, pace=Held(1.0, 0.0)).all()
        self.assertEqual(len(held), len(pictures))
        self.assertLess(max(held), 0)

    def test_held_back(self) -> None:
        """A sender that is held back has no rate of its own, however its pictures come."""
        camera = Camera(pieces(without_rate("libx265")), 12)

        class Early(Pace):
            """Holds every packet back."""

            def wait(self, dts: int, stop: Signal, slack: float = 0.0) -> bool:
                return True

        pace = Early(1.0, 0.0)
        events = ThreadedReader(self, "tcp:12345", camera, clock=camera.clock, pace=pace).all()
        self.assertEqual({b - a for a, b in pairwise(shown(events))}, {SECOND // ASSUMED})

    def test_pushed(self) -> None:
        """A file that is sent as fast as it goes has the rate that it claims, or is assumed."""
        for container, rate in (("h264", 50), ("hevc", ASSUMED)):
            clip = without_rate("libx265")
            if container == "h264":
                clip = media.clip(container="h264", seconds=6, rate=50)
            camera = Camera([clip.read_bytes()[n : n + 4096] for n in range(0, 1 << 20, 4096)], 500)
            events = ThreadedReader(self, "tcp:12345", camera, clock=camera.clock).all()
            steps = {round((b - a) * rate / SECOND, 2) for a, b in pairwise(shown(events))}
            self.assertEqual(steps, {1.0}, container)


class FileTests(ReaderTestCase):
    """Files."""

    def test_assumed(self) -> None:
        """A file that claims no rate has 25 pictures a second to its end, and that is said."""
        for codec in ("libx265", "mjpeg", "libsvtav1"):
            events = self.read(without_rate(codec, bframes=2 if codec == "libx265" else 0))
            times = shown(events)
            self.assertEqual({b - a for a, b in pairwise(times)}, {SECOND // ASSUMED}, codec)
            self.assertIn(f"{ASSUMED} is assumed", notes(events)[0])

    def test_frame_rate(self) -> None:
        """The rate that somebody has set is the file's, whatever it claims."""
        for clip in (without_rate("libx265"), media.clip(container="h264", bframes=2)):
            events = ThreadedReader(self, clip, frame_rate=12.5).all()
            self.assertEqual({b - a for a, b in pairwise(shown(events))}, {80_000})
            self.assertEqual(headers(events)[0].tracks[0].frame_rate, 12.5)

    def test_claimed(self) -> None:
        """The rate that a file claims is in the header."""
        for container in ("h264", "m4v", "mpeg2video"):
            events = self.read(media.clip(container=container, rate=50))
            self.assertEqual(headers(events)[0].tracks[0].frame_rate, 50.0)

    def test_own_times(self) -> None:
        """A file with times, or with a rate of its own, keeps them; nothing is said."""
        for clip in (media.clip(rate=50), media.clip(container="h264", rate=50)):
            events = ThreadedReader(self, clip, frame_rate=0.0).all()
            times = sorted(packet.pts for packet in packets(events) if packet.track == 1)
            self.assertEqual({round((b - a) / 1000) for a, b in pairwise(times)}, {20})
            self.assertEqual(notes(events), [])

    def test_has_times(self) -> None:
        """A rate that is set does nothing to a container that has times."""
        clip = media.clip(rate=50, audio=None)
        times = shown(ThreadedReader(self, clip, frame_rate=10.0).all())
        self.assertEqual({round((b - a) / 1000) for a, b in pairwise(times)}, {20})


class KindTests(ReaderTestCase):
    """Which streams have no times."""

    def test_kinds(self) -> None:
        """Those of raw video; not those of raw audio, nor of anything with a clock."""
        for container, timed in (
            ("h264", False),
            ("hevc", False),
            ("obu", False),
            ("m4v", False),
            ("mpeg2video", False),
            ("mjpeg", False),
            ("ivf", True),
            ("yuv4mpegpipe", True),
            ("mpegts", True),
            ("adts", True),
        ):
            with media.opened(media.clip(container=container, seconds=0.5)) as file:
                found = timestamps_for(file.streams[0], 0.0, live=True)
                self.assertEqual(found is None, timed, container)
