"""Which kind of response a client wants."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.http.wire.negotiation import accepts, wants_page
from tests.support.requests import request


class NegotiationTests(SynchronousTestCase):
    """L{mkvtwist.http.wire.negotiation}."""

    def test_accepts(self) -> None:
        """A type is accepted only if it is listed by its name."""
        listed = request(Accept="text/html;q=0.9, application/json")
        for name in ("text/html", "application/json"):
            self.assertTrue(accepts(listed, name))
        for other in (request(Accept="*/*"), request()):
            self.assertFalse(accepts(other, "text/html"))

    def test_page(self) -> None:
        """Browsers get the page, and so do programs that show no sign of a player."""
        for headers in (
            {"Accept": "text/html,*/*;q=0.8", "User_Agent": "Mozilla/5.0"},
            {"Accept": "*/*", "User_Agent": "Preview-Bot/1.0"},
            {"User_Agent": "Mozilla/5.0 (compatible)"},
        ):
            self.assertTrue(wants_page(request(**headers)), headers)

    def test_media(self) -> None:
        """Players get the stream: by name, by what they accept, or by what they ask for."""
        for headers in (
            {"Accept": "*/*", "User_Agent": "Lavf/61.7"},
            {"Accept": "*/*", "User_Agent": "VLC/3.0 LibVLC/3.0"},
            {"Accept": "video/webm,video/*", "User_Agent": "odd"},
            {"Accept": "*/*", "Range": "bytes=0-", "User_Agent": "odd"},
            {"Icy_MetaData": "1", "User_Agent": "odd"},
            {"Sec_Fetch_Dest": "video", "Accept": "*/*"},
            {},
        ):
            self.assertFalse(wants_page(request(**headers)), headers)
