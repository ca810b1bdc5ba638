"""
Stills of streams: C{/NAME.jpg} (I{reactor; a thread or a process decodes}).

A still is made only if a client asks, and at most once in L{GOOD_FOR} seconds for each stream,
whether it turned out or not; all clients that ask meanwhile get the same. One picture is decoded at
a time.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary, ref

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.python.failure import Failure
from twisted.web.http import Request

from mkvtwist.http.wire.caching import cache_control, respond_if_unchanged
from mkvtwist.http.wire.later import supervise
from mkvtwist.http.wire.response import (
    respond,
    respond_head,
    respond_text,
    respond_unavailable,
)
from mkvtwist.inputs.isolated_still import isolated_still
from mkvtwist.libav.still import NoStill, jpeg
from mkvtwist.live.period import Period
from mkvtwist.net.pool import Pool
from mkvtwist.net.waiting import Results
from mkvtwist.streams.stream import Stream

GOOD_FOR = 5
"""Seconds that a still is good for: a wall of twenty streams decodes four pictures a second."""

DECODING_TIME = 10.0
"""Seconds after which clients are told that it takes too long. A decoder cannot be interrupted."""

STILL_RETRY = 2
"""Seconds after which to ask again while there is no picture: keyframes are about so far apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """
    A picture, or why there is none.

    @ivar period: the one it was taken of, without keeping its ring. After new tracks there is
        another picture.
    @ivar made: when, as the reactor counts.
    @ivar problem: why there is no picture, for viewers.
    @ivar detail: the cause, for operators.
    """

    period: ref[Period]
    made: float
    picture: bytes = b""
    problem: str = ""
    detail: str = ""


class Stills:
    """The stills of all streams."""

    def __init__(self, reactor: Any, decode: Callable[[bytes], bytes] = jpeg) -> None:
        """
        @param decode: makes a JPEG of a header and a keyframe, in a thread.
        """
        self._clock = reactor
        self._decode = decode
        self._pool = Pool(reactor, 1)
        self._turns = DeferredSemaphore(1)  # of processes
        self._stills: WeakKeyDictionary[Stream, Still] = WeakKeyDictionary()
        self._making: Results[Stream, Still] = Results()
        self._decoding: set[Stream] = set()  # a decoder may outlast those that wait for it

    def show(self, stream: Stream, request: Request) -> None:
        """Respond with the newest keyframe, or with a still of the last few seconds."""
        period = stream.period
        if period is not None and not period.header.has_video:
            respond_text(request, 404, "This stream has no pictures.")
            return
        if period is None or not period.has_keyframe:
            respond_unavailable(request, "There is no picture yet.", STILL_RETRY)
            return
        still = self._stills.get(stream)
        now = self._clock.seconds()
        if still is not None and still.period() is period and now - still.made < GOOD_FOR:
            self._respond(stream, request, still)
        elif request.method == b"HEAD":  # no client is to see it: nothing is decoded for that
            respond_head(request, b"image/jpeg")
        elif stream in self._decoding and stream not in self._making:
            text = "The picture before this one is still being decoded; try again."
            respond_unavailable(request, text, GOOD_FOR)
        else:
            made = self._making.wait(stream, partial(self._make, stream, period))
            supervise(made.addCallback(partial(self._respond, stream, request)), request)

    def _make(self, stream: Stream, period: Period) -> Deferred[Still]:
        """Return a Deferred of a still, or of the news that it takes too long."""
        first: Deferred[Still] = Deferred()

        def settle(still: Still) -> None:
            self._note(stream, still)
            if not first.called:
                first.callback(still)

        def decoded(still: Still) -> None:
            self._decoding.discard(stream)
            if late.active():
                late.cancel()
            settle(still)

        problem = f"it takes more than {DECODING_TIME:g} s to decode"
        late = self._clock.callLater(
            DECODING_TIME, lambda: settle(self._still(period, problem=problem))
        )
        self._decoding.add(stream)
        if stream.workers is None:
            decoding = self._pool.run(self._decode, period.keyframe())
        else:
            decoding = self._turns.run(isolated_still, stream.workers, period.keyframe())
        decoding.addCallbacks(
            lambda picture: self._still(period, picture=picture),
            lambda why: self._failed(why, stream, period),
        ).addCallback(decoded)
        return first

    def _still(self, period: Period, **about: Any) -> Still:
        return Still(ref(period), self._clock.seconds(), **about)

    def _failed(self, failure: Failure, stream: Stream, period: Period) -> Still:
        if isinstance(failure.value, NoStill):
            problem, detail = str(failure.value), failure.value.detail
            return self._still(period, problem=problem, detail=detail)
        stream.log.failure("making a still failed", failure)
        return self._still(period, problem="the log says why")

    def _note(self, stream: Stream, still: Still) -> None:
        """Keep a still; log why there is no picture, if it is a new reason."""
        before = self._stills.get(stream)
        if still.problem and (before is None or before.problem != still.problem):
            detail = f" ({still.detail})" if still.detail else ""
            stream.log.warn("no still: {problem}{detail}", problem=still.problem, detail=detail)
        self._stills[stream] = still

    def _respond(self, stream: Stream, request: Request, still: Still) -> None:
        left = max(1, round(GOOD_FOR - (self._clock.seconds() - still.made)))
        if still.problem:
            respond_unavailable(
                request, f"No picture can be made of the latest keyframe: {still.problem}.", left
            )
            return
        cache = cache_control(request, stream.config.watch, b"max-age=%d" % left)
        request.setHeader(b"Cache-Control", cache)
        tag = hashlib.blake2b(still.picture, digest_size=12).hexdigest()
        if not respond_if_unchanged(request, f'"{tag}"'.encode()):
            respond(request, still.picture, b"image/jpeg", cache)
