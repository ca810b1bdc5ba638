"""Bytes whose beginning has been looked at."""

from __future__ import annotations

import io
from functools import partial
from typing import Any

import av
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Form, Input
from mkvtwist.libav.opening.opener import InputOpener
from mkvtwist.libav.opening.peeked_bytes import PeekedBytes


class Slow(io.BytesIO):
    """Bytes that come one by one."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return one byte, if that many are wanted."""
        return super().read(min(size or 0, 1))


class PeekedBytesTests(SynchronousTestCase):
    """L{PeekedBytes}, and what an opener makes of a beginning."""

    def test_read(self) -> None:
        """What was looked at is read again, in pieces of any size, and then the rest."""
        for make in (io.BytesIO, Slow):
            for data in (b"", b"F", b"FLV", b"FLV and more"):
                for size in (1, 2, 100):
                    peeked = PeekedBytes(make(data), 3)
                    self.assertEqual(peeked.beginning, data[:3])
                    got = b"".join(iter(partial(peeked.read, size), b""))
                    self.assertEqual(got, data)

    def test_formats(self) -> None:
        """The pictures of a sender's FLV or Matroska are not counted for long; others are."""
        asked: list[dict[str, Any]] = []

        def open_(*_: Any, **options: Any) -> None:
            asked.append(options["options"])
            raise av.EOFError(1, "that is all")

        opener = InputOpener(av_open=open_)
        for form, data in (
            (Form.PUSH, b"FLV\x01"),
            (Form.RTMP, b"FLV\x01"),
            (Form.PUSH, b"\x1aE\xdf\xa3"),
            (Form.PUSH, b"G@\x11\x10"),
            (Form.STDIN, b"FLV\x01"),
        ):
            self.assertRaises(av.EOFError, opener.open, Input(form, "x"), io.BytesIO(data))
        counted = ["fpsprobesize" in options for options in asked]
        self.assertEqual(counted, [True, True, True, False, False])
