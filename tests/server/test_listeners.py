"""Listeners: where clients connect."""

from __future__ import annotations

import socket

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from mkvtwist.config.input import Form, Input
from mkvtwist.config.settings import Config, StreamConfig
from mkvtwist.http import LiveSite
from mkvtwist.server.listeners import (
    ACCEPT_BACKLOG,
    Listener,
    Listeners,
    managing,
    publishing,
    watching,
)
from mkvtwist.streams.stream import Stream
from mkvtwist.testing import FakeReaders, Reactor
from tests.support.fakes import Log, PortReactor


class ListenerTests(SynchronousTestCase):
    """L{Listener}."""

    def setUp(self) -> None:
        """One stream can be watched."""
        self.reactor = PortReactor()
        self.log = Log(self)
        config = StreamConfig(Input(Form.FILE, "film.mkv"))
        stream = Stream(self.reactor, config, on_end=lambda _: None, start_reader=FakeReaders())
        self.streams = {config.name: stream}
        self.site = LiveSite(self.reactor, self.streams)
        self.site.configure(Config((config,)))

    def start(self, *texts: str) -> list[Listener]:
        """Listeners at these endpoints, started as twistd does."""
        made = [Listener(self.reactor, text, self.site, watching(self.streams)) for text in texts]
        for listener in made:
            listener.privilegedStartService()
        for listener in made:
            listener.startService()
        return made

    def test_listen(self) -> None:
        """A listener listens once, for a crowd, before privileges are dropped."""
        self.start("tcp:80", "tcp:8080:backlog=7")
        self.assertEqual([port[0] for port in self.reactor.tcpServers], [80, 8080])
        self.assertEqual([port[2] for port in self.reactor.tcpServers], [ACCEPT_BACKLOG, 7])
        name = socket.gethostname()
        self.assertEqual(
            self.log.about("http"),
            [
                f"watch at http://{name}:80/",
                f"or in a player: http://{name}:80/live.mkv",
                f"watch at http://{name}:8080/",
                f"or in a player: http://{name}:8080/live.mkv",
            ],
        )

    def test_without_privileges(self) -> None:
        """Under twist, which knows no privileges, it listens as well."""
        Listener(self.reactor, "tcp:8080", self.site, watching({})).startService()
        self.assertEqual([port[0] for port in self.reactor.tcpServers], [8080])

    def test_management(self) -> None:
        """Where one manages, the log names the page for that, and no stream."""
        Listener(self.reactor, "tcp:8079", self.site, managing).startService()
        self.assertEqual(self.log.lines, [f"manage at http://{socket.gethostname()}:8079/admin"])

    def test_publish(self) -> None:
        """Where one publishes, the log names the URL of each stream that is published to."""
        streams = dict(self.streams)
        config = StreamConfig(Input(Form.PUSH, "push"), name="cam")
        streams["cam"] = Stream(self.reactor, config, start_reader=FakeReaders())
        for text in ("tcp:1935", "unix:a.sock"):
            Listener(self.reactor, text, self.site, publishing(streams)).startService()
        host = socket.gethostname()
        said = [f"publish at rtmp://{host}:1935/cam", "publish at unix:a.sock /cam"]
        self.assertEqual(self.log.about("publish at"), said)

    def test_unix(self) -> None:
        """A socket in the file system is no URL; the log says where it is, and what is asked."""
        self.start("unix:a.sock")
        self.assertEqual([server[0] for server in self.reactor.unixServers], ["a.sock"])
        self.assertEqual(self.log.about("watch at"), ["watch at unix:a.sock /"])

    def test_stop_before_listening(self) -> None:
        """A listener that has never listened can be stopped."""
        listener = Listener(self.reactor, "tcp:8080", self.site, watching({}))
        self.assertIsNone(listener.host)
        self.assertIsNone(listener.stopService())

    def test_both_families(self) -> None:
        """An address that stands for all of this machine's is shown as its name."""
        self.start("tcp6:8080", "tcp6:8081:interface=\\:\\:1")
        name = socket.gethostname()
        said = [f"watch at http://{name}:8080/", "watch at http://[::1]:8081/"]
        self.assertEqual(self.log.about("watch at"), said)

    def test_congestion(self) -> None:
        """Connections get the congestion control that is set when they come."""
        if not hasattr(socket, "TCP_CONGESTION"):
            raise SkipTest("this system has one congestion control")
        (listener,) = self.start("tcp:8080")
        handle = self.reactor.ports[0].socket
        self.assertEqual(handle.chosen, [])
        for name in ("reno", "reno", "gone"):
            listener.congest(name)
        self.assertEqual(handle.chosen, ["reno"])
        (line,) = self.log.about("congestion control gone cannot be set")
        self.assertIn("No such file or directory", line)
        early = Listener(self.reactor, "tcp:8081", self.site, watching({}))
        early.congest("cubic")
        early.startService()
        self.assertEqual(self.reactor.ports[1].socket.chosen, ["cubic"])

    def test_cannot_listen(self) -> None:
        """A port that was lost between the check and the start is said in the log."""
        self.reactor.is_taken = True
        self.start("tcp:8080")
        (line,) = self.log.about("cannot listen at tcp:8080")
        self.assertIn("Address already in use", line)


class ListenersTests(SynchronousTestCase):
    """L{Listeners}."""

    def test_change(self) -> None:
        """Listeners that are wanted stay, others go, and missing ones are made."""
        reactor = Reactor()
        public, private = LiveSite(reactor, {}), LiveSite(reactor, {})
        listeners = Listeners(reactor, {public: watching({}), private: managing})
        gone, new = listeners.change([("tcp:1", public), ("tcp:2", private)])
        self.assertEqual((gone, [listener.text for listener in new]), ([], ["tcp:1", "tcp:2"]))
        first, second = listeners
        gone, new = listeners.change([("tcp:2", public), ("tcp:1", public)])
        self.assertEqual(gone, [second])
        self.assertEqual(
            [(listener.text, listener.factory) for listener in new], [("tcp:2", public)]
        )
        self.assertIn(first, listeners)
        self.assertNotIn(second, listeners)
        self.assertEqual((listeners.at(public), listeners.at(private)), (("tcp:1", "tcp:2"), ()))

    def test_same_twice(self) -> None:
        """An endpoint that is named twice has two listeners."""
        reactor = Reactor()
        site = LiveSite(reactor, {})
        listeners = Listeners(reactor, {site: watching({})})
        _, new = listeners.change([("tcp:0", site)])
        self.assertEqual(len(new), 1)
        gone, new = listeners.change([("tcp:0", site), ("tcp:0", site)])
        self.assertEqual((gone, len(new)), ([], 1))
