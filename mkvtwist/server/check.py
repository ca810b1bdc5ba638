"""
Checks of a configuration before it is used: files, folders, ports (I{wiring}).

The type of a setting tells what to check; this module adds which settings exclude each other.
"""

import os
import re
import shutil
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import Any

from mkvtwist.access.rules import checkers
from mkvtwist.access.tokens import read_management_token
from mkvtwist.access.users import Hashing
from mkvtwist.config.declaration import Setting, Where
from mkvtwist.config.document import CommandLine, configure, parse_document
from mkvtwist.config.input import FALLBACK, INPUT, Form, Input
from mkvtwist.config.input_options import INPUT_OPTIONS, InputOptions
from mkvtwist.config.names import parse_name
from mkvtwist.config.patterns import NAME_WORD, has_name
from mkvtwist.config.rule import EVERYBODY, RULE, AccessRule
from mkvtwist.config.settings import (
    DEFAULT_PORT,
    SERVER_SETTINGS,
    STREAM_SETTINGS,
    Config,
    StreamConfig,
)
from mkvtwist.config.types import CONGESTION, ENDPOINTS, FILE, RECORDING, TOKEN, ValueType
from mkvtwist.config.values import ConfigError, unusable
from mkvtwist.inputs.sources import source_of
from mkvtwist.net.addresses import means_loopback
from mkvtwist.net.sockets import both_families, congestion_problem
from mkvtwist.server.ports import PortCheck, PortProbe


@dataclass(frozen=True)
class Machine:
    """
    The functions by which the machine is checked.

    @ivar families: makes the endpoints that serve IPv4 and IPv6 at a port.
    @ivar congestion: tells why there can be no such congestion control.
    @ivar probe: makes a reactor that tries whether it could listen.
    """

    families: Callable[[int], tuple[str, ...]] = both_families
    congestion: Callable[..., str | None] = congestion_problem
    probe: Callable[[], PortProbe] = PortProbe


THIS_MACHINE = Machine()


def read(
    command_line: CommandLine,
    held: Collection[str] = (),
    *,
    may_be_taken: bool = False,
    machine: Machine = THIS_MACHINE,
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
        config = replace(config, listen=machine.families(DEFAULT_PORT))
    ports = PortCheck(held, may_be_taken=may_be_taken, probe=machine.probe())
    problems += _look(config, command_line, ports, machine)
    if problems:
        raise ConfigError(*problems)
    return config


def read_stream(
    name: str,
    settings: Mapping[str, Any],
    held: Collection[str] = (),
    *,
    before: StreamConfig | None = None,
) -> StreamConfig:
    """
    Read one stream's settings from a request, and look at what they name.

    No request has a program run: an input C{exec:} is a mistake, which a L{StreamConfig} may have.

    @param held: endpoints where this process listens already; their ports are not tried.
    @param before: the stream's settings until now, whose programs it may keep.
    @raise ConfigError: with a line for each mistake.
    """
    parse_name("name", name)
    said = CommandLine(directory=os.getcwd(), file="request")
    document = {"streams": {name: dict(settings)}}
    config, problems = configure(document, said, Where.MANAGEMENT)
    problems += _new_programs(config, before, said)
    config = replace(config, listen=())
    ports = PortCheck(held, may_be_taken=False, probe=PortProbe())
    problems += _look(config, said, ports, THIS_MACHINE)
    if problems:
        raise ConfigError(*problems)
    return config.streams[0]


def _new_programs(config: Config, before: StreamConfig | None, said: CommandLine) -> Iterator[str]:
    """Yield a line for each input and fallback that is a program, and has not been one before."""
    known = (before.input, *before.fallbacks) if before is not None else ()
    for stream in config.streams:
        named = [("input", stream.input), *(("fallback", one) for one in stream.fallbacks)]
        for key, source in named:
            if source_of(source).runs and source not in known:
                where = said.where(key, stream.name)
                yield f"{where}: {str(source)!r}: only on the command line or in a file"


def _look(config: Config, said: CommandLine, ports: PortCheck, machine: Machine) -> Iterator[str]:
    """Yield a line for each thing that is not there, not free, or not possible beside another."""

    def source_problem(source: Input) -> str | None:
        place = source_of(source).endpoint(source)
        return _unheard(source, place, ports) if place else _unopened(source)

    def congestion(name: str) -> str | None:
        return machine.congestion(name, lenient=ports.others_may_listen)

    checks: Mapping[ValueType, Callable[[Any], str | None]] = {
        **_CHECKS,
        INPUT: source_problem,
        ENDPOINTS: ports.problem,
        CONGESTION: congestion,
    }
    with closing(ports):
        for stream in config.streams:
            for setting, value in _values(stream, STREAM_SETTINGS):
                check = checks.get(setting.type, _fine)
                if stream.is_pattern and setting.type in _NAMED and has_name(value):
                    check = _fine  # whether there is such a file is known when it is wanted
                problem = check(value) or _conflict(setting.key, stream, config)
                if problem is not None:
                    yield f"{said.where(setting.key, stream.name)}: {problem}"
        for setting, value in _values(config, SERVER_SETTINGS):
            problem = checks.get(setting.type, _fine)(value)
            if problem is None and setting.key == "management_listen":
                problem = _exposed(value, config)
            if problem is not None:
                yield f"{said.where(setting.key)}: {problem}"


def _values(
    config: Config | StreamConfig, declared: Mapping[str, Setting]
) -> Iterator[tuple[Setting, Any]]:
    """Yield each setting with its value, or with each one of several."""
    for setting in declared.values():
        value = getattr(config, setting.attribute)
        if value is not None:
            for one in value if isinstance(value, tuple) else (value,):
                yield setting, one


def _conflict(key: str, stream: StreamConfig, config: Config) -> str | None:
    """Return why a setting cannot stand beside another one, or beside another stream."""
    source = stream.input
    others = [other for other in config.streams if other is not stream]
    if key == "input" and source_of(source).exclusive:
        if any(other.input == source for other in others):
            return f"{source} can be read by one stream only"
    elif key == "record":
        if stream.is_pattern and stream.record and not has_name(stream.record):
            return f"{stream.record!r}: write {NAME_WORD} in it, so that each stream has its own"
        if any(other.record == stream.record for other in others):
            return f"{stream.record!r}: another stream records to this file, too"
    elif key == "send" and stream.send != EVERYBODY and _shows_nothing(source):
        return (
            f"not possible for endpoint input: {source.text!r} asks senders for no credentials;"
            " write send = {} to let anyone send"
        )
    return None


def _shows_nothing(source: Input) -> bool:
    """Return whether an input has senders that show no credentials."""
    return source.form.has_sender and not source_of(source).asks


def _fine(value: Any) -> None:
    """Check nothing: a value of this type names nothing."""


def _unheard(source: Input, place: str, ports: PortCheck) -> str | None:
    """Return why the server cannot listen for an input's senders, in the user's words."""
    problem = ports.problem(place)
    return problem and problem.replace(repr(place), repr(source.text))


def _unopened(source: Input) -> str | None:
    """Return why an input cannot be opened, as far as that is known without opening it."""
    if source.is_masked:
        return f"{str(source)!r}: give the address itself: what is shown is masked"
    if source.form is Form.EXEC:
        return _unstartable(source.command[0])
    return _unreadable(source.text) if source.form in (Form.FILE, Form.SDP) else None


def _exposed(text: str, config: Config) -> str | None:
    """Return why the management interface cannot be at an endpoint; L{None} if it can."""
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


def _token_problem(path: str) -> str | None:
    """Return why a file has no token; L{None} if it has one."""
    try:
        read_management_token(path)
    except ConfigError as error:
        return str(error)
    return None


def _rule_problem(rule: AccessRule) -> str | None:
    """Return why a rule's files cannot be used; L{None} if they can."""
    try:
        list(checkers(rule, Hashing(None)))
    except ConfigError as error:
        return str(error)
    return None


def _unreadable(path: str) -> str | None:
    """Return why a file cannot be opened; L{None} if it can."""
    try:
        # To open a named pipe would wait for its writer, and end it by closing.
        if not (stat.S_ISFIFO(os.stat(path).st_mode) and os.access(path, os.R_OK)):
            with open(path, "rb"):
                pass
    except (OSError, ValueError) as error:
        return unusable(path, error)
    return None


def _unstartable(program: str) -> str | None:
    """Return why a program cannot be started; L{None} if it can."""
    if shutil.which(program) is not None:
        return None
    if "/" not in program:
        return f"{program!r} is in no directory of PATH; install it, or give its path"
    reason = "may not be run by this user" if os.path.isfile(program) else "does not exist"
    return f"{program!r} {reason}"


def _without_files(options: InputOptions) -> str | None:
    """Return why a file cannot be opened that options name; L{None} if all can."""
    return next(filter(None, map(_unreadable, options.files)), None)


def _unwritable(path: str) -> str | None:
    """Return why nothing can be recorded to a file; L{None} if it can."""
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


_CHECKS: Mapping[ValueType, Callable[[Any], str | None]] = {
    FALLBACK: _unopened,
    FILE: _unreadable,
    INPUT_OPTIONS: _without_files,
    RECORDING: _unwritable,
    RULE: _rule_problem,
    TOKEN: _token_problem,
}
"""The checks of settings, by their type: a new setting of such a type is checked, too."""

_NAMED = (INPUT, FALLBACK, INPUT_OPTIONS)
"""Types whose files may have the stream's name in them, which a pattern leaves open."""
