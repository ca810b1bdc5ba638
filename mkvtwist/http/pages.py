"""
Pages for people (I{reactor}).
"""

import html
import json
from collections.abc import Mapping
from importlib import resources
from string import Template

from twisted.web.http import Request

from mkvtwist.http.answers import accepts, answer, carried, printable
from mkvtwist.input import describe
from mkvtwist.stream import Stream


def show_list(streams: Mapping[str, Stream], request: Request) -> None:
    """All streams; as JSON for who prefers that."""
    names = list(streams)
    if accepts(request, "application/json") and not accepts(request, "text/html"):
        body = json.dumps({"streams": names}).encode() + b"\n"
        answer(request, body, b"application/json")
        return
    query = carried(request)
    items = "".join(
        f'<li><a href="{html.escape(name + query)}">{html.escape(name)}</a></li>' for name in names
    )
    _show(request, "mkvtwist", f"<ul>{items}</ul>" if items else "<p>No stream.</p>")


def show_stream(stream: Stream, request: Request) -> None:
    """What is playing, and how to open it in a player."""
    statistics = stream.statistics()
    name = html.escape(stream.config.name)
    host = html.escape(printable(request.getHeader(b"host")) or "localhost:8080")
    scheme = "https" if request.isSecure() else "http"
    query = html.escape(carried(request))
    url = f"{scheme}://{host}/{name}.mkv{query}"
    tracks = "".join(f"<li>{html.escape(describe(track))}</li>" for track in statistics.tracks)
    body = resources.files("mkvtwist").joinpath("page.html").read_text("utf-8")
    filled = Template(body).substitute(
        name=name,
        state=html.escape(statistics.state),
        reason=html.escape(statistics.reason),
        tracks=tracks,
        clients=len(statistics.clients),
        url=url,
        query=query,
    )
    _show(request, stream.config.name, filled)


def _show(request: Request, title: str, body: str) -> None:
    frame = resources.files("mkvtwist").joinpath("frame.html").read_text("utf-8")
    request.setHeader(b"Content-Security-Policy", b"default-src 'none'; style-src 'unsafe-inline'")
    request.setHeader(b"Referrer-Policy", b"no-referrer")  # a token may be in the address
    request.setHeader(b"Vary", b"Accept")
    text = Template(frame).substitute(title=html.escape(title), body=body)
    answer(request, text.encode(), b"text/html; charset=utf-8")
