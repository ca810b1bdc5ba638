"""
Events of all streams, as they happen, for programs: C{/api/v1/events} (I{reactor}).
"""

import json
from collections.abc import Mapping
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import LoopingCall
from twisted.web.http import Request
from zope.interface import implementer

from mkvtwist.live.events import Event, Events

HEARTBEAT = 15.0
"""Seconds between two signs of life: proxies give up after 30 or 60 without one."""


@implementer(IPushProducer)
class EventStream:
    """
    A response with events as they happen (WHATWG HTML, 9.2: server-sent events).

    No events are kept for a client that does not read: it is told how many it has missed.
    """

    def __init__(self, reactor: Any, events: Events, request: Request) -> None:
        self._request = request
        self._paused = False
        self._missed = 0
        request.setHeader(b"Content-Type", b"text/event-stream")
        request.setHeader(b"Cache-Control", b"no-store")
        request.setHeader(b"X-Accel-Buffering", b"no")
        request.write(b": events, as they happen\n\n")
        if request.method == b"HEAD":
            request.finish()
            return
        self._unsubscribe = events.subscribe(self._tell)
        self._heartbeat = LoopingCall(self._live)
        self._heartbeat.clock = reactor
        self._heartbeat.start(HEARTBEAT, now=False)
        request.registerProducer(self, True)
        request.notifyFinish().addBoth(lambda _: self._end())

    def _tell(self, event: Event) -> None:
        if self._paused:
            self._missed += 1
            return
        self._write(event.kind, event.document)

    def _write(self, kind: str, data: Mapping[str, Any]) -> None:
        self._request.write(f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode())

    def _live(self) -> None:
        if not self._paused:
            self._request.write(b":\n\n")

    def _end(self) -> None:
        self._unsubscribe()
        self._heartbeat.stop()

    # IPushProducer

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        missed, self._missed = self._missed, 0
        if missed:
            self._write("missed", {"events": missed})

    def stopProducing(self) -> None:
        """Ignored: the request says as well that the connection is lost."""
