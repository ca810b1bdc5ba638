"""
The order in which the pictures of HEVC are shown, read from their slices (I{pure}).

Numbers in parentheses are sections of ITU-T H.265; the order is in 8.3.1. Damage is passed over: a
parameter set that makes no sense is not remembered, a slice whose header makes no sense says
nothing.
"""

from collections.abc import Sequence
from typing import NamedTuple

from mkvtwist.media.bits import Bits, Damaged
from mkvtwist.media.picture_order import UNITS, DisplayPlace, nearest_msb, unit_bits


class _Sps(NamedTuple):
    """The fields that are needed of a sequence parameter set (7.3.2.2)."""

    separate_planes: bool
    lsb_bits: int
    depth: int


class _Pps(NamedTuple):
    """The fields that are needed of a picture parameter set (7.3.2.3)."""

    sps: int
    output_present: bool
    extra_bits: int


_IDR = (19, 20)
_CRA = 21
_RANDOM_ACCESS = range(16, 24)
_LEADING = range(6, 10)
"""Types of NAL units (table 7-1): RADL and RASL pictures, which no other's count starts from."""
_ENDS = (36, 37)
"""End of sequence, end of bitstream."""


class HevcOrder:
    """The order of one HEVC stream's pictures; it remembers the parameter sets."""

    def __init__(self) -> None:
        self._sps: dict[int, _Sps] = {}
        self._pps: dict[int, _Pps] = {}
        self._ended = True
        self._before = 0

    def place(self, units: Sequence[bytes]) -> DisplayPlace | None:
        """Return where the picture in an access unit is shown; that of the base layer."""
        place: DisplayPlace | None = None
        for unit in units[:UNITS]:
            if len(unit) < 3 or unit[0] & 1 or unit[1] >> 3:
                continue
            type_ = unit[0] >> 1 & 63
            try:
                if type_ == 33:
                    self._learn_sps(unit_bits(unit, 2))
                elif type_ == 34:
                    self._learn_pps(unit_bits(unit, 2))
                elif type_ in _ENDS:
                    self._ended = True
                elif place is None and (type_ < 10 or 16 <= type_ <= _CRA) and unit[2] & 0x80:
                    place = self._placed(unit_bits(unit, 2), type_, unit[1] & 7)
            except Damaged:
                continue
        return place

    def _learn_sps(self, bits: Bits) -> None:
        bits.read(4)
        layers = bits.read(3)
        bits.read(1)
        _skip_profile(bits, layers)
        number = bits.unsigned(15)
        separate = bits.unsigned(3) == 3 and bool(bits.read(1))
        bits.unsigned()  # pic_width_in_luma_samples
        bits.unsigned()
        if bits.read(1):  # conformance_window_flag
            for _ in range(4):
                bits.unsigned()
        bits.unsigned(8)  # bit_depth_luma_minus8
        bits.unsigned(8)
        lsb_bits = bits.unsigned(12) + 4
        depth = 0
        for _ in range(layers + 1 if bits.read(1) else 1):  # the last one is for all layers
            bits.unsigned()
            depth = bits.unsigned(15)
            bits.unsigned()
        self._sps[number] = _Sps(separate, lsb_bits, depth)

    def _learn_pps(self, bits: Bits) -> None:
        number, sps = bits.unsigned(63), bits.unsigned(15)
        bits.read(1)
        output_present = bool(bits.read(1))
        self._pps[number] = _Pps(sps, output_present, bits.read(3))

    def _placed(self, bits: Bits, type_: int, layer: int) -> DisplayPlace:
        """Return where the picture of a first slice is shown (7.3.6.1)."""
        bits.read(1)
        if type_ in _RANDOM_ACCESS:
            bits.read(1)
        pps = self._pps.get(bits.unsigned(63))
        sps = self._sps.get(pps.sps) if pps else None
        if pps is None or sps is None:
            raise Damaged("a slice without parameter sets")
        bits.read(pps.extra_bits)
        bits.unsigned(2)  # slice_type
        if pps.output_present:
            bits.read(1)
        if sps.separate_planes:
            bits.read(2)
        lsb = 0 if type_ in _IDR else bits.read(sps.lsb_bits)
        begins = self._ended or (type_ in _RANDOM_ACCESS and type_ != _CRA)
        size = 1 << sps.lsb_bits
        count = lsb + nearest_msb(
            self._before // size * size, self._before % size, lsb, sps.lsb_bits
        )
        if begins:
            count = lsb
        self._ended = False
        if layer == 1 and type_ not in _LEADING and (type_ >= 16 or type_ % 2):
            self._before = count
        return DisplayPlace(begins, count, depth=sps.depth)


def _skip_profile(bits: Bits, layers: int) -> None:
    """Skip profile_tier_level() (7.3.3)."""
    bits.read(88 + 8)
    present = [(bits.read(1), bits.read(1)) for _ in range(layers)]
    if layers:
        bits.read(2 * (8 - layers))
    for profile, level in present:
        bits.read(88 * profile + 8 * level)
