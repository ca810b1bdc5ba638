"""
HTTP: the live stream, C{/status}, C{/metrics}, the page, to those who may have them (I{reactor}).

L{mkvtwist.http.routes} has the table of what is served; each module of C{views} responds to one
kind of request; C{wire} has what Twisted lacks of HTTP.
"""

from mkvtwist.http.site import LiveSite, StreamResource

__all__ = ["LiveSite", "StreamResource"]
