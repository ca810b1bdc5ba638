"""
The tracks and programs that the demuxer knows by now (I{remux thread}).

PyAV's own list of tracks is as old as the opening, and says nothing of programs; the text that
libavformat makes for its log has both as they are now.
"""

import time
from collections.abc import Callable
from typing import Any

from mkvtwist.libav.opening.format_dump import (
    FoundTrack,
    Programs,
    programs_in,
    stream_title_in,
    tracks_in,
)

LOOK_COST = 0.05
"""
Seconds of a processor that a look at the demuxer's tracks may take. It keeps every other thread
waiting, and takes longer the more tags and programs there are: an input of which one look takes
more is not looked at again. A sound one takes a thousandth of it.
"""

READ_COST = 0.5
"""
Seconds of a processor that opening, or reading between two looks, may take; after more than that
nothing is looked at: whatever makes the demuxer work so much, such as 15,000 programs, makes the
look take long, too.
"""

RESUMABLE = frozenset({"mpegts", "mpeg"})
"""
Containers that can be read from the middle, and whose tracks may change on the way. FLV's may turn
up late too, but nothing can be made of it without its beginning.
"""


class ContainerDescription:
    """
    The demuxer's knowledge of a container, asked for as long as that costs little.

    @ivar first: the tracks that the demuxer knew at the beginning.
    @ivar resumable: whether the container can be read from the middle.
    """

    def __init__(
        self, container: Any, began: float, clock: Callable[[], float] = time.thread_time
    ) -> None:
        """
        @param began: the clock's time when the opening began.
        @param clock: the seconds that this thread has worked.
        """
        self.resumable = container.format.name in RESUMABLE
        self._has_programs = container.format.name == "mpegts"
        self._container = container
        self._clock = clock
        self._has_titles = any(key.startswith("icy-") for key in container.metadata)
        self._wanted = self.resumable or self._has_titles
        self._spent = began
        self.first = self.tracks()

    def tracks(self) -> frozenset[FoundTrack]:
        """Return the tracks that the demuxer knows by now; none if that costs too much."""
        return tracks_in(self._text())

    def programs(self) -> Programs:
        """
        Return the programs that the demuxer knows by now; none if that costs too much.

        Only MPEG-TS has programs: other formats call the variants of one program so.
        """
        return programs_in(self._text()) if self._has_programs else {}

    def stream_title(self) -> str | None:
        """
        Return the title that a radio sends between its bytes (ICY); L{None} if it sends none, or if
        that costs too much.
        """
        return stream_title_in(self._text()) if self._has_titles else None

    def _text(self) -> str:
        begin = self._clock()
        if not self._wanted or begin - self._spent > READ_COST:
            self._wanted = False
            return ""
        text = str(self._container.dumps_format())
        self._spent = self._clock()
        self._wanted = self._spent - begin <= LOOK_COST
        return text
