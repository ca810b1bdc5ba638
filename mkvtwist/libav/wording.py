"""
Tracks of an input and errors of libavformat in words, for the log and C{/status} (I{remux thread}).
"""

from mkvtwist.libav.adapters import codec_of
from mkvtwist.libav.pyav_types import AVStream


def label(stream: AVStream) -> str:
    """Return a stream of the input in words: `track 2 (audio, aac, deu)'."""
    known = stream.codec_context is not None
    codec = codec_of(stream) if known else getattr(stream, "name", None)
    words = (stream.type, codec, stream.metadata.get("language"))
    return f"track {stream.index} ({', '.join(word for word in words if word)})"


def cause(error: Exception) -> str:
    """Return the cause of an error of libavformat, in one line."""
    log = getattr(error, "log", None)
    if log and "not on whitelist" in log[2]:  # which it would quote
        return f"{log[1]} refers to other files or servers, which this input may not open"
    if log and log[2].strip():
        return str(log[2]).strip()
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
