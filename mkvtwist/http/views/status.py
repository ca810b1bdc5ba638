"""
The status of the streams, for programs: C{/status}, C{/metrics}, C{/healthz} (I{reactor}).
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from twisted.web.http import Request

from mkvtwist import __version__
from mkvtwist.config.rule import EVERYBODY
from mkvtwist.http.figures import Figures
from mkvtwist.http.wire.response import respond, respond_text
from mkvtwist.live.events import timestamp
from mkvtwist.streams import metrics
from mkvtwist.streams.statistics import StreamStatistics
from mkvtwist.streams.stream import Stream

PRIVATE = frozenset({"detail", "input", "pattern", "recording", "sender"})
"""Fields of a stream for operators only: paths, addresses, libavformat's words."""

PRIVATE_OF_CLIENT = frozenset({"peer", "user_agent"})
"""Fields of a client for operators only."""


class Status:
    """The state of all streams."""

    def __init__(
        self,
        reactor: Any,
        streams: Mapping[str, Stream],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """
        @param streams: by their names; may change under way.
        @param wall_clock: seconds since the epoch, for dates.
        """
        self._streams = streams
        self._reactor = reactor
        self._wall_clock = wall_clock
        self._started = reactor.seconds()
        self._figures = Figures(reactor)

    def show(self, streams: Mapping[str, Stream], request: Request) -> None:
        """Respond to an operator with everything about these streams, as JSON."""
        body, _ = self._figures.get(
            "status", streams.values(), lambda: self._status(streams, _whole)
        )
        respond(request, body, b"application/json")

    def show_public(self, streams: Mapping[str, Stream], request: Request) -> None:
        """Respond to anyone else with the public figures of these streams, as JSON."""
        body, _ = self._figures.get(
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
        Respond with what a player's page shows, to clients that may watch the stream. They are
        counted: a look at each for each that asks would cost the square of their number.
        """
        shown, age = self._figures.get("stream", [stream], partial(self._stream_status, stream))
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
        """Respond in the text format of Prometheus."""
        body, _ = self._figures.get(
            "metrics", streams.values(), lambda: metrics.render(_statistics(streams))
        )
        respond(request, body, metrics.CONTENT_TYPE.encode())

    def show_health(self, request: Request) -> None:
        """
        Respond to a load balancer: 200 if all streams are live that are not optional, else 503. A
        stream on demand is well if it waits for a client.
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
        """Return all streams by their names, fit for JSON."""
        return {name: self.stream(name) for name in self._streams}

    def made_of(self, pattern: str) -> list[str]:
        """Return the names of the streams that were made of a pattern."""
        return [n for n, stream in self._streams.items() if stream.config.pattern == pattern]

    def stream(self, name: str) -> dict[str, Any]:
        """Return a stream, fit for JSON."""
        return self._as_json(self._streams[name].statistics())

    def _as_json(self, statistics: StreamStatistics) -> dict[str, Any]:
        now = self._reactor.seconds()
        offset = self._wall_clock() - now
        shown = asdict(statistics)
        shown["since"] = timestamp(statistics.since)
        shown["bitrate"] = round(statistics.bitrate)
        shown["ring"] = {
            name: shown.pop(f"ring_{name}") for name in ("seconds", "bytes", "segments")
        }
        del shown["endings"], shown["quiet"]
        if statistics.now is not None:
            shown["now"]["since"] = timestamp(statistics.now.since)
        if statistics.live_edge is not None:
            media, arrived = statistics.live_edge
            shown["live_edge"] = {
                "media": round(media, 3),
                "arrived": timestamp(arrived + offset),
                "age": round(now - arrived, 3),
            }
        if statistics.sender is not None:
            shown["sender"]["since"] = timestamp(statistics.sender.since + offset)
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
