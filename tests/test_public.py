"""The names that programs may rely on."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

import mkvtwist


class PublicTests(SynchronousTestCase):
    """C{from mkvtwist import ...}."""

    def test_names(self) -> None:
        """Each public name can be imported, and is listed."""
        for name in mkvtwist.__all__:
            self.assertEqual(getattr(mkvtwist, name).__name__, name)
            self.assertIn(name, dir(mkvtwist))

    def test_unknown(self) -> None:
        """A name that does not exist is an AttributeError, as in any module."""
        error = self.assertRaises(AttributeError, getattr, mkvtwist, "Steam")
        self.assertIn("'Steam'", str(error))

    def test_light(self) -> None:
        """The package alone loads neither Twisted nor PyAV: each twistd of a host loads it."""
        program = "import sys, mkvtwist; print(*sorted({'av', 'twisted'} & set(sys.modules)))"
        ended = subprocess.run(
            (sys.executable, "-c", program), check=True, capture_output=True, text=True
        )
        self.assertEqual(ended.stdout, "\n")
