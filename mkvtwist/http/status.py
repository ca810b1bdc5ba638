"""
What is known of the streams, for programs: C{/status} and C{/metrics} (I{reactor}).
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from twisted.web.http import Request

from mkvtwist import __version__, metrics
from mkvtwist.config import EVERYBODY
from mkvtwist.http.answers import answer, say, timestamp
from mkvtwist.stream import Stream, StreamStatistics

PRIVATE = frozenset({"detail", "input", "recording"})
"""What only operators see of a stream: paths, addresses, libavformat's words."""

PRIVATE_OF_CLIENT = frozenset({"peer", "user_agent"})
"""What only operators see of a client."""


class Status:
    """The figures of streams."""

    def __init__(self, reactor: Any, streams: Mapping[str, Stream]) -> None:
        self._streams = streams
        self._reactor = reactor
        self._started = reactor.seconds()

    def show(self, streams: Mapping[str, Stream], request: Request) -> None:
        """Answer an operator with everything about these streams, as JSON."""
        self._answer({name: self.stream(name) for name in streams}, request)

    def show_public(self, streams: Mapping[str, Stream], request: Request) -> None:
        """Answer anyone else with the public figures of these streams, as JSON."""
        self._answer({name: _public(self.stream(name)) for name in streams}, request)

    def _answer(self, streams: Mapping[str, Any], request: Request) -> None:
        status = {
            "version": __version__,
            "uptime": round(self._reactor.seconds() - self._started, 3),
            "streams": streams,
        }
        answer(request, json.dumps(status, indent=2).encode() + b"\n", b"application/json")

    def show_stream(self, stream: Stream, request: Request) -> None:
        """
        Answer with what a player's page shows, to whoever may watch the stream: its clients are
        counted, since a look at each that each of them asks for costs the square of their number.
        """
        shown = _public(self._as_json(stream.statistics(clients=False)))
        del shown["bytes_out"]
        shown["clients"] = stream.audience - shown["hls_viewers"]
        answer(request, json.dumps(shown).encode() + b"\n", b"application/json")

    def show_metrics(self, streams: Mapping[str, Stream], request: Request) -> None:
        """Answer in Prometheus' text format."""
        answer(request, metrics.render(_statistics(streams)), metrics.CONTENT_TYPE.encode())

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
        say(request, 503 if ill else 200, "\n".join(ill) or "All streams are live.")

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
        del shown["endings"]
        if statistics.live_edge is not None:
            media, arrived = statistics.live_edge
            shown["live_edge"] = {
                "media": round(media, 3),
                "arrived": timestamp(arrived + offset),
                "age": round(now - arrived, 3),
            }
        for track in shown["tracks"]:
            del track["setup"]
            track["formats"] = statistics.endings[track["number"]]
        for client in shown["clients"]:
            client["since"] = timestamp(client["since"] + offset)
            client["lag"] = round(client["lag"], 3)
        return shown


def _public(stream: Mapping[str, Any]) -> dict[str, Any]:
    """What anyone may see of a stream's status."""
    shown = {key: value for key, value in stream.items() if key not in PRIVATE}
    # Each text is a track and, behind the colon, why it is left out: in libavformat's words.
    shown["left_out"] = [text.partition(": ")[0] for text in stream["left_out"]]
    shown["clients"] = [
        {key: value for key, value in client.items() if key not in PRIVATE_OF_CLIENT}
        for client in stream["clients"]
    ]
    return shown


def _statistics(streams: Mapping[str, Stream]) -> dict[str, StreamStatistics]:
    return {name: stream.statistics() for name, stream in streams.items()}
