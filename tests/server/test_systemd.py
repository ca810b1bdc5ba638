"""What systemd is told, over the socket that it gives."""

import os
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Form, Input
from mkvtwist.config.settings import Config, StreamConfig
from mkvtwist.server import systemd
from mkvtwist.server.server import Server
from mkvtwist.testing import FakeReaders, Reactor
from tests.support.fakes import Log


class NotifyTests(SynchronousTestCase):
    """A socket that systemd would listen at."""

    def setUp(self) -> None:
        """Paths of such sockets are short."""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.setblocking(False)

    def listen(self, path: str, shown: str) -> None:
        """Systemd listens here, and has said so."""
        self.socket.bind(path)
        self.patch(os, "environ", {"NOTIFY_SOCKET": shown})

    def told(self) -> list[str]:
        """What has been said since."""
        messages = []
        while True:
            try:
                messages.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return messages

    def test_path(self) -> None:
        """A socket is a path."""
        path = os.path.relpath(Path(self.mktemp()).absolute())[-90:]
        self.listen(path, path)
        systemd.notify(READY=1, STATUS="well")
        self.assertEqual(self.told(), ["READY=1\nSTATUS=well"])

    def test_abstract(self) -> None:
        """Or a name of no path."""
        self.listen(f"\0mkvtwist-{os.getpid()}", f"@mkvtwist-{os.getpid()}")
        systemd.notify(READY=1)
        self.assertEqual(self.told(), ["READY=1"])

    def test_nobody(self) -> None:
        """Without systemd nothing is said; a socket that is not there is a line in the log."""
        log = Log(self)
        self.patch(os, "environ", {})
        systemd.notify(READY=1)
        self.assertEqual(log.about("systemd"), [])
        self.patch(os, "environ", {"NOTIFY_SOCKET": "/nothing/here"})
        systemd.notify(READY=1)
        self.assertEqual(len(log.about("systemd cannot be told: No such file")), 1)

    def test_watchdog(self) -> None:
        """A sign of life is wanted twice in the time, by the process that is meant."""
        mine = str(os.getpid())
        for environment, interval in (
            ({}, None),
            ({"WATCHDOG_USEC": "30000000"}, 15.0),
            ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": mine}, 15.0),
            ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
            ({"WATCHDOG_USEC": "0"}, None),
            ({"WATCHDOG_USEC": "soon"}, None),
        ):
            self.assertEqual(systemd.watchdog_interval(environment), interval, environment)

    def test_server(self) -> None:
        """The server says that it is ready, alive, and about to stop."""
        self.listen(f"\0mkvtwist-s{os.getpid()}", f"@mkvtwist-s{os.getpid()}")
        reactor = Reactor()
        stream = StreamConfig(Input(Form.DEMO, "demo:"))
        server = Server(
            reactor,
            Config((stream,), ("tcp:8080",)),
            start_reader=FakeReaders(),
            watchdog_interval=15.0,
        )
        server.privilegedStartService()
        server.startService()
        self.assertEqual(self.told(), ["WATCHDOG=1", "READY=1"])
        reactor.advance(15)
        self.assertEqual(self.told(), ["WATCHDOG=1"])
        server.stopService()
        self.assertEqual(self.told(), ["STOPPING=1"])
        reactor.advance(15)
        self.assertEqual(self.told(), [])

    def test_reload(self) -> None:
        """A configuration that is read again is announced, with the time, and then all is ready."""
        self.listen(f"\0mkvtwist-r{os.getpid()}", f"@mkvtwist-r{os.getpid()}")
        systemd.reloading()
        (message,) = self.told()
        self.assertRegex(message, r"^RELOADING=1\nMONOTONIC_USEC=[0-9]+$")
