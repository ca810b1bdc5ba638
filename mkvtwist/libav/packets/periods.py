"""
Cutting an input into periods: each a header, and the packets that need it (I{remux thread}).

The rules:

 1. The header goes out when every track can be described, or, after
    L{mkvtwist.libav.limits.PENDING_MEDIA}, when one can, without the others. Until then packets are
    held. A track of which no packet has come is waited for until it is quiet
    (L{mkvtwist.media.silence}), and is then left out: players would wait for it.
 2. A track that becomes usable later, or one whose setup changes, asks for a new header. It goes
    out with the next keyframe of the video, at once where there is no video; till then the track's
    packets, which no client could decode, are dropped. A video asks with a keyframe.
 3. A track that has been silent for longer than L{SILENT_AFTER} is left out of the next header,
    whatever its type, and asks for another one when it comes back. The video at whose keyframes
    headers go out is the first that is not silent; if all are, any packet that tells the time will
    do.
 4. After each header, video begins with a keyframe.
"""

from collections.abc import Callable
from dataclasses import replace

from mkvtwist.libav.adapters import Adapter
from mkvtwist.libav.headers.header import write_header
from mkvtwist.libav.limits import PENDING_BYTES
from mkvtwist.libav.opening.sent_tracks import SentTracks
from mkvtwist.libav.packets.pending import PendingPackets
from mkvtwist.libav.packets.placing import PlacedPacket, Placing
from mkvtwist.libav.unusable import Unusable
from mkvtwist.libav.wording import label
from mkvtwist.media.packet import SECOND, Header
from mkvtwist.media.silence import Silences

SILENT_AFTER = 11 * SECOND
"""
Media without a packet of a track, after which the next header leaves it out until it is back: one
picture in ten seconds is alive, and the next one may be late by as much as tracks are apart.
"""

RAREST = 120 * SECOND
"""Media without a packet after which a track is silent, however rare its packets usually are."""


class Periods:
    """
    The periods of one container.

    @ivar begun: whether a header has gone out.
    """

    def __init__(
        self,
        tracks: SentTracks,
        placing: Placing,
        emit_header: Callable[[Header], None],
        emit_packet: Callable[[PlacedPacket], None],
        limit: int = PENDING_BYTES,
    ) -> None:
        """
        @param limit: bytes of packets that are held for the first header.
        """
        self._tracks = tracks
        self._placing = placing
        self._emit_header = emit_header
        self._emit_packet = emit_packet
        self._adapters = tracks.adapters.values()
        self._pending = PendingPackets(limit)
        self._silences = Silences(i for i, a in tracks.adapters.items() if not a.sparse)
        self._has_come: set[Adapter] = set()
        self._in_header: list[Adapter] = []
        self._unfit: set[Adapter] = set()
        self._started: set[Adapter] = set()
        self._renew = False
        self.begun = False

    def asks(self, packet: PlacedPacket) -> bool:
        """Return whether a packet's track has become usable, and asks for a header with it."""
        adapter = packet.adapter
        if not self.begun or adapter.number or not adapter.ready or adapter in self._unfit:
            return False
        return adapter.type != "video" or packet.key  # else nothing can begin with it

    def take(self, packet: PlacedPacket) -> None:
        """
        Hand a packet over, hold it or drop it; hand over a header before it if one is due.

        @raise Unusable: when there is nothing to send.
        """
        adapter = packet.adapter
        self._has_come.add(adapter)
        if not adapter.sparse:
            self._silences.heard(adapter.stream.index, packet.dts)
        if not self.begun:
            self._hold(packet)
            return
        if adapter.changed or self.asks(packet):
            self._renew = True
        if self._may_begin(packet) and (self._renew or self._silent):
            self._write_header()
        if adapter.number and not adapter.changed:
            self._send(packet)

    def end(self) -> None:
        """
        Hand over what is still held, since nothing more comes.

        @raise Unusable: when there is nothing to send in it.
        """
        if not self.begun and self._pending:
            self._write_header()

    def _hold(self, packet: PlacedPacket) -> None:
        pending = self._pending
        pending.add(packet)
        complete = all(map(self._is_known, self._adapters)) and not self._tracks.covers_to_come
        enough = pending.long or pending.full
        if complete or (enough and any(map(self._is_offered, self._adapters))):
            self._write_header()
        elif pending.full:
            pending.take()  # no client could have decoded it

    def _may_begin(self, packet: PlacedPacket) -> bool:
        """Return whether a header may stand before a packet: a video's keyframe, if one lives."""
        for adapter in self._in_header:
            if adapter.type == "video" and not self._is_silent(adapter):
                return packet.adapter is adapter and packet.key
        return not packet.adapter.sparse or all(adapter.sparse for adapter in self._in_header)

    def _is_silent(self, adapter: Adapter) -> bool:
        """Return whether a track is silent for too long; subtitles may be silent for ever."""
        index = adapter.stream.index
        return not adapter.sparse and self._silences.is_quiet(index, SILENT_AFTER, RAREST)

    @property
    def _silent(self) -> list[Adapter]:
        """The tracks in the header that are silent."""
        return [adapter for adapter in self._in_header if self._is_silent(adapter)]

    def _is_known(self, adapter: Adapter) -> bool:
        """Return whether the first header need not wait for a track."""
        has_come = adapter in self._has_come or adapter.sparse
        return adapter.ready and (has_come or self._silences.is_quiet(adapter.stream.index))

    def _is_offered(self, adapter: Adapter) -> bool:
        """Return whether a track belongs into the header: one that has not come does not."""
        expected = adapter.sparse and adapter.declared
        return adapter.ready and (adapter in self._has_come or expected)

    def _write_header(self) -> None:
        silent = self._silent if self.begun else []
        extras = self._tracks.extras
        ready = [a for a in self._adapters if self._is_offered(a) and a not in silent]
        taken = max(adapter.kept for adapter in self._adapters)
        written, self._in_header = write_header(
            ready, extras, extras.files(), self._placing.shift, taken=taken
        )
        if not self._in_header:
            raise Unusable("; ".join(["no track that can be sent", *written.left_out[:5]]))
        for adapter in self._adapters:
            adapter.changed = False
            if adapter not in self._in_header:
                adapter.number = 0
        self._unfit = {adapter for adapter in ready if adapter not in self._in_header}
        self._renew = False
        self._started.clear()
        missing = [
            f"{label(adapter.stream)}: {self._why_missing(adapter)}"
            for adapter in self._adapters
            if adapter not in ready
        ]
        left_out = (*self._tracks.left_out, *extras.left_out, *written.left_out, *missing)
        self.begun = True
        self._emit_header(replace(written, left_out=left_out))
        for packet in self._pending.take():
            if packet.adapter.number:
                self._send(packet)

    def _why_missing(self, adapter: Adapter) -> str:
        if adapter not in self._has_come:
            return "no packet of it has come"
        return "silent" if self._is_silent(adapter) else "its parameters are unknown"

    def _send(self, packet: PlacedPacket) -> None:
        adapter = packet.adapter
        if adapter.type == "video" and adapter not in self._started:
            if not packet.key:
                return
            self._started.add(adapter)
        self._emit_packet(packet)
