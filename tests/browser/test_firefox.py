"""The page in a real Firefox: what is tried in Chromium, as far as it matters and can be done."""

from __future__ import annotations

from tests.browser import test_page as test_browser
from tests.support import media
from tests.support.browser import FIREFOX


class FirefoxTests(test_browser.PageTestCase):
    """In Firefox: ways to be played, trouble, the keyboard."""

    browser = FIREFOX
    long = 10

    test_mp4 = test_browser.PlayingTests.test_mp4
    test_steady = test_browser.PlayingTests.test_steady
    test_steady_webm = test_browser.PlayingTests.test_steady_webm
    test_halting = test_browser.PlayingTests.test_halting
    test_webm = test_browser.PlayingTests.test_webm
    test_no_decoder = test_browser.PlayingTests.test_no_decoder
    test_other_tracks = test_browser.TroubleTests.test_other_tracks
    test_server_restarted = test_browser.TroubleTests.test_server_restarted
    test_stalled = test_browser.TroubleTests.test_stalled
    test_hidden = test_browser.TroubleTests.test_hidden
    test_keyboard = test_browser.UseTests.test_keyboard
    test_sounds = test_browser.ChoiceTests.test_sounds
    test_subtitles = test_browser.ChoiceTests.test_subtitles

    def test_hevc(self) -> None:
        """HEVC, for which Debian's Chromium has no decoder, plays as MP4."""
        server, page = self.loop(media.clip(container="mp4", video="libx265", seconds=3))
        page.plays(2)
        self.assertEqual([c["format"] for c in server.status()["clients"]], ["mp4"])
