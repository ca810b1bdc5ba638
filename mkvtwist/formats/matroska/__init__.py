"""
Matroska as it is streamed (I{pure}, RFC 9559).

libavformat writes the head, with unknown size of the Segment; the Clusters are written here, since
its muxer holds packets back for one another.

    - L{ebml<mkvtwist.formats.matroska.ebml>}: elements, written and read
    - L{ids<mkvtwist.formats.matroska.ids>}: their IDs
    - L{head<mkvtwist.formats.matroska.head>}: libavformat's head, patched
    - L{clusters<mkvtwist.formats.matroska.clusters>}: Clusters made from packets
    - L{file<mkvtwist.formats.matroska.file>}: a finite file, with duration and index
"""

from mkvtwist.formats.base import Format, video_or_audio
from mkvtwist.formats.matroska.clusters import MatroskaMuxer, rebased
from mkvtwist.formats.matroska.file import FILE

MATROSKA = Format(
    name="matroska",
    title="Matroska",
    ending=".mkv",
    media_type=video_or_audio("x-matroska"),
    fits=lambda _: True,  # a header has only tracks that fit
    muxer=MatroskaMuxer,
    file=FILE,
    rebase=rebased,
)
