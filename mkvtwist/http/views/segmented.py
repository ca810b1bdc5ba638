"""
HLS: playlists, and the pieces that they name, each an answer of its own (I{reactor}).

::

    /NAME/index.m3u8            the multivariant playlist
    /NAME/media.m3u8            the segments and parts; _HLS_msn, _HLS_part, _HLS_skip
    /NAME/init-HASH.mp4         the initialization section, named after its bytes
    /NAME/RUN-NUMBER.m4s        a segment
    /NAME/RUN-NUMBER.PART.m4s   a part of it
    /NAME/TRACKS/...            all of these with other tracks: their numbers, as in 1,3

Who asks for what is due next waits for it, all of them for the same bytes. A playlist changes; all
else is the same for ever, so that caches in front can answer everybody but the first.
"""

import re
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from hashlib import blake2b
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.logger import Logger
from twisted.web.http import Request
from zope.interface import implementer

from mkvtwist.config.values import ConfigError, parse_tracks
from mkvtwist.formats.choice import NoTrack, Unfit
from mkvtwist.http.limits import Limits
from mkvtwist.http.wire.caching import cache_control, respond_if_unchanged
from mkvtwist.http.wire.client import abort, client_host
from mkvtwist.http.wire.live_response import RETRY_SOON, respond_nothing_new, respond_unfit
from mkvtwist.http.wire.query import parameter, token_query
from mkvtwist.http.wire.ranges import Unsatisfiable, cut, requested
from mkvtwist.http.wire.response import View, respond, respond_text, respond_unavailable
from mkvtwist.live.turns import CROWD
from mkvtwist.media.packet import Header
from mkvtwist.outputs.segmented import addresses, hls, pieces
from mkvtwist.outputs.segmented.addresses import Address
from mkvtwist.outputs.segmented.choices import chosen
from mkvtwist.outputs.segmented.cutter import Cutter
from mkvtwist.outputs.segmented.manifests import HLS
from mkvtwist.outputs.segmented.snapshot import Texts
from mkvtwist.outputs.segmented.viewers import LOOK_BACK
from mkvtwist.streams.stream import Stream

FOREVER = b"max-age=31536000, immutable"
"""For what never changes: a year, the longest that caches take seriously (RFC 9111)."""

BRIEFLY = b"max-age=1"
"""For a playlist that was not waited for: the next part or segment makes it old."""

SHARED = b", s-maxage=1, stale-while-revalidate=1, stale-if-error=10"
"""
More for caches that many share (RFC 9111, RFC 5861), in seconds: a crowd does not wait while the
next list is loaded, and nobody misses an origin that is restarted while players have media.
"""

LISTS = 64
LIST_LIMIT = 256 << 10
"""
Playlists that are kept as bytes, and the bytes of each: those who wait together get the same. A
token stands in each line, and may be as long as a request.
"""

WAIT = 3
"""Target durations that a blocking request may take (rfc8216bis-16, 6.2.5.2)."""

WAIT_FIRST = 30.0
"""Seconds that somebody waits for a stream's first segment; players ask again after it."""

MOST_HELD = 5_000
"""Requests of one stream that wait at once: a few kilobytes each."""

SLICE = 64 << 10
"""Bytes that are handed to the transport at once: as much as it holds before it says stop."""

_URI = re.compile(r'(^[^#\n]+|URI="[^"]+)', re.MULTILINE)
"""Where each URI in a playlist ends."""

CHOICES = 100
"""Choices of tracks of which is remembered whether they can be had."""

Tracks = frozenset[int] | None
"""The numbers of those that are asked for; L{None} is what the main playlist has."""


Body = Sequence[bytes | memoryview]
"""A body, some bytes after the other."""


class Pieces:
    """
    One stream, piece by piece.
    """

    def __init__(self, reactor: Any, stream: Stream, limits: Limits) -> None:
        self.stream = stream
        self._reactor = reactor
        self._limits = limits
        self._held: dict[Request, _Held] = {}
        self._due: deque[_Held] = deque()
        self._edge = self._cutter.edge
        self._texts = Texts()
        self._turn: object | None = None
        self._header: Header | None = None
        self._problems: dict[Tracks, Unfit | NoTrack | None] = {}
        stream.cutter.observers.append(self._look)

    @property
    def _cutter(self) -> Cutter:
        return self.stream.cutter

    def view(self, path: str) -> View | None:
        """What answers for a piece; L{None} when there cannot be such a one."""
        folder, _, name = path.rpartition("/")
        try:
            tracks = parse_tracks("tracks", folder) if folder else None
        except ConfigError:
            return None
        if name == "index.m3u8":
            show: View = partial(self._multivariant, tracks)
        elif name == "media.m3u8":
            show = partial(self._media, tracks)
        elif addresses.is_map(name):
            show = partial(self._map, tracks, name)
        elif address := addresses.parse(name):
            show = partial(self._piece, tracks, address)
        else:
            return None
        return partial(self._show, show)

    def _show(self, show: View, request: Request) -> None:
        if request.method == b"HEAD":
            show(request)
        elif self._knows(request) or not self._limits.refuse(self.stream, request):
            self._see(request)
            show(request)

    def _knows(self, request: Request) -> bool:
        """Whether a request comes from a viewer, who has his place already."""
        now = self._reactor.seconds()
        return self.stream.viewers.knows(client_host(request) or "", now, self._cutter.target)

    def _see(self, request: Request) -> None:
        """Who asks is a viewer, and wants the stream for as long as it is one."""
        self.stream.viewers.saw(client_host(request) or "", self._reactor.seconds())
        # It may ask again no sooner than a segment later.
        self.stream.demand.touch(LOOK_BACK * self._cutter.target)

    # playlists

    def _multivariant(self, tracks: Tracks, request: Request) -> None:
        wanted = parameter(request, "tracks")
        if wanted is not None and tracks is None:
            self._move(wanted, request)
            return

        def show(request: Request) -> None:
            period = self.stream.publisher.period
            if self._can_list(tracks, request) and period is not None:
                try:
                    text = hls.multivariant(period.header, self._cutter.segments, tracks)
                except Unfit as problem:
                    respond_unfit(request, problem)
                else:
                    self._answer(request, text, BRIEFLY)

        def is_due() -> bool:
            return self._cutter.is_ready or self._must_tell(tracks)

        self._hold(request, is_due, show, WAIT_FIRST)

    def _move(self, wanted: str, request: Request) -> None:
        """To where the playlist with these tracks is, so that what it names is relative to that."""
        try:
            numbers = sorted(parse_tracks("tracks", wanted))
        except ConfigError as error:
            respond_text(request, 400, str(error))
            return
        where = f"{','.join(map(str, numbers))}/index.m3u8{token_query(request)}"
        request.setHeader(b"Location", where.encode())
        respond_text(request, 302, where)

    def _media(self, tracks: Tracks, request: Request) -> None:
        try:
            number, part = _count(request, "_HLS_msn"), _count(request, "_HLS_part")
        except ValueError as error:
            respond_text(request, 400, str(error))
            return
        if part is not None and number is None:
            respond_text(
                request, 400, "_HLS_part needs _HLS_msn: the number of the part's segment."
            )
            return
        cutter = self._cutter
        skip = parameter(request, "_HLS_skip") in ("YES", "v2")

        def is_due() -> bool:
            there = number is None or hls.has(cutter, number, part)
            return (cutter.is_ready and there) or self._must_tell(tracks)

        def show(request: Request) -> None:
            if self._can_list(tracks, request):
                lasting = b"max-age=%d" % (6 * cutter.target)
                cache = BRIEFLY if number is None else lasting
                # Who asks for what is long there may know it from before a restart.
                knows = number is None or number >= cutter.edge.segment - 1
                snapshot = cutter.snapshot()
                text = self._texts.get(snapshot, hls.media, tracks, skip=skip and knows)
                self._answer(request, text, cache)

        if number is None or not cutter.is_ready:
            self._hold(request, is_due, show, WAIT_FIRST)
        elif not cutter.finished and hls.is_too_far(cutter, number, part):
            newest = cutter.edge.segment
            respond_text(
                request, 400, f"_HLS_msn={number} is too far ahead; the newest segment is {newest}."
            )
        else:
            self._hold(request, is_due, show, WAIT * cutter.target)

    def _problem(self, tracks: Tracks) -> Unfit | NoTrack | None:
        """Why these tracks cannot be had."""
        period = self.stream.publisher.period
        if period is None:
            return None
        if period.header is not self._header:
            self._header = period.header
            self._problems.clear()
        if tracks not in self._problems:
            if len(self._problems) >= CHOICES:
                self._problems.clear()
            try:
                chosen(period.header, tracks)
            except (Unfit, NoTrack) as problem:
                self._problems[tracks] = problem
            else:
                self._problems[tracks] = None
        return self._problems[tracks]

    def _must_tell(self, tracks: Tracks) -> bool:
        """Whether there is no use in waiting."""
        return self.stream.publisher.ended or self._problem(tracks) is not None

    def _can_list(self, tracks: Tracks, request: Request) -> bool:
        """Whether there is something to list; else that is said."""
        problem = self._problem(tracks)
        stops = self.stream.publisher.ended and not self._cutter.finished
        if problem is not None:
            respond_unfit(request, problem)
        elif stops or not self._cutter.is_ready:
            respond_nothing_new(self.stream, request)
        else:
            return True
        return False

    def _answer(self, request: Request, text: str, cache: bytes) -> None:
        query = token_query(request)
        is_small = len(text) + text.count("\n") * len(query) < LIST_LIMIT
        data, tag = (_kept if is_small else _listed)(text, query)
        shared = SHARED if cache is BRIEFLY else b""
        cache = cache_control(request, self.stream.config.watch, cache, shared)
        request.setHeader(b"Cache-Control", cache)
        if not respond_if_unchanged(request, tag):
            self.stream.served(0 if request.method == b"HEAD" else len(data))
            respond(request, data, HLS.media_type.encode(), cache)

    # pieces

    def _map(self, tracks: Tracks, name: str, request: Request) -> None:
        try:
            head = pieces.initialization(self._cutter.segments, name, tracks)
        except pieces.Missing as problem:
            respond_text(request, 404, str(problem))
        else:
            self._send(request, [head], "m4s")

    def _piece(self, tracks: Tracks, address: Address, request: Request) -> None:
        cutter = self._cutter

        def is_due() -> bool:
            return self.stream.publisher.ended or hls.has(cutter, address.number, address.part)

        try:
            pieces.check(cutter, address)
        except pieces.Missing as problem:
            respond_text(request, 404, str(problem))
        else:
            show = partial(self._show_piece, tracks, address)
            self._hold(request, is_due, show, WAIT * cutter.target)

    def _show_piece(self, tracks: Tracks, address: Address, request: Request) -> None:
        try:
            body = pieces.body(self._cutter, address, tracks)
        except pieces.Missing as problem:
            respond_text(request, 404, str(problem))
        except pieces.Growing:
            respond_unavailable(request, "The server stops.", RETRY_SOON)
        else:
            self._send(request, body, address.ending)

    def _send(self, request: Request, body: Body, ending: str) -> None:
        """Answer with bytes that stay as they are for ever, or with a range of them."""
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
                respond_text(request, 416, f"There is nothing in this range: {error}.")
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
            Delivery(self._reactor, self.stream, request, body).begin()

    # waiting

    def _hold(
        self, request: Request, is_due: Callable[[], bool], show: View, seconds: float
    ) -> None:
        """Answer when it is due; say so when it is not within this time, C{HEAD} at once."""
        if is_due():
            show(request)
        elif request.method == b"HEAD":  # from nobody who watches, so that nothing is woken
            respond_unavailable(request, "It is not there yet.", RETRY_SOON)
        elif len(self._held) >= MOST_HELD:
            respond_unavailable(request, "Too many requests wait already.", RETRY_SOON)
        else:
            self.stream.demand.touch(seconds)
            timeout = self._reactor.callLater(seconds, self._give_up, request)
            self._held[request] = _Held(self.stream.log, request, is_due, show, timeout)
            request.notifyFinish().addErrback(lambda _: self._forget(request))

    def _forget(self, request: Request) -> None:
        held = self._held.pop(request, None)
        if held is not None and held.timeout.active():
            held.timeout.cancel()

    def _give_up(self, request: Request) -> None:
        held = self._held.get(request)
        if held is not None:
            held.is_late = True
            self._due.append(held)  # with all others who came when nothing did any more
            if self._turn is None:
                self._turn = self._reactor.callLater(0, self._next_turn)

    def _look(self) -> None:
        """Something was published: who has waited for it gets it, some in this turn."""
        edge = self._cutter.edge
        if not self._held or (self._edge == edge and not self._must_tell(None)):
            return
        self._edge = edge
        due = [held for held in self._held.values() if held.is_due()]
        self._due.extend(due)
        if self._due and self._turn is None:
            self._next_turn()

    def _next_turn(self) -> None:
        self._turn = None
        for _ in range(min(CROWD, len(self._due))):
            held = self._due.popleft()
            if held.request in self._held:
                self._forget(held.request)
                if held.is_late and not held.is_due():
                    respond_nothing_new(self.stream, held.request)
                else:
                    self._see(held.request)  # its place may have been free while it waited
                    held.answer()
        if self._due:
            self._turn = self._reactor.callLater(0, self._next_turn)


class _Held:
    """A request that waits."""

    __slots__ = ("is_due", "is_late", "log", "request", "show", "timeout")

    def __init__(
        self,
        log: Logger,
        request: Request,
        is_due: Callable[[], bool],
        show: View,
        timeout: IDelayedCall,
    ) -> None:
        self.log = log
        self.request = request
        self.is_due = is_due
        self.show = show
        self.timeout = timeout
        self.is_late = False  # it has waited for long enough

    def answer(self) -> None:
        """One request's failure stays its own."""
        try:
            self.show(self.request)
        except Exception:  # noqa: BLE001 - whatever it is, it is one request's
            self.log.failure("{request} failed", request=self.request)
            abort(self.request)


@implementer(IPushProducer)
class Delivery:
    """
    Bytes that many share, on their way to one of them: what a slow one has not taken is in no
    buffer of its own. One that takes nothing for C{--client-timeout} is disconnected.
    """

    def __init__(self, reactor: Any, stream: Stream, request: Request, pieces: Body) -> None:
        self._reactor = reactor
        self._stream = stream
        self._request = request
        self._rest = deque(memoryview(piece) for piece in pieces)
        self._paused = False
        self._timeout: Any = None

    def begin(self) -> None:
        """Send as much as goes."""
        self._request.notifyFinish().addBoth(lambda _: self._stop_waiting())
        self._request.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        self._paused = False
        self._stop_waiting()
        while self._rest and not self._paused:
            piece = self._rest.popleft()
            if len(piece) > SLICE:
                self._rest.appendleft(piece[SLICE:])
            taken = bytes(piece[:SLICE])
            self._stream.served(len(taken))
            self._request.write(taken)
        if not self._rest:
            self._request.unregisterProducer()
            self._request.finish()

    def pauseProducing(self) -> None:
        self._paused = True
        if self._timeout is None:
            seconds = self._stream.config.client_timeout
            self._timeout = self._reactor.callLater(seconds, self._abort)

    def stopProducing(self) -> None:
        self._rest.clear()
        self._paused = True

    def _abort(self) -> None:
        self._timeout = None
        abort(self._request)

    def _stop_waiting(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None


def _listed(text: str, query: str) -> tuple[bytes, bytes]:
    """
    Return a playlist's bytes and their C{ETag}, which is weak: a proxy may compress them.

    @param query: what each address in it needs, else players would ask for the pieces without it.
    """
    data = (_URI.sub(rf"\1{query}", text) if query else text).encode()
    return data, b'W/"%b"' % blake2b(data, digest_size=12).hexdigest().encode()


_kept = lru_cache(maxsize=LISTS)(_listed)


def _count(request: Request, name: str) -> int | None:
    """A number among the query's parameters."""
    text = parameter(request, name)
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,15}", text):
        raise ValueError(f"{name}: {text[:40]!r} is not a number of a segment or part.")
    return int(text)
