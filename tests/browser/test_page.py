"""The page, in a real browser: a headless Chromium that watches real servers."""

from __future__ import annotations

import contextlib
import math
import signal
import socket
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

from twisted.python import log
from twisted.trial.unittest import SynchronousTestCase

from tests.support import media
from tests.support.browser import PHONE, BrowserTestCase, Watched
from tests.support.readers import gone
from tests.test_end_to_end import LOOPBACK, Mkvserve

HIDE = """
window.pretend = (state) => {
  Object.defineProperty(document, "visibilityState", { get: () => state, configurable: true });
  Object.defineProperty(document, "hidden", { get: () => state === "hidden", configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
};
"""
"""A headless browser shows every page: what it would tell one in the background."""

REFUSE = """
{
  const play = HTMLMediaElement.prototype.play;
  let clicked = false; // the test's own questions count as a user's doing for the browser
  addEventListener("click", () => { clicked = true; }, { capture: true });
  HTMLMediaElement.prototype.play = function () {
    return clicked
      ? play.call(this)
      : Promise.reject(new DOMException("not unasked", "NotAllowedError"));
  };
}
"""
"""A browser that plays nothing before it was clicked at, as phones that save power do."""

WATCH = """
{
  const video = document.querySelector('video');
  const seen = window.seen = { times: [], clock: [], events: [], ranges: 0 };
  const shown = (_, { mediaTime }) => {
    const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
    seen.times.push(mediaTime);
    seen.clock.push(video.currentTime);
    seen.ranges = Math.max(seen.ranges, video.buffered.length);
    seen.last = [totalVideoFrames, droppedVideoFrames];
    seen.first ??= seen.last;
    video.requestVideoFrameCallback(shown);
  };
  video.requestVideoFrameCallback(shown);
  for (const event of ["waiting", "seeking", "pause", "emptied", "error"]) {
    video.addEventListener(event, () => seen.events.push(`${event} at ${video.currentTime}`));
  }
}
"""
"""Keeps what there is to be seen of a video: the time of each picture, and what befalls it."""

SPOIL = """
{
  const append = SourceBuffer.prototype.appendBuffer;
  window.spoil = 0;
  SourceBuffer.prototype.appendBuffer = function (data) {
    if (window.spoil) data = new Uint8Array(data.length).fill(0xff);
    window.spoil = Math.max(0, window.spoil - 1);
    return append.call(this, data);
  };
}
"""
"""So many times as the test says in C{spoil} what is appended is no media: the decoder gives up."""

ALONE = """
{
  const video = document.querySelector("video");
  const latency = document.querySelector("[data-part=latency]");
  const isNear = () => video.readyState > 2 && parseFloat(latency.textContent) < 2;
  window.alone = 0;
  setInterval(() => { if (ALONE && isNear()) alone = video.currentTime; }, 50);
}
"""
"""Keeps the last time at which a video played without its other track, near the live edge."""

STATES = """
{
  const part = (role) => document.querySelector(`[data-part=${role}]`);
  const [state, detail] = [part("state"), part("detail")];
  const keep = () => states.push(`${state.textContent} ${detail.textContent}`);
  window.states = [];
  new MutationObserver(keep).observe(state.parentElement, { childList: true, subtree: true });
}
"""
"""Keeps all that the page says of its state."""

AHEAD = 5
"""Pictures that may be counted before they are shown."""


def thin(case: SynchronousTestCase, port: int, rate: float) -> int:
    """
    Have a thin link to a server: each connection gets so many bytes a second from it.

    @return: the port at which the link begins.
    """

    def carry(near: socket.socket) -> None:
        with near, socket.create_connection(("127.0.0.1", port)) as far:
            far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            threading.Thread(target=pump, args=(near, far, math.inf), daemon=True).start()
            pump(far, near, rate)

    def pump(source: socket.socket, sink: socket.socket, rate: float) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                sink.sendall(data)
                over.wait(len(data) / rate)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listening.accept()
                near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
                threading.Thread(target=carry, args=(near,), daemon=True).start()

    over = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))
    case.addCleanup(listening.close)
    case.addCleanup(over.set)
    threading.Thread(target=accept, daemon=True).start()
    found: int = listening.getsockname()[1]
    return found


def steady_mp4() -> Path:
    """Return a clip that plays as MP4."""
    return media.clip(container="mpegts", size=(320, 240), seconds=8)


def steady_webm() -> Path:
    """Return a clip that plays as WebM."""
    return media.clip(container="webm", audio="vorbis", size=(320, 240), gop=20, seconds=8)


def is_near(page: Watched) -> bool:
    """
    Return whether a page is near the live edge: within the two seconds beyond which it skips. On a
    busy machine it has up to that much in hand, since its media have run dry before.
    """
    return page.latency < 2


class PageTestCase(BrowserTestCase):
    """
    What the cases below have in common.

    @cvar long: seconds of a picture that goes on; whole tens. After 20 the page begins to remove
        from memory what was played.
    """

    long = 30

    def watch(self, *arguments: str, path: str = "", **settings: Any) -> tuple[Mkvserve, Watched]:
        """A server with these arguments, and its page."""
        server = Mkvserve(self, *arguments)
        return server, self.open(f"http://127.0.0.1:{server.port}/{path}", **settings)

    def demo(self, path: str = "", **settings: Any) -> tuple[Mkvserve, Watched]:
        """Return the server of the test picture that tests share, and its page."""
        server = self.running.demo
        return server, self.open(f"http://127.0.0.1:{server.port}/{path}", **settings)

    def loop(self, clip: Path, **settings: Any) -> tuple[Mkvserve, Watched]:
        """A server that shows a clip over and over, and its page."""
        return self.watch("--at-end=loop", "--readrate-initial-burst=2", str(clip), **settings)

    def stay_steady(self, *clips: Path) -> None:
        """Watch clips for long, each in a window of its own, all at the same time."""
        watched = [self.loop(clip) for clip in clips]
        for _, page in watched:
            page.plays(3)
            page.page.evaluate(WATCH)
        for seconds in range(10, self.long + 1, 10):
            for _, page in watched:
                page.until_true(f"seen.clock.at(-1) > seen.clock[0] + {seconds}")
        for server, page in watched:
            self.check_steady(page.ask("seen"))
            (client,) = server.status()["clients"]
            self.assertEqual(client["skipped_segments"], 0)

    def check_steady(self, seen: dict[str, Any]) -> None:
        """
        Nothing was skipped, time went forward only, each picture was there.

        @param seen: as L{WATCH} keeps it.
        """
        frames, dropped = (seen["last"][which] - seen["first"][which] for which in range(2))
        steps, forward = (
            [after - before for before, after in pairwise(seen[which])]
            for which in ("times", "clock")
        )
        # How many of them there is time to show, and whether the next one is decoded in time, is
        # the machine's affair, not the stream's.
        waits = [event for event in seen["events"] if event.startswith("waiting")]
        log.msg(f"{self.browser.name}: {dropped} of {frames} pictures were dropped, {waits}")
        self.assertEqual((seen["events"], seen["ranges"]), (waits, 1))
        self.assertGreaterEqual(min(forward), 0)
        if self.browser.strays:
            there = round(sum(forward) * 25)
        else:
            self.assertGreater(min(steps), 0)
            # Whole ones: where the clip begins again its sound is longer, by less than a picture.
            there = sum(math.floor(step * 25 + 0.1) for step in steps)
        if not waits:  # Firefox decodes some of them again then
            self.assertLess(abs(frames - there), AHEAD, (frames, there))


class SilenceTests(PageTestCase):
    """
    Tracks that pause: a browser plays nothing while one of them is missing.

    @cvar GONE: the seconds between which there is one track less.
    """

    GONE = (8, 16)

    def without(self, type_: str, container: str) -> Path:
        """Return a clip without the packets of a type between two seconds."""
        clip = media.clip(container=container, size=(320, 240), seconds=24)
        missing = gone(type_, *self.GONE)
        path = Path(self.mktemp()).absolute()
        return media.cut(clip, path, container, lambda packet: not missing(packet))

    def test_go_on(self) -> None:
        """The other tracks go on without one that pauses, near the live edge, and it comes back."""
        sound, picture = "!video.videoWidth", "!video.webkitAudioDecodedByteCount"
        cases = (
            ("video", "matroska", sound),
            ("video", "webm", sound),
            ("audio", "matroska", picture),
        )
        end = self.GONE[1]
        clips = [(str(self.without(type_, container)), alone) for type_, container, alone in cases]
        paced = "--readrate-initial-burst=1", "--hold=0"
        servers = [(Mkvserve(self, *paced, clip), alone) for clip, alone in clips]
        watched = []
        for server, alone in servers:
            page = self.open(f"http://127.0.0.1:{server.port}/")
            page.page.evaluate(ALONE.replace("ALONE", alone))
            watched.append((page, alone))
        for page, _ in watched:
            page.until_true(f"alone > {end} - 2")
        for page, alone in watched:
            page.until_true(f"video.currentTime > {end} + 2 && !({alone})")
            page.until(partial(is_near, page))


class PlayingTests(PageTestCase):
    """Pictures, from the first to the last."""

    def test_mp4(self) -> None:
        """H.264 and AAC play at once, muted, as MP4, near the live edge, and it says how it is."""
        server, page = self.demo()
        page.plays(5)
        self.assertEqual(page.ask("[video.muted, video.paused]"), [True, False])
        page.until(lambda: [c["format"] for c in server.status()["clients"]] == ["mp4"])
        page.until_true("video.getVideoPlaybackQuality().totalVideoFrames >= 100")
        page.until(lambda: page.text("size") == "640\N{MULTIPLICATION SIGN}360")
        page.until(lambda: "Mbit/s" in page.text("bitrate"))
        page.until(lambda: page.text("viewers") == "1")
        page.until(partial(is_near, page))
        self.assertIn("h264, 640\N{MULTIPLICATION SIGN}360, 25 fps", page.text("tracks"))

    def test_steady(self) -> None:
        """
        Nothing is skipped, time goes forward only, each picture is there: in MP4, and in WebM,
        whose sound comes later than the picture beside it.
        """
        self.stay_steady(steady_mp4(), steady_webm())

    def test_halting(self) -> None:
        """Pictures that come late now and then, as in the dark, cost none of the others."""
        clip = media.clip(seconds=20, gop=50, audio=None)
        _, page = self.loop(media.halting(clip, every=25, gap=0.4))
        page.plays(2)
        page.page.evaluate(WATCH)
        page.until_true("seen.times.at(-1) > seen.times[0] + 7")
        seen = page.ask("seen")
        self.assertNotIn("seeking", {event.split()[0] for event in seen["events"]})
        # 25 in 1.4 seconds; where all are dropped up to a keyframe it is half of them.
        frames = seen["last"][0] - seen["first"][0]
        self.assertGreater(frames, (seen["times"][-1] - seen["times"][0]) / 1.4 * 25 * 0.75)

    def test_dry(self) -> None:
        """Each time the media run dry the page keeps more of them in hand."""
        _, page = self.demo()
        page.plays()
        for _ in range(6):
            page.ask("void video.dispatchEvent(new Event('waiting'))")
        page.until(lambda: page.latency > 1.3)

    def test_webm(self) -> None:
        """VP8 and Opus play as WebM, across the clip's end."""
        server, page = self.loop(media.clip(container="webm", seconds=2))
        page.plays(3)
        self.assertEqual([c["format"] for c in server.status()["clients"]], ["webm"])

    def test_sound_alone(self) -> None:
        """A stream without pictures is heard."""
        _, page = self.loop(media.clip(container="m4a", seconds=5))
        page.plays()

    def test_native(self) -> None:
        """A browser without Media Source Extensions has its video element load the stream."""
        clip = media.clip(container="webm", seconds=5)
        server, page = self.loop(clip, before="delete window.MediaSource")
        page.plays()
        self.assertIn(".webm", page.ask("video.src"))
        page.page.get_by_role("button", name="Pause").click()
        page.until(lambda: not server.status()["clients"])
        self.assertFalse(page.ask("document.querySelector('canvas').hidden"))
        page.page.get_by_role("button", name="Play", exact=True).click()
        page.plays()

    def test_replay(self) -> None:
        """In the last seconds, which a video element loads as a file, one can go to and fro."""
        clip = media.clip(seconds=8, gop=50, bframes=2)
        server, page = self.watch("--at-end=loop", "--readrate-initial-burst=8", str(clip))
        page.plays()
        page.until(lambda: server.status()["ring"]["seconds"] >= 7)
        page.page.evaluate(
            "window.past = document.createElement('video'); past.muted = true;"
            "past.src = '/live/last.mp4?seconds=7'"
        )
        page.until_true("past.readyState === 4")
        for seconds in (5, 1, 3):
            page.ask(f"void (past.pause(), past.currentTime = {seconds})")
            page.until_true("!past.seeking && past.readyState === 4")
            page.ask("void (window.before = past.getVideoPlaybackQuality().totalVideoFrames)")
            page.ask("void past.play()")
            page.until_true(f"past.currentTime > {seconds} + 0.5")
            page.until_true("past.getVideoPlaybackQuality().totalVideoFrames > before + 5")

    def test_hls(self) -> None:
        """Without them, what can be had as HLS is loaded as such: Apple's browsers have no more."""
        _, page = self.watch("demo:", before="delete window.MediaSource")
        page.plays()
        self.assertIn("/live/index.m3u8", page.ask("video.src"))

    def test_no_decoder(self) -> None:
        """A codec that the browser cannot decode is named, with a way to watch it all the same."""
        clip = media.clip(container="matroska", video="mpeg4", audio="ac3", seconds=2)
        server, page = self.loop(clip)
        page.until(lambda: page.text("state") == "Cannot be played here")
        self.assertIn("no decoder for MPEG4 and AC3", page.text("detail"))
        self.picture(page, "no decoder")
        command = page.page.get_by_label("mpv", exact=True).input_value()
        self.assertEqual(command, f'mpv "http://127.0.0.1:{server.port}/live.mkv"')
        self.assertEqual(server.status()["clients"], [])

    def test_no_name(self) -> None:
        """A codec without a name for browsers is said, once, and the page does not try again."""
        _, page = self.loop(media.clip(container="mpegts", video="mpeg2video", audio=None))
        page.until(lambda: page.text("state") == "Cannot be played here")
        self.assertIn("no decoder for MPEG2VIDEO. Open it in VLC or mpv.", page.text("detail"))
        asked = [url for url in page.asked if not url.endswith("/status")]
        page.until(lambda: page.asked.count(page.asked[-1]) > 5)
        self.assertEqual([url for url in page.asked if not url.endswith("/status")], asked)
        self.assertEqual(page.text("state"), "Cannot be played here")

    def test_no_picture(self) -> None:
        """Sound is heard if it alone can be decoded, and the rest is said."""
        for video, audio, codec in (("mpeg4", "aac", "MPEG4"), ("mpeg2video", "mp2", "MPEG2VIDEO")):
            _, page = self.loop(media.clip(container="mpegts", video=video, audio=audio))
            page.until(lambda: page.text("state") == "No picture:")  # noqa: B023 - called here
            self.assertIn(f"no decoder for {codec}. Open it in VLC", page.text("detail"))
            page.until_true("video.currentTime > video.buffered.start(0) + 1")

    def test_no_sound(self) -> None:
        """Pictures are seen if they alone can be decoded, and the rest is said."""
        server, page = self.loop(media.clip(container="mpegts", audio="ac3"))
        page.plays()
        self.assertIn("without its sound: this browser has no decoder for AC3", page.text("detail"))
        self.assertEqual(page.text("size"), "160\N{MULTIPLICATION SIGN}120")
        self.assertEqual([c["format"] for c in server.status()["clients"]], ["mp4"])

    def test_looks(self) -> None:
        """It fits a phone, in the dark."""
        _, page = self.demo(viewport=PHONE, color_scheme="dark", has_touch=True)
        page.plays()
        self.assertLessEqual(page.ask("document.documentElement.scrollWidth"), PHONE["width"])
        self.assertEqual(page.ask("getComputedStyle(document.body).colorScheme"), "light dark")


class WallTests(PageTestCase):
    """Several streams on one page."""

    def test_wall(self) -> None:
        """As many play as leave connections for other requests; one press opens a stream."""
        clip = media.clip(container="mpegts", seconds=5)
        names = [f"cam{number}" for number in range(1, 7)]
        streams = "".join(
            f"[streams.{name}]\ninput = {str(clip)!r}\nat_end = 'loop'\n" for name in names
        )
        config = Path(self.mktemp())
        config.write_text(f"[streams.cam0]\ninput = 'tcp:0:{LOOPBACK}'\n{streams}")
        _, page = self.watch(f"--config={config.absolute()}")
        state = (
            "[...document.querySelectorAll('[data-part=state]')].map((e) => e.innerText).join(' ')"
        )
        page.until_true(f"{state} === 'Off air: Live Live Live Live On air On air'")
        page.until_true(
            "[...document.querySelectorAll('video')].slice(1, 5).every((v) => v.currentTime > 1)"
        )
        page.forgive(r"50[03].*\.jpg")  # there need not be a picture for a tile that does not play
        self.picture(page, "wall")
        page.page.get_by_role("link", name="cam5").click()
        page.plays()
        self.assertEqual(page.page.title(), "cam5")


class TroubleTests(PageTestCase):
    """Whatever happens to input, server and network, the page goes on without a reload."""

    def test_other_tracks(self) -> None:
        """A sender comes with other tracks, and its time at 0: they are played."""
        server, page = self.watch("--readrate-initial-burst=1", f"tcp:0:{LOOPBACK}")
        page.until(lambda: page.text("state") == "Waiting")
        self.assertIn("nobody has connected", page.text("detail"))
        self.send(server, media.clip(container="mpegts", seconds=4))
        page.until_true("video.videoWidth === 160")
        other = media.clip(container="mpegts", audio="libmp3lame", seconds=4, size=(64, 48))
        self.send(server, other)
        page.until_true("video.videoWidth === 64 && document.querySelector('canvas').hidden")
        self.assertEqual(page.ask("performance.getEntriesByType('navigation').length"), 1)

    def test_server_restarted(self) -> None:
        """The server goes, and comes back: the page counts down, and plays."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        listen = f"--listen=tcp:{port}:{LOOPBACK}"
        server = Mkvserve(self, "demo:", listen=listen)
        server.said("watch at")
        page = self.open(f"http://127.0.0.1:{port}/")
        page.plays()
        page.ask("window.before = true")
        server.stop()
        page.until(lambda: "The server does not answer" in page.text("detail"))
        self.assertRegex(page.text("state") + page.text("detail"), r"Reconnecting ?in \d s\.")
        self.picture(page, "reconnecting")
        server = Mkvserve(self, "demo:", listen=listen)
        page.plays()
        self.assertTrue(page.ask("window.before"))
        page.forgive("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING")

    def test_stalled(self) -> None:
        """Nothing comes for five seconds: the page says so, and then is at the live edge again."""
        server, page = self.watch("demo:")
        page.plays()
        server.process.send_signal(signal.SIGSTOP)
        try:
            page.until(lambda: page.text("state") == "Waiting")
            page.until(lambda: page.text("detail") == "nothing has come for 5 s")
            self.picture(page, "stalled")
        finally:
            server.process.send_signal(signal.SIGCONT)
        page.plays()
        page.until(partial(is_near, page))

    def spoil(self, times: int) -> Watched:
        """A page that plays again after so much of what it appended was no media."""
        _, page = self.demo(before=SPOIL)
        page.plays()
        page.page.evaluate(STATES)
        page.ask(f"void (window.source = video.src, window.spoil = {times})")
        page.until_true("spoil === 0 && video.src !== source && !video.error")
        page.plays()
        page.forgive("could not decode")
        return page

    def test_undecodable(self) -> None:
        """Undecodable media end a connection, not the playing: the next one comes at once."""
        page = self.spoil(1)
        self.assertEqual(page.ask("states.filter((state) => state.startsWith('Paused'))"), [])

    def test_decoder_fails_again(self) -> None:
        """Undecodable media are tried again within a second, however often they fail."""
        page = self.spoil(6)
        waits = {text[:17] for text in page.ask("states") if text.startswith("Reconnecting")}
        self.assertLessEqual(waits, {"Reconnecting in 0", "Reconnecting in 1"})
        self.assertIn("Reconnecting in 1", waits)

    def test_not_held(self) -> None:
        """While nobody sends, the page asks now and then, and holds no request; then it plays."""
        server, page = self.watch("--readrate-initial-burst=1", f"tcp:0:{LOOPBACK}")
        page.until(lambda: sum(url.endswith("/status") for url in page.asked) > 4)
        self.assertEqual(page.text("state"), "Waiting")
        self.assertEqual([url for url in page.asked if ".mkv" in url or ".mp4" in url], [])
        self.assertEqual(server.status()["clients"], [])
        self.send(server, media.clip(container="mpegts", seconds=4))
        page.until_true("video.videoWidth === 160")

    def test_on_demand(self) -> None:
        """An input that is opened only for viewers is opened for the page."""
        _, page = self.watch("--on-demand", "demo:")
        page.plays()

    def test_thin(self) -> None:
        """On a connection that is too slow the page says so, and how far behind it truly is."""
        port = thin(self, self.running.demo.port, 90_000)  # the demo has 186,000 bytes a second
        page = self.open(f"http://127.0.0.1:{port}/")
        page.until(lambda: "your connection is too slow for" in page.text("detail"))
        detail = page.text("detail")
        self.assertRegex(detail, r"^\d+\.\d s behind: .* for \d+\.\d Mbit/s$")
        self.assertGreater(float(detail.split()[0]), 2)
        self.picture(page, "thin")

    def test_hidden(self) -> None:
        """Nobody sees it, nobody hears it: the server is left alone until somebody does."""
        server, page = self.demo(before=HIDE)
        page.plays()
        page.ask("pretend('hidden')")
        page.until(lambda: not server.status()["clients"])
        page.ask("pretend('visible')")
        page.plays()
        page.page.get_by_role("button", name="Unmute").click()
        page.ask("pretend('hidden')")
        page.until_true("(window.then ??= video.currentTime) + 1 < video.currentTime")
        page.until(lambda: len(server.status()["clients"]) == 1)  # what it says may be a second old

    def test_full(self) -> None:
        """One viewer too many is told, and gets in when there is room."""
        server, page = self.watch("--max-clients=1", "demo:", before=HIDE)
        page.plays()
        other = self.open(f"http://127.0.0.1:{server.port}/")
        other.until(lambda: other.text("state") == "Reconnecting")
        self.assertIn("The limit of 1 clients is reached", other.text("detail"))
        page.ask("pretend('hidden')")
        other.plays()
        other.forgive("503")


class UseTests(PageTestCase):
    """What one can do with it."""

    def test_keyboard(self) -> None:
        """Every control is reached and worked by the keyboard, and has a name."""
        server, page = self.demo()
        page.plays()
        keyboard, seen = page.page.keyboard, []
        for _ in range(5):
            keyboard.press("Tab")
            seen.append(page.ask("document.activeElement.ariaLabel"))
        self.assertEqual(seen, ["Pause", "Unmute", "Volume", "Picture in picture", "Full screen"])
        page.page.get_by_role("button", name="Unmute").focus()
        keyboard.press("Enter")
        page.until_true("!video.muted && document.activeElement.ariaLabel === 'Mute'")
        page.page.get_by_role("button", name="Pause").focus()
        keyboard.press("Space")
        page.until(lambda: page.text("state") == "Paused")
        page.until(lambda: not server.status()["clients"])
        keyboard.press("Space")
        page.plays()
        page.page.get_by_role("button", name="Full screen").focus()
        keyboard.press("Enter")
        page.until_true("document.fullscreenElement !== null")
        keyboard.press("Enter")
        page.until_true("document.fullscreenElement === null")

    def test_song(self) -> None:
        """What is playing is on the page, in the window's title, and where the system shows it."""
        server, page = self.watch(
            "--title=Radio Example", "--readrate-initial-burst=1", f"tcp:0:{LOOPBACK}"
        )
        self.assertEqual(page.page.title(), "Radio Example")
        song = (("TITLE", "Title"), ("ARTIST", "Artist"))
        self.send(server, media.clip(video=None, seconds=20, metadata=song))
        page.until(lambda: page.text("song") == "Artist - Title")
        self.assertEqual(page.page.title(), "Artist - Title · Radio Example")
        session = page.ask(
            "(({ title, artist, album }) => [title, artist, album])"
            "(navigator.mediaSession.metadata)"
        )
        self.assertEqual(session, ["Title", "Artist", "Radio Example"])

    def test_media_keys(self) -> None:
        """Media keys, which pause and play the video itself, do what the button does."""
        server, page = self.demo()
        page.plays()
        page.ask("video.pause()")
        page.until(lambda: page.text("state") == "Paused")
        page.until(lambda: not server.status()["clients"])
        page.ask("void video.play()")
        page.plays()

    def test_copy(self) -> None:
        """A command is copied with one press."""
        _, page = self.demo()
        context = page.page.context
        context.grant_permissions(["clipboard-read"])
        page.page.get_by_role("button", name="Copy: Record").click()
        page.until(lambda: page.text("copied") == "Copied.")
        copied = page.page.evaluate("navigator.clipboard.readText()")
        self.assertEqual(copied, f'curl -o live.mkv "{page.page.url}live.mkv"')

    def test_refused(self) -> None:
        """A browser that does not start by itself starts when it is told to."""
        _, page = self.demo(before=REFUSE)
        page.until(lambda: page.text("state") == "Press play")
        page.page.get_by_role("button", name="Play", exact=True).click()
        page.plays()

    def test_token(self) -> None:
        """The token that one came with goes wherever the page goes."""
        server, page = self.demo("live?token=a%26b")
        page.plays()
        asked = page.ask("performance.getEntriesByType('resource').map(({name}) => name)")
        asked = [url for url in asked if "/static/" not in url]
        command = page.page.get_by_label("mpv", exact=True).input_value()
        self.assertEqual(command, f'mpv "http://127.0.0.1:{server.port}/live.mkv?token=a%26b"')
        self.assertGreater(len(asked), 1)
        for url in asked:
            self.assertIn("token=a%26b", url)

    def test_embedded(self) -> None:
        """One line puts the player, and nothing else, on a page of another site."""
        port = self.running.demo.port
        line = f'<script src="http://127.0.0.1:{port}/static/embed.js" data-stream="live"></script>'
        page = self.open(self.site(f"<!DOCTYPE html><title>A site</title><p>Watch:</p>{line}"))
        frame = page.page.frame_locator("iframe[title=live]")
        frame.locator("[data-state=Live]").wait_for()
        self.assertEqual(frame.locator("h1, a").count(), 0)
        page.forgive(f"asked for http://127.0.0.1:{port}/")

    def site(self, body: str) -> str:
        """Another web site, with this page."""

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if self.path == "/" else 204)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                if self.path == "/":
                    self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                """Nothing."""

        site = HTTPServer(("127.0.0.1", 0), Answer)
        serving = threading.Thread(target=site.serve_forever, daemon=True)
        serving.start()
        self.addCleanup(site.server_close)
        self.addCleanup(serving.join)
        self.addCleanup(site.shutdown)
        return f"http://127.0.0.1:{site.server_port}/"
