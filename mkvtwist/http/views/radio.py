"""
Icecast's addresses: playlist files, statistics, and titles that senders set (I{reactor}).
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from twisted.web.http import Request, parse_qs

from mkvtwist import __version__
from mkvtwist.formats.base import Format
from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.formats.registry import FORMATS
from mkvtwist.http.wire.hosts import is_from_elsewhere, url_of
from mkvtwist.http.wire.query import token_query
from mkvtwist.http.wire.response import respond, respond_text
from mkvtwist.media.packet import Header
from mkvtwist.media.printable import printable
from mkvtwist.streams.stream import Stream


def show_m3u(stream: Stream, request: Request) -> None:
    """Respond with a playlist of M3U that has the stream's address."""
    text = f"#EXTM3U\n#EXTINF:-1,{_title(stream)}\n{_address(stream, request)}\n"
    respond(request, text.encode(), b"audio/x-mpegurl")


def show_pls(stream: Stream, request: Request) -> None:
    """Respond with a playlist of PLS that has the stream's address."""
    text = (
        f"[playlist]\nNumberOfEntries=1\nFile1={_address(stream, request)}\n"
        f"Title1={_title(stream)}\nLength1=-1\nVersion=2\n"
    )
    respond(request, text.encode(), b"audio/x-scpls")


def _title(stream: Stream) -> str:
    return stream.station.name or stream.config.name


def _address(stream: Stream, request: Request) -> str:
    period = stream.period
    format_ = format_for_players(period.header if period is not None else None)
    return url_of(request, f"/{stream.config.name}{format_.ending}{token_query(request)}")


def format_for_players(header: Header | None) -> Format:
    """
    Return the format that players find in a playlist file: sound alone as such, all else Matroska.
    """
    if header is not None and not header.has_video:
        for format_ in FORMATS.values():
            if format_.single and format_.fitting(header.tracks):
                return format_
    return MATROSKA


_CHARSETS = re.compile(
    r"utf-?(8|16)|(iso-?)?8859-?\d{1,2}|latin-?\d|(windows-|cp)\d{2,4}|koi8-[ru]", re.IGNORECASE
)
"""Encodings that senders name; others of Python's are no texts, or take very long."""


class IcecastStatus:
    """The statistics of Icecast, C{/status-json.xsl}, for programs that read those."""

    def __init__(self, wall_clock: Callable[[], float] = time.time) -> None:
        """
        @param wall_clock: seconds since the epoch.
        """
        self._started = wall_clock()

    def show(self, streams: Mapping[str, Stream], request: Request) -> None:
        """Respond with these streams, as far as they are live."""
        sources = list(_sources(streams, request))
        statistics: dict[str, Any] = {
            "host": urlsplit(url_of(request, "/")).hostname,
            "server_id": f"mkvtwist {__version__}",
            **_moment("server_start", self._started),
        }
        if sources:  # Icecast has no list of one
            statistics["source"] = sources[0] if len(sources) == 1 else sources
        body = json.dumps({"icestats": statistics}).encode() + b"\n"
        respond(request, body, b"application/json")


def _sources(streams: Mapping[str, Stream], request: Request) -> Iterator[dict[str, Any]]:
    for name, stream in streams.items():
        period = stream.period
        if period is None or stream.condition[0] != "live":
            continue
        header = period.header
        format_ = format_for_players(header)
        station, song = stream.station, stream.now_playing.song
        source: dict[str, Any] = {
            "listenurl": url_of(request, f"/{name}{format_.ending}"),
            "listeners": stream.audience,
            "server_name": station.name or name,
            "server_description": station.description,
            "server_type": format_.media_type(header.tracks),
            "genre": station.genre or "various",
            "bitrate": round(stream.client_bitrate / 1000),
            **_moment("stream_start", stream.since),
        }
        for track in header.tracks:
            if track.type == "audio":
                source |= {"samplerate": track.sample_rate, "channels": track.channels}
                break
        if song is not None:
            source |= {"title": song.text, "artist": song.artist or ""}
        yield source


def _moment(name: str, seconds: float) -> dict[str, str]:
    """Return a moment in both forms that Icecast writes."""
    moment = datetime.fromtimestamp(seconds, UTC)
    iso = moment.strftime("%Y-%m-%dT%H:%M:%S%z")
    return {name: format_datetime(moment), f"{name}_iso8601": iso}


def set_title(stream: Stream, request: Request) -> None:
    """
    Take what a sender says is playing, as Icecast's senders say it, and respond as Icecast does.

    The parameters are C{mode=updinfo} and C{song}, or C{title} and C{artist}; C{url} is an address
    of the song, and C{charset} says how all of it is written.
    """
    site = request.getHeader(b"sec-fetch-site")  # GET changes something here, and has no Origin
    if is_from_elsewhere(request) or site not in (None, b"same-origin", b"none"):
        respond_text(request, 403, "A page of another site cannot set a title here.")
        return
    given = _Parameters(request)
    if given["mode"] not in ("", "updinfo"):
        mode = printable(given["mode"], 200)
        respond_text(request, 400, f"mode must be updinfo, not {mode!r}.")
        return
    title, artist = given["title"], given["artist"]
    if given["song"] or not title:
        title, artist = given["song"], ""
    stream.now_playing.tell(title, artist, given["url"])
    respond(
        request,
        b'<?xml version="1.0"?>\n<iceresponse><message>Metadata update successful</message>'
        b"<return>1</return></iceresponse>\n",
        b"text/xml",
    )


class _Parameters:
    """The parameters of a request, in the encoding that one of them names."""

    def __init__(self, request: Request) -> None:
        content: bytes = request.content.read() if request.content is not None else b""
        self._args: dict[bytes, list[bytes]] = {**(request.args or {}), **parse_qs(content)}
        charset = self._args.get(b"charset", [b""])[-1].decode("ascii", "replace")
        self._encodings = [charset, "utf-8"] if _CHARSETS.fullmatch(charset) else ["utf-8"]

    def __getitem__(self, name: str) -> str:
        """Return a parameter; an empty text if it is not there."""
        value = self._args.get(name.encode(), [b""])[-1]
        for encoding in self._encodings:
            try:
                return value.decode(encoding)
            except (LookupError, UnicodeDecodeError):
                continue
        return value.decode("latin-1")  # what Icecast takes texts for
