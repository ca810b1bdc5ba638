"""
What can be seen of a configuration before any of it is used: files, directories, ports
(I{wiring}).
"""

import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

from mkvtwist.access.rules import checkers
from mkvtwist.access.tokens import read_management_token
from mkvtwist.access.users import Hashing
from mkvtwist.config.document import CommandLine, configure, parse_document
from mkvtwist.config.input import Form, Input
from mkvtwist.config.rule import EVERYBODY, AccessRule
from mkvtwist.config.settings import DEFAULT_PORT, Config, StreamConfig
from mkvtwist.config.values import ConfigError, parse_name, unusable
from mkvtwist.net.addresses import means_loopback
from mkvtwist.net.sockets import both_families, congestion_problem
from mkvtwist.server.ports import PortCheck


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
    problems += _look(config, command_line, PortCheck(held, may_be_taken=may_be_taken))
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
    problems += _look(config, said, PortCheck(held, may_be_taken=False))
    if problems:
        raise ConfigError(*problems)
    return config.streams[0]


def _look(config: Config, said: CommandLine, places: PortCheck) -> Iterator[str]:
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
    stream: StreamConfig, config: Config, places: PortCheck
) -> Iterator[tuple[str, str | None]]:
    """For each setting that names something: the setting, and what is wrong with that."""
    yield "input", _input_problem(stream, config, places)
    for fallback in stream.fallbacks:
        yield "fallback", _source_problem(fallback)
    yield "record", _record_problem(stream, config)
    yield "watch", _rule_problem(stream.watch)
    yield "send", _send_problem(stream)


def _server_problems(config: Config, places: PortCheck) -> Iterator[tuple[str, str | None]]:
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


def _input_problem(stream: StreamConfig, config: Config, places: PortCheck) -> str | None:
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
