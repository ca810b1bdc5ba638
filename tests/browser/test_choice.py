"""What is chosen in the page: sounds, subtitles, in a headless Chromium."""

from __future__ import annotations

from playwright.sync_api import Route

from tests.browser.test_page import PageTestCase
from tests.support import media
from tests.test_end_to_end import LOOPBACK


class ChoiceTests(PageTestCase):
    """What there is to choose from."""

    def test_sounds(self) -> None:
        """One of several sounds is chosen, and stays so; nothing is sent of the others."""
        clip = media.clip(container="matroska", seconds=5, languages=("eng", "deu"), default=0)
        _, page = self.loop(clip)
        page.plays()
        sound = page.page.get_by_label("Sound")
        self.assertEqual(sound.locator("option").all_inner_texts(), ["English", "German"])
        self.assertEqual(sound.input_value(), "English")
        played = [url for url in page.asked if ".mp4" in url]
        self.assertTrue(played[-1].endswith("live.mp4?burst=0&lag=5&tracks=1,2"), played)
        sound.select_option("German")
        page.until(lambda: any(url.endswith("&tracks=1,3") for url in page.asked))
        page.plays()
        self.assertEqual(sound.input_value(), "German")
        self.assertEqual(page.text("state"), "Live")

    def test_one_sound(self) -> None:
        """Without a choice there is no list."""
        _, page = self.demo()
        page.plays()
        self.assertEqual(page.page.locator("select:visible").count(), 0)

    def test_subtitles(self) -> None:
        """Subtitles are shown in time, when they are chosen, and no longer asked for then."""
        cues = [(0.0, 1.9, "<i>Low</i>"), (2.0, 1.9, "High & low")]
        clip = media.clip(container="matroska", seconds=4, subtitles=cues)
        server, page = self.loop(clip)
        page.plays()
        self.assertEqual([c["format"] for c in server.status()["clients"]], ["mp4"])
        texts = page.page.get_by_label("Subtitles")
        self.assertEqual(texts.locator("option").all_inner_texts(), ["No subtitles", "Track 3"])
        texts.select_option("Track 3")
        shown = "[...video.textTracks[0].activeCues].map((cue) => cue.text).join()"
        page.until_true(f"{shown} === '<i>Low</i>'")
        page.until_true(f"{shown} === 'High &amp; low'")
        self.picture(page, "subtitles")
        self.assertEqual(page.text("viewers"), "1")
        page.page.get_by_role("button", name="Pause").click()
        page.until(lambda: not server.status()["clients"])
        page.page.get_by_role("button", name="Play", exact=True).click()
        page.plays()
        page.until_true(f"{shown} !== ''")
        texts.select_option("")
        page.until(lambda: [c["format"] for c in server.status()["clients"]] == ["mp4"])
        self.assertEqual(page.ask("video.textTracks[0].cues.length"), 0)

    def test_placed(self) -> None:
        """A cue is where it wants to be."""
        clip = media.clip(container="matroska", seconds=4, subtitles=[(0.0, 3.9, "Hello")])
        _, page = self.loop(clip)
        page.plays()
        settings = (" line:0 align:start", " line:10% position:20%", "")
        cues = [f"00:00:01.500 --> 01:02:03.500{each}\nHello\nworld\n" for each in settings]
        body = "\n".join(["WEBVTT\n", *cues, ""])
        page.page.route("**/*.vtt*", lambda route: route.fulfill(body=body))
        page.page.get_by_label("Subtitles").select_option("Track 3")
        page.until_true("video.textTracks[0].cues?.length === 3")
        made = page.ask(
            "[...video.textTracks[0].cues].map("
            "({line, snapToLines, align, position, startTime, endTime, text}) => "
            "[line, snapToLines, align, position, startTime, endTime, text])"
        )
        placed = (
            [0, True, "start", "auto"],
            [10, False, "center", 20],
            ["auto", True, "center", "auto"],
        )
        self.assertEqual(made, [[*each, 1.5, 3723.5, "Hello\nworld"] for each in placed])

    def test_subtitles_again(self) -> None:
        """Subtitles that fail are asked for again; a track that was disabled harms nothing."""
        clip = media.clip(container="matroska", seconds=4, subtitles=[(0.0, 3.9, "Hello")])
        _, page = self.loop(clip)
        page.plays()
        failed: list[str] = []

        def answer(route: Route) -> None:
            if failed:
                route.continue_()
            else:
                failed.append(route.request.url)
                route.abort()

        page.page.route("**/*.vtt*", answer)
        page.page.get_by_label("Subtitles").select_option("Track 3")
        page.until_true("video.textTracks[0].activeCues.length > 0")
        self.assertEqual(len(failed), 1)
        page.forgive("ERR_FAILED")
        page.ask("void (video.textTracks[0].mode = 'disabled')")
        page.page.get_by_role("button", name="Pause").click()
        page.until(lambda: page.text("state") == "Paused")
        page.page.get_by_role("button", name="Play", exact=True).click()
        page.plays()
        page.until_true("video.textTracks[0].activeCues.length > 0")

    def test_gone(self) -> None:
        """A choice that is not there any more gives way to the tracks that play unasked."""
        server, page = self.watch("--readrate-initial-burst=1", f"tcp:0:{LOOPBACK}")
        words = [(0.0, 19.9, "Hello")]
        first = media.clip(seconds=20, languages=("eng", "deu"), subtitles=words)
        to = f"tcp://127.0.0.1:{server.input_port}"
        soon = ("-cluster_time_limit", "200", "-max_interleave_delta", "1")
        copy = ("-map", "0", "-c", "copy", *soon, "-f", "matroska", to)
        sender = self.run_("ffmpeg", "-v", "error", "-re", "-i", first, *copy)
        sound, texts = map(page.page.get_by_label, ("Sound", "Subtitles"))
        page.until_true("video.videoWidth === 160")
        page.until(lambda: sound.locator("option").count() == 2)
        sound.select_option("German")
        page.until(lambda: any(url.endswith("&tracks=1,3") for url in page.asked))
        page.until(lambda: sound.input_value() == "German")
        texts.select_option("Track 4")
        page.until_true("video.textTracks[0].cues?.length > 0")
        sender.kill()
        server.said(" left after ")
        self.send(server, media.clip(seconds=4, languages=("eng", "fra"), size=(64, 48)))
        page.until_true("video.videoWidth === 64")
        page.until(lambda: sound.input_value() == "English")
        self.assertEqual(texts.locator("option").all_inner_texts(), ["No subtitles"])
        self.assertEqual(page.ask("video.textTracks[0].cues.length"), 0)
