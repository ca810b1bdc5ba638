"""
Fragments made from packets: moof and mdat (I{pure}, ISO/IEC 14496-12, 8.8).

One call makes a fragment, of one or several of these::

    moof  mfhd  { traf  tfhd  tfdt  trun (duration, size, flags, composition offset) ... } ...
    mdat  the payloads, track by track

Each time is converted by itself, and durations are the differences of what came out, so that
nothing adds up.
"""

import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import zip_longest

from mkvtwist.formats.base import Muxer
from mkvtwist.formats.mp4.head import joined, playing, timescales
from mkvtwist.media.packet import SECOND, Header, Packet

_KEY, _NOT_KEY = 0x02000000, 0x01010000
"""Sample flags (8.8.3.1): depends on no other; depends on others, is no sync sample."""

_DEFAULT_BASE_IS_MOOF = 0x020000
_TRUN_FIELDS = 0x01000F01
"""Version 1, whose composition offsets are signed; data offset; all four fields for each sample."""

_box = struct.Struct(">I4s")
_moof = struct.Struct(">I4sI4sII")
_traf = struct.Struct(">I4sI4sIII4sIQI4sIII")
_sample = struct.Struct(">IIIi")


class Mp4Muxer(Muxer[None]):
    """Packets as moof and mdat, behind a head that is put together from those of the tracks."""

    start = None

    def __init__(self, header: Header, numbers: Collection[int]) -> None:
        """
        Make a muxer.

        @param numbers: the numbers of the tracks that are sent; all of them fit.
        """
        sent = header.only(numbers)
        self.head = joined({track.number: track.mp4_head for track in sent}, playing(sent))
        self._scales = timescales(self.head)
        self._steps = {track.number: track.step for track in header.tracks}
        self._pictures = frozenset(t.number for t in header.tracks if t.type == "video")

    def render(self, packets: Sequence[Packet]) -> bytes:
        """
        Return the packets as moof and mdat, one pair for each picture of a track.

        All sound is in the first pair. A pair has one picture, since GStreamer's qtdemux states a
        frame rate for each moof, and 0 if the moof has one picture. A decoder that begins anew when
        that changes (vp9dec, av1dec) shows nothing until the next keyframe. How many arrive
        together changes with the load of the machine; usually it is one, so it is always one. Each
        but the first takes 96 bytes. Nor has a moof two runs of a track: GStreamer forgets the
        first when it cannot seek.

        A moof's number is the time at which it begins, in milliseconds: it depends on nothing that
        was sent before. Times before 0 become 0.
        """
        return self._made(packets, self._pictures, {})

    def live(self, packets: Sequence[Packet], pause: int, before: None = None) -> bytes:
        """
        Return the bytes of a fragment of which the newest picture's duration is not known yet.

        It is said to last for one and a half, or for as long as one has been waited for of late. If
        the next one came after more than twice the time that is said here, browsers would throw
        away all that comes up to a keyframe (Media Source Extensions, Coded Frame Processing): as
        with a camera that is slower in the dark, or a screen on which nothing moves. Firefox, after
        it has run out of pictures, goes on with the one that is there at the time when the last one
        is said to end. At twice a picture's time that may be the next but one, and a decoder that
        misses a picture shows broken ones (H.264) or gives up (VP9).
        """
        lasting = {track: max(3 * self._steps[track] // 2, pause) for track in self._pictures}
        return self._made(packets, self._pictures, lasting)

    def whole(self, packets: Sequence[Packet]) -> bytes:
        """Return the packets as one moof and mdat, as far as their durations can be written."""
        return self._made(packets, (), {})

    def _made(
        self, packets: Sequence[Packet], apart: Collection[int], lasting: Mapping[int, int]
    ) -> bytes:
        """
        Return the packets as fragments.

        @param apart: the tracks of which a moof has no more than one packet.
        @param lasting: microseconds that the last packet of a track lasts, at least.
        """
        tracks: dict[int, list[Packet]] = {}
        for packet in packets:
            if packet.track in self._scales:
                tracks.setdefault(packet.track, []).append(packet)
        runs = [
            self._runs(mine, lasting.get(track, 0), apart=track in apart)
            for track, mine in tracks.items()
        ]
        return b"".join(
            _written([run for run in together if run]) for together in zip_longest(*runs)
        )

    def _runs(self, packets: list[Packet], lasting: int, *, apart: bool) -> "Iterator[_Run]":
        """
        Yield one track's packets, cut where a duration does not fit 32 bits.

        @param lasting: microseconds that the last one lasts, at least.
        @param apart: cut at each of them.
        """
        track = packets[0].track
        scale = self._scales[track]
        last = packets[-1]
        times = [ticks(packet.dts, scale) for packet in packets]
        lasting = max(lasting, last.duration or self._steps[track])
        times.append(ticks(last.dts + lasting, scale))
        run = _Run(track, times[0])
        for packet, time, following in zip(packets, times, times[1:], strict=False):
            duration, fits = following - time, 0 <= following - time < 1 << 32
            if not fits:
                lasts = ticks(packet.duration or self._steps[track], scale)
                duration = min(lasts, 0xFFFFFFFF)
            flags = _KEY if packet.key else _NOT_KEY
            shown = min(ticks(packet.pts, scale) - time, 0x7FFFFFFF)  # 6 hours: it is damaged
            run.samples.append(_sample.pack(duration, len(packet.data), flags, shown))
            run.packets.append(packet)
            if apart or not fits:
                yield run
                run = _Run(track, following)
        if run.samples:
            yield run


class _Run:
    """Samples of one track that follow each other."""

    __slots__ = ("begin", "packets", "samples", "track")

    def __init__(self, track: int, begin: int) -> None:
        self.track = track
        self.begin = begin
        self.packets: list[Packet] = []
        self.samples: list[bytes] = []


def _written(runs: Sequence[_Run]) -> bytes:
    """Return one moof, and the mdat that it describes."""
    size = _moof.size + sum(_traf.size + _sample.size * len(run.samples) for run in runs)
    begin = min(run.packets[0].dts for run in runs)
    number = (max(0, begin) // 1000 + 1) & 0xFFFFFFFF
    out = [_moof.pack(size, b"moof", 16, b"mfhd", 0, number)]
    payloads: list[bytes] = []
    offset = size + _box.size
    for run in runs:
        count = len(run.samples)
        length = _sample.size * count
        out.append(
            _traf.pack(
                *(_traf.size + length, b"traf"),
                *(16, b"tfhd", _DEFAULT_BASE_IS_MOOF, run.track),
                *(20, b"tfdt", 1 << 24, run.begin),
                *(20 + length, b"trun", _TRUN_FIELDS, count, offset),
            )
        )
        out += run.samples
        data = [packet.data for packet in run.packets]
        offset += sum(map(len, data))
        payloads += data
    out.append(_box.pack(offset - size, b"mdat"))
    return b"".join(out + payloads)


def ticks(time: int, scale: int) -> int:
    """Return microseconds as ticks, to the nearest; never before 0."""
    return (time * scale + SECOND // 2) // SECOND if time > 0 else 0
