"""Memory that is given back to the operating system."""

import ctypes

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.streams.memory import trim


class MemoryTests(SynchronousTestCase):
    """L{trim}."""

    def test_glibc(self) -> None:
        """The C library is asked for all of it."""
        asked: list[int] = []
        library = type("Library", (), {"malloc_trim": staticmethod(asked.append)})
        self.patch(ctypes, "CDLL", lambda _: library)
        trim()
        self.assertEqual(asked, [0])

    def test_another(self) -> None:
        """One that has no such function is left alone."""
        self.patch(ctypes, "CDLL", lambda _: object())
        trim()

    def test_real(self) -> None:
        """With the one that is here nothing bad happens."""
        trim()
