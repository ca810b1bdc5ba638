"""
Headless browsers for the tests: Chromium, driven over its DevTools protocol by Playwright, and
Firefox, over WebDriver BiDi.

They are the system's, found in the PATH; where there is none, tests that need it are skipped and
say so. Their defaults stay, but for Chromium's sandbox, which root cannot have: what a page may do
unasked is what it may do for everybody.
"""

from __future__ import annotations

import math
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from playwright.sync_api import Browser as Driven
from playwright.sync_api import ConsoleMessage, Page, sync_playwright
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.test_end_to_end import PATIENCE, EndToEndTestCase, Mkvserve

LOOK = 50.0
"""Milliseconds between two looks whether what a test waits for has come."""

DESKTOP = {"width": 1100, "height": 900}
PHONE = {"width": 390, "height": 844}


@dataclass(frozen=True)
class Browser:
    """
    One of those that the page is tried in.

    @ivar programs: what it may be called in the PATH.
    @ivar package: Debian's.
    @ivar kind: Playwright's word for it.
    @ivar options: how Playwright is to start it.
    @ivar forgiven: patterns of missteps that are not the page's.
    @ivar strays: whether, where a machine is busy, it may say of a picture that it is the newest
        one decoded, and of the next ones what they are.
    """

    name: str
    programs: tuple[str, ...]
    package: str
    kind: str
    options: Mapping[str, Any]
    forgiven: tuple[str, ...] = ()
    strays: bool = False


CHROMIUM = Browser(
    name="Chromium",
    programs=("chromium", "chromium-browser"),
    package="chromium",
    kind="chromium",
    options={"chromium_sandbox": False},
)

FIREFOX = Browser(
    name="Firefox",
    programs=("firefox-esr", "firefox"),
    package="firefox-esr",
    kind="firefox",
    options={"channel": "moz-firefox"},  # not Playwright's own build, which Debian does not have
    # Before a picture is taken Playwright adds an empty style, "body {}", to the page, whose policy
    # refuses it: this is its hash.
    forgiven=("inline style .*'sha256-YjaKGiklmzC6wjXA513HAMmzus8VE61XCOT[+]SmwNZWA='",),
    strays=True,
)


FAKE_DEVICES = (
    "--use-fake-device-for-media-stream",  # a camera with a clock, a microphone that beeps
    "--auto-accept-camera-and-microphone-capture",  # nobody is there to say yes
    "--auto-accept-this-tab-capture",  # for pages that prefer their own tab
)

PUBLISHING_CHROMIUM = replace(
    CHROMIUM, name="Chromium with a camera", options={**CHROMIUM.options, "args": FAKE_DEVICES}
)

PUBLISHING_FIREFOX = replace(
    FIREFOX,
    name="Firefox with a camera",
    options={
        **FIREFOX.options,
        "firefox_user_prefs": {
            "media.navigator.streams.fake": True,
            "media.navigator.permission.disabled": True,
        },
    },
)


class Watched:
    """
    A page of the server's in a window of its own, whose every misstep is kept.

    @ivar page: Playwright's.
    @ivar asked: what it has asked for.
    """

    def __init__(self, page: Page, url: str, forgiven: tuple[str, ...] = ()) -> None:
        """
        @param forgiven: patterns of missteps that are not the page's.
        """
        self.page = page
        self.asked: list[str] = []
        self._missteps: list[str] = []
        self._forgiven = [*forgiven]
        self._host = urlsplit(url).netloc
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self._missteps.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))
        page.goto(url)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._missteps.append(f"{message.text} ({message.location['url']})")

    def _asked(self, url: str) -> None:
        self.asked.append(url)
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
        """Return the value of an expression in the page; C{video} is the first one there."""
        return self.page.evaluate(
            f"() => {{ const video = document.querySelector('video'); return ({expression}); }}"
        )

    def text(self, part: str) -> str:
        """What the page says there."""
        return self.page.locator(f"[data-part={part}]").first.inner_text()

    @property
    def latency(self) -> float:
        """The seconds behind the live edge, as the page says; NaN if it says none."""
        found = re.fullmatch(r"(.+) s", self.text("latency"))
        return float(found[1]) if found else math.nan

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
        # Before another try there is no source; what the page says of it is some moments old.
        self.until(lambda: self.text("state") == "Live" and self.ask("video.src"), "to be live")
        start = self.ask("[video.src, video.currentTime]")
        self.until(
            lambda: self.ask(
                f"video.src === {start[0]!r} && video.currentTime > {start[1] + seconds}"
            ),
            f"{seconds} s of media from {start} on",
        )

    def account(self) -> str:
        """How it is, for who reads of a test that failed."""
        return str(
            self.ask(
                "[document.querySelector('.state')?.textContent, video?.src, video?.readyState, "
                "video?.currentTime, video?.error?.message]"
            )
        )


class Lasting(SynchronousTestCase):
    """Stands for a test where something is made that outlasts a test."""

    def __init__(self) -> None:
        super().__init__("end")
        self._kept: list[Callable[[], object]] = []

    def addCleanup(  # type: ignore[override]  # the bases disagree on how f is passed
        self, f: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> None:
        """Keep what is to be called at the end."""
        self._kept.append(partial(f, *args, **kwargs))

    def end(self) -> None:
        """Call all that is kept, the last one first."""
        while self._kept:
            self._kept.pop()()


class Running:
    """
    A browser that runs for all tests that need it, and a server that those share which only look
    at the test picture: starting either takes longer than most of them do.

    @ivar browser: which browser runs.
    @ivar driven: Playwright's.
    """

    now: Running | None = None
    """The only one: Playwright has one loop in a thread."""

    def __init__(self, browser: Browser) -> None:
        """
        @raise SkipTest: It is not installed.
        """
        program = next(filter(None, map(shutil.which, browser.programs)), None)
        if program is None:
            raise SkipTest(f"{browser.name} is not installed: apt-get install {browser.package}")
        self.browser = browser
        self._lasting = Lasting()
        self._demo: Mkvserve | None = None
        self._playwright = sync_playwright().start()
        try:
            launch = getattr(self._playwright, browser.kind).launch
            self.driven: Driven = launch(executable_path=program, **browser.options)
        except BaseException:
            self._playwright.stop()
            raise

    @classmethod
    def of(cls, browser: Browser) -> Running:
        """Return the running browser of this kind, which may have to be started."""
        now = cls.now
        if now and not (now.browser is browser and now.driven.is_connected()):
            cls.end()
        cls.now = cls.now or cls(browser)
        return cls.now

    @property
    def demo(self) -> Mkvserve:
        """The server of the test picture, which may have to be started."""
        if self._demo is None:
            self._demo = Mkvserve(self._lasting, "demo:")
        return self._demo

    @classmethod
    def end(cls) -> None:
        """End the running browser, and its server, if there is one."""
        if cls.now:
            running, cls.now = cls.now, None
            running.stop()

    def stop(self) -> None:
        """End this browser and its server."""
        self._lasting.end()
        self.driven.close()
        self._playwright.stop()


class BrowserTestCase(EndToEndTestCase):
    """
    What tests in the browser have in common: one browser, and for each page a window with a
    profile of its own.

    @cvar browser: which one.
    """

    browser = CHROMIUM
    _left: ClassVar[Counter[str]] = Counter()

    def __init__(self, *arguments: str) -> None:
        """Count the tests: trial makes all of them before the first one runs."""
        super().__init__(*arguments)
        self._left[self.browser.name] += 1

    def setUp(self) -> None:
        """Have the browser running."""
        self.addCleanup(self._done)
        self.running = Running.of(self.browser)

    def _done(self) -> None:
        self._left[self.browser.name] -= 1
        if self._left[self.browser.name] <= 0:
            Running.end()

    def open(self, url: str, before: str = "", **settings: Any) -> Watched:
        """
        Open a page, whose picture is kept in the test's folder, and whose missteps fail the test.

        @param before: a script that runs before those of the page.
        @param settings: Playwright's for a new context: C{viewport}, C{color_scheme}. Firefox
            leaves out all but the first, and says nothing.
        """
        context = self.running.driven.new_context(**{"viewport": DESKTOP, **settings})
        self.addCleanup(context.close)
        page = context.new_page()
        page.add_init_script(before)
        watched = Watched(page, url, self.browser.forgiven)
        self.addCleanup(lambda: self.assertEqual(watched.missteps, []))
        self.addCleanup(self.picture, watched, "end")
        return watched

    def picture(self, watched: Watched, name: str) -> None:
        """Keep what is to be seen, in trial's temporary folder."""
        folder = Path(self.mktemp()).parent
        watched.page.screenshot(path=folder / f"{name}.png")
