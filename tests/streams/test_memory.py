"""Memory that is given back to the operating system."""

import ctypes
from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.streams.memory import trim


class MemoryTests(SynchronousTestCase):
    """L{trim}."""

    def test_glibc(self) -> None:
        """The C library is asked for all of it."""
        asked: list[int] = []
        self.assertTrue(trim(SimpleNamespace(malloc_trim=asked.append)))
        self.assertEqual(asked, [0])

    def test_another(self) -> None:
        """One that has no such function is left alone."""
        self.assertFalse(trim(SimpleNamespace()))

    def test_real(self) -> None:
        """The C library of this process is asked by default."""
        self.assertEqual(trim(), hasattr(ctypes.CDLL(None), "malloc_trim"))
