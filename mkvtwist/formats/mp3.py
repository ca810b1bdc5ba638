"""
MPEG audio as such, for radios (I{pure}, ISO/IEC 11172-3).

The first frames that a client gets may refer to bytes of frames before them (the bit reservoir);
decoders are silent until they have those, a twentieth of a second or so.
"""

from mkvtwist.formats.bare import FILE, BareMuxer, only
from mkvtwist.formats.base import Format

MP3 = Format(
    name="mp3",
    title="MP3",
    ending=".mp3",
    media_type=lambda _: "audio/mpeg",
    fits=lambda track: track.codec in ("mp1", "mp2", "mp3"),  # decoders take all three layers
    muxer=lambda header, numbers: BareMuxer(only(header, numbers).number),
    file=FILE,
    one_of="sounds of MPEG audio",
    single=True,
)
