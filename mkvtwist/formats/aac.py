"""
AAC in ADTS, for radios (I{pure}, ISO/IEC 14496-3, 1.A.2.2).
"""

from collections.abc import Collection

from mkvtwist.formats.adts import AdtsFraming
from mkvtwist.formats.bare import FILE, BareMuxer, only
from mkvtwist.formats.base import Format, NoPlace, fits_if
from mkvtwist.media.packet import Header, Track


def _muxer(header: Header, numbers: Collection[int]) -> BareMuxer:
    track = only(header, numbers)
    framing = _framing(track)
    return BareMuxer(track.number, lambda data: b"".join(framing.parts(data)))


def _framing(track: Track) -> AdtsFraming:
    if track.codec != "aac":
        raise NoPlace(f"{track.codec} is not AAC")
    return AdtsFraming(track.codec_private)


AAC = Format(
    name="aac",
    title="AAC",
    ending=".aac",
    media_type=lambda _: "audio/aac",
    fits=fits_if(_framing),
    muxer=_muxer,
    file=FILE,
    one_of="sounds of AAC",
    single=True,
)
