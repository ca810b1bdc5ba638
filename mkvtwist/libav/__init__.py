"""
From an input to packets and headers: everything that touches PyAV (I{remux thread}).

libavformat may be used by one thread only, from open to close, or it crashes the process. So a
L{Reader} lives in one thread and owns all of it; what leaves are the values of
L{mkvtwist.media.packet}.

    - L{opening} bounds the opening, and looks at the tracks that turn up
    - L{reader} opens, reads, holds the header back until every track is known, keeps the time
    - L{reach} says what an input may open beside its own bytes; L{fetch} gets what a playlist names
    - L{extras} cuts tags, chapters and attachments to a size
    - L{adapters} has one small class for each oddity of a track: video, audio, subtitles
    - L{header} has libavformat write the header, into a L{scratch} file
    - L{sound} has libavformat tell the rate and the channels of sound; PyAV may crash over them
    - L{stamps} knows which inputs have no times at all, L{arrival} makes them (pure)
    - L{programmes} tells which tracks of an MPEG-TS belong together
    - L{listening} is pure, too: the URLs at which one waits for a sender
    - L{demo} is the test picture
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
