"""The page that publishes, in a real browser with a camera and a microphone that are not."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.browser import PHONE, PUBLISHING_CHROMIUM, BrowserTestCase, Watched
from tests.test_end_to_end import LOOPBACK, Mkvserve

INSECURE = "Object.defineProperty(window, 'isSecureContext', { value: false });"
"""What a browser tells a page that came over HTTP from another machine."""

OWN_TAB = """
if (window.MediaDevices) {
  const ask = MediaDevices.prototype.getDisplayMedia;
  MediaDevices.prototype.getDisplayMedia = function (wish) {
    return ask.call(this, { ...wish, preferCurrentTab: true });
  };
}
"""
"""A person who shares the page itself."""

END = """
(kind) => {
  for (const track of document.querySelector("video").srcObject.getTracks()) {
    if (track.kind !== kind) continue;
    track.stop();
    track.dispatchEvent(new Event("ended"));
  }
}
"""
"""A device that is pulled out, or a sharing that ends by the browser's own button."""

TOKEN = "a-token-of-some-length"  # noqa: S105 - the tests' own


def stalling(case: SynchronousTestCase, port: int, size: int) -> int:
    """
    Have a link to a server that carries nothing more of one connection, to the server, as soon as
    that has sent so many bytes. Every other connection is carried, and all that the server sends.

    @return: the port at which the link begins.
    """

    def carry(near: socket.socket) -> None:
        with near, socket.create_connection(("127.0.0.1", port)) as far:
            threading.Thread(target=pump, args=(far, near), daemon=True).start()
            pump(near, far, counts=True)

    def pump(source: socket.socket, sink: socket.socket, *, counts: bool = False) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                passed += len(data)
                if counts and passed > size and not stalled.is_set():
                    stalled.set()
                    over.wait()
                sink.sendall(data)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listening.accept()
                threading.Thread(target=carry, args=(near,), daemon=True).start()

    stalled, over = threading.Event(), threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))
    case.addCleanup(listening.close)
    case.addCleanup(over.set)
    threading.Thread(target=accept, daemon=True).start()
    found: int = listening.getsockname()[1]
    return found


class PublishTestCase(BrowserTestCase):
    """What the cases below have in common."""

    browser = PUBLISHING_CHROMIUM

    def server(self, *arguments: str, port: int = 0) -> Mkvserve:
        """A server with a stream that waits for a sender."""
        listen = f"--listen=tcp:{port}:{LOOPBACK}"
        return Mkvserve(self, "--name=cam", *arguments, "--input=push", listen=listen)

    def publish(
        self, server: Mkvserve, kind: str = "camera", query: str = "", port: int = 0
    ) -> Watched:
        """
        The page, where Start was clicked.

        @param port: where the server is reached, if not at its own.
        """
        url = f"http://127.0.0.1:{port or server.port}/cam/publish{query}#{kind}"
        page = self.open(url, OWN_TAB)
        self.button(page, "Start")
        return page

    def button(self, page: Watched, name: str) -> None:
        """Click at a button."""
        page.page.get_by_role("button", name=name, exact=True).click()

    def until_said(self, page: Watched, state: str, detail: str = "") -> None:
        """Wait until the page says this."""
        page.until(
            lambda: page.text("state") == state and detail in page.text("detail"),
            f"{state}: {detail}",
        )


class PublishTests(PublishTestCase):
    """From Start to Stop."""

    def test_camera(self) -> None:
        """A camera with its microphone is published, and seen on the stream's page, until Stop."""
        server = self.server()
        page = self.publish(server)
        self.until_said(page, "On air")
        viewer = self.open(page.page.get_by_label("Page", exact=True).input_value())
        viewer.plays()
        page.until(lambda: page.text("viewers") == "1")
        self.assertRegex(page.text("bitrate"), r"^\d\.\d\d Mbit/s$")
        kinds = {track["type"] for track in server.status("cam")["tracks"]}
        self.assertEqual(kinds, {"video", "audio"})
        self.picture(page, "on air")
        self.button(page, "Stop")
        self.until_said(page, "Stopped")
        self.assertTrue(page.ask("video.srcObject === null"))
        viewer.until(lambda: server.status("cam")["state"] == "waiting for a sender")

    def test_server_restarted(self) -> None:
        """The server goes, and comes back: a page with sound only connects again by itself."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = self.server(port=port)
        page = self.publish(server, "microphone")
        page.forgive("WebSocket connection to .* failed", "ERR_CONNECTION_REFUSED")
        self.until_said(page, "On air")
        server.stop()
        self.until_said(page, "Reconnecting")
        server = self.server(port=port)
        self.until_said(page, "On air")
        tracks = [track["codec"] for track in server.status("cam")["tracks"]]
        self.assertEqual(tracks, ["opus"])

    def test_stalled(self) -> None:
        """A connection that carries nothing more is replaced by another one."""
        server = self.server()
        port = stalling(self, server.port, 50_000)
        page = self.publish(server, "microphone", port=port)
        server.until(lambda: server.log.count("connected") >= 2)
        self.until_said(page, "On air")


class PlaceTests(PublishTestCase):
    """One sender at a time, and only those that may send."""

    def test_occupied(self) -> None:
        """A page that comes second is told so, and does not try again."""
        server = self.server()
        first = self.publish(server, "microphone")
        self.until_said(first, "On air")
        second = self.publish(server, "microphone")
        self.until_said(second, "Stopped", "Another sender is connected.")
        self.assertEqual(first.text("state"), "On air")

    def test_takeover(self) -> None:
        """A page that is replaced is told so, and takes the place back only by a click."""
        server = self.server("--takeover")
        first = self.publish(server, "microphone")
        self.until_said(first, "On air")
        second = self.publish(server, "microphone")
        self.until_said(first, "Stopped", "Another sender has taken over.")
        self.until_said(second, "On air")
        self.button(first, "Start")
        self.until_said(second, "Stopped", "Another sender has taken over.")
        self.until_said(first, "On air")

    def test_token(self) -> None:
        """The page needs the token for senders; the link for viewers does not tell it."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        tokens = Path(self.mktemp()).absolute()
        tokens.write_text(TOKEN)
        server = self.server(f"--send-token-file={tokens}", port=port)
        page = self.publish(server, "microphone", f"?token={TOKEN}")
        page.forgive("WebSocket connection to .* failed", "ERR_CONNECTION_REFUSED", "401")
        self.until_said(page, "On air")
        link = page.page.get_by_label("Page", exact=True).input_value()
        self.assertEqual(link, f"http://127.0.0.1:{port}/cam")
        tokens.write_text(TOKEN[::-1])
        server.stop()
        self.server(f"--send-token-file={tokens}", port=port)
        self.until_said(page, "Stopped", "Authentication required")


class SourceTests(PublishTestCase):
    """What is published, and what becomes of it under way."""

    def test_screen(self) -> None:
        """A tab is shared; when its size changes the stream goes on with the new one."""
        server = self.server()
        page = self.publish(server, "screen")
        self.until_said(page, "On air")
        viewer = self.open(f"http://127.0.0.1:{server.port}/cam")
        viewer.plays()
        page.page.set_viewport_size({"width": 640, "height": 480})
        viewer.until_true("video.videoWidth === 640 && video.videoHeight === 480")
        viewer.plays()
        self.until_said(page, "On air")

    def test_ended(self) -> None:
        """Without its sound the stream goes on; when the sharing ends, it is over."""
        server = self.server()
        page = self.publish(server, "camera")
        self.until_said(page, "On air")
        page.page.evaluate(END, "audio")
        page.until(lambda: [t["type"] for t in server.status("cam")["tracks"]] == ["video"])
        self.until_said(page, "On air")
        page.page.evaluate(END, "video")
        self.until_said(page, "Stopped", "The camera has gone.")

    def test_keyboard(self) -> None:
        """Everything is reached by the keyboard, and has a name."""
        server = self.server()
        page = self.open(
            f"http://127.0.0.1:{server.port}/cam/publish", viewport=PHONE, color_scheme="dark"
        )
        keyboard, seen = page.page.keyboard, []
        self.picture(page, "phone")
        for _ in range(6):
            keyboard.press("Tab")
            seen.append(
                page.ask("(document.activeElement.labels?.[0] ?? document.activeElement).innerText")
            )
        names = [name.partition("\n")[0].split() for name in seen]
        self.assertEqual(
            [name[0] for name in names],
            ["Camera", "Camera", "Sound", "Quality", "Start", "Preview"],
        )
        page.page.get_by_role("button", name="Start").focus()
        keyboard.press("Enter")
        self.until_said(page, "On air")
        keyboard.press("Space")
        self.until_said(page, "Stopped")

    def test_insecure(self) -> None:
        """A page that did not come over HTTPS says, on a phone too, why it cannot publish."""
        server = self.server()
        url = f"http://127.0.0.1:{server.port}/cam/publish"
        page = self.open(url, before=INSECURE, viewport=PHONE)
        page.until(lambda: "--listen=ssl:" in page.text("insecure"))
        self.assertEqual(page.ask("document.documentElement.scrollWidth"), PHONE["width"])
        self.assertFalse(page.page.get_by_role("button", name="Start").is_visible())
