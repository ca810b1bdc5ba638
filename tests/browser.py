"""
A headless Chromium for the tests, driven over its DevTools protocol by Playwright.

It is the system's, found in the PATH; where there is none, tests that need it are skipped and say
so. Its defaults stay, but for the sandbox, which root cannot have: what a page may do unasked is
what it may do for everybody.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, sync_playwright
from twisted.trial.unittest import SkipTest

from tests.test_end_to_end import PATIENCE, EndToEndTestCase

LOOK = 50.0
"""Milliseconds between two looks whether what a test waits for has come."""

DESKTOP = {"width": 1100, "height": 900}
PHONE = {"width": 390, "height": 844}


class Watched:
    """
    A page of the server's in a window of its own, whose every misstep is kept.

    @ivar page: Playwright's.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self._missteps: list[str] = []
        self._forgiven: list[str] = []
        self._host = urlsplit(url).netloc
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self._missteps.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))
        page.goto(url)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._missteps.append(f"{message.text} ({message.location['url']})")

    def _asked(self, url: str) -> None:
        if urlsplit(url).scheme in {"http", "https"} and urlsplit(url).netloc != self._host:
            self._missteps.append(f"asked for {url}")

    def forgive(self, *patterns: str) -> None:
        """Missteps that match are what the test is about."""
        self._forgiven += patterns

    @property
    def missteps(self) -> list[str]:
        """Errors and warnings of its console, exceptions, requests to other hosts."""
        return [
            text
            for text in self._missteps
            if not any(re.search(pattern, text) for pattern in self._forgiven)
        ]

    def ask(self, expression: str) -> Any:
        """What an expression is in the page; C{video} and C{player} are the first ones there."""
        return self.page.evaluate(
            "() => { const first = typeof views === 'undefined' ? null : views[0];"
            "const video = first?.video, player = first?.player;"
            f"return ({expression}); }}"
        )

    def text(self, part: str) -> str:
        """What the page says there."""
        return self.page.locator(f"[data-part={part}]").first.inner_text()

    def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait until this is true."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"in vain: {what}; {self.account()}")
            self.page.wait_for_timeout(LOOK)

    def until_true(self, expression: str) -> None:
        """Wait until an expression is true in the page."""
        self.until(lambda: self.ask(expression), expression)

    def plays(self, seconds: float = 1) -> None:
        """Wait until it is live, and this much more of the media has been shown."""
        self.until(lambda: self.text("state") == "Live", "to be live")
        self.page.wait_for_timeout(0)
        start = self.ask("[video.src, video.currentTime]")
        self.until(
            lambda: self.ask(
                f"video.src === {start[0]!r} && video.currentTime > {start[1] + seconds}"
            ),
            f"{seconds} s of media",
        )

    def account(self) -> str:
        """How it is, for who reads of a test that failed."""
        return str(
            self.ask(
                "[player?.state, player?.status?.state, video?.readyState, video?.currentTime, "
                "video?.error?.message]"
            )
        )


class BrowserTestCase(EndToEndTestCase):
    """What tests in the browser have in common: a browser for each test, a window for each page."""

    def setUp(self) -> None:
        """Start it."""
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        if program is None:
            raise SkipTest("Chromium is not installed: apt-get install chromium")
        playwright = sync_playwright().start()
        self.addCleanup(playwright.stop)
        self.browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=False)
        self.addCleanup(self.browser.close)

    def open(self, url: str, before: str = "", **settings: Any) -> Watched:
        """
        A page, whose picture is kept in the test's folder, and whose missteps fail the test.

        @param before: a script that runs before those of the page.
        @param settings: Playwright's for a new context: C{viewport}, C{color_scheme}.
        """
        context = self.browser.new_context(**{"viewport": DESKTOP, **settings})
        self.addCleanup(context.close)
        page = context.new_page()
        page.add_init_script(before)
        watched = Watched(page, url)
        self.addCleanup(lambda: self.assertEqual(watched.missteps, []))
        self.addCleanup(self.picture, watched, "end")
        return watched

    def picture(self, watched: Watched, name: str) -> None:
        """Keep what is to be seen, in trial's temporary folder."""
        folder = Path(self.mktemp()).parent
        watched.page.screenshot(path=folder / f"{name}.png")
