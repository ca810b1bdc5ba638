"""
What is known of the streams, for programs: C{/status} and C{/metrics} (I{reactor}).
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any
from weakref import ref

from twisted.web.http import Request

from mkvtwist import __version__
from mkvtwist.config.rule import EVERYBODY
from mkvtwist.http.wire.response import respond, respond_text
from mkvtwist.live.events import timestamp
from mkvtwist.streams import metrics
from mkvtwist.streams.statistics import StreamStatistics
from mkvtwist.streams.stream import Stream

PRIVATE = frozenset({"detail", "input", "recording"})
"""Fields of a stream for operators only: paths, addresses, libavformat's words."""

PRIVATE_OF_CLIENT = frozenset({"peer", "user_agent"})
"""Fields of a client for operators only."""

FRESH = 1.0
"""Seconds for which figures hold: with 1,500 clients they take 10 ms and 700 kB."""

VIEWS = 16
"""Views that are kept for so long, by which streams are in them, and in which format."""


class Fresh:
    """
    Figures that are made at most once in L{FRESH} seconds, for everybody with the same view. When a
    stream changes its state, or its tracks, they are made anew: that is what programs wait for.
    """

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._made: dict[tuple[str, frozenset[Any]], tuple[float, Any]] = {}

    def get(
        self, kind: str, streams: Iterable[Stream], make: Callable[[], Any]
    ) -> tuple[Any, float]:
        """
        Return figures that are new enough, and how many seconds ago they were made.

        @param kind: what is shown.
        @param streams: of which streams; a stream that was started anew is another one.
        @param make: makes them.
        """
        now = self._clock.seconds()
        self._made = {key: made for key, made in self._made.items() if now - made[0] < FRESH}
        key = (kind, frozenset(map(_condition, streams)))
        if key not in self._made:
            if len(self._made) >= VIEWS:
                self._made.clear()
            self._made[key] = now, make()
        since, made = self._made[key]
        return made, now - since


def _condition(stream: Stream) -> tuple[Any, ...]:
    """Return what tells a stream from itself after a change; it keeps no stream that has gone."""
    period = stream.period
    tracks = ref(period) if period is not None else None
    return ref(stream), tracks, stream.input.primary.restarts, *stream.condition


class Status:
    """The figures of streams."""

    def __init__(self, reactor: Any, streams: Mapping[str, Stream]) -> None:
        self._streams = streams
        self._reactor = reactor
        self._started = reactor.seconds()
        self._fresh = Fresh(reactor)

    def show(self, streams: Mapping[str, Stream], request: Request) -> None:
        """Answer an operator with everything about these streams, as JSON."""
        body, _ = self._fresh.get("status", streams.values(), lambda: self._status(streams, _whole))
        respond(request, body, b"application/json")

    def show_public(self, streams: Mapping[str, Stream], request: Request) -> None:
        """Answer anyone else with the public figures of these streams, as JSON."""
        body, _ = self._fresh.get(
            "public", streams.values(), lambda: self._status(streams, _public)
        )
        respond(request, body, b"application/json")

    def _status(self, streams: Mapping[str, Stream], part: Callable[[Any], Any]) -> bytes:
        status = {
            "version": __version__,
            "uptime": round(self._reactor.seconds() - self._started, 3),
            "streams": {name: part(self.stream(name)) for name in streams},
        }
        return json.dumps(status, indent=2).encode() + b"\n"

    def show_stream(self, stream: Stream, request: Request) -> None:
        """
        Answer with what a player's page shows, to whoever may watch the stream: its clients are
        counted, since a look at each that each of them asks for costs the square of their number.
        """
        shown, age = self._fresh.get("stream", [stream], partial(self._stream_status, stream))
        edge = shown.get("live_edge")
        if edge is not None:  # players find the present by it
            shown = shown | {"live_edge": edge | {"age": round(edge["age"] + age, 3)}}
        respond(request, json.dumps(shown).encode() + b"\n", b"application/json")

    def _stream_status(self, stream: Stream) -> dict[str, Any]:
        shown = _public(self._as_json(stream.statistics(clients=False)))
        del shown["bytes_out"]
        shown["clients"] = stream.audience - shown["hls_viewers"]
        return shown

    def show_metrics(self, streams: Mapping[str, Stream], request: Request) -> None:
        """Answer in Prometheus' text format."""
        body, _ = self._fresh.get(
            "metrics", streams.values(), lambda: metrics.render(_statistics(streams))
        )
        respond(request, body, metrics.CONTENT_TYPE.encode())

    def show_health(self, request: Request) -> None:
        """
        Answer a load balancer: 200 when all streams are live that are not optional, else 503. One
        that is on demand is well when it waits for somebody.
        """
        ill = []
        for name, stream in self._streams.items():
            state, reason = stream.condition
            if state in ("live", "waiting for a client") or stream.config.optional:
                continue
            if stream.config.watch == EVERYBODY:
                ill.append(f"{name}: {state} ({reason})")
            else:  # whose name may be in the reason, too
                ill.append(f"a stream: {state}")
        respond_text(request, 503 if ill else 200, "\n".join(ill) or "All streams are live.")

    def streams(self) -> dict[str, Any]:
        """All of them by their names, fit for JSON."""
        return {name: self.stream(name) for name in self._streams}

    def stream(self, name: str) -> dict[str, Any]:
        """One of them, fit for JSON."""
        return self._as_json(self._streams[name].statistics())

    def _as_json(self, statistics: StreamStatistics) -> dict[str, Any]:
        now = self._reactor.seconds()
        offset = time.time() - now
        shown = asdict(statistics)
        shown["since"] = timestamp(statistics.since)
        shown["bitrate"] = round(statistics.bitrate)
        shown["ring"] = {
            name: shown.pop(f"ring_{name}") for name in ("seconds", "bytes", "segments")
        }
        del shown["endings"], shown["quiet"]
        if statistics.live_edge is not None:
            media, arrived = statistics.live_edge
            shown["live_edge"] = {
                "media": round(media, 3),
                "arrived": timestamp(arrived + offset),
                "age": round(now - arrived, 3),
            }
        for track in shown["tracks"]:
            del track["setup"], track["codec_private"], track["mp4_head"]
            track["formats"] = statistics.endings[track["number"]]
            track["quiet"] = track["number"] in statistics.quiet
        for client in shown["clients"]:
            client["since"] = timestamp(client["since"] + offset)
            client["lag"] = round(client["lag"], 3)
        return shown


def _whole(shown: dict[str, Any]) -> dict[str, Any]:
    return shown


def _public(stream: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a stream's status that is for everyone."""
    shown = {key: value for key, value in stream.items() if key not in PRIVATE}
    # Each text names a track, and after the colon the reason, in libavformat's words.
    shown["left_out"] = [text.partition(": ")[0] for text in stream["left_out"]]
    shown["clients"] = [
        {key: value for key, value in client.items() if key not in PRIVATE_OF_CLIENT}
        for client in stream["clients"]
    ]
    return shown


def _statistics(streams: Mapping[str, Stream]) -> dict[str, StreamStatistics]:
    return {name: stream.statistics() for name, stream in streams.items()}
