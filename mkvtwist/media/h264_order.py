"""
The order in which the pictures of H.264 are shown, read from their slices (I{pure}).

Numbers in parentheses are sections of ITU-T H.264; the order is in 8.2.1. Damage is passed over: a
parameter set that makes no sense is not remembered, a slice whose header makes no sense says
nothing. Each loop is bounded by the standard, or by the bits that are there.
"""

from collections.abc import Sequence
from typing import NamedTuple

from mkvtwist.media.bits import Bits, Damaged
from mkvtwist.media.picture_order import UNITS, DisplayPlace, nearest_msb, unit_bits


class _Sps(NamedTuple):
    """The fields that are needed of a sequence parameter set (7.3.2.1.1)."""

    separate_planes: bool
    chroma: bool
    frame_number_bits: int
    type: int
    lsb_bits: int
    always_zero: bool
    non_reference: int
    top_to_bottom: int
    cycle: tuple[int, ...]
    frames_only: bool
    depth: int | None


class _Pps(NamedTuple):
    """The fields that are needed of a picture parameter set (7.3.2.2)."""

    sps: int
    order_present: bool
    references: tuple[int, int]
    weighted: bool
    weighted_b: bool
    redundant: bool


class _Slice(NamedTuple):
    """The fields that are needed of a slice header (7.3.3)."""

    sps: _Sps
    idr: bool
    reference: bool
    frame_number: int
    field: bool
    bottom: bool
    lsb: int
    deltas: tuple[int, int]
    clears: bool
    """Whether memory_management_control_operation is 5, which is like an IDR picture."""

    def is_same(self, other: "_Slice | None") -> bool:
        """Return whether two slices belong to the same picture, which may be a field."""
        return other is not None and self.bottom == other.bottom and self.field == other.field


_P, _B, _SP = 0, 1, 3
"""Types of slices, modulo 5, that refer to others."""


class H264Order:
    """The order of one H.264 stream's pictures; it remembers the parameter sets."""

    def __init__(self) -> None:
        self._sps: dict[int, _Sps] = {}
        self._pps: dict[int, _Pps] = {}
        self._msb = 0
        self._lsb = 0
        self._frame_number = 0
        self._offset = 0
        self._count = 0
        self._field: _Slice | None = None

    def place(self, units: Sequence[bytes]) -> DisplayPlace | None:
        """Return where the picture in an access unit, a frame or one field or two, is shown."""
        place: DisplayPlace | None = None
        last: _Slice | None = None
        for unit in units[:UNITS]:
            type_ = unit[0] & 31
            try:
                if type_ == 7:
                    self._learn_sps(unit_bits(unit, 1))
                elif type_ == 8:
                    self._learn_pps(unit_bits(unit, 1))
                elif type_ in (1, 2, 5) and (last is None or not last.sps.frames_only):
                    slice_ = self._slice(unit)
                    if not slice_.is_same(last):
                        last = slice_
                        found = self._placed(slice_)
                        place = place or found
            except Damaged:
                continue
        return place

    def _learn_sps(self, bits: Bits) -> None:
        profile = bits.read(8)
        bits.read(16)  # constraints, level_idc
        number = bits.unsigned(31)
        chroma, separate = 1, False
        if profile in _HIGH:
            chroma = bits.unsigned(3)
            separate = chroma == 3 and bool(bits.read(1))
            bits.unsigned(6)  # bit_depth_luma_minus8
            bits.unsigned(6)
            bits.read(1)
            if bits.read(1):
                for index in range(12 if chroma == 3 else 8):
                    if bits.read(1):
                        _skip_scaling_list(bits, 16 if index < 6 else 64)
        frame_number_bits = bits.unsigned(12) + 4
        type_ = bits.unsigned(2)
        lsb_bits, always_zero, non_reference, top_to_bottom = 0, False, 0, 0
        cycle: tuple[int, ...] = ()
        if type_ == 0:
            lsb_bits = bits.unsigned(12) + 4
        elif type_ == 1:
            always_zero = bool(bits.read(1))
            non_reference, top_to_bottom = bits.signed(), bits.signed()
            cycle = tuple(bits.signed() for _ in range(bits.unsigned(255)))
        bits.unsigned()  # max_num_ref_frames
        bits.read(1)
        bits.unsigned()  # pic_width_in_mbs_minus1
        bits.unsigned()
        frames_only = bool(bits.read(1))
        self._sps[number] = _Sps(
            separate,
            chroma != 0 and not separate,
            frame_number_bits,
            type_,
            lsb_bits,
            always_zero,
            non_reference,
            top_to_bottom,
            cycle,
            frames_only,
            0 if type_ == 2 else _depth(bits, frames_only=frames_only),
        )

    def _learn_pps(self, bits: Bits) -> None:
        number, sps = bits.unsigned(255), bits.unsigned(31)
        bits.read(1)  # entropy_coding_mode_flag
        order_present = bool(bits.read(1))
        if groups := bits.unsigned(7):
            _skip_slice_groups(bits, groups)
        references = bits.unsigned(31) + 1, bits.unsigned(31) + 1
        weighted, weighted_b = bool(bits.read(1)), bits.read(2) == 1
        for _ in range(3):  # two initial quantizers, an offset for chroma
            bits.signed()
        bits.read(2)
        redundant = bool(bits.read(1))
        self._pps[number] = _Pps(sps, order_present, references, weighted, weighted_b, redundant)

    def _slice(self, unit: bytes) -> _Slice:
        bits = unit_bits(unit, 1)
        idr, reference = unit[0] & 31 == 5, bool(unit[0] & 0x60)
        bits.unsigned()  # first_mb_in_slice
        kind = bits.unsigned(9) % 5
        pps = self._pps.get(bits.unsigned(255))
        sps = self._sps.get(pps.sps) if pps else None
        if pps is None or sps is None:
            raise Damaged("a slice without parameter sets")
        if sps.separate_planes:
            bits.read(2)
        frame_number = bits.read(sps.frame_number_bits)
        field = not sps.frames_only and bool(bits.read(1))
        bottom = field and bool(bits.read(1))
        if idr:
            bits.unsigned(65535)  # idr_pic_id
        lsb = bits.read(sps.lsb_bits)
        both = pps.order_present and not field
        deltas = 0, 0
        if sps.type == 0:
            deltas = 0, bits.signed() if both else 0
        elif sps.type == 1 and not sps.always_zero:
            deltas = bits.signed(), bits.signed() if both else 0
        clears = reference and not idr and _clears(bits, kind, sps, pps)
        return _Slice(sps, idr, reference, frame_number, field, bottom, lsb, deltas, clears)

    def _placed(self, slice_: _Slice) -> DisplayPlace:
        first, self._field = self._field, None
        second = (
            first is not None
            and slice_.field
            and not slice_.idr
            and not slice_.clears
            and slice_.reference == first.reference
            and slice_.bottom != first.bottom
            and slice_.frame_number == first.frame_number
        )
        if slice_.field and not second:
            self._field = slice_
        if slice_.idr:
            self._msb = self._lsb = self._offset = self._frame_number = 0
        if slice_.sps.type == 0:
            top, bottom = self._of_type_0(slice_)
        elif slice_.sps.type == 1:
            top, bottom = self._of_type_1(slice_)
        else:  # decoded as they are shown
            top = bottom = self._count + (not second)
        count = min(top, bottom)
        if slice_.field:
            count = bottom if slice_.bottom else top
        if slice_.clears:
            self._msb, self._lsb = 0, 0 if slice_.bottom else top - count
            self._offset = self._frame_number = 0
            count = 0
        self._count = count
        return DisplayPlace(slice_.idr or slice_.clears, count, second, slice_.sps.depth)

    def _of_type_0(self, slice_: _Slice) -> tuple[int, int]:
        """Return the counts of the top and the bottom field (8.2.1.1)."""
        msb = nearest_msb(self._msb, self._lsb, slice_.lsb, slice_.sps.lsb_bits)
        if slice_.reference:
            self._msb, self._lsb = msb, slice_.lsb
        return msb + slice_.lsb, msb + slice_.lsb + slice_.deltas[1]

    def _of_type_1(self, slice_: _Slice) -> tuple[int, int]:
        """Return the counts of both fields from the frame's number (8.2.1.2)."""
        sps, number = slice_.sps, slice_.frame_number
        if self._frame_number > number:
            self._offset += 1 << sps.frame_number_bits
        self._frame_number = number
        count = 0
        if sps.cycle:
            number += self._offset
            if number and not slice_.reference:
                number -= 1
            cycles, rest = divmod(number, len(sps.cycle))
            count = cycles * sum(sps.cycle) + sum(sps.cycle[:rest])
        if not slice_.reference:
            count += sps.non_reference
        top = count + slice_.deltas[0]
        if slice_.field:
            return top, top + sps.top_to_bottom
        return top, top + sps.top_to_bottom + slice_.deltas[1]


_HIGH = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""Profiles whose SPS says how the chroma is coded."""


def _skip_scaling_list(bits: Bits, size: int) -> None:
    last = next_ = 8
    for _ in range(size):
        if next_:
            next_ = (last + bits.signed()) % 256
        last = next_ or last


def _skip_slice_groups(bits: Bits, groups: int) -> None:
    type_ = bits.unsigned(6)
    if type_ == 0:
        for _ in range(groups + 1):
            bits.unsigned()
    elif type_ == 2:
        for _ in range(2 * groups):
            bits.unsigned()
    elif type_ in (3, 4, 5):
        bits.read(1)
        bits.unsigned()
    elif type_ == 6:
        units = bits.unsigned() + 1
        bits.read(groups.bit_length() * units)


def _depth(bits: Bits, *, frames_only: bool) -> int | None:
    """Return max_num_reorder_frames, read from behind frame_mbs_only_flag (7.3.2.1.1, E.1.1)."""
    try:
        bits.read(1 if frames_only else 2)
        if bits.read(1):  # frame_cropping_flag
            for _ in range(4):
                bits.unsigned()
        if not bits.read(1):  # vui_parameters_present_flag
            return None
        _skip_appearance(bits)
        if bits.read(1):  # timing_info_present_flag
            bits.read(65)
        hrd = [_skip_hrd(bits) for _ in range(2)]
        if any(hrd):
            bits.read(1)
        bits.read(1)
        if not bits.read(1):  # bitstream_restriction_flag
            return None
        bits.read(1)
        for _ in range(4):
            bits.unsigned()
        return bits.unsigned(16)
    except Damaged:
        return None  # some encoders cut it short, and decoders do without


def _skip_appearance(bits: Bits) -> None:
    """Skip the fields of the VUI on the pixels' shape and colours."""
    if bits.read(1) and bits.read(8) == 255:  # Extended_SAR
        bits.read(32)
    if bits.read(1):  # overscan_info_present_flag
        bits.read(1)
    if bits.read(1):  # video_signal_type_present_flag
        bits.read(4)
        if bits.read(1):
            bits.read(24)
    if bits.read(1):  # chroma_loc_info_present_flag
        bits.unsigned()
        bits.unsigned()


def _skip_hrd(bits: Bits) -> bool:
    """Skip hrd_parameters() (E.1.2); return whether they are there."""
    if not bits.read(1):
        return False
    count = bits.unsigned(31) + 1
    bits.read(8)
    for _ in range(count):
        bits.unsigned()
        bits.unsigned()
        bits.read(1)
    bits.read(20)
    return True


def _clears(bits: Bits, kind: int, sps: _Sps, pps: _Pps) -> bool:
    """Return whether the rest of a reference picture's slice header has operation 5 (7.3.3.3)."""
    try:
        _skip_to_marking(bits, kind, sps, pps)
        operations = []
        if bits.read(1):  # adaptive_ref_pic_marking_mode_flag
            while operation := bits.unsigned(6):
                operations.append(operation)
                if operation != 5:
                    bits.unsigned()
                if operation == 3:
                    bits.unsigned()
    except Damaged:
        return False  # what matters most has been read
    return 5 in operations


def _skip_to_marking(bits: Bits, kind: int, sps: _Sps, pps: _Pps) -> None:
    if pps.redundant:
        bits.unsigned()
    if kind == _B:
        bits.read(1)
    lists = {_P: 1, _SP: 1, _B: 2}.get(kind, 0)
    counts = list(pps.references[:lists])
    if lists and bits.read(1):  # num_ref_idx_active_override_flag
        counts = [bits.unsigned(31) + 1 for _ in counts]
    for _ in counts:
        if bits.read(1):
            while bits.unsigned(5) != 3:
                bits.unsigned()
    if pps.weighted_b if kind == _B else pps.weighted and lists:
        _skip_weights(bits, counts, sps)


def _skip_weights(bits: Bits, counts: Sequence[int], sps: _Sps) -> None:
    """Skip pred_weight_table() (7.3.3.2)."""
    bits.unsigned()
    if sps.chroma:
        bits.unsigned()
    for _ in range(sum(counts)):
        if bits.read(1):
            bits.signed()
            bits.signed()
        if sps.chroma and bits.read(1):
            for _ in range(4):
                bits.signed()
