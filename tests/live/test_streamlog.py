"""The log of one stream."""

import ast
from pathlib import Path

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.live.streamlog import StreamLog
from tests.support.fakes import Log

PACKAGE = Path(__file__).parents[2] / "mkvtwist"

OF_THE_SERVER = {
    "access/entry.py",  # checkers of rules, which many streams may share
    "access/rules.py",  # rules likewise
    "libav/reader.py",  # names its thread, which has the stream's name
    "libav/worker.py",  # in a process; its owner logs the text
    "live/events.py",
    "http/connections.py",
    "access/address_limits.py",  # addresses that ask for too much
    "http/site.py",  # senders to streams that do not exist
    "inputs/rtmp/factory.py",  # such senders, over RTMP
    "inputs/workers.py",  # the process that forks those of all streams
    "outputs/recorder.py",  # only if it is given no other
}
"""Modules with a logger that names no stream, beside those of the server itself."""


class StreamLogTests(SynchronousTestCase):
    """Lines that belong to a stream."""

    def test_lines(self) -> None:
        """Each line begins with the stream's name, whatever its level and its values."""
        log = Log(self)
        stream_log = StreamLog("cam", "mkvtwist.test")
        stream_log.info("client {id} joined", id=3)
        stream_log.error("{reason}", reason="{not} a field")
        self.assertEqual(log.lines, ["stream cam: client 3 joined", "stream cam: {not} a field"])

    def test_failure(self) -> None:
        """A line with a traceback names the stream."""
        log = Log(self)
        stream_log = StreamLog("cam", "mkvtwist.test")
        stream_log.failure("client {id} failed", Failure(ValueError()), id=3)
        self.assertIn("stream cam: client 3 failed", log.lines[0])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_everywhere(self) -> None:
        """No other module has a logger that knows no stream: a new one has to say why."""
        found = set()
        for path in PACKAGE.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "Logger":
                    found.add(str(path.relative_to(PACKAGE)))
        others = {name for name in found if not name.startswith("server/")}
        self.assertEqual(others, OF_THE_SERVER)
