"""
Bits as the standards of MPEG and ITU-T write them (I{pure}).
"""


class Damaged(ValueError):
    """The exception for bits that make no sense, or use a feature that is not read here."""


class Bits:
    """Reads big-endian bit fields."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)
        self.size = self._left

    @property
    def at(self) -> int:
        """The number of bits that have been read."""
        return self.size - self._left

    def read(self, count: int) -> int:
        """
        Return the next bits as a number.

        @raise Damaged: when there are not so many.
        """
        if count > self._left:
            raise Damaged("cut short")
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def unsigned(self, limit: int = (1 << 32) - 2) -> int:
        """
        Return the next number in Exp-Golomb code: C{ue(v)}, ITU-T H.264, 9.1.

        @raise Damaged: when there is none, or one beyond the limit.
        """
        zeros = self._left - (self._value & ((1 << self._left) - 1)).bit_length()
        number = self.read(2 * zeros + 1) - 1
        if not 0 <= number <= limit:
            raise Damaged(f"{number} is too great")
        return number

    def signed(self) -> int:
        """
        Return the next number in signed Exp-Golomb code: C{se(v)}, ITU-T H.264, 9.1.1.

        @raise Damaged: when there is none.
        """
        number = self.unsigned()
        return (number + 1) // 2 if number % 2 else -number // 2

    def data(self, count: int) -> bytes:
        """Return so many bytes, wherever they begin."""
        return self.read(8 * count).to_bytes(count, "big")

    def between(self, start: int, end: int) -> bytes:
        """Return the bits from one place to another, as bytes, filled up with zeros."""
        count = end - start
        value = self._value >> self.size - end & ((1 << count) - 1)
        return (value << -count % 8).to_bytes((count + 7) // 8, "big")
