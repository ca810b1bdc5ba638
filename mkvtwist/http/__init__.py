"""
What clients request: the live stream, C{/status}, C{/metrics}, the page (I{reactor}).

L{site} finds out what is asked for; each of the other modules answers one kind of request.
"""

from mkvtwist.http.site import LiveSite, StreamResource

__all__ = ["LiveSite", "StreamResource"]
