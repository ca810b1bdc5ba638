"""
Watching a stream by segmented outputs: admission of viewers, waiting for pieces (I{reactor}).
"""

from functools import lru_cache, partial
from hashlib import blake2b
from typing import Any, NamedTuple

from twisted.web.http import Request

from mkvtwist.formats.choice import NoTrack, Unfit
from mkvtwist.http.client_limits import ClientLimits
from mkvtwist.http.held_requests import MOST_HELD, HeldRequests
from mkvtwist.http.wire.caching import cache_control, respond_if_unchanged
from mkvtwist.http.wire.live_response import RETRY_SOON, respond_nothing_new, respond_unfit
from mkvtwist.http.wire.peer import client_host
from mkvtwist.http.wire.query import token_query
from mkvtwist.http.wire.response import View, respond, respond_unavailable
from mkvtwist.outputs.segmented import pieces
from mkvtwist.outputs.segmented.choices import Choices
from mkvtwist.outputs.segmented.registry import Manifest
from mkvtwist.outputs.segmented.viewers import LOOK_BACK
from mkvtwist.streams.stream import Stream

BRIEFLY = b"max-age=1"
"""For a playlist that was not waited for: the next part or segment makes it old."""

SHARED = b", s-maxage=1, stale-while-revalidate=1, stale-if-error=10"
"""
More for caches that many share (RFC 9111, RFC 5861), in seconds: a crowd does not wait while the
next list is loaded, and no viewer misses an origin that is restarted while players have media.
"""

LISTS = 64
LIST_LIMIT = 256 << 10
"""
Playlists that are kept as bytes, and the bytes of each: clients that wait together get the same. A
token stands in each line, and may be as long as a request.
"""

WAIT = 3
"""Target durations that a blocking request may take (rfc8216bis-16, 6.2.5.2)."""

WAIT_FIRST = 30.0
"""Seconds that a request waits for a stream's first segment; players ask again after it."""

Tracks = frozenset[int] | None
"""The numbers of those that are asked for; L{None} is what the main playlist has."""


class Due(NamedTuple):
    """
    The segment, part or list that a request waits for.

    @ivar number: a segment's; L{None} is anything that can be listed.
    @ivar part: the part's place in the segment; L{None} is all of the segment.
    @ivar in_list: whether a list that has it is asked for, rather than its bytes.
    """

    tracks: Tracks
    number: int | None = None
    part: int | None = None
    in_list: bool = True


class Watching:
    """
    The viewers of one stream's segmented outputs, and their requests.

    A client that asks is a viewer: it has a place among the stream's clients, and wants the stream.
    C{HEAD} comes from no viewer: it wakes nothing, and waits for nothing.

    @ivar stream: the stream.
    @ivar choices: the choices of its tracks.
    """

    def __init__(
        self, reactor: Any, stream: Stream, limits: ClientLimits, *, most_held: int = MOST_HELD
    ) -> None:
        """
        @param most_held: how many requests wait at once.
        """
        self.stream = stream
        self._reactor = reactor
        self._limits = limits
        self._held = HeldRequests(reactor, stream.log, self.is_due, most=most_held)
        self.choices = Choices()

    # viewers

    def show(self, view: View, request: Request) -> None:
        """Have a view respond, if the client is a viewer or there is room for one more."""
        if request.method == b"HEAD":
            view(request)
            return
        viewer, now = client_host(request) or "", self._reactor.seconds()
        is_known = self.stream.viewers.includes(viewer, now, self._target)
        if is_known or not self._limits.refuse(self.stream, request):
            self._note(viewer)
            view(request)

    def _note(self, viewer: str) -> None:
        """Count an address as a viewer, which has a place and wants the stream."""
        self.stream.viewers.note(viewer, self._reactor.seconds())
        # It may ask again no sooner than a segment later.
        self.stream.demand.touch(LOOK_BACK * self._target)

    @property
    def _target(self) -> float:
        return self.stream.cutter.target

    # waiting

    def is_due(self, due: Due) -> bool:
        """Return whether a thing exists, or will never exist."""
        cutter = self.stream.cutter
        there = due.number is None or pieces.has(cutter, due.number, due.part)
        if not due.in_list:
            return there or self.stream.is_over
        return (cutter.segments.is_ready and there) or self._must_tell(due.tracks)

    def when_due(self, due: Due, show: View, request: Request) -> None:
        """
        Have a view respond when a thing exists; respond 503 if it is late. C{HEAD} does not wait.
        """
        if self.is_due(due):
            show(request)
        elif request.method == b"HEAD":  # not from a viewer, so no input is woken
            respond_unavailable(
                request, "This segment or playlist is not available yet.", RETRY_SOON
            )
        elif self._held.is_full:
            respond_unavailable(request, "Too many requests wait already.", RETRY_SOON)
        else:
            has_begun = due.number is not None and (
                self.stream.cutter.segments.is_ready or not due.in_list
            )
            seconds = WAIT * self._target if has_begun else WAIT_FIRST
            self.stream.demand.touch(seconds)
            late = partial(respond_nothing_new, self.stream)
            self._held.hold(request, due, partial(self._show_held, show), late, seconds)

    def _show_held(self, show: View, request: Request) -> None:
        self._note(client_host(request) or "")  # its place may have been free while it waited
        show(request)

    def look(self) -> None:
        """Respond to requests whose segment or part has been cut."""
        self._held.look()

    def _must_tell(self, tracks: Tracks) -> bool:
        """Return whether there is no use in waiting for a list."""
        return self.stream.is_over or self._problem(tracks) is not None

    def _problem(self, tracks: Tracks) -> Unfit | NoTrack | None:
        """Return why these tracks cannot be sent; L{None} if they can."""
        period = self.stream.period
        choice = None if period is None else self.choices.find(period, tracks)
        return choice if isinstance(choice, Unfit | NoTrack) else None

    # lists

    def can_list(self, tracks: Tracks, request: Request) -> bool:
        """Return whether there is something to list; if not, that is the response."""
        problem = self._problem(tracks)
        stops = self.stream.is_over and not self.stream.cutter.finished
        if problem is not None:
            respond_unfit(request, problem)
        elif stops or not self.stream.cutter.segments.is_ready:
            respond_nothing_new(self.stream, request)
        else:
            return True
        return False

    def respond_list(self, request: Request, text: str, manifest: Manifest, cache: bytes) -> None:
        """
        Respond with a list of what there is; the request's token is in each address.

        @param manifest: the output that the list belongs to.
        @param cache: how long caches may keep it.
        """
        data, tag = list_bytes(text, token_query(request), manifest)
        shared = SHARED if cache is BRIEFLY else b""
        cache = cache_control(request, self.stream.config.watch, cache, shared)
        request.setHeader(b"Cache-Control", cache)
        if not respond_if_unchanged(request, tag):
            self.stream.served(0 if request.method == b"HEAD" else len(data))
            respond(request, data, manifest.media_type.encode(), cache)


def list_bytes(text: str, query: str, manifest: Manifest) -> tuple[bytes, bytes]:
    """
    Return a playlist's bytes and their C{ETag}, which is weak: a proxy may compress them.

    They are kept for the next client that wants the same, unless they are many.

    @param query: what each address in it needs, else players would ask for the pieces without it.
    """
    is_small = len(text) + text.count("\n") * len(query) < LIST_LIMIT
    return (_kept if is_small else _made)(text, query, manifest)


def _made(text: str, query: str, manifest: Manifest) -> tuple[bytes, bytes]:
    data = (manifest.carry(text, query) if query else text).encode()
    return data, b'W/"%b"' % blake2b(data, digest_size=12).hexdigest().encode()


_kept = lru_cache(maxsize=LISTS)(_made)
