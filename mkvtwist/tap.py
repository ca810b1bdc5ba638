"""
The command: options, checks, and the services that they make (I{wiring}).
"""

import os
import resource
import socket
import stat
import sys
from contextlib import closing
from typing import Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.usage import Options as TwistedOptions
from twisted.python.usage import UsageError

from mkvtwist.config import (
    INPUT_FORMS,
    AtEnd,
    Config,
    ConfigError,
    Form,
    StreamConfig,
    parse_at_end,
    parse_count,
    parse_input,
    parse_name,
    parse_rate,
    parse_seconds,
    parse_size,
)
from mkvtwist.http import LiveSite
from mkvtwist.input import address
from mkvtwist.stream import Stream

BACKLOG = 4096
"""Connections that wait to be accepted, from a crowd in one instant. The kernel may cap it."""

DESCRIPTORS = 64
"""File descriptors beside those of the clients: listeners, inputs, the log, the reactor's own."""


class Options(TwistedOptions):
    """The command line of C{mkvserve}."""

    synopsis = "[options] [INPUT]"
    longdesc = (
        "Streams INPUT live as Matroska over HTTP, remuxed and never re-encoded. INPUT is one of: "
        + "; ".join(" ".join(line.split()) for line in INPUT_FORMS.splitlines())
        + "."
    )

    def __init__(self) -> None:
        super().__init__()
        self._input: str | None = None
        self._listen: list[str] = []
        self._at_end: str | None = None
        self._settings: dict[str, Any] = {}
        self.config: Config | None = None

    def opt_input(self, text: str) -> None:
        """Where the media comes from: a file, -, a URL, an endpoint such as tcp:12345, or demo:"""
        if self._input is not None:
            raise UsageError(f"two inputs, {self._input!r} and {text!r}; give one")
        self._input = text

    opt_i = opt_input

    def opt_listen(self, text: str) -> None:
        """Where HTTP clients connect, a Twisted endpoint; may be repeated; tcp:0 takes a free port
        [default: tcp:8080]"""
        self._listen.append(text)

    opt_l = opt_listen

    def opt_name(self, text: str) -> None:
        """The stream's name in URLs [default: live]"""
        self._set("name", parse_name, text)

    def opt_burst(self, text: str) -> None:
        """Seconds of media that a joining client gets at once; 0: from the newest keyframe
        [default: 2]"""
        self._set("burst", parse_seconds, text)

    def opt_buffer(self, text: str) -> None:
        """Seconds of media that are kept for clients that are behind [default: 30]"""
        self._set("buffer", parse_seconds, text)

    def opt_buffer_bytes(self, text: str) -> None:
        """Bytes that are kept at most; k, M and G work [default: 64M]"""
        self._set("buffer_bytes", parse_size, text)

    def opt_whole_segments(self) -> None:
        """Send a segment (a GOP) only when it is complete, rather than each fragment as it comes"""
        self._settings["whole_segments"] = True

    def opt_max_clients(self, text: str) -> None:
        """Clients at most; 0: no limit [default: 0]"""
        self._set("max_clients", parse_count, text)

    def opt_client_timeout(self, text: str) -> None:
        """Seconds after which a client that takes nothing is disconnected [default: 30]"""
        self._set("client_timeout", parse_seconds, text, least=1.0)

    def opt_readrate(self, text: str) -> None:
        """Speed at which the input is read, against its own timestamps; 0: as fast as it comes
        [default: 1]"""
        self._set("readrate", parse_rate, text)

    def opt_readrate_initial_burst(self, text: str) -> None:
        """Seconds of media that are read at once before --readrate applies [default: 30]"""
        self._set("readrate_initial_burst", parse_seconds, text)

    def opt_at_end(self, text: str) -> None:
        """What happens at the end of the input: exit, wait, retry or loop [default: file, -: exit;
        endpoint: wait; URL: retry]"""
        self._at_end = text

    def opt_record(self, text: str) -> None:
        """Also write all that the stream carries to this file"""
        directory = os.path.dirname(os.path.abspath(text))
        if not os.path.isdir(directory):
            raise UsageError(f"record: {text!r}: there is no directory {directory!r}")
        if not os.access(directory, os.W_OK):
            raise UsageError(f"record: {text!r}: {directory!r} cannot be written to")
        if os.path.isdir(text):
            raise UsageError(f"record: {text!r} is a directory; name a file")
        self._settings["record"] = os.path.abspath(text)

    def opt_version(self) -> None:
        """Show the version and exit"""
        from mkvtwist import __version__

        print(f"mkvtwist {__version__}")
        raise SystemExit(0)

    def parseOptions(self, options: list[str] | None = None) -> None:
        """
        Parse the command line. Under twistd and twist a mistake is one line on standard error and
        the exit status 1, rather than the whole help.

        @raise UsageError: for a mistake, elsewhere.
        """
        try:
            super().parseOptions(options)
        except UsageError as error:
            if self.parent is None:
                raise
            print(f"mkvserve: {error}", file=sys.stderr)
            raise SystemExit(1) from None

    def parseArgs(self, *inputs: str) -> None:
        """INPUT, where it is not given with --input."""
        for text in inputs:
            if text.startswith("--"):
                raise UsageError(f"{text!r} comes after INPUT; options go before it")
            self.opt_input(text)

    def postOptions(self) -> None:
        """Check everything that can be checked before the daemon detaches."""
        if self._input is None:
            if sys.stdin is None or sys.stdin.isatty():
                raise UsageError(f"no INPUT; it is one of:\n{INPUT_FORMS}")
            self._input = "-"
        try:
            source = parse_input(self._input)
            at_end = parse_at_end(self._at_end, source.form)
        except ConfigError as error:
            raise UsageError(str(error)) from None
        if source.form is Form.FILE:
            source = type(source)(Form.FILE, _readable_file(source.text))
        elif source.form is Form.ENDPOINT:
            source = type(source)(Form.ENDPOINT, _absolute(source.text))
        elif source.form is Form.STDIN and _becomes_daemon(self):
            raise UsageError(
                "a daemon has no standard input: use twistd -n, or let the sender connect to"
                " --input=tcp:PORT"
            )
        listen = tuple(_absolute(text) for text in self._listen or ["tcp:8080"])
        with closing(_Probe()) as probe:
            if source.form is Form.ENDPOINT:
                _check_endpoint(probe, "input", source.text)
            for text in listen:
                if listen.count(text) > 1 and text != "tcp:0":
                    raise UsageError(f"listen: {text!r} is given twice")
                _check_endpoint(probe, "listen", text)
        stream = StreamConfig(source, at_end=at_end, **self._settings)
        self.config = Config((stream,), listen)

    def _set(self, name: str, parse: Any, text: str, **bounds: float) -> None:
        try:
            self._settings[name] = parse(name.replace("_", "-"), text, **bounds)
        except ConfigError as error:
            raise UsageError(str(error)) from None


def _readable_file(path: str) -> str:
    """
    The absolute path of a file that can be opened; C{--rundir} does not change what is meant.

    @raise UsageError: when it cannot.
    """
    try:
        # To open a named pipe would wait for its writer, and end it by closing.
        if not (stat.S_ISFIFO(os.stat(path).st_mode) and os.access(path, os.R_OK)):
            with open(path, "rb"):
                pass
        return os.path.abspath(path)
    except OSError as error:
        raise UsageError(f"input: {path!r}: {error.strerror}") from None


def _absolute(endpoint: str) -> str:
    """An endpoint whose socket's path does not depend on where the daemon goes."""
    kind, _, rest = endpoint.partition(":")
    path, colon, options = rest.partition(":")
    if kind != "unix" or not path:
        return endpoint
    return f"unix:{os.path.abspath(path)}{colon}{options}"


def _becomes_daemon(options: Options) -> bool:
    parent = options.parent
    return parent is not None and "nodaemon" in parent and not parent["nodaemon"]


class _Probe:
    """
    A reactor that only tries whether it could listen. It holds each place until it is closed, so
    that two endpoints for one place are noticed.
    """

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def close(self) -> None:
        """Let go again."""
        for trial in self._held:
            trial.close()

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> None:
        family = socket.AF_INET6 if ":" in interface else socket.AF_INET
        trial = socket.socket(family, socket.SOCK_STREAM)
        self._held.append(trial)
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind((interface, port))
        trial.listen(1)

    def listenSSL(self, port: int, *factories: Any, interface: str = "", **options: Any) -> None:
        self.listenTCP(port, None, interface=interface)

    def listenUNIX(self, path: str, *args: Any, **options: Any) -> None:
        directory = os.path.dirname(os.path.abspath(path))
        if os.path.exists(path) and not options.get("wantPID"):
            raise OSError(0, "it exists; remove it, or add :lockfile=1 to have that done")
        if not os.access(directory, os.W_OK):
            raise OSError(0, f"{directory!r} cannot be written to")

    def adoptStreamPort(self, *args: Any) -> None:
        """Inherited from systemd: it listens already."""


def _check_endpoint(probe: _Probe, option: str, text: str) -> None:
    """
    See that a server endpoint is well described and free.

    @raise UsageError: when it is not.
    """
    try:
        endpoint = serverFromString(probe, text)
    except Exception as error:  # noqa: BLE001 - endpoint plugins raise whatever they like
        raise UsageError(
            f"{option}: {text!r} is not a Twisted server endpoint, such as tcp:8080 or"
            f" tcp:8080:interface=127.0.0.1 ({error})"
        ) from None
    problems: list[BaseException] = []
    endpoint.listen(Factory()).addErrback(lambda failure: problems.append(failure.value))
    for problem in problems:
        if isinstance(problem, OSError):
            raise UsageError(f"{option}: cannot listen at {text!r}: {problem.strerror}")
        raise UsageError(f"{option}: cannot listen at {text!r}: {problem}")


def _with_backlog(text: str) -> str:
    if text.partition(":")[0] in ("tcp", "tcp6", "ssl") and ":backlog=" not in text:
        return f"{text}:backlog={BACKLOG}"
    return text


class Listener(Service):
    """One place where clients connect; it says its URL."""

    _log = Logger()

    def __init__(self, reactor: Any, text: str, site: LiveSite, names: tuple[str, ...]) -> None:
        self._endpoint = serverFromString(reactor, _with_backlog(text))
        self._text = text
        self._site = site
        self._names = names
        self._asked = False
        self._port: IListeningPort | None = None

    def privilegedStartService(self) -> None:
        """Listen while low ports are still allowed."""
        self._asked = True
        self._endpoint.listen(self._site).addCallbacks(self._listening, self._deaf)

    def startService(self) -> None:
        """Listen now, under C{twist}, which knows no privileges."""
        super().startService()
        if not self._asked:
            self.privilegedStartService()

    def stopService(self) -> Deferred[Any] | None:
        super().stopService()
        return self._port.stopListening() if self._port is not None else None

    def _listening(self, port: IListeningPort) -> None:
        self._port = port
        where = address(port.getHost()).replace("0.0.0.0", socket.gethostname())  # noqa: S104
        scheme = "https" if self._text.startswith("ssl:") else "http"
        self._log.info("watch at {scheme}://{where}/", scheme=scheme, where=where)
        for name in self._names:
            self._log.info(
                "or in a player: {scheme}://{where}/{name}.mkv",
                scheme=scheme,
                where=where,
                name=name,
            )

    def _deaf(self, failure: Any) -> None:
        self._log.error(
            "cannot listen at {text}: {problem}", text=self._text, problem=failure.value
        )


class Server(MultiService):
    """Everything: the streams and the listeners; it stops when nothing more will be sent."""

    log = Logger()

    def __init__(self, reactor: Any, config: Config) -> None:
        super().__init__()
        self._reactor = reactor
        self._config = config
        self.streams = {
            stream.name: Stream(reactor, stream, self._ended) for stream in config.streams
        }
        self.site = LiveSite(reactor, self.streams)
        for stream in self.streams.values():
            stream.setServiceParent(self)
        for text in config.listen:
            Listener(reactor, text, self.site, tuple(self.streams)).setServiceParent(self)
        self._left = set(self.streams)

    def startService(self) -> None:
        """Also raise the limit of open files as far as it goes."""
        most = sum(stream.max_clients for stream in self._config.streams)
        limit = raise_descriptor_limit()
        if limit < most + DESCRIPTORS:
            self.log.warn(
                "only {limit} files can be open, too few for {most} clients: raise the hard limit"
                " (ulimit -Hn, or LimitNOFILE= in a systemd unit)",
                limit=limit,
                most=most,
            )
        for stream in self._config.streams:
            self.log.info("stream {name}: {input}", name=stream.name, input=str(stream.input))
        super().startService()

    def _ended(self, stream: Stream) -> None:
        self._left.discard(stream.config.name)
        if not self._left and all(s.at_end is AtEnd.EXIT for s in self._config.streams):
            self.log.info("every stream has ended; stopping")
            self._reactor.stop()


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else sys.maxsize


def makeService(options: Options) -> IService:
    """
    Everything that the options ask for, as one service.
    """
    from twisted.internet import reactor

    assert options.config is not None
    return Server(reactor, options.config)
