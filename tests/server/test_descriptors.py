"""The limit of open files."""

from __future__ import annotations

import resource
import sys

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.server.descriptors import DESCRIPTORS, most_connections, raise_descriptor_limit
from tests.support.fakes import Log


class Limits:
    """
    The limits of open files of a process.

    @ivar all: each pair of a soft and a hard limit that there was; the last one holds.
    """

    def __init__(self, soft: int, hard: int) -> None:
        self.all = [(soft, hard)]

    def getrlimit(self, which: int) -> tuple[int, int]:
        """Return the soft and the hard limit."""
        assert which == resource.RLIMIT_NOFILE
        return self.all[-1]

    def setrlimit(self, which: int, limits: tuple[int, int]) -> None:
        """Set both limits."""
        assert which == resource.RLIMIT_NOFILE
        self.all.append(limits)


class DescriptorTests(SynchronousTestCase):
    """A process whose limit is 1024 open files, and 2000 if it asks."""

    def setUp(self) -> None:
        """Nothing has been asked for."""
        self.limits = Limits(1024, 2000)
        self.log = Log(self)

    def test_enough(self) -> None:
        """The limit is raised as far as it goes; clients get what the server does not need."""
        self.assertEqual(most_connections(1000, self.limits), 2000 - DESCRIPTORS)
        self.assertEqual(self.limits.all, [(1024, 2000), (2000, 2000)])
        self.assertEqual(self.log.lines, [])

    def test_too_few(self) -> None:
        """If that is too few, the log says what to do."""
        most_connections(1000, self.limits)
        most_connections(10_000, self.limits)
        self.assertEqual(len(self.limits.all), 2, "it is at the limit already")
        (line,) = self.log.lines
        self.assertIn("only 2000 files can be open, too few for 10000 clients", line)

    def test_few(self) -> None:
        """However low the limit is, half of it is for clients."""
        self.assertEqual(most_connections(1, Limits(100, 100)), 50)

    def test_no_limit(self) -> None:
        """Without a hard limit there is enough for anybody."""
        endless = Limits(resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        self.assertEqual(raise_descriptor_limit(endless), sys.maxsize)
