"""
What can be seen of a configuration before any of it is used: files, directories, ports
(I{wiring}).
"""

import os
import re
import socket
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from errno import EADDRINUSE
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory

from mkvtwist.access.rules import checkers
from mkvtwist.access.tokens import read_management_token
from mkvtwist.access.users import Hashing
from mkvtwist.config.document import CommandLine, configure, parse_document
from mkvtwist.config.input import Form, Input
from mkvtwist.config.rule import EVERYBODY, AccessRule
from mkvtwist.config.settings import DEFAULT_PORT, Config, StreamConfig
from mkvtwist.config.values import ConfigError, parse_name, unusable
from mkvtwist.net.addresses import means_loopback
from mkvtwist.net.endpoint import TLS_PROBLEMS, check_files, explain
from mkvtwist.net.sockets import both_families, congestion_problem


def read(
    command_line: CommandLine, held: Collection[str] = (), *, may_be_taken: bool = False
) -> Config:
    """
    Read the file, if there is one, and look at everything that it and the command line name.

    @param held: endpoints where this process listens already; their ports are not tried.
    @param may_be_taken: whether another process may listen where this one would, as one that has
        the same configuration does.
    @raise ConfigError: with a line for each mistake.
    """
    document = {}
    file = command_line.file
    if file is not None:
        try:
            with open(os.path.join(command_line.directory, file), "rb") as opened:
                text = opened.read()
        except (OSError, ValueError) as error:
            raise ConfigError(f"config: {unusable(file, error)}") from None
        document = parse_document(text, file)
    config, problems = configure(document, command_line)
    if "listen" not in document and "listen" not in command_line.server:
        config = replace(config, listen=both_families(DEFAULT_PORT))
    problems += _look(config, command_line, _Places(held, may_be_taken=may_be_taken))
    if problems:
        raise ConfigError(*problems)
    return config


def read_stream(name: str, settings: Mapping[str, Any], held: Collection[str] = ()) -> StreamConfig:
    """
    Read one stream's settings, and look at what they name, as those in a file.

    @param held: endpoints where this process listens already; their ports are not tried.
    @raise ConfigError: with a line for each mistake.
    """
    parse_name("name", name)
    said = CommandLine(directory=os.getcwd(), file="request")
    config, problems = configure({"streams": {name: dict(settings)}}, said)
    config = replace(config, listen=())
    problems += _look(config, said, _Places(held, may_be_taken=False))
    if problems:
        raise ConfigError(*problems)
    return config.streams[0]


def _look(config: Config, said: CommandLine, places: "_Places") -> Iterator[str]:
    """One line for each thing that is not there, or not free."""
    with closing(places):
        for stream in config.streams:
            for key, problem in _stream_problems(stream, config, places):
                if problem is not None:
                    yield f"{said.where(key, stream.name)}: {problem}"
        for key, problem in _server_problems(config, places):
            if problem is not None:
                yield f"{said.where(key)}: {problem}"


def _stream_problems(
    stream: StreamConfig, config: Config, places: "_Places"
) -> Iterator[tuple[str, str | None]]:
    """For each setting that names something: the setting, and what is wrong with that."""
    yield "input", _input_problem(stream, config, places)
    for fallback in stream.fallbacks:
        yield "fallback", _source_problem(fallback)
    yield "record", _record_problem(stream, config)
    yield "watch", _rule_problem(stream.watch)
    yield "send", _send_problem(stream)


def _server_problems(config: Config, places: "_Places") -> Iterator[tuple[str, str | None]]:
    for text in config.listen:
        yield "listen", places.problem(text)
    if config.congestion is not None:
        lenient = places.others_may_listen
        yield "congestion", congestion_problem(config.congestion, lenient=lenient)
    for text in config.management_listen:
        yield "management_listen", places.problem(text) or _exposed(text, config)
    yield "management_token_file", _token_problem(config)
    if config.status_access is not None:
        yield "status", _rule_problem(config.status_access)


def _input_problem(stream: StreamConfig, config: Config, places: "_Places") -> str | None:
    source = stream.input
    if source.form is Form.ENDPOINT:
        return places.problem(source.text)
    if source.form is Form.STDIN and sum(other.input == source for other in config.streams) > 1:
        return "standard input can be read by one stream only"
    return _source_problem(source)


def _source_problem(source: Input) -> str | None:
    """Why an input, or a fallback, cannot be opened, as far as that is known without doing it."""
    if source.is_masked:
        return f"{str(source)!r}: give the address itself: what is shown is masked"
    return _unreadable(source.text) if source.form is Form.FILE else None


def _exposed(text: str, config: Config) -> str | None:
    """Why nobody may manage the server from an endpoint, if so."""
    interface = re.search(r":interface=((?:\\.|[^:\\])+)", text)
    is_local = text.startswith(("unix:", "systemd:", "fd:")) or (
        interface is not None and means_loopback(re.sub(r"\\(.)", r"\1", interface[1]))
    )
    if is_local or config.management_token_file is not None:
        return None
    return (
        f"{text!r} is open to other machines, and there is no management_token_file; use"
        " tcp:PORT:interface=127.0.0.1 or unix:PATH, or give a token"
    )


def _token_problem(config: Config) -> str | None:
    path = config.management_token_file
    if path is None:
        return None
    try:
        read_management_token(path)
    except ConfigError as error:
        return str(error)
    return None


def _record_problem(stream: StreamConfig, config: Config) -> str | None:
    if stream.record is None:
        return None
    if sum(other.record == stream.record for other in config.streams) > 1:
        return f"{stream.record!r} is recorded to by another stream, too"
    return _unwritable(stream.record)


def _send_problem(stream: StreamConfig) -> str | None:
    if stream.send != EVERYBODY and stream.input.form is Form.ENDPOINT:
        return (
            f"nobody is asked for anything at {stream.input.text!r}; say send = {{}} to have it so"
        )
    return _rule_problem(stream.send)


def _rule_problem(rule: AccessRule) -> str | None:
    """Why a rule's files cannot be used, if so."""
    try:
        list(checkers(rule, Hashing(None)))
    except ConfigError as error:
        return str(error)
    return None


def _unreadable(path: str) -> str | None:
    """Why a file cannot be opened, if so."""
    try:
        # To open a named pipe would wait for its writer, and end it by closing.
        if not (stat.S_ISFIFO(os.stat(path).st_mode) and os.access(path, os.R_OK)):
            with open(path, "rb"):
                pass
    except (OSError, ValueError) as error:
        return unusable(path, error)
    return None


def _unwritable(path: str) -> str | None:
    """Why nothing can be recorded to a file, if so."""
    try:
        with suppress(OSError):  # it need not be there
            os.lstat(path)
    except ValueError as error:
        return unusable(path, error)
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        return f"{path!r}: there is no directory {directory!r}"
    if not os.access(directory, os.W_OK):
        return f"{path!r}: {directory!r} cannot be written to"
    if os.path.isdir(path):
        return f"{path!r} is a directory; name a file"
    return None


class _Places:
    """
    Where one would listen, tried one after the other; each is held until all of them are known.
    """

    def __init__(self, held: Collection[str], *, may_be_taken: bool) -> None:
        self._may_be_taken = may_be_taken
        self._probe = _Probe()
        self._held = {_place(text) for text in held}
        self._given: set[str] = set()

    @property
    def others_may_listen(self) -> bool:
        """Whether a server may run already, perhaps with more privileges at its start."""
        return self._may_be_taken or bool(self._held)

    def close(self) -> None:
        """Let go again."""
        self._probe.close()

    def problem(self, text: str) -> str | None:
        """Why one cannot listen at an endpoint, if so."""
        if text in self._given:
            return f"{text!r} is given twice"
        try:
            check_files(text)
            endpoint = serverFromString(self._probe, text)
        except ConfigError as error:
            return str(error)
        except (IndexError, KeyError):
            return f"{text!r}: systemd has handed over no such socket; is there a .socket unit?"
        except Exception as error:  # noqa: BLE001 - endpoint plugins raise whatever they like
            return explain(text, error)
        if _place(text) != ("tcp", "0"):  # which is another one each time
            self._given.add(text)
        if _place(text) in self._held:
            return None
        problems: list[BaseException] = []
        endpoint.listen(Factory()).addErrback(lambda failure: problems.append(failure.value))
        return self._said(text, problems[0]) if problems else None

    def _said(self, text: str, problem: BaseException) -> str | None:
        taken = isinstance(problem, OSError) and problem.errno == EADDRINUSE
        if isinstance(problem, _Inherited) or (taken and self._may_be_taken):
            return None
        if isinstance(problem, TLS_PROBLEMS):
            return explain(text, problem)
        said = problem.strerror if isinstance(problem, OSError) else problem
        if isinstance(problem, PermissionError):
            said = f"{said}; a port below 1024 needs root, or CAP_NET_BIND_SERVICE"
        return f"cannot listen at {text!r}: {said}"


def _place(text: str) -> tuple[str, ...]:
    """
    Return what an endpoint has for itself, as far as can be told: C{("tcp", "8080")}, which TLS and
    IPv6 share.
    """
    kind, *rest = text.split(":")[:2]
    return ("tcp" if kind in ("tcp6", "ssl") else kind, *rest)


class _Inherited(Exception):
    """The socket is there, and listens."""


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

    def listenSSL(
        self, port: int, factory: Any, contextFactory: Any, interface: str = "", **options: Any
    ) -> None:
        self.listenTCP(port, None, interface=interface)
        contextFactory.getContext()  # finds a key that belongs to another certificate

    def listenUNIX(self, path: str, *args: Any, **options: Any) -> None:
        directory = os.path.dirname(os.path.abspath(path))
        if os.path.exists(path) and not options.get("wantPID"):
            raise OSError(EADDRINUSE, "it exists; remove it, or add :lockfile=1 to have that done")
        if not os.access(directory, os.W_OK):
            raise OSError(0, f"{directory!r} cannot be written to")

    def adoptStreamPort(self, *args: Any) -> None:
        """
        Inherited from systemd: it listens already.

        @raise _Inherited: always; else the endpoint would close what it can give only once.
        """
        raise _Inherited
