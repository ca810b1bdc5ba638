"""
Subtitles as WebVTT: cues made from packets of text (I{pure}, W3C WebVTT).

A cue is complete in itself, so a live stream of them is a file that does not end::

    WEBVTT

    00:01:02.500 --> 00:01:04.000
    Two lines at most,
    with <i>a few</i> marks

Bold, italic and underlined text stays, and text at the top of the picture; WebVTT has nothing for
the other styles of a subtitle format. Times are those of the pictures.
"""

import html
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from mkvtwist.formats.base import Format, Muxer
from mkvtwist.media.packet import SECOND, Header, Packet

HEAD = b"WEBVTT\n\n"
"""The bytes before the first cue."""

LASTS = 4 * SECOND
"""Microseconds that a cue stands if it does not say so: people read two lines in that time."""

LONGEST_PACKET = 64 << 10
"""
Bytes of a packet of text at most; a longer packet is left out. A page of a book has 2 KB; a packet
of this size is no text, and all clients would wait while it is searched for tags.
"""

_AT_THE_TOP = "line:0"
"""The setting of a cue that stands at the top of the picture, not at its bottom."""

_MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>|\{\\[^{}]*\}|&(?!#?\w+;)|[<>]")
"""Tags of SubRip and ASS, and characters that WebVTT would take for markup."""

_PERCENT = r"(?:100|[0-9]{1,2}(?:\.[0-9]+)?)%"
_SETTING = re.compile(
    rf"line:(?:-?[0-9]{{1,3}}|{_PERCENT})|(?:position|size):{_PERCENT}"
    "|align:(?:start|center|end|left|right)"
)
"""Settings of a cue with the values that they may have; regions are not sent."""

_KEPT = frozenset({"<b>", "</b>", "<i>", "</i>", "<u>", "</u>"})
"""Tags that WebVTT has, too."""

_TOP = re.compile(r"\{[^{}]*\\an[789]")
"""The alignments at the top, as the keys of a numeric pad."""

_OVERRIDE = re.compile(r"\{([^{}]*)\}")
"""An override of ASS: the style of the text behind it, or a comment."""

_STYLE = re.compile(r"\\([biu])([01])(?![0-9])")
"""Bold, italic and underlined in an override: which of them, and whether it begins or ends."""

_DRAWING = re.compile(r"\\p([0-9])")
"""From where on there is no text but the strokes of a shape; with 0, from where on there is."""

_ASS_FIELDS = 8
"""Fields before the text in Matroska: ReadOrder, Layer, Style, Name, three margins, Effect."""


class _Cue(NamedTuple):
    text: str
    settings: str = ""


class WebVttMuxer(Muxer[None]):
    """Packets of text as cues."""

    head = HEAD
    start = None

    def __init__(self, header: Header, numbers: Collection[int]) -> None:
        """
        Make a muxer.

        @param numbers: the numbers of the tracks that are sent; all of them are text.
        """
        self._cues = {track.number: _CUES[track.codec] for track in header.only(numbers)}

    def render(self, packets: Sequence[Packet]) -> bytes:
        """Return the packets as cues; no bytes if there is no text in them."""
        return b"".join(
            self._written(packet, self._cues[packet.track])
            for packet in packets
            if packet.track in self._cues
        )

    @staticmethod
    def _written(packet: Packet, cue_of: Callable[[str], _Cue]) -> bytes:
        if len(packet.data) > LONGEST_PACKET:
            return b""
        cue = cue_of(packet.data.decode("utf-8", "replace").replace("\0", ""))
        lines = [line.strip() for line in cue.text.splitlines()]
        text = "\n".join(line for line in lines if line)  # an empty line would end the cue
        if not text:
            return b""
        end = max(shown_until(packet), packet.pts + SECOND // 1000)  # later than it begins
        times = f"{_clock(packet.pts)} --> {_clock(end)}"
        return f"{times} {cue.settings}".rstrip().encode() + f"\n{text}\n\n".encode()


def shown_until(packet: Packet) -> int:
    """Return when a cue ends, in microseconds."""
    return packet.pts + (packet.duration or LASTS)


def _clock(time: int) -> str:
    """Return microseconds as WebVTT writes them; a time before 0 is written as 0."""
    seconds, milliseconds = divmod((max(0, time) + 500) // 1000, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}"


def _plain(text: str) -> _Cue:
    return _Cue(html.escape(text, quote=False))


def _marked(text: str) -> _Cue:
    """Return the cue of a SubRip packet: it may have tags of HTML and of ASS."""
    settings = _AT_THE_TOP if _TOP.search(text) else ""
    return _Cue(_MARKUP.sub(lambda found: _kept(found[0]), text), settings)


def _kept(markup: str) -> str:
    if len(markup) == 1:
        return html.escape(markup)
    return markup.lower() if markup.lower() in _KEPT else ""


def _ass(text: str) -> _Cue:
    fields = text.split(",", _ASS_FIELDS)
    if len(fields) <= _ASS_FIELDS:
        return _Cue("")
    words = fields[-1].replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " ")
    settings = _AT_THE_TOP if _TOP.search(words) else ""
    return _Cue(_marked(_styled(words)).text, settings)


def _styled(words: str) -> str:
    """Return the text of ASS without its shapes, its styles as tags; nothing if it has no text."""
    # In one pass, whatever there is: an expression from the beginning of a shape to its end takes
    # the square of what it does not find the end in.
    pieces: list[str] = []
    drawing = worded = False
    for at, piece in enumerate(_OVERRIDE.split(words)):
        if at % 2:
            pieces.append(_tags(piece))
            for scale in _DRAWING.findall(piece):
                drawing = scale != "0"
        elif not drawing:
            pieces.append(piece)
            worded = worded or bool(piece.strip())
    return "".join(pieces) if worded else ""


def _tags(override: str) -> str:
    """Return the tags of WebVTT for an override of ASS."""
    return "".join(f"<{'' if on == '1' else '/'}{kind}>" for kind, on in _STYLE.findall(override))


def _webvtt(text: str) -> _Cue:
    """Return the cue of a WebVTT packet: identifier and settings stand in lines before the text."""
    _, _, rest = text.partition("\n")
    settings, _, words = rest.partition("\n")
    known = [item for item in settings.split() if _SETTING.fullmatch(item)]
    return _Cue(words.replace("-->", "--&gt;"), " ".join(known))


_CUES: Mapping[str, Callable[[str], _Cue]] = MappingProxyType(
    {"ass": _ass, "subrip": _marked, "text": _plain, "webvtt": _webvtt}
)

CODECS = frozenset(_CUES)
"""FFmpeg's names of the subtitles that are text."""

WEBVTT = Format(
    name="webvtt",
    title="WebVTT",
    ending=".vtt",
    media_type=lambda _: "text/vtt; charset=utf-8",
    fits=lambda track: track.codec in CODECS,
    muxer=WebVttMuxer,
    auxiliary=True,
    one_of="subtitles that are text",
)
