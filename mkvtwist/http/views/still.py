"""
A still of what is on: C{/NAME.jpg} (I{reactor; decoded in a pool's thread}).

It is made only when somebody asks, and at most once in L{SPAN} seconds for each stream, whether it
turned out or not; all who ask meanwhile get the same. One picture is decoded at a time.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary, ref

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.web.http import Request

from mkvtwist.formats.replay import guide
from mkvtwist.http.wire.caching import cache_control, respond_if_unchanged
from mkvtwist.http.wire.response import respond_head, respond_text, respond_unavailable
from mkvtwist.libav.still import NoStill, jpeg
from mkvtwist.live.period import Period
from mkvtwist.streams.stream import Stream

SPAN = 5
"""Seconds that a still is good for: a wall of twenty streams decodes four pictures a second."""

PATIENCE = 10.0
"""Seconds after which who waits is told that it takes too long. A decoder cannot be interrupted."""


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """
    A picture, or why there is none.

    @ivar period: of which it is, without keeping its ring; after new tracks there is another
        picture.
    @ivar made: when, as the reactor counts.
    """

    period: ref[Period]
    made: float
    picture: bytes = b""
    problem: str = ""
    """In words for viewers."""

    detail: str = ""
    """The cause, for operators."""


class Posters:
    """
    The stills of all streams.
    """

    def __init__(self, reactor: Any, decode: Callable[[bytes], bytes] = jpeg) -> None:
        """
        @param decode: what makes a JPEG of a header and a keyframe, in a thread.
        """
        self._reactor = reactor
        self._decode = decode
        self._stills: WeakKeyDictionary[Stream, Still] = WeakKeyDictionary()
        self._waiting: dict[Stream, list[Request]] = {}
        self._busy: set[Stream] = set()  # a decoder may outlast those who wait for it
        self._one = DeferredSemaphore(1)

    def show(self, stream: Stream, request: Request) -> None:
        """Answer with the latest keyframe, or a still of the last few seconds."""
        period = stream.publisher.period
        if period is not None and not period.header.has_video:
            respond_text(request, 404, "This stream has no pictures.")
            return
        if period is None or period.ring.place(0, decodable=True) is None:
            respond_unavailable(request, "There is no picture yet.", 2)
            return
        still = self._stills.get(stream)
        now = self._reactor.seconds()
        if still is not None and still.period() is period and now - still.made < SPAN:
            self._answer(stream, still, request)
        elif request.method == b"HEAD":  # nobody is to see it: nothing is decoded for that
            respond_head(request, b"image/jpeg")
        elif stream in self._busy and stream not in self._waiting:
            respond_unavailable(
                request, "No picture: the one before it is still being decoded.", SPAN
            )
        else:
            waiting = self._waiting.setdefault(stream, [])
            waiting.append(request)
            request.notifyFinish().addErrback(lambda _: _forget(waiting, request))
            if stream not in self._busy:
                self._begin(stream, period)

    def _begin(self, stream: Stream, period: Period) -> None:
        place = period.ring.place(0, decodable=True)
        assert place is not None
        number = guide(period.header.tracks)
        key = next(p for p in period.ring[place].packets if p.track == number and p.key)
        made = period.muxer(period.everything)
        self._busy.add(stream)
        late = self._reactor.callLater(PATIENCE, self._late, stream, period)
        done: Deferred[Any] = self._one.run(
            self._in_thread, self._decode, made.head + made.render([key])
        )
        done.addCallbacks(
            lambda picture: Still(ref(period), self._reactor.seconds(), picture),
            lambda failure: self._failed(failure, stream, period),
        )

        def over(still: Still) -> None:
            self._busy.discard(stream)
            if late.active():
                late.cancel()
            self._settle(stream, still)

        done.addCallback(over)

    def _late(self, stream: Stream, period: Period) -> None:
        problem = f"it takes more than {PATIENCE:g} s to decode"
        self._settle(stream, Still(ref(period), self._reactor.seconds(), problem=problem))

    def _failed(self, failure: Failure, stream: Stream, period: Period) -> Still:
        if not failure.check(NoStill):
            stream.log.failure("making a still failed", failure)
        problem, detail = "the log says why", ""
        if isinstance(failure.value, NoStill):
            problem, detail = str(failure.value), failure.value.detail
        return Still(ref(period), self._reactor.seconds(), problem=problem, detail=detail)

    def _settle(self, stream: Stream, still: Still) -> None:
        before = self._stills.get(stream)
        if still.problem and (before is None or before.problem != still.problem):
            detail = f" ({still.detail})" if still.detail else ""
            stream.log.warn("no still: {problem}{detail}", problem=still.problem, detail=detail)
        self._stills[stream] = still
        for request in self._waiting.pop(stream, []):
            self._answer(stream, still, request)

    def _answer(self, stream: Stream, still: Still, request: Request) -> None:
        left = max(1, round(SPAN - (self._reactor.seconds() - still.made)))
        if still.problem:
            respond_unavailable(
                request, f"No picture can be made of the latest keyframe: {still.problem}.", left
            )
            return
        cache = cache_control(request, stream.config.watch, b"max-age=%d" % left)
        request.setHeader(b"Cache-Control", cache)
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        tag = hashlib.blake2b(still.picture, digest_size=12).hexdigest()
        if respond_if_unchanged(request, f'"{tag}"'.encode()):
            return
        request.setHeader(b"Content-Type", b"image/jpeg")
        request.setHeader(b"Content-Length", b"%d" % len(still.picture))
        request.write(b"" if request.method == b"HEAD" else still.picture)
        request.finish()

    def _in_thread(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), function, *args)


def _forget(waiting: list[Request], request: Request) -> None:
    if request in waiting:
        waiting.remove(request)
