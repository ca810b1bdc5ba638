"""
The live stream, in any format, as long as the client stays (I{reactor}).
"""

from collections.abc import Sequence
from functools import partial

from twisted.web.http import Request

from mkvtwist.config.values import ConfigError, parse_past, parse_seconds
from mkvtwist.formats.base import Format
from mkvtwist.formats.choice import NoTrack, Unfit, choose
from mkvtwist.http.client_limits import ClientLimits
from mkvtwist.http.wire.icy import IcyTitles, wants_titles
from mkvtwist.http.wire.live_response import (
    live_headers,
    live_response,
    respond_nothing_new,
    respond_unfit,
)
from mkvtwist.http.wire.peer import user_agent
from mkvtwist.http.wire.query import parameter, wanted_tracks
from mkvtwist.http.wire.response import respond_text
from mkvtwist.live.client import Wish
from mkvtwist.media.packet import Track
from mkvtwist.net.sockets import address
from mkvtwist.streams.stream import Stream


def watch(stream: Stream, format_: Format, limits: ClientLimits, request: Request) -> None:
    """Respond with the stream, from now on."""
    wanted = request.getHeader(b"range")
    if wanted is not None and wanted.replace(b" ", b"").lower() != b"bytes=0-":
        respond_text(request, 416, "A live stream has no ranges; send the request without Range.")
        return
    try:
        burst, tracks = _burst(request, stream), wanted_tracks(request)
        lag = parameter(request, "lag")
        max_lag = None if lag is None else parse_seconds("lag", lag)
    except ConfigError as error:
        respond_text(request, 400, str(error))
        return
    titles = IcyTitles(stream) if format_.single and wants_titles(request) else None
    if request.method == b"HEAD":
        _preview(stream, format_, tracks, titles, request)
        return
    if not format_.auxiliary:
        if limits.refuse(stream, request):
            return
        limits.enter(request)
    response = live_response(request, format_, partial(respond_nothing_new, stream), titles)
    gone = request.notifyFinish()
    wish = Wish(
        burst=burst,
        format=format_,
        tracks=tracks,
        framing=response.framing,
        rebase=format_.rebase if _wants_rebase(request) else None,
        peer=address(request.getClientAddress()),
        user_agent=user_agent(request),
        max_lag=max_lag,
    )
    client = stream.fanout.join(response, wish)
    gone.addErrback(lambda _: client.stopProducing())


def _preview(
    stream: Stream,
    format_: Format,
    wanted: frozenset[int] | None,
    titles: IcyTitles | None,
    request: Request,
) -> None:
    """Respond with the head of what C{GET} would get; the client does not join."""
    period = stream.period
    tracks: Sequence[Track] = ()
    if period is not None:
        try:
            choice = choose(period.header, format_, wanted)
        except (Unfit, NoTrack) as problem:
            respond_unfit(request, problem)
            return
        tracks = period.header.only(choice.tracks)
    if titles is not None:
        titles.announce(request, tracks)
    live_headers(request, format_, tracks)
    request.write(b"")
    request.finish()


def _burst(request: Request, stream: Stream) -> float | None:
    join, start = parameter(request, "join"), parameter(request, "start")
    if start is not None:
        if join is not None or parameter(request, "burst") is not None:
            raise ConfigError("start: it says by itself where to begin; leave out burst and join")
        return -parse_past("start", start)
    if join == "live":
        return None
    if join is not None:
        raise ConfigError(f"join: {join!r} is not 'live', the only value there is")
    burst = parameter(request, "burst")
    return stream.config.burst if burst is None else parse_seconds("burst", burst)


def _wants_rebase(request: Request) -> bool:
    """Return whether timestamps begin at 0, as a browser's video element needs them."""
    return parameter(request, "rebase") == "1" or request.getHeader(b"sec-fetch-dest") == b"video"
