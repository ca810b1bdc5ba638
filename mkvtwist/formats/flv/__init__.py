"""
FLV, classic and Enhanced, for players in pages and for old servers (I{pure}, Adobe FLV 10.1;
Veovera's Enhanced RTMP).

A stream is a header and tags, each of a picture or a frame of sound::

    "FLV" flags    type, size, time    body    size of the tag    type, size, time    body ...
                   '-- 11 bytes ----'          '-- 4 bytes ---'

FLV has one video and one sound. The first tags of each have the decoder's setup; they are a part of
the head, so that a client that joins later has them.

    - L{tags<mkvtwist.formats.flv.tags>}: the header and the tags, of RTMP's messages, too
    - L{codecs<mkvtwist.formats.flv.codecs>}: what each codec writes into the body of a tag
    - L{muxer<mkvtwist.formats.flv.muxer>}: tags made from packets
"""

from mkvtwist.formats.base import Format, video_or_audio
from mkvtwist.formats.flv.codecs import fits
from mkvtwist.formats.flv.muxer import FlvMuxer

FLV = Format(
    name="flv",
    title="FLV",
    ending=".flv",
    media_type=video_or_audio("x-flv"),
    fits=fits,
    muxer=FlvMuxer,
    one_of_each=True,
)
