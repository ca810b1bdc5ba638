"""
Negotiation: page or media, by a client's headers (I{reactor}; RFC 9110, 12).
"""

import re

from twisted.web.http import Request


def accepts(request: Request, content_type: str) -> bool:
    """Return whether the client lists a type by name: browsers do for pages, players do not."""
    listed = (request.getHeader(b"accept") or b"").decode("latin-1")
    return any(item.partition(";")[0].strip() == content_type for item in listed.split(","))


PLAYERS = re.compile(
    rb"lavf/|vlc|libmpv|\bmpv\b|mplayer|gstreamer|souphttpsrc|libsoup|kodi|xbmc|exoplayer|stagefright|"
    rb"applecoremedia|quicktime|itunes|nsplayer|windows-media-player|winamp|foobar2000|xmms|audacious|"
    rb"roku|sonos|squeezebox|tvheadend|smarttv|hbbtv|bass/|curl/|wget/|aria2/|streamlink|yt-dlp",
    re.IGNORECASE,
)
"""
Names in C{User-Agent} of programs that play or save media. Programs that fetch links for chats and
search engines have none of these names; the endless stream would give them a client's place.
"""


def wants_page(request: Request) -> bool:
    """
    Return whether a stream's name without an ending stands for its page.

    A browser gets the page, and so does every program that shows no sign of a media player:
    programs that preview links accept any type.
    """
    if accepts(request, "text/html"):
        return True
    headers = request.requestHeaders
    listed = (request.getHeader(b"accept") or b"").lower()
    wanted = (request.getHeader(b"range") or b"").replace(b" ", b"").lower()
    if not (headers.hasHeader(b"accept") or headers.hasHeader(b"user-agent")):
        # A simple program that reads bytes; programs that preview links name themselves.
        return False
    return not (
        headers.hasHeader(b"icy-metadata")
        or wanted == b"bytes=0-"  # some programs that preview links ask for the first bytes
        or b"video/" in listed
        or b"audio/" in listed
        or request.getHeader(b"sec-fetch-dest") in (b"video", b"audio")
        or PLAYERS.search(request.getHeader(b"user-agent") or b"")
    )
