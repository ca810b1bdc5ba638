"""
From an input to packets and headers: everything that touches PyAV (I{remux thread}).

libavformat may be used by one thread only, from open to close, or it crashes the process. So a
L{Reader} has one thread and owns all of it; only values leave: those of
L{mkvtwist.libav.events} and L{mkvtwist.media.packet}.

The way of a packet::

    opening -> demuxing -> adapters -> placing -> periods -> pace -> outlet

L{mkvtwist.libav.adapters.choice} has the table of oddities, L{mkvtwist.libav.periods} the rules for
headers, L{mkvtwist.libav.whitelists} the rules for what an input may open. The demo, stills and the
header are encoded and written here, too.
"""

from mkvtwist.libav.events import Ended, Event, Noted, Noticed, Opened
from mkvtwist.libav.listen_urls import listens
from mkvtwist.libav.pace import Pace
from mkvtwist.libav.reader import Reader, set_up

__all__ = [
    "Ended",
    "Event",
    "Noted",
    "Noticed",
    "Opened",
    "Pace",
    "Reader",
    "listens",
    "set_up",
]
