"""Packets of three tracks, as Hypothesis draws them for the tests of formats."""

from __future__ import annotations

from hypothesis import strategies as st

from mkvtwist.media.packet import SECOND, Packet

VIDEO, AUDIO, TEXT = 1, 2, 3
FRAME = 40_000
"""Microseconds of a picture."""


@st.composite
def jumping_packets(
    draw: st.DrawFn, beginnings: tuple[int, ...], payloads: st.SearchStrategy[bytes]
) -> list[Packet]:
    """
    Packets of three tracks, each in decoding order, with jumps.

    @param beginnings: the times at which they may begin, in microseconds.
    @param payloads: draws the data of a packet.
    """
    made = []
    due = dict.fromkeys((VIDEO, AUDIO, TEXT), draw(st.sampled_from(beginnings)))
    steps = st.sampled_from([1, 333, 21_333, 33_367, FRAME, 40 * SECOND, 100_000 * SECOND])
    for _ in range(draw(st.integers(1, 12))):
        track = draw(st.sampled_from([VIDEO, VIDEO, AUDIO, TEXT]))
        due[track] += draw(steps)
        shown = due[track] + (draw(st.sampled_from([0, 0, FRAME, 5])) if track == VIDEO else 0)
        duration = draw(st.sampled_from([0, 1, 21_333, FRAME]))
        key = track != VIDEO or draw(st.booleans())
        made.append(Packet(track, shown, due[track], duration, key, draw(payloads)))
    return made
