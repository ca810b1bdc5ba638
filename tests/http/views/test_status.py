"""What programs are told of the streams."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from mkvtwist import __version__
from mkvtwist.config.input import Form, Input
from mkvtwist.config.rule import AccessRule
from mkvtwist.config.settings import StreamConfig
from mkvtwist.http import LiveSite
from mkvtwist.http.figures import HOLD_FOR
from mkvtwist.http.views.status import Status
from mkvtwist.inputs.lifecycle import State
from mkvtwist.live.client import Progress, Wish
from mkvtwist.media.packet import Track
from mkvtwist.streams.stream import Stream
from mkvtwist.testing import AUDIO, VIDEO, footage, header, mixed
from tests.support.fakes import Response, in_mp4
from tests.support.site import SiteTestCase, ignore


class Unseen(Response):
    """A client that nobody may look at."""

    def progress(self) -> Progress:
        raise AssertionError


class StatusTests(SiteTestCase):
    """C{/status}, C{/metrics} and C{/healthz}."""

    def status(self, peer: str = "127.0.0.1", **headers: str) -> dict[str, Any]:
        """What C{/status} says to a program of this machine, or of another one."""
        got = self.get("/status", peer=peer, **{"Host": "localhost:8080", **headers})
        self.assertEqual(got.status, 200)
        self.assertEqual(got.headers["content-type"], "application/json")
        made: dict[str, Any] = json.loads(got.body)
        return made

    def test_status(self) -> None:
        """The status has what the contract says, and nothing else."""
        self.stream.input.life.state = State.LIVE
        self.assertEqual(self.status()["streams"]["live"]["bitrate"], 20 * 10 * 8)
        self.reactor.advance(7)
        self.connect().ask("/live.mkv", User_Agent="mpv 0.35")
        status = self.status()
        self.assertEqual(set(status), {"version", "uptime", "streams"})
        self.assertEqual(status["version"], __version__)
        self.assertEqual(status["uptime"], 7)
        stream = status["streams"]["live"]
        self.assertEqual(
            set(stream),
            {
                *("state", "reason", "input", "since", "tracks", "bitrate", "segment_seconds"),
                *("ring", "fragments", "bytes_in", "bytes_out", "discontinuities", "restarts"),
                *("clients", "left_out", "recording", "hls_viewers", "formats", "live_edge"),
                *("detail", "notes", "isolation", "title", "description", "now", "pattern"),
                "sender",
            },
        )
        self.assertEqual((stream["state"], stream["input"]), ("live", "demo:"))
        self.assertEqual(stream["isolation"], "thread")
        self.assertEqual(stream["bitrate"], 0, "nothing has come for 7 s")
        self.assertEqual(stream["segment_seconds"], 1.0)
        self.assertEqual(set(stream["ring"]), {"seconds", "bytes", "segments"})
        self.assertEqual((stream["ring"]["seconds"], stream["ring"]["segments"]), (10, 10))
        self.assertEqual((stream["fragments"], stream["bytes_in"]), (100, 2000))
        self.assertEqual((stream["left_out"], stream["recording"]), ([], None))
        (client,) = stream["clients"]
        self.assertEqual(
            set(client),
            {
                *("id", "peer", "user_agent", "format", "since", "bytes", "lag"),
                *("skipped_segments", "state"),
            },
        )
        self.assertEqual(client["peer"], "192.0.2.7:5000")
        self.assertEqual(client["user_agent"], "mpv 0.35")
        self.assertEqual((client["lag"], client["skipped_segments"]), (0, 0))
        self.assertEqual(client["state"], "live")
        self.assertEqual(stream["bytes_out"], client["bytes"])

    def test_public(self) -> None:
        """Another machine sees figures: no addresses, programs, paths, nor libavformat's words."""
        stream = self.add("cam", record="/srv/secret/cam.mkv")
        stream.input.reports.left_out = (
            "track 2 (data, klv): Invalid data found",
            "track 3: silent",
        )
        stream.input.life.state = State.RETRYING
        stream.input.life.reason = "the input could not be read"
        stream.input.life.detail = "tcp://camera: Connection refused"
        stream.publisher.begin(header())
        self.connect().ask("/cam.mkv", User_Agent="mpv 0.35")
        text = json.dumps(self.status("192.0.2.9"))
        for private in ("192.0.2", "mpv", "secret", "demo:", "Invalid", "camera", "refused"):
            self.assertNotIn(private, text)
        whole, public = self.status(), self.status("192.0.2.9")
        shown, all_ = public["streams"]["cam"], whole["streams"]["cam"]
        self.assertEqual(
            set(all_) - set(shown), {"input", "pattern", "recording", "detail", "sender"}
        )
        self.assertEqual(shown["reason"], "the input could not be read")
        self.assertEqual(shown["left_out"], ["track 2 (data, klv)", "track 3"])
        self.assertEqual(all_["detail"], "tcp://camera: Connection refused")
        (client,) = shown["clients"]
        self.assertEqual(set(all_["clients"][0]) - set(client), {"peer", "user_agent"})
        page = json.loads(self.get("/cam/status").body)
        self.assertEqual(page["left_out"], shown["left_out"])
        self.assertNotIn("detail", page)

    def test_operators(self) -> None:
        """Everything is for programs of this machine that ask for themselves, by a name of its."""
        for peer, headers, sees in (
            ("127.0.0.1", {}, True),
            ("::1", {"Host": "[::1]:8080"}, True),
            ("127.0.0.1", {"Host": "127.0.0.1"}, True),
            ("127.0.0.1", {"Origin": "http://localhost:8080"}, True),
            ("127.0.0.1", {"Host": "tv.example"}, False),
            ("127.0.0.1", {"Origin": "http://evil.example"}, False),
            ("127.0.0.1", {"X_Forwarded_For": "127.0.0.1"}, False),
            ("127.0.0.1", {"Forwarded": "for=192.0.2.1"}, False),
            ("192.0.2.1", {}, False),
        ):
            shown = self.status(peer, **headers)["streams"]["live"]
            self.assertEqual("input" in shown, sees, (peer, headers))

    def test_formats(self) -> None:
        """What the stream can be had in is there by ending, as its answers would call it."""
        self.stream.publisher.begin(
            header(in_mp4(replace(VIDEO, codec_string="avc1.64001f")), in_mp4(AUDIO))
        )
        formats = self.status()["streams"]["live"]["formats"]
        playlist = "application/vnd.apple.mpegurl"
        self.assertEqual(formats, {"mkv": "video/x-matroska", "mp4": "video/mp4", "m3u8": playlist})
        tracks = self.status()["streams"]["live"]["tracks"]
        self.assertEqual([track["formats"] for track in tracks], [["mkv", "mp4"]] * 2)
        self.stream.publisher.begin(header(replace(AUDIO, codec_string="mp4a.40.2")))
        self.reactor.advance(HOLD_FOR)
        formats = self.status()["streams"]["live"]["formats"]
        self.assertEqual(formats, {"mkv": 'audio/x-matroska; codecs="mp4a.40.2"'})
        self.assertEqual(self.get("/live.mkv", "HEAD").headers["content-type"], formats["mkv"])

    def test_once_a_second(self) -> None:
        """Figures are put together once a second for everybody who may see the same streams."""
        for target in ("/status", "/metrics", "/live/status"):
            first = self.get(target)
            self.connect().ask("/live.mkv")  # which they would show
            for method in ("GET", "HEAD", "GET"):
                self.assertEqual(self.get(target, method).status, 200)
            self.assertEqual(self.get(target).body, first.body, target)
            self.reactor.advance(HOLD_FOR)
            self.assertNotEqual(self.get(target).body, first.body, target)

    def test_age(self) -> None:
        """How long ago the live edge came is right at each moment, since players go by it."""
        self.stream.input.life.state = State.LIVE
        for age in (0.0, 0.4, 0.8):
            edge = json.loads(self.get("/live/status").body)["live_edge"]
            self.assertAlmostEqual(edge["age"], age)
            self.reactor.advance(0.4)

    def test_views(self) -> None:
        """Clients that see other streams, or a stream that was started anew, get what is there."""
        token = Path(self.mktemp())
        token.write_text("correct-horse")
        for names in ({"live"}, {"live", "other"}):
            self.assertEqual(set(json.loads(self.get("/status").body)["streams"]), names)
            if names == {"live"}:
                self.add("secret", watch=AccessRule(token_file=str(token)))
                self.add("other")
        got = json.loads(self.get("/status?token=correct-horse").body)
        self.assertEqual(set(got["streams"]), {"live", "other", "secret"})
        before = json.loads(self.get("/other/status").body)["tracks"]
        self.add("other").publisher.begin(header())
        self.assertNotEqual(json.loads(self.get("/other/status").body)["tracks"], before)

    def test_change(self) -> None:
        """Events of a stream are there at once."""
        self.assertEqual(json.loads(self.get("/live/status").body)["state"], "opening")
        self.stream.input.life.state = State.LIVE
        self.assertEqual(json.loads(self.get("/live/status").body)["state"], "live")
        self.stream.publisher.begin(header(VIDEO, AUDIO))
        self.assertEqual(len(json.loads(self.get("/live/status").body)["tracks"]), 2)

    def test_one(self) -> None:
        """A player's page gets what it shows of its stream: clients are counted, not listed."""
        self.connect().ask("/live.mkv")
        shown = json.loads(self.get("/live/status").body)
        self.assertEqual(shown["clients"], 1)
        whole = self.status()["streams"]["live"]
        self.assertEqual(
            set(whole) - set(shown),
            {"input", "pattern", "recording", "bytes_out", "detail", "sender"},
        )
        self.assertEqual(shown["formats"], whole["formats"])
        self.assertEqual(self.get("/none/status").status, 404)

    def test_crowd(self) -> None:
        """No client is looked at for that, nor for the state alone: many ask, of many clients."""
        self.stream.fanout.join(Unseen(), Wish(0))
        self.assertEqual(json.loads(self.get("/live/status").body)["clients"], 1)
        self.assertIn("opening", self.get("/healthz").text)

    def test_live_edge(self) -> None:
        """The status says where the newest fragment ends on the timeline, and when it arrived."""
        self.reactor.advance(5)
        self.stream.publisher.publish(footage(100, 101))
        self.reactor.advance(1.5)
        status = Status(self.reactor, self.streams, lambda: 1e9)
        self.site = LiveSite(self.reactor, self.streams, status=status)
        edge = json.loads(self.get("/live/status").body)["live_edge"]
        self.assertEqual(edge["media"], 101)
        self.assertEqual(edge["age"], 1.5)
        self.assertEqual(edge["arrived"], "2001-09-09T01:46:38.500+00:00")
        # A player measures by both: their sum goes on also where the figures are kept for a while.
        self.reactor.advance(0.25)
        again = json.loads(self.get("/live/status").body)["live_edge"]
        self.assertEqual((again["media"], again["age"]), (101, 1.75))
        self.stream.publisher.publish(footage(101, 102))
        self.reactor.advance(1)
        self.assertEqual(json.loads(self.get("/live/status").body)["live_edge"]["media"], 102)
        self.add("other")
        self.assertIsNone(json.loads(self.get("/other/status").body)["live_edge"])

    def test_tracks(self) -> None:
        """A track is shown as people call it, without what its decoder needs."""
        rich = Track(
            number=1,
            type="video",
            codec="h264",
            setup=b"setup",
            language="deu",
            title="Film",
            width=640,
            height=360,
            frame_rate=25.0,
        )
        self.stream.publisher.begin(header(rich))
        (track,) = self.status()["streams"]["live"]["tracks"]
        self.assertEqual(
            track,
            {
                "number": 1,
                "type": "video",
                "codec": "h264",
                "codec_string": None,
                "language": "deu",
                "title": "Film",
                "default": False,
                "width": 640,
                "height": 360,
                "frame_rate": 25.0,
                "video_range": None,
                "supplemental": None,
                "sample_rate": None,
                "channels": None,
                "formats": ["mkv"],
                "quiet": False,
            },
        )

    def test_quiet_track(self) -> None:
        """A track of which nothing comes is said to be quiet."""
        self.stream.publisher.begin(header(VIDEO, AUDIO))
        self.stream.publisher.publish(mixed(footage(10, 12), footage(10, 15, track=2)))
        tracks = self.status()["streams"]["live"]["tracks"]
        self.assertEqual([track["quiet"] for track in tracks], [True, False])

    def test_no_secrets(self) -> None:
        """A password in the input's URL is not shown, in the status nor on the page."""
        url = Input(Form.URL, "rtsp://me:hunter2@cam/live?key=hunter2")
        self.streams["cam"] = Stream(self.reactor, StreamConfig(url, name="cam"), ignore)
        shown = json.dumps(self.status()) + self.get("/cam", Accept="text/html").text
        self.assertNotIn("hunter2", shown)
        self.assertIn("rtsp://me:***@cam/live", shown)

    def test_metrics(self) -> None:
        """Prometheus reads the same figures."""
        self.stream.input.life.state = State.LIVE
        self.connect().ask("/live.mkv")
        other = self.add("other")
        other.publisher.begin(header())
        got = self.get("/metrics")
        self.assertTrue(got.headers["content-type"].startswith("text/plain"))
        values = {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(got.text)
            for sample in family.samples
        }
        status = self.status()["streams"]["live"]
        for name, value in (
            ("live", 1),
            ("bitrate_bits_per_second", status["bitrate"]),
            ("segment_seconds", 1),
            ("ring_seconds", 10),
            ("ring_bytes", status["ring"]["bytes"]),
            ("ring_segments", 10),
            ("fragments_total", 100),
            ("in_bytes_total", 2000),
            ("out_bytes_total", status["bytes_out"]),
            ("discontinuities_total", 0),
            ("restarts_total", 0),
        ):
            self.assertEqual(values[f"mkvtwist_{name}", "live"], value, name)
        self.assertEqual(values["mkvtwist_clients", "matroska", "live", "live"], 1)
        self.assertEqual(values["mkvtwist_clients", "matroska", "behind", "live"], 0)
        self.assertEqual(values["mkvtwist_live", "other"], 0)

    def test_health(self) -> None:
        """A load balancer hears whether every stream is live that has to be."""
        self.stream.input.life.state = State.LIVE
        self.assertEqual(self.get("/healthz").text, "All streams are live.\n")
        other = self.add("other")
        other.input.life.state = State.RETRYING
        other.input.life.reason = "the host has gone"
        got = self.get("/healthz")
        self.assertEqual((got.status, got.text), (503, "other: retrying (the host has gone)\n"))
        other.configure(replace(other.config, watch=AccessRule(allow=(ip_network("10.0.0.0/8"),))))
        self.assertEqual(self.get("/healthz").text, "a stream: retrying\n", "not whose, nor why")
        other.input.life.state = State.WAITING_FOR_CLIENT
        self.assertEqual(self.get("/healthz").status, 200)
        self.add("spare", optional=True)
        self.assertEqual(self.get("/healthz").status, 200)
