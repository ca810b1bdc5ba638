"""
The page as a browser has it: how soon, how late, and what is dropped.

    twistd -n mkvserve --at-end=loop film.mkv
    python -m benchmarks.page http://127.0.0.1:8080/ --seconds 60

Opens the page in each browser that is there, one after the other, and prints, for each: when the
first picture was to be seen, counted from the page's request; how far what is seen is behind what
has come, which on one machine is how late it is but for a millisecond or two; the least and the
most that it had in hand; how many pictures were shown, and how many of them dropped. A browser
without a screen decodes and draws with the processor, and everything shares the machine.
"""

import argparse
import shutil
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.support.browser import CHROMIUM, DESKTOP, FIREFOX, Browser

SETTLING = 5.0
"""Seconds after the first picture that do not count: joining is measured by itself."""

EVERY = 100
"""Milliseconds between two looks at how late it is."""

_FIRST = """
window.first = new Promise((found) => addEventListener("load", () => {
  document.querySelector("video").requestVideoFrameCallback(() => found(performance.now()));
}));
"""

_WATCH = """
([wait, seconds, every]) => new Promise((done) => setTimeout(() => {
  const { player, video } = views[0], late = [], events = [];
  const counts = () => {
    const quality = video.getVideoPlaybackQuality();
    return [quality.totalVideoFrames, quality.droppedVideoFrames];
  };
  const before = counts();
  for (const name of ["waiting", "seeking"]) {
    video.addEventListener(name, () => events.push(name));
  }
  const looking = setInterval(() => late.push(player.latency), every);
  setTimeout(() => {
    clearInterval(looking);
    const [total, dropped] = counts().map((count, n) => count - before[n]);
    done({ late, events, total, dropped });
  }, seconds * 1000);
}, wait * 1000))
"""


def watch(page: Page, url: str, seconds: float) -> dict[str, Any]:
    """What there was to be seen."""
    page.set_default_timeout(0)
    page.add_init_script(_FIRST)
    page.goto(url)
    first = page.evaluate("first")
    found: dict[str, Any] = page.evaluate(_WATCH, [SETTLING, seconds, EVERY])
    return {**found, "first": first}


def show(browser: Browser, url: str, seconds: float) -> None:
    """Measure in one browser, and print."""
    program = next(filter(None, map(shutil.which, browser.programs)), None)
    if program is None:
        print(f"{browser.name}: not installed")
        return
    with sync_playwright() as playwright:
        launch = getattr(playwright, browser.kind).launch
        driven = launch(executable_path=program, **browser.options)
        found = watch(driven.new_context(viewport=DESKTOP).new_page(), url, seconds)
        driven.close()
    late = sorted(found["late"])
    print(f"{browser.name}, {seconds:g} s")
    print(f"  first picture   {found['first'] / 1000:.2f} s")
    shares = ", ".join(f"p{share} {late[len(late) * share // 100]:.2f}" for share in (50, 99))
    print(f"  behind          {shares} s; least {late[0]:.2f}, most {late[-1]:.2f}")
    print(f"  pictures        {found['total']}, {found['dropped']} of them dropped")
    print(f"  ran dry         {found['events'].count('waiting')} times")
    print(f"  jumped          {found['events'].count('seeking')} times")


def main() -> None:
    """Measure in each of them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0].strip())
    parser.add_argument("url", help="the page: http://127.0.0.1:8080/")
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    for browser in (CHROMIUM, FIREFOX):
        show(browser, arguments.url, arguments.seconds)


if __name__ == "__main__":
    main()
