"""
One adapter for each oddity of a track, chosen by what the track is (I{remux thread}).

An adapter turns the packets that the demuxer yields for one stream into what Matroska and MP4
store, finds the decoder's setup where the container has none, notices when it changes, and says
what the header has to state.

L{RULES<mkvtwist.libav.adapters.table.RULES>} is the table of contents.
"""

from mkvtwist.libav.adapters.base import Adapter
from mkvtwist.libav.adapters.measuring import codec_of
from mkvtwist.libav.adapters.reordered_pictures import Untimed
from mkvtwist.libav.adapters.table import adapter_for, is_cover

__all__ = [
    "Adapter",
    "Untimed",
    "adapter_for",
    "codec_of",
    "is_cover",
]
