"""
Segmented outputs: playlists, and the pieces that they name (I{reactor}).

::

    /NAME/index.m3u8, ...       what lists them, see L{mkvtwist.outputs.segmented.registry}
    /NAME/init-HASH.mp4         the initialization section
    /NAME/RUN-NUMBER.m4s        a segment
    /NAME/RUN-NUMBER.PART.m4s   a part of it
    /NAME/TRACKS/...            all of these with other tracks: their numbers, as in 1,3

A piece never changes, so that caches in front can respond to all clients but the first. Requests
for the piece that is due next wait for it.
"""

from functools import partial
from typing import Any

from twisted.web.http import Request

from mkvtwist.config.values import ConfigError, parse_tracks
from mkvtwist.http.segment_requests import Due, Tracks, Watching
from mkvtwist.http.views.hls import Playlists
from mkvtwist.http.wire.caching import cache_control, respond_if_unchanged
from mkvtwist.http.wire.delivery import Body, Delivery
from mkvtwist.http.wire.live_response import RETRY_SOON
from mkvtwist.http.wire.ranges import Unsatisfiable, cut, requested
from mkvtwist.http.wire.response import View, respond_text, respond_unavailable
from mkvtwist.outputs.segmented import addresses, pieces
from mkvtwist.outputs.segmented.addresses import Address

FOREVER = b"max-age=31536000, immutable"
"""
C{Cache-Control} of pieces, which never change: a year, the longest that caches heed (RFC 9111).
"""


class Pieces:
    """
    The segmented outputs of one stream, whose cutter keeps them.

    @ivar stream: the stream.
    """

    def __init__(self, reactor: Any, watching: Watching) -> None:
        self.stream = watching.stream
        self._reactor = reactor
        self._watching = watching
        self._lists = Playlists(watching).views
        self.stream.cutter.observers.append(self._look)

    def view(self, path: str) -> View | None:
        """Return the view of a playlist or a piece; L{None} if there cannot be such a one."""
        folder, _, name = path.rpartition("/")
        try:
            tracks = parse_tracks("tracks", folder) if folder else None
        except ConfigError:
            return None
        if name in self._lists:
            show: View = partial(self._lists[name], tracks)
        elif addresses.is_map(name):
            show = partial(self._show_map, tracks, name)
        elif address := addresses.parse(name):
            show = partial(self._show_piece, tracks, address)
        else:
            return None
        return partial(self._watching.show, show)

    def _look(self) -> None:
        self._watching.look()

    def _show_map(self, tracks: Tracks, name: str, request: Request) -> None:
        try:
            head = pieces.initialization(self.stream.cutter.segments.all, name, tracks)
        except pieces.Missing as problem:
            respond_text(request, 404, str(problem))
        else:
            self._send(request, [head], "m4s")

    def _show_piece(self, tracks: Tracks, address: Address, request: Request) -> None:
        try:
            pieces.check(self.stream.cutter, address)
        except pieces.Missing as problem:
            respond_text(request, 404, str(problem))
        else:
            due = Due(tracks, address.number, address.part, in_list=False)
            self._watching.when_due(due, partial(self._send_piece, tracks, address), request)

    def _send_piece(self, tracks: Tracks, address: Address, request: Request) -> None:
        try:
            body = pieces.body(self.stream.cutter, address, tracks, self._watching.choices)
        except pieces.Missing as problem:
            respond_text(request, 404, str(problem))
        except pieces.Growing:
            respond_unavailable(request, "The server stops.", RETRY_SOON)
        else:
            self._send(request, body, address.ending)

    def _send(self, request: Request, body: Body, ending: str) -> None:
        """Respond with bytes that stay as they are for ever, or with a range of them."""
        tag = b'"%b"' % request.path  # its address is never used for other bytes
        cache = cache_control(request, self.stream.config.watch, FOREVER)
        request.setHeader(b"Cache-Control", cache)
        request.setHeader(b"Accept-Ranges", b"bytes")
        if respond_if_unchanged(request, tag):
            return
        length = sum(map(len, body))
        if request.method == b"GET" and request.getHeader(b"if-range") in (None, tag):
            try:
                wanted = requested(request.getHeader(b"range"), length)
            except Unsatisfiable as error:
                request.setHeader(b"Content-Range", b"bytes */%d" % length)
                respond_text(request, 416, f"This range cannot be satisfied: {error}.")
                return
            if wanted is not None:
                start, stop = wanted
                request.setResponseCode(206)
                request.setHeader(b"Content-Range", b"bytes %d-%d/%d" % (start, stop - 1, length))
                body, length = list(cut(body, start, stop)), stop - start
        request.setHeader(b"Content-Type", addresses.MEDIA_TYPES[ending].encode())
        request.setHeader(b"Content-Length", b"%d" % length)
        if request.method == b"HEAD":
            request.write(b"")
            request.finish()
        else:
            timeout, served = self.stream.config.client_timeout, self.stream.served
            Delivery(self._reactor, request, body, timeout=timeout, served=served).begin()
