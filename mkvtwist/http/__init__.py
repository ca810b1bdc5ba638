"""
HTTP: the streams, their pages and their status, served to admitted clients (I{reactor}).

L{mkvtwist.http.routes} has the table of what is served; each module of C{views} responds to one
kind of request; C{wire} has the parts of HTTP that Twisted lacks.
"""

from mkvtwist.http.site import LiveSite, StreamResource

__all__ = ["LiveSite", "StreamResource"]
