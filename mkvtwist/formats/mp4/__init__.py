"""
Fragmented MP4 as it is streamed (I{pure}, ISO/IEC 14496-12).

libavformat describes the tracks; the fragments are written here, since its muxer needs the next
packet before it lets one go.

    - L{boxes<mkvtwist.formats.mp4.boxes>}: boxes, written and read
    - L{head<mkvtwist.formats.mp4.head>}: one head, put together from libavformat's for each track
    - L{fragments<mkvtwist.formats.mp4.fragments>}: moof and mdat made from packets
    - L{file<mkvtwist.formats.mp4.file>}: a finite file, with duration and index
"""

from mkvtwist.formats.base import Format, video_or_audio
from mkvtwist.formats.mp4.file import FILE
from mkvtwist.formats.mp4.fragments import Mp4Muxer
from mkvtwist.formats.mp4.head import CODECS
from mkvtwist.media.packet import Track


def fits(track: Track) -> bool:
    """Return whether a track can live in MP4: players read it there, libavformat describes it."""
    return track.codec in CODECS and bool(track.mp4_head)


MP4 = Format(
    name="mp4",
    title="MP4",
    ending=".mp4",
    media_type=video_or_audio("mp4"),
    fits=fits,
    muxer=Mp4Muxer,
    file=FILE,
)
