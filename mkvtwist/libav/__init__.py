"""
From an input to packets and headers: everything that touches PyAV (I{remux thread}).

libavformat may be used by one thread only, from open to close, or it crashes the process. So a
L{Reader} has one thread and owns all of it; only values leave: those of
L{mkvtwist.libav.reader_events} and L{mkvtwist.media.packet}.

The way of a packet::

    opening -> demuxing -> adapters -> placing -> periods -> pace -> outlet

Its folders are C{opening}, C{adapters} (L{mkvtwist.libav.adapters.table} has the table of oddities)
and C{packets}, in this order; C{headers} describes tracks, and C{reach} has the rules for what an
input may open. The demo and stills are encoded here, too.
"""

from mkvtwist.libav.opening.listen_urls import listens
from mkvtwist.libav.packets.pace import Pace
from mkvtwist.libav.reader import Reader, set_up
from mkvtwist.libav.reader_events import (
    INTERNAL_ERROR,
    Ended,
    Event,
    Noted,
    Noticed,
    Opened,
    Tagged,
)

__all__ = [
    "INTERNAL_ERROR",
    "Ended",
    "Event",
    "Noted",
    "Noticed",
    "Opened",
    "Pace",
    "Reader",
    "Tagged",
    "listens",
    "set_up",
]
