"""The limit of open files."""

from __future__ import annotations

import resource
import sys

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.server.descriptors import DESCRIPTORS, most_connections, raise_descriptor_limit
from tests.support.fakes import Log


class DescriptorTests(SynchronousTestCase):
    """A process whose limit is 1024 open files, and 2000 if it asks."""

    def setUp(self) -> None:
        """Nothing has been asked for."""
        self.limits: list[tuple[int, int]] = [(1024, 2000)]
        self.patch(resource, "getrlimit", lambda _: self.limits[-1])
        self.patch(resource, "setrlimit", lambda _, limit: self.limits.append(limit))
        self.log = Log(self)

    def test_enough(self) -> None:
        """The limit is raised as far as it goes; clients get what the server does not need."""
        self.assertEqual(most_connections(1000), 2000 - DESCRIPTORS)
        self.assertEqual(self.limits, [(1024, 2000), (2000, 2000)])
        self.assertEqual(self.log.lines, [])

    def test_too_few(self) -> None:
        """If that is too few, the log says what to do."""
        most_connections(1000)
        most_connections(10_000)
        self.assertEqual(len(self.limits), 2, "it is at the limit already")
        (line,) = self.log.lines
        self.assertIn("only 2000 files can be open, too few for 10000 clients", line)

    def test_few(self) -> None:
        """However low the limit is, half of it is for clients."""
        self.limits = [(100, 100)]
        self.assertEqual(most_connections(1), 50)

    def test_no_limit(self) -> None:
        """Without a hard limit there is enough for anybody."""
        self.limits = [(resource.RLIM_INFINITY, resource.RLIM_INFINITY)]
        self.assertEqual(raise_descriptor_limit(), sys.maxsize)
