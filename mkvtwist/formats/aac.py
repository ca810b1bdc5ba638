"""
AAC in ADTS, for radios (I{pure}, ISO/IEC 14496-3, 1.A.2.2).
"""

from collections.abc import Collection

from mkvtwist.formats.adts import AdtsFraming, NoPlace
from mkvtwist.formats.bare import FILE, BareMuxer, only
from mkvtwist.formats.base import Format
from mkvtwist.media.packet import Header, Track


def _muxer(header: Header, numbers: Collection[int]) -> BareMuxer:
    track = only(header, numbers)
    framing = AdtsFraming(track.codec_private)
    return BareMuxer(track.number, lambda data: b"".join(framing.parts(data)))


def _fits(track: Track) -> bool:
    if track.codec != "aac":
        return False
    try:
        AdtsFraming(track.codec_private)
    except NoPlace:
        return False
    return True


AAC = Format(
    name="aac",
    title="AAC",
    ending=".aac",
    media_type=lambda _: "audio/aac",
    fits=_fits,
    muxer=_muxer,
    file=FILE,
    one_of="sounds of AAC",
    single=True,
)
