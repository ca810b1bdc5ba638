"""The page for managing, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator

from tests.support.browser import PHONE, BrowserTestCase, Watched
from tests.test_end_to_end import Mkvserve, Viewer

TOKEN = "a-token-of-some-length"  # noqa: S105 - the tests' own


class AdminTests(BrowserTestCase):
    """What runs is seen and changed."""

    def manage(self, *arguments: str) -> tuple[Mkvserve, Watched]:
        """A server that is managed at a place of its own, and the page there."""
        server = Mkvserve(self, "--management-listen=tcp:0:interface=127.0.0.1", *arguments)
        url = re.findall(r"http://\S+", server.said("manage at "))[0]
        watched = self.open(url)
        watched.page.on("dialog", lambda dialog: dialog.accept())
        return server, watched

    def stream(self, watched: Watched, name: str) -> Locator:
        """A stream's part of the page."""
        return watched.page.locator("section.stream").filter(
            has=watched.page.get_by_role("link", name=name, exact=True)
        )

    def until_said(self, watched: Watched, part: Locator, text: str) -> None:
        """Wait until a part of the page has this text in it."""
        watched.until(lambda: text in " ".join(part.all_inner_texts()), repr(text))

    def test_figures(self) -> None:
        """State, figures, graphs, clients and events are there, and go on."""
        server, watched = self.manage("demo:")
        stream = self.stream(watched, "live")
        self.until_said(watched, stream, "Mbit/s")
        events = watched.page.locator("#events")
        self.until_said(watched, watched.page.locator("#summary"), "1 of 1 streams live, 0 clients")
        line = stream.locator("svg path").first
        watched.until(lambda: (line.get_attribute("d") or "").count("L") >= 2)
        viewer = Viewer(server)
        self.until_said(watched, events, "live: client joined")
        stream.locator("summary", has_text="Clients: 1").click()
        self.picture(watched, "clients")
        stream.get_by_role("button", name="Disconnect client 1 of live").click()
        viewer.join()
        self.assertTrue(viewer.lost)
        self.until_said(watched, events, "disconnected by the management interface")
        graph = stream.get_by_role("img", name=re.compile("^Clients: 0, at most 1 in the last"))
        watched.until(graph.is_visible)

    def test_patterns(self) -> None:
        """A pattern is shown, and which streams were made of it."""
        server, watched = self.manage("--name=room-*", "--on-demand", "demo:")
        summary = watched.page.locator("#summary")
        self.until_said(watched, summary, "0 of 0 streams live, 0 clients; patterns: room-*")
        Viewer(server, "/room-1.mkv")
        self.until_said(watched, self.stream(watched, "room-1"), "demo: (made of room-*)")

    def test_buttons(self) -> None:
        """Streams come, change, stop, start and go; what cannot be done is said."""
        _, watched = self.manage("demo:")
        page = watched.page
        page.get_by_text("Add a stream").click()
        page.get_by_label("Name").fill("cam")
        page.get_by_label("Input", exact=True).fill("/nothing/here.mkv")
        page.get_by_role("button", name="Add").click()
        watched.forgive("400")
        notice = page.get_by_role("alert")
        self.until_said(watched, notice, "/nothing/here.mkv")
        page.get_by_label("Input", exact=True).fill("tcp:0:interface=127.0.0.1")
        page.get_by_label("Other settings, as JSON").fill('{"buffer": 60}')
        page.get_by_role("button", name="Add").click()
        stream = self.stream(watched, "cam")
        self.until_said(watched, stream, "waiting for a sender")
        self.assertFalse(notice.is_visible())
        stream.get_by_text("Change the input").click()
        stream.get_by_label("New input").fill("demo:")
        stream.get_by_role("button", name="Change", exact=True).click()
        self.until_said(watched, stream, "Mbit/s")
        stream.get_by_role("button", name="Stop cam").click()
        self.until_said(watched, stream, "ended")
        stream.get_by_role("button", name="Start cam", exact=True).click()
        self.until_said(watched, stream, "live")
        self.picture(watched, "streams")
        stream.get_by_role("button", name="Remove cam").click()
        watched.until(lambda: stream.count() == 0)
        page.get_by_role("button", name="Read the configuration again").click()
        self.until_said(watched, notice, "there is no configuration file")

    def test_token(self) -> None:
        """At the clients' port the page asks for the token, and keeps it as long as the window."""
        file = Path(self.mktemp())
        file.write_text(TOKEN)
        server = Mkvserve(self, f"--management-token-file={file.resolve()}", "demo:")
        url = f"http://127.0.0.1:{server.port}/admin"
        watched = self.open(url, viewport=PHONE, color_scheme="dark")
        watched.forgive("401")
        field = watched.page.get_by_label("Management token")
        field.fill(TOKEN[::-1])
        field.press("Enter")
        self.until_said(watched, watched.page.get_by_role("alert"), "Wrong token.")
        self.picture(watched, "token")
        field.fill(TOKEN)
        field.press("Enter")
        self.until_said(watched, self.stream(watched, "live"), "Mbit/s")
        watched.page.reload()
        self.until_said(watched, self.stream(watched, "live"), "Mbit/s")
        self.assertFalse(field.is_visible())

    def test_away(self) -> None:
        """A server that is away is said to be, and found again."""
        server, watched = self.manage("--name=one", "demo:")
        watched.forgive("Failed to load resource", "ERR_")
        self.until_said(watched, self.stream(watched, "one"), "Mbit/s")
        server.stop()
        summary = watched.page.get_by_role("status")
        self.until_said(watched, summary, "The server does not answer")
