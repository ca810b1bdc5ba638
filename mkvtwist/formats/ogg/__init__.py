"""
Ogg as it is streamed, of one sound: Opus, Vorbis or FLAC (I{pure}, RFC 3533).

A client gets the header pages, then pages of the packets that came together::

    "OggS" granule position, serial number, page number, CRC, sizes    packet  packet  packet ...
    '-- head of a page -------------------------------------------'    '-- 65,025 bytes at most --'

Pages are numbered. The numbers go on for all clients together, so that these share bytes: one that
joins later finds a gap behind its header pages, as in every Ogg stream that was joined.

    - L{pages<mkvtwist.formats.ogg.pages>}: pages made from packets
    - L{codecs<mkvtwist.formats.ogg.codecs>}: the header packets of each codec
    - L{muxer<mkvtwist.formats.ogg.muxer>}: positions, and the numbers of pages
"""

from mkvtwist.formats.base import Format
from mkvtwist.formats.ogg.codecs import fits
from mkvtwist.formats.ogg.muxer import OggMuxer

OGG = Format(
    name="ogg",
    title="Ogg",
    ending=".ogg",
    media_type=lambda _: "audio/ogg",
    fits=fits,
    muxer=OggMuxer,
    one_of="sounds of Opus, Vorbis or FLAC",
    single=True,
)
