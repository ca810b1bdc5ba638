"""
AMF0, the encoding of commands and of metadata (I{pure}).

Objects and ECMA arrays are dictionaries, strict arrays lists, dates numbers of milliseconds; null,
undefined and references are L{None}. The encoding is Adobe's "Action Message Format -- AMF 0".
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any

from mkvtwist.inputs.rtmp.errors import ProtocolError

DEEPEST = 8
"""Objects inside each other: commands have two, metadata three or four."""

MOST_VALUES = 2000
"""Values in one message: C{onMetaData} has about 20, with a list of keyframes some hundreds."""

_DOUBLE = struct.Struct(">d")
_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")

_NUMBER, _BOOLEAN, _STRING, _OBJECT = 0, 1, 2, 3
_NULL, _UNDEFINED, _REFERENCE, _ECMA_ARRAY = 5, 6, 7, 8
_OBJECT_END, _STRICT_ARRAY, _DATE, _LONG_STRING = 9, 10, 11, 12
_UNSUPPORTED, _XML, _TYPED_OBJECT = 13, 15, 16

_END = _U16.pack(0) + bytes([_OBJECT_END])


def encode(*values: Any) -> bytes:
    """
    Return values in AMF0, one behind the other.

    @raise struct.error: for a text of 65536 bytes or more.
    """
    return b"".join(map(_encode, values))


def decode(data: bytes) -> list[Any]:
    """
    Return the values in a message.

    @raise ProtocolError: if it is cut off, or has what AMF0 does not have.
    """
    reader = _Reader(data)
    values = []
    try:
        while reader.place < len(data):
            values.append(reader.value(0))
    except (struct.error, IndexError):
        raise ProtocolError("a message in AMF0 that is cut off") from None
    return values


def _encode(value: Any) -> bytes:
    if value is None:
        return bytes([_NULL])
    if isinstance(value, str):
        return bytes([_STRING]) + _short(value)
    if isinstance(value, bool):
        return bytes([_BOOLEAN, value])
    if isinstance(value, int | float):
        return bytes([_NUMBER]) + _DOUBLE.pack(value)
    if isinstance(value, Mapping):
        pairs = b"".join(_short(key) + _encode(one) for key, one in value.items())
        return bytes([_OBJECT]) + pairs + _END
    return bytes([_STRICT_ARRAY]) + _U32.pack(len(value)) + b"".join(map(_encode, value))


def _short(text: str) -> bytes:
    """Return a text of up to 65535 bytes; what is said here is shorter."""
    data = text.encode("utf-8", "surrogateescape")
    return _U16.pack(len(data)) + data


class _Reader:
    """Reads one value after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = MOST_VALUES
        self.place = 0

    def value(self, depth: int) -> Any:
        self._left -= 1
        if depth > DEEPEST or self._left < 0:
            raise ProtocolError("a message in AMF0 with too many values")
        kind = self._data[self.place]
        self.place += 1
        read = _READ.get(kind)
        if read is None:
            raise ProtocolError("a value of a type that AMF0 does not have")
        return read(self, depth)

    def number(self, _: int) -> float:
        return float(self._unpack(_DOUBLE))

    def boolean(self, _: int) -> bool:
        return self._take(1) != b"\0"

    def text(self, _: int) -> str:
        return self._text(self._unpack(_U16))

    def long_text(self, _: int) -> str:
        return self._text(self._unpack(_U32))

    def nothing(self, _: int) -> None:
        pass

    def reference(self, _: int) -> None:
        self._take(2)

    def date(self, _: int) -> float:
        when = float(self._unpack(_DOUBLE))
        self._take(2)  # the time zone, which is reserved
        return when

    def array(self, depth: int) -> list[Any]:
        return [self.value(depth + 1) for _ in range(self._unpack(_U32))]

    def named_array(self, depth: int) -> dict[str, Any]:
        self._take(4)  # how many there are, as far as the sender knows
        return self.pairs(depth)

    def typed_object(self, depth: int) -> dict[str, Any]:
        self._text(self._unpack(_U16))
        return self.pairs(depth)

    def pairs(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while True:
            key = self._text(self._unpack(_U16))
            if not key and self._data[self.place] == _OBJECT_END:
                self.place += 1
                return found
            found[key] = self.value(depth + 1)

    def _unpack(self, form: struct.Struct) -> Any:
        (value,) = form.unpack_from(self._data, self.place)
        self.place += form.size
        return value

    def _text(self, size: int) -> str:
        return self._take(size).decode("utf-8", "surrogateescape")

    def _take(self, size: int) -> bytes:
        taken = self._data[self.place : self.place + size]
        if len(taken) < size:
            raise IndexError
        self.place += size
        return taken


_READ: Mapping[int, Callable[[_Reader, int], Any]] = {
    _NUMBER: _Reader.number,
    _BOOLEAN: _Reader.boolean,
    _STRING: _Reader.text,
    _OBJECT: _Reader.pairs,
    _NULL: _Reader.nothing,
    _UNDEFINED: _Reader.nothing,
    _REFERENCE: _Reader.reference,
    _ECMA_ARRAY: _Reader.named_array,
    _STRICT_ARRAY: _Reader.array,
    _DATE: _Reader.date,
    _LONG_STRING: _Reader.long_text,
    _UNSUPPORTED: _Reader.nothing,
    _XML: _Reader.long_text,
    _TYPED_OBJECT: _Reader.typed_object,
}
"""How a value is read, by its type; the second argument is how deep it lies."""
