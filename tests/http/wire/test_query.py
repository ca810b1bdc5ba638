"""Parameters in the query of a request."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.values import ConfigError
from mkvtwist.http.wire.query import parameter, token_query, wanted_tracks
from tests.support.requests import request


class QueryTests(SynchronousTestCase):
    """L{mkvtwist.http.wire.query}."""

    def test_parameter(self) -> None:
        """The last value counts; what is no text is shown as such."""
        asked = request("/live.mkv?burst=1&burst=2&name=%ff")
        self.assertEqual(parameter(asked, "burst"), "2")
        self.assertEqual(parameter(asked, "name"), "\ufffd")
        self.assertIsNone(parameter(asked, "lag"))

    def test_tracks(self) -> None:
        """Tracks are numbers; none are asked for unless the query does."""
        self.assertEqual(wanted_tracks(request("/live.mkv?tracks=1,3")), {1, 3})
        self.assertIsNone(wanted_tracks(request()))
        self.assertRaises(ConfigError, wanted_tracks, request("/live.mkv?tracks=one"))

    def test_token(self) -> None:
        """A token of the query is carried on, quoted; other parameters are not."""
        self.assertEqual(token_query(request("/?token=a%26b&x=y")), "?token=a%26b")
        self.assertEqual(token_query(request("/?x=y")), "")
