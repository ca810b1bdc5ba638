"""
The last seconds as a file: the instant replay (I{reactor; a pool's threads write the files}).

The ring moves on while a player seeks, so what was asked for becomes a file of its own at once, and
the response sends the player there::

    GET /NAME/last.mkv?seconds=30  ->  302, Location: last-20261122-213000-5f1c.mkv
    GET /NAME/last-20261122-213000-5f1c.mkv  ->  200, 206, 304, 416: always of the same bytes

Some players (ffmpeg) ask at the first address again for each part. A client that asks there for a
part from somewhere in the middle is sent to the file that it got before.

They are files rather than memory: a few of them are more than the rings of some streams, and the
system keeps in memory what is being read.
"""

import os
import re
from collections.abc import Callable
from functools import partial
from math import ceil
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure
from twisted.web.http import Request, datetimeToString
from twisted.web.server import NOT_DONE_YET

from mkvtwist.config.values import ConfigError, parse_seconds
from mkvtwist.formats.base import Format
from mkvtwist.formats.choice import Choice, NoTrack, Unfit, choose
from mkvtwist.formats.replay import Replay
from mkvtwist.http.replay.downloads import Downloads
from mkvtwist.http.replay.files import (
    KEEP_TIME,
    Key,
    Recipient,
    ReplayFile,
    ReplayFiles,
    Reservation,
)
from mkvtwist.http.replay.writer import PREFIX, ReplayWriter
from mkvtwist.http.wire.caching import cache_control, respond_if_unchanged
from mkvtwist.http.wire.later import supervise
from mkvtwist.http.wire.live_response import respond_unfit
from mkvtwist.http.wire.peer import client_host
from mkvtwist.http.wire.query import parameter, token_query, wanted_tracks
from mkvtwist.http.wire.response import respond_head, respond_text, respond_unavailable
from mkvtwist.live.streamlog import StreamLog
from mkvtwist.net.addresses import one_host
from mkvtwist.net.waiting import Results
from mkvtwist.streams.stream import Stream

USUAL_SECONDS = 30.0
"""Seconds in a file by default: as many as the ring holds by default."""

LONGEST_REPLAY = 3600.0
"""Seconds of a replay at most; the limit also bounds the index."""

SAME_FOR = 1.0
"""Seconds in which clients that ask for the same get the same file."""

MOST_RANGES = 8
"""Ranges that a client may ask for at once; no player asks for more than 2."""

MOST_MAKING = 8
"""Files that wait to be made, one at a time; a client that asks for one more gets 503."""

REPLAY_RETRY = 2
"""Seconds after which a client that could not be served may ask again."""

REPLAY_SWEEP = 10.0
"""Seconds between two looks for files that are not wanted any more."""

MOST_RECIPIENTS = 1000
"""Clients that are remembered as having been sent to a file."""


class Replays:
    """The replays of all streams."""

    def __init__(
        self,
        reactor: Any,
        files: ReplayFiles | None = None,
        writer: ReplayWriter | None = None,
        downloads: Downloads | None = None,
    ) -> None:
        self._clock = reactor
        self._files = files if files is not None else ReplayFiles(reactor)
        self._writer = writer or ReplayWriter(reactor)
        self._downloads = downloads if downloads is not None else Downloads(reactor)
        self._making: Results[Key, ReplayFile] = Results()
        self._sweep = LoopingCall(self._look)
        self._sweep.clock = reactor

    def start(self) -> None:
        """Make files, perhaps again."""
        self._writer.is_stopped = False

    def stop(self) -> None:
        """Remove all files, and make no more: they would not be removed."""
        if self._sweep.running:
            self._sweep.stop()
        self._files.clear()
        self._writer.stop()

    # /NAME/last.mkv

    def make(self, stream: Stream, format_: Format, request: Request) -> None:
        """Send the client to a file of the last seconds, which may have to be made."""
        try:
            text = parameter(request, "seconds") or f"{USUAL_SECONDS}"
            seconds = parse_seconds("seconds", text, most=LONGEST_REPLAY)
            tracks = wanted_tracks(request)
        except ConfigError as error:
            respond_text(request, 400, str(error))
            return
        period = stream.period
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
            self._wait(key, Deferred, request)  # it is being made already
        else:
            replay = None if period is None else period.replay(choice, seconds)
            self._begin(replay, key, request)

    def _begin(self, replay: Replay | None, key: Key, request: Request) -> None:
        """Have a file made; a replay of nothing is L{None}."""
        if replay is None:
            respond_unavailable(request, "The stream has no buffered media yet.", REPLAY_RETRY)
            return
        kind = replay.format.media_type(replay.tracks)
        if request.method == b"HEAD":
            # The type of a file that is not made for C{HEAD}.
            respond_head(request, kind.encode())
            return
        if len(self._making) >= MOST_MAKING:
            text = "Too many replays are being made; try again."
            respond_unavailable(request, text, REPLAY_RETRY)
            return
        size = sum(len(packet.data) for packet in replay.packets)
        room = self._files.reserve(one_host(client_host(request)), size)
        if room is None:
            text = "Too many replays are being read; try again."
            respond_unavailable(request, text, REPLAY_RETRY)
            return
        self._wait(key, partial(self._write, replay, kind, key, room), request)

    def _found(self, key: Key, request: Request) -> ReplayFile | None:
        """Return the file that the client got before, if it goes on with it, or one that is new."""
        files = self._files.of(key)
        if not (request.getHeader(b"range") or b"bytes=0-").startswith(b"bytes=0-"):
            mine = [file for file in files if _recipient(request) in file.recipients]
            if mine:
                return mine[-1]
        now = self._clock.seconds()
        return files[-1] if files and now - files[-1].made < SAME_FOR else None

    def _wait(self, key: Key, make: Callable[[], Deferred[ReplayFile]], request: Request) -> None:
        """Respond when a file is made, which may be begun here."""
        made = self._making.wait(key, make)
        made.addCallbacks(self._send_to, partial(_respond_not_made, request), (request,))
        supervise(made, request)

    def _write(
        self, replay: Replay, kind: str, key: Key, room: Reservation
    ) -> Deferred[ReplayFile]:
        def keep(path: str) -> ReplayFile:
            file = ReplayFile(path, kind, key, self._clock.seconds())
            self._files.put(file, room)
            if not self._sweep.running:
                self._sweep.start(REPLAY_SWEEP, now=False)
            return file

        # What has been written may be gone already: then it has failed, too.
        return self._writer.write(replay).addCallback(keep).addErrback(self._failed, key, room)

    def _failed(self, failure: Failure, key: Key, room: Reservation) -> Failure:
        """Log why a file could not be made, and return the failure in words for clients."""
        self._files.release(room)
        cause = getattr(failure.value, "strerror", None) or "see the log"
        text = f"The last seconds of {key[0]} cannot be made a file: {cause}."
        if self._writer.is_stopped:
            text = "The server stops."
        elif failure.check(OSError):
            StreamLog(key[0], __name__).error("{problem}", problem=text)
        else:
            StreamLog(key[0], __name__).failure("making a file of the last seconds failed", failure)
        return Failure(_NotMadeError(text))

    def _look(self) -> None:
        """Disconnect clients that are gone, and remove files that are wanted no more."""
        self._downloads.look()
        self._files.drop_old()
        if not self._files and not self._downloads:
            self._sweep.stop()

    def _send_to(self, file: ReplayFile, request: Request) -> None:
        """Redirect a client to its file."""
        if len(file.recipients) < MOST_RECIPIENTS:
            file.recipients.add(_recipient(request))
        self._files.hold(file, one_host(client_host(request)))
        _redirect(file, request)

    # /NAME/last-ID.mkv

    def show(self, stream: Stream, id_: str, request: Request) -> None:
        """Respond with a file, or the part of it that is asked for."""
        of, name = stream.config.name, f"{PREFIX}-{id_}"
        file = self._files.find(of, name)
        if file is None:
            ending = os.path.splitext(name)[1]
            respond_text(
                request, 404, f"This replay is no longer kept; ask for /{of}/{PREFIX}{ending} anew."
            )
            return
        self._files.hold(file, one_host(client_host(request)))
        cache = cache_control(request, stream.config.watch, b"max-age=%d, immutable" % KEEP_TIME)
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
            self._downloads.begin(file, request, stream.config.client_timeout)


class _NotMadeError(Exception):
    """The exception for a file that was not made; the text says why, for clients."""


def _respond_not_made(request: Request, why: Failure) -> None:
    """Respond that a file was not made."""
    why.trap(_NotMadeError)
    respond_unavailable(request, str(why.value), REPLAY_RETRY)


def _check_range(file: ReplayFile, request: Request) -> None:
    """
    Ignore C{Range} if C{If-Range} names another file, if the end that is asked for is longer than
    the file, or if there are so many ranges that they may be many times as long (RFC 9110, 14.2).
    """
    unless = request.getHeader(b"if-range")
    last = datetimeToString(ceil(file.getModificationTime()))  # as Twisted rounds it
    suffix = re.fullmatch(rb"bytes=-(\d{1,18})", request.getHeader(b"range") or b"")
    changed = unless is not None and unless not in (file.tag, last)
    parts = (request.getHeader(b"range") or b"").count(b",") + 1
    if changed or parts > MOST_RANGES or (suffix and int(suffix[1]) >= file.size):
        request.requestHeaders.removeHeader(b"range")


def _redirect(file: ReplayFile, request: Request) -> None:
    """Redirect; the address is relative, so that it holds behind a proxy too."""
    where = f"{file.name}?download" if _wants_download(request) else file.name
    query = token_query(request)
    request.setHeader(
        b"Location", f"{where}{query.replace('?', '&') if '?' in where else query}".encode()
    )
    respond_text(request, 302, where)


def _recipient(request: Request) -> Recipient:
    return client_host(request) or "", (request.getHeader(b"user-agent") or b"")[:200]


def _wants_download(request: Request) -> bool:
    # Twisted passes over parameters that have no value.
    return re.search(rb"[?&]download\b", request.uri) is not None
