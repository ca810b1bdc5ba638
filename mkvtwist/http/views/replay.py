"""
The last seconds as a file: the instant replay (I{reactor; a pool's threads write the files}).

The ring moves on while a player seeks, so what was asked for becomes a file of its own at once, and
the answer sends the player there::

    GET /NAME/last.mkv?seconds=30  ->  302, Location: last-20261122-213000-5f1c.mkv
    GET /NAME/last-20261122-213000-5f1c.mkv  ->  200, 206, 304, 416: always of the same bytes

Some players (ffmpeg) ask at the first address again for each part. Whoever asks there for a part
from somewhere in the middle is sent to the file that it got before.

They are files rather than memory: a few of them are more than the rings of some streams, and the
system keeps in memory what is being read.
"""

import errno
import os
import re
import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.web.http import Request, datetimeToString
from twisted.web.server import NOT_DONE_YET

from mkvtwist.config.values import ConfigError, parse_seconds
from mkvtwist.formats.base import Format
from mkvtwist.formats.choice import Choice, NoTrack, Unfit, choose
from mkvtwist.formats.replay import Replay
from mkvtwist.http.shelf import KEEP, Kept, Key, Place, Shelf, Taker
from mkvtwist.http.wire.caching import cache_control, respond_if_unchanged
from mkvtwist.http.wire.client import abort, client_host, transport_of
from mkvtwist.http.wire.live_response import respond_unfit
from mkvtwist.http.wire.query import parameter, token_query, wanted_tracks
from mkvtwist.http.wire.response import respond_head, respond_text, respond_unavailable
from mkvtwist.live.period import Period
from mkvtwist.live.streamlog import StreamLog
from mkvtwist.media.packet import SECOND, Packet
from mkvtwist.net.addresses import one_host
from mkvtwist.net.sockets import UNSENT, keep_alive, tcp_socket, traffic
from mkvtwist.streams.stream import Stream

PREFIX = "last"

SECONDS = 30.0
"""How much is in a file when nobody says: what the ring holds when nobody says."""

LONGEST = 3600.0
"""More seconds are not for a replay; it bounds the index, too."""

FRESH = 1.0
"""Seconds in which those who ask for the same get the same file."""

PARTS = 8
"""Ranges that may be asked for at once; no player asks for more than 2."""

CROWD = 8
"""Files that wait to be made, one at a time; who asks for one more is told to come again."""

AGAIN = 2
"""Seconds after which who could not be served now may ask again."""

SWEEP = 10.0
"""Seconds between two looks at the files that nobody wants any more."""

TAKERS = 1000
"""Clients of which is remembered that they were sent to a file."""


@dataclass(slots=True)
class Reading:
    """
    A client that has not got all of an answer yet.

    @ivar sent: bytes that it had taken when that was last looked at, C{since} when so many.
    @ivar socket: what it is sent through, for L{traffic}.
    @ivar timeout: seconds that its machine may acknowledge nothing; its program may pause longer.
    """

    file: Kept
    sent: int
    since: float
    socket: Any
    timeout: float


class Replays:
    """
    The files of all streams.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._directory: str | None = None
        self._stopped = False
        self._shelf = Shelf(reactor)
        self._making: dict[Key, list[Request]] = {}
        self._reading: dict[Request, Reading] = {}
        self._one = DeferredSemaphore(1)
        self._sweep = LoopingCall(self._look)
        self._sweep.clock = reactor

    def start(self) -> None:
        """Files are made again."""
        self._stopped = False

    def stop(self) -> None:
        """Remove them all, and make no more, which nobody would remove."""
        self._stopped = True
        if self._sweep.running:
            self._sweep.stop()
        self._shelf.clear()
        directory, self._directory = self._directory, None
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)

    # /NAME/last.mkv

    def make(self, stream: Stream, format_: Format, request: Request) -> None:
        """Send the client to a file of the last seconds, which may have to be made."""
        try:
            seconds = parse_seconds(
                "seconds", parameter(request, "seconds") or f"{SECONDS}", most=LONGEST
            )
            tracks = wanted_tracks(request)
        except ConfigError as error:
            respond_text(request, 400, str(error))
            return
        period = stream.publisher.period
        choice = Choice(format_, frozenset())
        try:
            if period is not None:
                choice = choose(period.header, format_, tracks)
        except (Unfit, NoTrack) as problem:
            respond_unfit(request, problem)
            return
        key = (stream.config.name, format_, tracks, seconds)
        file = self._found(key, request)
        if file is not None:
            self._send_to(file, request)
        elif key in self._making and request.method != b"HEAD":
            self._wait(key, request)
        elif period is None or not (packets := _since(period, choice, seconds)):
            respond_unavailable(request, "There is nothing to look back at yet.", AGAIN)
        elif request.method == b"HEAD":
            # What a file would be, which nobody has asked for yet.
            kind = choice.format.media_type(period.header.only(choice.tracks))
            respond_head(request, kind.encode())
        elif len(self._making) >= CROWD:
            respond_unavailable(request, "Too much is being made for others; try again.", AGAIN)
        else:
            size = sum(len(packet.data) for packet in packets)
            place = self._shelf.reserve(one_host(client_host(request)), size)
            if place is None:
                respond_unavailable(
                    request, "Too many of these files are being read; try again.", AGAIN
                )
                return
            self._making[key] = []
            self._wait(key, request)
            self._begin(key, place, choice, period, packets)

    def _found(self, key: Key, request: Request) -> Kept | None:
        """The file that this client got before, if it goes on with it, or one that is new."""
        files = self._shelf.of(key)
        if not (request.getHeader(b"range") or b"bytes=0-").startswith(b"bytes=0-"):
            mine = [file for file in files if _taker(request) in file.takers]
            if mine:
                return mine[-1]
        now = self._reactor.seconds()
        return files[-1] if files and now - files[-1].made < FRESH else None

    def _wait(self, key: Key, request: Request) -> None:
        waiting = self._making[key]
        waiting.append(request)
        request.notifyFinish().addErrback(lambda _: waiting.remove(request))

    def _begin(
        self, key: Key, place: Place, choice: Choice, period: Period, packets: list[Packet]
    ) -> None:
        made = period.muxer(choice)
        tracks = period.header.only(choice.tracks)
        replay = Replay(tracks, choice.format, made, packets)
        kind = choice.format.media_type(tracks)
        done: Deferred[str] = self._one.run(self._write, replay)
        done.addCallback(self._made, key, place, kind)
        done.addErrback(self._failed, key, place)

    def _made(self, path: str, key: Key, place: Place, kind: str) -> None:
        file = Kept(path, kind, key, self._reactor.seconds())
        self._shelf.put(file, place)
        if not self._sweep.running:
            self._sweep.start(SWEEP, now=False)
        for request in self._making.pop(key)[:]:
            self._send_to(file, request)

    def _failed(self, failure: Failure, key: Key, place: Place) -> None:
        self._shelf.release(place)
        cause = getattr(failure.value, "strerror", None) or "see the log"
        text = f"The last seconds of {key[0]} cannot be made a file: {cause}."
        if self._stopped:
            text = "The server stops."
        elif failure.check(OSError):
            StreamLog(key[0], __name__).error("{problem}", problem=text)
        else:
            StreamLog(key[0], __name__).failure("making a file of the last seconds failed", failure)
        for request in self._making.pop(key)[:]:
            respond_unavailable(request, text, AGAIN)

    def _look(self) -> None:
        """Now and then: who reads, and what is wanted no more."""
        now = self._reactor.seconds()
        for request, reading in list(self._reading.items()):
            known = traffic(reading.socket)
            if known is not None and known.silent >= reading.timeout:
                abort(request)
            elif request.sentLength != reading.sent:
                reading.sent, reading.since, reading.file.asked = request.sentLength, now, now
            elif now - reading.since >= KEEP:
                abort(request)
        self._shelf.drop_old()
        if not self._shelf and not self._reading:
            self._sweep.stop()

    def _send_to(self, file: Kept, request: Request) -> None:
        """Have a client go to its file."""
        if len(file.takers) < TAKERS:
            file.takers.add(_taker(request))
        self._shelf.hold(file, one_host(client_host(request)))
        _redirect(file, request)

    def _write(self, replay: Replay) -> Deferred[str]:
        """Write a file; fires with its path."""
        if self._stopped:
            raise _cancelled()
        if self._directory is None:
            self._directory = tempfile.mkdtemp(prefix="mkvtwist-")
        pool = self._reactor.getThreadPool()
        return deferToThreadPool(
            self._reactor, pool, self._write_in_thread, self._directory, replay
        )

    def _write_in_thread(self, directory: str, replay: Replay) -> str:
        # When it was made, for people; and something that no file before had, in no other run.
        when = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
        path = os.path.join(directory, f"{PREFIX}-{when}{replay.format.ending}")
        try:
            with open(path, "xb") as file:
                replay.write(file)
        except BaseException:
            with suppress(OSError):
                os.unlink(path)
            raise
        if self._directory != directory:  # it was removed meanwhile, but for what came after that
            shutil.rmtree(directory, ignore_errors=True)
            raise _cancelled()
        return path

    # /NAME/last-ID.mkv

    def show(self, stream: Stream, id_: str, request: Request) -> None:
        """Respond with a file, or the part of it that is asked for."""
        of, name = stream.config.name, f"{PREFIX}-{id_}"
        file = self._shelf.find(of, name)
        if file is None:
            ending = os.path.splitext(name)[1]
            respond_text(
                request, 404, f"It is not kept any more; ask for /{of}/{PREFIX}{ending} anew."
            )
            return
        self._shelf.hold(file, one_host(client_host(request)))
        cache = cache_control(request, stream.config.watch, b"max-age=%d, immutable" % KEEP)
        request.setHeader(b"Cache-Control", cache)
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        how = "attachment" if _wants_download(request) else "inline"
        saved = f"{of}{name.removeprefix(PREFIX)}"
        request.setHeader(b"Content-Disposition", f'{how}; filename="{saved}"'.encode())
        _check_range(file, request)
        file.was_read = True
        if respond_if_unchanged(request, file.tag):
            return
        body = file.render_GET(request)
        if body is not NOT_DONE_YET:
            request.write(body)
            request.finish()
        elif not request.finished:
            transport = transport_of(request)
            keep_alive(transport, UNSENT)  # in place of a bound that ends long pauses
            timeout = stream.config.client_timeout
            reading = Reading(file, 0, file.asked, tcp_socket(transport), timeout)
            self._reading[request] = reading
            file.readers += 1
            request.notifyFinish().addBoth(lambda _: self._read(request))

    def _read(self, request: Request) -> None:
        """Note that a client has all of its answer, or has gone."""
        self._reading.pop(request).file.readers -= 1


def _check_range(file: Kept, request: Request) -> None:
    """
    Ask for all of it if C{If-Range} is about another file, if the end is more than it all, or if it
    is asked for in so many parts that they may be many times as long as it is (RFC 9110, 14.2).
    """
    unless = request.getHeader(b"if-range")
    last = datetimeToString(ceil(file.getModificationTime()))  # as Twisted rounds it
    suffix = re.fullmatch(rb"bytes=-(\d{1,18})", request.getHeader(b"range") or b"")
    changed = unless is not None and unless not in (file.tag, last)
    parts = (request.getHeader(b"range") or b"").count(b",") + 1
    if changed or parts > PARTS or (suffix and int(suffix[1]) >= file.size):
        request.requestHeaders.removeHeader(b"range")


def _cancelled() -> OSError:
    return OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))


def _since(period: Period, choice: Choice, seconds: float) -> list[Packet]:
    """What is sent of the last seconds."""
    packets = period.since(round(seconds * SECOND))
    return [packet for packet in packets if packet.track in choice.tracks]


def _redirect(file: Kept, request: Request) -> None:
    """Redirect; the address is relative, so that it holds behind a proxy too."""
    where = f"{file.name}?download" if _wants_download(request) else file.name
    query = token_query(request)
    request.setHeader(
        b"Location", f"{where}{query.replace('?', '&') if '?' in where else query}".encode()
    )
    respond_text(request, 302, where)


def _taker(request: Request) -> Taker:
    return client_host(request) or "", (request.getHeader(b"user-agent") or b"")[:200]


def _wants_download(request: Request) -> bool:
    # Twisted passes over parameters that have no value.
    return re.search(rb"[?&]download\b", request.uri) is not None
