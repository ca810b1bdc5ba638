"""The page in a real Firefox: what is tried in Chromium, as far as it matters and can be done."""

from __future__ import annotations

from tests.browser import test_choice, test_page, test_publish
from tests.support import media
from tests.support.browser import FIREFOX, PUBLISHING_FIREFOX


class FirefoxTests(test_page.PageTestCase):
    """In Firefox: ways to be played, trouble, the keyboard."""

    browser = FIREFOX
    long = 10

    test_mp4 = test_page.PlayingTests.test_mp4
    test_halting = test_page.PlayingTests.test_halting
    test_webm = test_page.PlayingTests.test_webm
    test_no_decoder = test_page.PlayingTests.test_no_decoder
    test_other_tracks = test_page.TroubleTests.test_other_tracks
    test_server_restarted = test_page.TroubleTests.test_server_restarted
    test_stalled = test_page.TroubleTests.test_stalled
    test_hidden = test_page.TroubleTests.test_hidden
    test_keyboard = test_page.UseTests.test_keyboard
    test_sounds = test_choice.ChoiceTests.test_sounds
    test_subtitles = test_choice.ChoiceTests.test_subtitles

    def test_steady(self) -> None:
        """Nothing is skipped, time goes forward only, each picture is there."""
        self.stay_steady(test_page.steady_mp4())

    def test_steady_webm(self) -> None:
        """Nothing is skipped in WebM, whose sound comes later than the picture beside it."""
        self.stay_steady(test_page.steady_webm())

    def test_hevc(self) -> None:
        """HEVC, for which Debian's Chromium has no decoder, plays as MP4."""
        server, page = self.loop(media.clip(container="mp4", video="libx265", seconds=3))
        page.plays(2)
        self.assertEqual([c["format"] for c in server.status()["clients"]], ["mp4"])


class PublishTests(test_publish.PublishTestCase):
    """What is published from Firefox."""

    browser = PUBLISHING_FIREFOX

    test_camera = test_publish.PublishTests.test_camera
