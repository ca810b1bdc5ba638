"""
The bytes of pieces, found by their addresses (I{pure}).
"""

from collections.abc import Sequence

from mkvtwist.formats.choice import Choice, NoTrack, Unfit
from mkvtwist.formats.webvtt import WEBVTT
from mkvtwist.outputs.segmented.addresses import Address, ending, map_name
from mkvtwist.outputs.segmented.choices import Choices, choice_of
from mkvtwist.outputs.segmented.cutter import Cutter
from mkvtwist.outputs.segmented.segments import Segment


class Missing(LookupError):
    """The exception for a piece that does not exist. The text says why, and what to do."""


class Growing(LookupError):
    """The exception for a piece that is not complete yet."""


def has(cutter: Cutter, number: int, part: int | None = None) -> bool:
    """
    Return whether a piece exists or has existed: then a request does not wait.

    @param part: its place in the segment, from 0; L{None} is all of the segment.
    """
    if cutter.finished:
        return True
    newest, parts = cutter.edge
    number, part = meant(cutter, number, part)
    if number == newest and part is not None and cutter.lists_parts:
        return part < parts
    return number < newest


def meant(cutter: Cutter, number: int, part: int | None) -> tuple[int, int | None]:
    """
    Return which part a request means: behind a segment's last is the next one's first (6.2.5.2 of
    the draft).
    """
    segment = cutter.segments.find(number)
    if part is None or segment is None or not segment.is_complete:
        return number, part
    return (number, part) if part < len(segment.parts) else (number + 1, 0)


def check(cutter: Cutter, address: Address) -> None:
    """
    Check that a piece exists, has existed, or comes next.

    @raise Missing: if it is of another start of the stream, or not announced.
    """
    newest, part = cutter.edge
    if address.run != cutter.run:
        raise Missing("This is from before a restart; load the playlist again.")
    if address.number > newest or (
        address.number == newest and address.part is not None and address.part > part
    ):
        raise Missing("This is not due yet; load the playlist again.")


def body(
    cutter: Cutter, address: Address, tracks: frozenset[int] | None, choices: Choices
) -> list[bytes]:
    """
    Return the bytes of a segment or part, one after the other, as the ring keeps them.

    @param tracks: the numbers of those that are asked for; L{None} is the main playlist.
    @param choices: those that were found before.
    @raise Missing: if there are none.
    @raise Growing: if it is not complete.
    """
    segment, part = cutter.segments.find(address.number), address.part
    if segment is None:
        raise Missing("This has left the buffer; load the playlist again.")
    if not segment.is_complete and (part is None or part >= len(segment.parts)):
        raise Growing
    if part is not None and part >= len(segment.parts):
        raise Missing(f"Segment {address.number} has no part {part}; load the playlist again.")
    made = _made(segment, address, choices.find(segment.period, tracks))
    if not any(made):
        raise Missing("This segment has no media of these tracks: it is a gap.")
    return made


def _made(segment: Segment, address: Address, choice: Choice | Unfit | NoTrack) -> list[bytes]:
    if isinstance(choice, Unfit | NoTrack):
        raise Missing(f"{choice}.")
    return segment.body(choice, address.part) if ending(choice) == address.ending else []


def initialization(segments: Sequence[Segment], name: str, tracks: frozenset[int] | None) -> bytes:
    """
    Return the initialization section with this name.

    @raise Missing: if none of these segments needs it.
    """
    for period in dict.fromkeys(segment.period for segment in segments):
        choice = choice_of(period.header, tracks)
        if choice is not None and choice.format is not WEBVTT:
            head = period.muxer(choice).head
            if name == map_name(head):
                return head
    raise Missing("No listed segment needs this initialization section; load the playlist again.")
