"""
The command: its options, and the service that they make (I{wiring}).
"""

import os
import re
import sys
from difflib import get_close_matches
from functools import partial
from textwrap import fill
from typing import Any

from twisted.application.service import IService
from twisted.python.usage import (
    CompleteFiles,
    CompleteList,
    Completer,
    Completions,
    UsageError,
)
from twisted.python.usage import Options as TwistedOptions

from mkvtwist.config.declaration import Setting
from mkvtwist.config.document import CommandLine, describe
from mkvtwist.config.help import HELP_WIDTH, help_text
from mkvtwist.config.input import INPUT_FORMS, Form
from mkvtwist.config.sample import sample
from mkvtwist.config.settings import DEFAULT_NAME, OPTIONS, SERVER_SETTINGS, STREAM_SETTINGS, Config
from mkvtwist.config.values import ConfigError
from mkvtwist.server.check import read
from mkvtwist.server.process import (
    exit_with,
    ignore_second_stop,
    spare_modules,
    use_monotonic_clock,
)
from mkvtwist.server.server import Server
from mkvtwist.server.systemd import watchdog_interval

INPUT_SETTING = STREAM_SETTINGS["input"]

_OTHERS = {
    "config": "--config=FILE",
    "check": "--check",
    "sample": "--sample",
    "version": "--version",
    "help": "--help",
}
"""Options that are no settings, and how they are typed."""


def _completer(setting: Setting) -> Completer:
    """Return what a shell completes the value of an option with."""
    if "enum" in setting.type.schema:
        return CompleteList(setting.type.schema["enum"])
    if setting.metavar in ("FILE", "INPUT"):
        return CompleteFiles()
    return Completer(descr=setting.metavar.lower())


class Options(TwistedOptions):
    """The command line of C{mkvserve}: an option for each setting that has one, and a few more."""

    synopsis = "[options] [INPUT]"
    compData = Completions(
        optActions={
            "config": CompleteFiles("*.toml"),
            **{one.option: _completer(one) for one in OPTIONS if not one.is_switch},
        },
        multiUse=[one.option for one in OPTIONS if one.type.is_repeatable],
        extraActions=[CompleteFiles(descr="INPUT")],
    )

    def __init__(self) -> None:
        super().__init__()
        self._file: str | None = None
        self._said: dict[str, list[Any]] = {}
        self._only_check = False
        self.command_line: CommandLine | None = None
        self.config: Config | None = None

    def say(self, setting: Setting, text: str) -> None:
        """
        Take over one option.

        @raise UsageError: for a value that is not allowed, or for a second input.
        """
        said = self._said.setdefault(setting.key, [])
        if setting is INPUT_SETTING and said:
            raise UsageError(f"two inputs, {said[0].text!r} and {text!r}; give one")
        try:
            said.append(setting.type.parse(setting.option, text))
        except ConfigError as error:
            raise UsageError(str(error)) from None

    def turn_on(self, setting: Setting) -> None:
        """Take over an option that has no value."""
        self._said[setting.key] = [True]

    def opt_config(self, text: str) -> None:
        """A TOML file with several streams; options come before what it says"""
        if self._file is not None:
            raise UsageError(f"two configuration files, {self._file!r} and {text!r}; give one")
        self._file = text

    def opt_check(self) -> None:
        """Say what would run, or what is wrong, and exit"""
        self._only_check = True

    def opt_sample(self) -> None:
        """Show a configuration file with all settings, explained, and exit"""
        print(sample(), end="")
        raise SystemExit(0)

    def opt_help(self) -> None:
        """Show this help and exit"""
        print(self)
        raise SystemExit(0)

    def opt_version(self) -> None:
        """Show the version and exit"""
        from mkvtwist import __version__

        print(f"mkvtwist {__version__}")
        raise SystemExit(0)

    def getSynopsis(self) -> str:
        """Return the first line of C{--help}."""
        return fill(super().getSynopsis(), HELP_WIDTH, subsequent_indent="    ")

    def getUsage(self, width: int | None = None) -> str:
        """Return the rest of C{--help}, whatever the terminal's width."""
        return help_text((spelled, str(self.docs[name])) for name, spelled in _OTHERS.items())

    def parseOptions(self, options: list[str] | None = None) -> None:
        """
        Parse the command line. Under twistd and twist a mistake is one line on standard error and
        the exit status 1, rather than the whole help.

        @raise UsageError: for a mistake, elsewhere.
        """
        try:
            super().parseOptions(options)
        except UsageError as error:
            said = self._suggested(str(error))
            if self.parent is None:
                raise UsageError(said) from None
            print(f"mkvserve: {said}", file=sys.stderr)
            raise SystemExit(1) from None

    def _suggested(self, said: str) -> str:
        """Return what getopt says of an option that it does not know, and which one is like it."""
        unknown = re.fullmatch(r"option --(\S+) not recognized", said)
        known = [name.removesuffix("=") for name in self.longOpt]
        likely = get_close_matches(unknown[1], known, 1) if unknown else []
        return f"{said}; did you mean --{likely[0]}?" if likely else said

    def parseArgs(self, *inputs: str) -> None:
        """Take over INPUT, if it is not given with C{--input}."""
        for text in inputs:
            if text.startswith("--"):
                raise UsageError(f"{text!r} comes after INPUT; options go before it")
            self.say(INPUT_SETTING, text)

    def postOptions(self) -> None:
        """Check everything that can be checked before the daemon detaches."""
        if "input" not in self._said and self._file is None:
            if sys.stdin is None or sys.stdin.isatty():
                raise UsageError(f"no INPUT; it is one of:\n{INPUT_FORMS}")
            self.say(INPUT_SETTING, "-")
        if "input" not in self._said and "name" in self._said:
            raise UsageError("name: the stream that it names needs an INPUT")
        said = {
            setting.key: setting.type.collected(self._said[setting.key])
            for setting in OPTIONS
            if setting.key in self._said
        }
        self.command_line = CommandLine(
            directory=os.getcwd(),
            file=self._file,
            input=said.pop("input", None),
            name=said.pop("name", DEFAULT_NAME),
            server={key: value for key, value in said.items() if key in SERVER_SETTINGS},
            streams={key: value for key, value in said.items() if key in STREAM_SETTINGS},
        )
        try:
            self.config = read(self.command_line, may_be_taken=self._only_check)
        except ConfigError as error:
            raise UsageError(str(error)) from None
        if any(stream.input.form is Form.STDIN for stream in self.config.streams):
            self._refuse_daemon()
        if self._only_check:
            print("\n".join(describe(self.config)))
            raise SystemExit(0)

    def _refuse_daemon(self) -> None:
        if self.parent is not None and not self.parent.get("nodaemon", True):
            raise UsageError(
                "a daemon has no standard input: use twistd -n, or let the sender connect to"
                " --input=tcp:PORT"
            )


def _add_option(setting: Setting) -> None:
    """Give L{Options} the method that L{twisted.python.usage} wants for an option."""

    def say(self: Options, text: str) -> None:
        self.say(setting, text)

    def turn_on(self: Options) -> None:
        self.turn_on(setting)

    method = turn_on if setting.is_switch else say
    method.__doc__ = setting.option_help
    for name in filter(None, (setting.option, setting.short)):
        setattr(Options, f"opt_{name.replace('-', '_')}", method)


for _setting in OPTIONS:
    _add_option(_setting)


def makeService(options: Options) -> IService:
    """
    Return one service for everything that the options ask for.

    From here on the reactor's timers are monotonic, the collector of garbage spares what there is
    by now, and the process ends with the service's exit status.
    """
    from twisted.internet import reactor

    use_monotonic_clock(reactor)
    ignore_second_stop(reactor)
    spare_modules()
    assert options.config is not None
    assert options.command_line is not None
    reread = partial(read, options.command_line) if options.command_line.names_files else None
    return Server(
        reactor,
        options.config,
        reread,
        exit_with=exit_with,
        watchdog_interval=watchdog_interval(),
    )
