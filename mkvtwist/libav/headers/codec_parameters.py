"""
The parameters of codecs, copied inside libavcodec (I{remux thread}).

PyAV has no way to copy all parameters of a stream: C{add_stream_from_template} takes only codecs
that libavformat lists for the container, which leaves out all that Matroska stores with the words
of AVI, and reading C{layout} or C{channels} may end the process (L{mkvtwist.libav.sound}). A
bitstream filter that does nothing copies them, from an input's stream to an output's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from av.bitstream import BitStreamFilterContext
from av.container import OutputContainer

_DONORS: Sequence[tuple[str, str, Mapping[str, Any]]] = (
    ("video", "mpeg4", {"rate": 25}),
    ("audio", "mp2", {"rate": 48000}),
    ("subtitle", "subrip", {}),
)
"""A stream of each type that any Matroska may have: type, codec, what else it takes to make one."""


def donors(container: OutputContainer) -> dict[str, Any]:
    """
    Return streams to be described anew, by type.

    @param container: Matroska that is thrown away.
    """
    return {type_: container.add_stream(codec, **more) for type_, codec, more in _DONORS}


def blank_stream(output: OutputContainer, donor: Any) -> Any:
    """Return a new stream of a donor's type, without an encoder, to be described."""
    return output.add_stream_from_template(donor, opaque=True)


def copy_parameters(source: Any, made: Any) -> None:
    """
    Give a stream of an output all parameters of another one's codec.

    @param source: an input's stream; a codec's name if that is all there is to copy.
    @raise ValueError: when the parameters make no sense.
    @raise av.FFmpegError: when libavcodec does not take them.
    """
    BitStreamFilterContext("null", source, made)
