"""
From one browser to another: how late pictures are that a page publishes, and how many are missing.

    twistd -n mkvserve --name=cam --input=push
    python -m benchmarks.publishing http://127.0.0.1:8080/cam --seconds 40

In place of a camera the page that publishes in Chromium gets a canvas of 640x360 in motion, which
shows the time and a number as black and white squares. A second browser watches the stream's page,
in Chromium and then in Firefox, and reads them from each picture that is shown. Both browsers
encode, decode and draw with the processor, and everything shares the machine: measure on a quiet
one.
"""

import argparse
import os
import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, Playwright, sync_playwright

from tests.support.browser import CHROMIUM, FIREFOX, PUBLISHING_CHROMIUM, Browser

SETTLING = 15.0
"""Seconds after the first picture that do not count: the player comes nearer to the live edge."""

MISREAD = 60_000
"""Milliseconds that no picture is late: a square that was hard to read."""

PATIENCE = 60.0
"""Seconds until a page must be on air, or live."""

CAMERA = """
if (window.MediaDevices) MediaDevices.prototype.getUserMedia = async () => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [640, 360];
  const context = canvas.getContext("2d", { alpha: false });
  const square = (color, x, y, width, height) => {
    context.fillStyle = color;
    context.fillRect(x, y, width, height);
  };
  const show = (value, count, y) => {
    for (let i = 0; i < count; i++) square((value >> i) & 1 ? "#fff" : "#000", i * 32, y, 32, 40);
  };
  let number = 0;
  setInterval(() => {
    square(`hsl(${number % 360} 50% 50%)`, 0, 0, 640, 360);
    for (let i = 0; i < 30; i++) {
      const color = `hsl(${(number * 7 + i * 12) % 360} 80% 60%)`;
      square(color, (number * 3 + i * 40) % 640, 120 + ((i * 53) % 200), 60, 30);
    }
    show(Date.now() % (1 << 20), 20, 0);
    show(number++ % (1 << 16), 16, 50);
  }, 1000 / 30);
  const audio = new AudioContext();
  const tone = audio.createOscillator();
  const sound = audio.createMediaStreamDestination();
  tone.connect(sound);
  tone.start();
  return new MediaStream([...canvas.captureStream(30).getTracks(), ...sound.stream.getTracks()]);
};
"""
"""A camera whose pictures say when they were made, in milliseconds, and which they are."""

LOOK = """
() => {
  const video = document.querySelector("video");
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [640, 100];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  window.seen = [];
  const look = () => {
    context.drawImage(video, 0, 0, 640, 360);
    const now = Date.now() % (1 << 20);
    const { data } = context.getImageData(0, 0, 640, 100);
    const read = (count, y) => {
      let value = 0;
      for (let i = 0; i < count; i++) {
        if (data[(y * 640 + i * 32 + 16) * 4 + 1] > 128) value |= 1 << i;
      }
      return value;
    };
    window.seen.push([read(16, 70), (now - read(20, 20) + (1 << 20)) % (1 << 20)]);
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
}
"""
"""Keeps the number of each picture that is shown, and how late it is."""


def until(page: Page, state: str) -> None:
    """
    Wait until a page says that it is in a state.

    @raise TimeoutError: when it never is.
    """
    deadline = time.monotonic() + PATIENCE
    while page.locator("[data-part=state]").first.inner_text() != state:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{page.url} is never {state!r}")
        page.wait_for_timeout(100)


@contextmanager
def opened(playwright: Playwright, browser: Browser, url: str, before: str = "") -> Iterator[Page]:
    """Open a page in a browser of its own."""
    program = next(filter(None, map(shutil.which, browser.programs)), None)
    launch = getattr(playwright, browser.kind).launch
    driven = launch(executable_path=program, **browser.options)
    try:
        page = driven.new_context().new_page()
        page.add_init_script(before)
        page.goto(url)
        yield page
    finally:
        driven.close()


def measure(browser: Browser, url: str, seconds: float) -> None:
    """Publish, watch in one browser, and print."""
    with (
        sync_playwright() as playwright,
        opened(playwright, PUBLISHING_CHROMIUM, f"{url}/publish#camera", CAMERA) as publisher,
        opened(playwright, browser, url) as viewer,
    ):
        publisher.get_by_role("button", name="Start").click()
        until(publisher, "On air")
        until(viewer, "Live")
        viewer.wait_for_timeout(SETTLING * 1000)
        viewer.evaluate(LOOK)
        viewer.wait_for_timeout(seconds * 1000)
        seen: list[tuple[int, int]] = viewer.evaluate("window.seen")
    numbers = [number for number, _ in seen]
    sent = (numbers[-1] - numbers[0]) % (1 << 16) + 1
    late = sorted(delay for _, delay in seen if delay < MISREAD)
    p99 = late[len(late) * 99 // 100]
    print(f"Chromium to {browser.name}, {seconds:g} s, load {os.getloadavg()[0]:.1f}")
    print(f"  late      median {statistics.median(late):.0f} ms, p99 {p99} ms, most {late[-1]} ms")
    print(f"  pictures  {len(set(numbers))} shown of {sent}")


def main() -> None:
    """Measure in each browser."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0].strip())
    parser.add_argument("url", help="the stream: http://127.0.0.1:8080/cam")
    parser.add_argument("--seconds", type=float, default=40.0)
    arguments = parser.parse_args()
    for browser in (CHROMIUM, FIREFOX):
        measure(browser, arguments.url, arguments.seconds)


if __name__ == "__main__":
    main()
