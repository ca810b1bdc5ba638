"""
The factory of RTMP connections, which are counted and bounded (I{reactor}).
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import Factory
from twisted.logger import Logger

from mkvtwist.inputs.rtmp.connection import RtmpConnection
from mkvtwist.inputs.rtmp.publishing import Publishing

MOST_WAITING = 256
"""
Connections of one listener that send no media, for
L{mkvtwist.inputs.rtmp.connection.PUBLISH_TIME}, and then for
L{mkvtwist.inputs.senders.SENDER_SILENCE} at most. Each has up to 256 KiB of chunks (messages
that are not complete, one chunk, one read) and 16 KiB to be sent. One more takes the place of the
oldest.
"""

Refuse = Callable[[str, str, str], None]
"""
Tells operators that a sender was refused which publishes to no stream: with its address, the
reason, and the line of the log.
"""


class RtmpFactory(Factory):
    """
    Makes a connection for each sender, and bounds them.

    @ivar refused: tells operators of a sender that was refused.
    """

    noisy = False
    log = Logger()

    def __init__(self, reactor: Any, publishing: Publishing, refused: Refuse) -> None:
        self.refused = refused
        self._reactor = reactor
        self._publishing = publishing
        self._limits = publishing.entry.limits
        self._counted: set[RtmpConnection] = set()
        self._waiting: dict[RtmpConnection, None] = {}  # the longest first

    def buildProtocol(self, addr: object) -> RtmpConnection:
        """Return the protocol of a new connection."""
        uplink = RtmpConnection(self._reactor, self._publishing)
        uplink.factory = self
        return uplink

    # called by connections

    def opened(self, uplink: RtmpConnection) -> bool:
        """Count a new connection; return whether its address may have it."""
        if self._limits.is_full(uplink.host):
            self._limits.refused(uplink.host)
            return False
        if not self._limits.has_none(uplink.host):
            self._limits.enter(uplink.host)
            self._counted.add(uplink)
        return True

    def closed(self, uplink: RtmpConnection) -> None:
        """Count a connection no longer."""
        self._waiting.pop(uplink, None)
        if uplink in self._counted:
            self._counted.remove(uplink)
            self._limits.leave(uplink.host)

    def waits(self, uplink: RtmpConnection) -> None:
        """Note that a connection sends no media yet, or no longer."""
        self._waiting.pop(uplink, None)  # it may have published, but sent nothing
        if len(self._waiting) >= MOST_WAITING:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]  # it is only lost in the reactor's next turn
            oldest.drop()
        self._waiting[uplink] = None

    def sends(self, uplink: RtmpConnection) -> None:
        """Note that a connection sends media."""
        self._waiting.pop(uplink, None)
