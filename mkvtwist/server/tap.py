"""
The command: its options, and the service that they make (I{wiring}).
"""

import os
import sys
from collections.abc import Callable
from functools import partial
from importlib import resources
from typing import Any, TypeVar

from twisted.application.service import IService
from twisted.python.usage import Options as TwistedOptions
from twisted.python.usage import UsageError

from mkvtwist.config.document import CommandLine, describe
from mkvtwist.config.input import INPUT_FORMS, INPUT_FORMS_IN_ONE_LINE, Form, Input, parse_input
from mkvtwist.config.settings import DEFAULT_NAME, SERVER_SETTINGS, STREAM_SETTINGS, Config
from mkvtwist.config.values import ConfigError, parse_name, parse_server_name
from mkvtwist.server.check import read
from mkvtwist.server.process import exit_with, ignore_second_stop, use_monotonic_clock
from mkvtwist.server.server import Server
from mkvtwist.server.systemd import watchdog_interval

Value = TypeVar("Value")


class Options(TwistedOptions):
    """The command line of C{mkvserve}."""

    synopsis = "[options] [INPUT]"
    longdesc = (
        "Streams INPUT live as Matroska over HTTP, remuxed and never re-encoded. INPUT is one of: "
        + INPUT_FORMS_IN_ONE_LINE
        + "."
    )

    def __init__(self) -> None:
        super().__init__()
        self._file: str | None = None
        self._input: Input | None = None
        self._name: str | None = None
        self._server: dict[str, Any] = {}
        self._settings: dict[str, Any] = {}
        self._only_check = False
        self.command_line: CommandLine | None = None
        self.config: Config | None = None

    def opt_input(self, text: str) -> None:
        """Where the media comes from: a file, -, a URL, an endpoint such as tcp:12345, http,
        or demo:"""
        if self._input is not None:
            raise UsageError(f"two inputs, {self._input.text!r} and {text!r}; give one")
        self._input = _parsed(parse_input, "input", text)

    opt_i = opt_input

    def opt_listen(self, text: str) -> None:
        """Where HTTP clients connect, a Twisted endpoint; may be repeated; tcp:0 takes a free port
        [default: tcp6:8080, which is IPv6 and IPv4]"""
        self._server.setdefault("listen", []).append(text)

    opt_l = opt_listen

    def opt_congestion(self, text: str) -> None:
        """TCP's congestion control towards clients, such as bbr [default: the machine's own]"""
        self._set_server("congestion", text)

    def opt_management_listen(self, text: str) -> None:
        """Where the management interface is, a Twisted endpoint of its own; may be repeated"""
        self._server.setdefault("management_listen", []).append(text)

    def opt_management_token_file(self, text: str) -> None:
        """A file with the token that the management interface asks for"""
        self._server["management_token_file"] = text

    def opt_server_name(self, text: str) -> None:
        """A name by which pages of this server may call it when they send or manage, such as
        tv.example; may be repeated; addresses, localhost and the machine's own name are known"""
        name = _parsed(parse_server_name, "server-name", text)
        self._server["server_names"] = (*self._server.get("server_names", ()), name)

    def opt_name(self, text: str) -> None:
        """The stream's name in URLs [default: live]"""
        self._name = _parsed(parse_name, "name", text)

    def opt_burst(self, text: str) -> None:
        """Seconds of media that a joining client gets at once; 0: from the newest keyframe
        [default: 2]"""
        self._set("burst", text)

    def opt_buffer(self, text: str) -> None:
        """Seconds of media that are kept for clients that are behind [default: 30]"""
        self._set("buffer", text)

    def opt_buffer_bytes(self, text: str) -> None:
        """Bytes of memory that they take at most; k, M and G work [default: 64M]"""
        self._set("buffer_bytes", text)

    def opt_whole_segments(self) -> None:
        """Send a segment (a GOP) only when it is complete, rather than each fragment as it comes"""
        self._settings["whole_segments"] = True

    def opt_max_clients(self, text: str) -> None:
        """Clients at most; 0: no limit [default: 0]"""
        self._set("max_clients", text)

    def opt_client_timeout(self, text: str) -> None:
        """Seconds after which a client that takes nothing is disconnected [default: 30]"""
        self._set("client_timeout", text)

    def opt_max_lag(self, text: str) -> None:
        """Seconds that a client may fall behind before it skips to the newest keyframe; 0: as many
        as the buffer has [default: 10]"""
        self._set("max_lag", text)

    def opt_hold(self, text: str) -> None:
        """Seconds that clients are held while the input is away; 0: for ever [default: 60]"""
        self._set("hold", text)

    def opt_fallback(self, text: str) -> None:
        """What is shown while the input is away: a file, a URL or demo:, with the same tracks; may
        be repeated: the first that works is shown"""
        before = self._settings.get("fallback")
        self._set("fallback", text)
        if before is not None:
            several = before if isinstance(before, tuple) else (before,)
            self._settings["fallback"] = (*several, self._settings["fallback"])

    def opt_on_demand(self) -> None:
        """Open the input only while somebody watches"""
        self._settings["on_demand"] = True

    def opt_optional(self) -> None:
        """Let /healthz not mind when this stream is not live"""
        self._settings["optional"] = True

    def opt_linger(self, text: str) -> None:
        """Seconds that an input on demand stays open after its last client [default: 10]"""
        self._set("linger", text)

    def opt_max_bitrate(self, text: str) -> None:
        """Bits per second of the input at most; one that brings more is closed; k, M and G work;
        0: no limit [default: 0]"""
        self._set("max_bitrate", text)

    def opt_max_clients_total(self, text: str) -> None:
        """Clients of all streams at most; 0: no limit [default: 0]"""
        self._set_server("max_clients_total", text)

    def opt_max_clients_per_address(self, text: str) -> None:
        """Clients from one address at most; 0: no limit [default: 0]"""
        self._set_server("max_clients_per_address", text)

    def opt_max_connections_per_address(self, text: str) -> None:
        """Connections from one address at most; 0: no limit [default: 512, no limit from this
        machine]"""
        self._set_server("max_connections_per_address", text)

    def opt_max_requests_per_address(self, text: str) -> None:
        """Requests a second from one address at most; 0: no limit [default: 500, no limit from this
        machine]"""
        self._set_server("max_requests_per_address", text)

    def opt_max_bandwidth(self, text: str) -> None:
        """Bits per second to all clients together; viewers beyond this limit are rejected; k, M and
        G work; 0: no limit [default: 0]"""
        self._set_server("max_bandwidth", text)

    def opt_watch_token_file(self, text: str) -> None:
        """Only who has one of the tokens in this file may watch"""
        self._set("watch", text)

    def opt_send_token_file(self, text: str) -> None:
        """Only who has one of the tokens in this file may send over HTTP"""
        self._set("send", text)

    def opt_readrate(self, text: str) -> None:
        """Speed at which the input is read, against its own timestamps; 0: as fast as it comes
        [default: 1]"""
        self._set("readrate", text)

    def opt_readrate_initial_burst(self, text: str) -> None:
        """Seconds of media that are read at once before --readrate applies [default: 30]"""
        self._set("readrate_initial_burst", text)

    def opt_frame_rate(self, text: str) -> None:
        """Pictures a second of raw video that carries no times; 0: files have what they claim, or
        25; a sender's pictures are timed by their arrival [default: 0]"""
        self._set("frame_rate", text)

    def opt_program(self, text: str) -> None:
        """Which programme of an MPEG-TS with several; 0: the first with video [default: 0]"""
        self._set("program", text)

    def opt_at_end(self, text: str) -> None:
        """What happens at the end of the input: exit, wait, retry or loop [default: file, -: exit;
        endpoint, http: wait; URL: retry]"""
        self._set("at_end", text)

    def opt_takeover(self) -> None:
        """A new sender replaces the current one instead of being rejected"""
        self._settings["takeover"] = True

    def opt_record(self, text: str) -> None:
        """Also write all that the stream carries to this file"""
        self._set("record", text)

    def opt_record_seconds(self, text: str) -> None:
        """Seconds of media after which another file is begun, at a keyframe; 0: never
        [default: 0]"""
        self._set("record_seconds", text)

    def opt_record_bytes(self, text: str) -> None:
        """Bytes after which another file is begun, at a keyframe; k, M and G work; 0: never
        [default: 0]"""
        self._set("record_bytes", text)

    def opt_config(self, text: str) -> None:
        """A TOML file with several streams; options come before what it says"""
        if self._file is not None:
            raise UsageError(f"config: {text!r} is one too many, after {self._file!r}")
        self._file = text

    def opt_check(self) -> None:
        """Say what would run, or what is wrong, and exit"""
        self._only_check = True

    def opt_sample(self) -> None:
        """Show a configuration file with all settings, explained, and exit"""
        print(resources.files("mkvtwist.config").joinpath("sample.toml").read_text("utf-8"), end="")
        raise SystemExit(0)

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
        if self._input is None and self._file is None:
            if sys.stdin is None or sys.stdin.isatty():
                raise UsageError(f"no INPUT; it is one of:\n{INPUT_FORMS}")
            self.opt_input("-")
        if self._input is None and self._name is not None:
            raise UsageError("name: it is that of INPUT, and there is none")
        self.command_line = CommandLine(
            directory=os.getcwd(),
            file=self._file,
            input=self._input,
            name=self._name or DEFAULT_NAME,
            server=self._server,
            streams=self._settings,
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

    def _set(self, key: str, text: str) -> None:
        """One setting of the streams; on the command line it is spelled with hyphens."""
        self._settings[key] = _parsed(STREAM_SETTINGS[key].parse, key.replace("_", "-"), text)

    def _set_server(self, key: str, text: str) -> None:
        """One setting of the server."""
        self._server[key] = _parsed(SERVER_SETTINGS[key].parse, key.replace("_", "-"), text)


def _parsed(parse: Callable[[str, str], Value], option: str, text: str) -> Value:
    try:
        return parse(option, text)
    except ConfigError as error:
        raise UsageError(str(error)) from None


def makeService(options: Options) -> IService:
    """
    Return one service for everything that the options ask for.

    From here on the reactor's timers are monotonic, and the process ends with the service's exit
    status.
    """
    from twisted.internet import reactor

    use_monotonic_clock(reactor)
    ignore_second_stop(reactor)
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
