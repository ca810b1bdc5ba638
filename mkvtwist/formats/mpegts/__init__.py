"""
MPEG-TS as it is streamed, for televisions and old players (I{pure}, ISO/IEC 13818-1).

Everything is written here, since libavformat's muxer holds sound back until it fills a PES packet,
and counts for one reader only. Each of our packets is one PES packet, which is cut up::

    47 PID counter  [adaptation field: PCR, random access, stuffing]  payload    188 bytes
                                                                      '-- PES header, frame --'

The payloads are not those of Matroska and MP4: they carry their setup with them. NAL units have
start codes and parameter sets, AAC has ADTS headers. So there is no head: the tables that describe
the tracks (PAT and PMT) come again with each keyframe, and a client can begin there.

The continuity counters depend on what was sent before, and so does the time that another track
tells where the pictures are slow or silent. Both go in and come out of each call, so that a
fragment's bytes are the same for all clients.

    - L{payload<mkvtwist.formats.mpegts.payload>}: what each codec's payloads become
    - L{tables<mkvtwist.formats.mpegts.tables>}: PAT and PMT
    - L{transport<mkvtwist.formats.mpegts.transport>}: transport packets of 188 bytes
    - L{pes<mkvtwist.formats.mpegts.pes>}: PES packets, with their times
    - L{muxer<mkvtwist.formats.mpegts.muxer>}: the clock, the tables, and the counters
"""

from mkvtwist.formats.base import Format, video_or_audio
from mkvtwist.formats.mpegts.muxer import MpegTsMuxer
from mkvtwist.formats.mpegts.payload import fits

MPEG_TS = Format(
    name="mpegts",
    title="MPEG-TS",
    ending=".ts",
    media_type=video_or_audio("mp2t"),
    fits=fits,
    muxer=MpegTsMuxer,
)
