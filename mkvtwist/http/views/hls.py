"""
The playlists of HLS (I{reactor}).

::

    /NAME/index.m3u8            the multivariant playlist
    /NAME/media.m3u8            the segments and parts; _HLS_msn, _HLS_part, _HLS_skip
    /NAME/TRACKS/...            both with other tracks: their numbers, as in 1,3

Requests for what is due next wait for it, all of them for the same bytes.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial

from twisted.web.http import Request

from mkvtwist.config.values import ConfigError, parse_tracks
from mkvtwist.formats.choice import Unfit
from mkvtwist.http.segment_requests import BRIEFLY, Due, Tracks, Watching
from mkvtwist.http.wire.live_response import respond_unfit
from mkvtwist.http.wire.query import parameter, token_query
from mkvtwist.http.wire.response import respond_text
from mkvtwist.outputs.segmented import hls
from mkvtwist.outputs.segmented.registry import HLS
from mkvtwist.outputs.segmented.snapshot import Texts

LASTING = 6
"""Target durations that caches may keep a playlist that was waited for: it is at one address."""


class Playlists:
    """The playlists of one stream."""

    def __init__(self, watching: Watching) -> None:
        self._watching = watching
        self._stream = watching.stream
        self._texts = Texts()

    @property
    def views(self) -> Mapping[str, Callable[[Tracks, Request], None]]:
        """The views of the playlists by their names."""
        return {HLS.name: self.show_multivariant, hls.MEDIA: self.show_media}

    def show_multivariant(self, tracks: Tracks, request: Request) -> None:
        """Respond with the playlist of playlists, once there is a segment."""
        wanted = parameter(request, "tracks")
        if wanted is not None and tracks is None:
            _move(wanted, request)
        else:
            show = partial(self._list_variants, tracks)
            self._watching.when_due(Due(tracks), show, request)

    def _list_variants(self, tracks: Tracks, request: Request) -> None:
        period = self._stream.period
        if self._watching.can_list(tracks, request) and period is not None:
            try:
                text = hls.multivariant(period.header, self._stream.cutter.segments.all, tracks)
            except Unfit as problem:
                respond_unfit(request, problem)
            else:
                self._watching.respond_list(request, text, HLS, BRIEFLY)

    def show_media(self, tracks: Tracks, request: Request) -> None:
        """
        Respond with the list of segments and parts, once it has the segment that is asked for.
        """
        try:
            number, part = _count(request, "_HLS_msn"), _count(request, "_HLS_part")
        except ValueError as error:
            respond_text(request, 400, str(error))
            return
        if part is not None and number is None:
            problem = "_HLS_part needs _HLS_msn: the number of the part's segment."
            respond_text(request, 400, problem)
            return
        cutter = self._stream.cutter
        can_be_far = number is not None and cutter.segments.is_ready and not cutter.finished
        if number is not None and can_be_far and hls.is_too_far(cutter, number, part):
            newest = cutter.edge.segment
            problem = f"_HLS_msn={number} is too far ahead; the newest segment is {newest}."
            respond_text(request, 400, problem)
            return
        show = partial(self._list_segments, tracks, number)
        self._watching.when_due(Due(tracks, number, part), show, request)

    def _list_segments(self, tracks: Tracks, number: int | None, request: Request) -> None:
        if not self._watching.can_list(tracks, request):
            return
        cutter = self._stream.cutter
        cache = BRIEFLY if number is None else b"max-age=%d" % (LASTING * cutter.target)
        # A client that asks for what is long there may know it from before a restart.
        knows = number is None or number >= cutter.edge.segment - 1
        skip = knows and parameter(request, "_HLS_skip") in ("YES", "v2")
        text = self._texts.get(cutter.snapshot(), hls.media, tracks, skip=skip)
        self._watching.respond_list(request, text, HLS, cache)


def _move(wanted: str, request: Request) -> None:
    """Redirect to the playlist with these tracks: what it names is relative to its own address."""
    try:
        numbers = sorted(parse_tracks("tracks", wanted))
    except ConfigError as error:
        respond_text(request, 400, str(error))
        return
    where = f"{','.join(map(str, numbers))}/{HLS.name}{token_query(request)}"
    request.setHeader(b"Location", where.encode())
    respond_text(request, 302, where)


def _count(request: Request, name: str) -> int | None:
    """
    Return a number among the query's parameters.

    @raise ValueError: if the parameter is no number.
    """
    text = parameter(request, name)
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,15}", text):
        raise ValueError(f"{name}: {text[:40]!r} is not a number of a segment or part.")
    return int(text)
