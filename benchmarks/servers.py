"""
Who serves: mkvtwist, the floor, and the peers that are installed.

Every server gets the same bytes from the same sender at the same pace, on
standard input or on a socket, and serves on 127.0.0.1.
"""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import perclient, tools, wire
from benchmarks.processes import Child
from benchmarks.sender import SOURCE_PASSWORD

CHECKOUT = tools.HERE.parent
START_SECONDS = 20

_SENDER = (sys.executable, "-m", "benchmarks.sender")
_RADIO = (sys.executable, "-m", "benchmarks.radio")
_MP3_FRAME = b"\xff\xfb"
"""The beginning of a frame of the radio's."""

_URL = r"https?://[^\s:/]+:(\d+)"


@dataclass(frozen=True)
class Running:
    """
    A server that runs and is fed.

    @ivar path: what its clients ask for.
    @ivar raw: bare TCP, no HTTP.
    @ivar media: the bytes with which media begin.
    """

    child: Child
    port: int
    path: str = "/live.mkv"
    raw: bool = False
    media: bytes = wire.CLUSTER


@dataclass(frozen=True)
class Server:
    """
    One kind of server.

    @ivar name: for the command line, and in the results.
    @ivar note: one line for the table.
    @ivar start: starts it, with a sender of a clip, in a working directory; the stack ends it.
    @ivar needs: the program that must be installed.
    @ivar most_clients: more than this it cannot have.
    @ivar join_rate: clients a second that it can be expected to accept; 0 for a crowd.
    """

    name: str
    note: str
    start: Callable[[ExitStack, Path | None, Path], Running]
    needs: str | None = None
    most_clients: int = 1_000_000
    join_rate: int = 2000

    def missing(self) -> str | None:
        """Why it cannot run here, or C{None}."""
        if self.needs is None or _which(self.needs):
            return None
        return f"{self.needs} is not installed"


def _which(program: str) -> str | None:
    # Daemons live in sbin, which is often not in a user's path.
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
    return shutil.which(program, path=path)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _send(stack: ExitStack, clip: Path | None, work: Path, target: str, *options: str) -> None:
    """Start a sender towards a socket, if there is anything to send."""
    if clip is None:
        return
    command = [*_SENDER, str(clip), target, *options]
    stack.enter_context(Child(command, work / "sender.log", cwd=CHECKOUT))


def _is_radio(clip: Path | None) -> bool:
    return clip is not None and clip.suffix == ".mp3"


def _play(stack: ExitStack, clip: Path | None, work: Path, child: Child, port: int) -> Running:
    """Start a radio's sender, which makes a PUT."""
    command = [*_RADIO, str(clip), f"put:127.0.0.1:{port}/live.mp3"]
    stack.enter_context(Child(command, work / "sender.log", cwd=CHECKOUT))
    return Running(child, port, "/live.mp3", media=_MP3_FRAME)


def _pipe(stack: ExitStack, clip: Path | None, work: Path, server: Child, *options: str) -> None:
    """Start a sender towards a server's standard input, if there is anything to send."""
    if clip is None:
        return
    command = [*_SENDER, str(clip), "-", *options]
    pipe = server.input
    stack.enter_context(Child(command, work / "sender.log", cwd=CHECKOUT, stdout=pipe))
    pipe.close()  # the sender's is the only one now, so its end is the input's end


def floor(found: tools.Tools) -> Server:
    """A bare loop of C{send()}."""

    def start(stack: ExitStack, clip: Path | None, work: Path) -> Running:
        child = stack.enter_context(
            Child(found.floor, work / "floor.log", cwd=CHECKOUT, stdin=subprocess.PIPE)
        )
        port = int(child.said(_URL, START_SECONDS)[1])
        _pipe(stack, clip, work, child, "--records")
        return Running(child, port)

    return Server("floor", "a bare loop of send()" + (" in C" if found.native else ""), start)


def twistd_command(python: str) -> list[str]:
    """C{twistd mkvserve} in the foreground, without a file for its process number."""
    run = "from twisted.scripts.twistd import run; run()"
    return [python, "-c", run, "--nodaemon", "--pidfile=", "mkvserve"]


def mkvtwist(command: Sequence[str], checkout: Path, options: Sequence[str] = ()) -> Server:
    """
    The server that all this is about, fed at a Unix socket.

    @param checkout: where it is started, so that its plugin is found.
    """

    def start(stack: ExitStack, clip: Path | None, work: Path) -> Running:
        feed = work / "feed.sock"
        arguments = ["--listen=tcp:0:interface=127.0.0.1", *options]
        if not any(option.startswith("--config") for option in options):
            arguments.append("--input=push" if _is_radio(clip) else f"--input=unix:{feed}")
        child = stack.enter_context(
            Child([*command, *arguments], work / "mkvtwist.log", cwd=checkout)
        )
        port = int(child.said(_URL, START_SECONDS)[1])
        if _is_radio(clip):
            return _play(stack, clip, work, child, port)
        _send(stack, clip, work, f"unix:{feed}")
        return Running(child, port)

    note = "twistd mkvserve" + "".join(f" {option}" for option in options)
    return Server("mkvtwist", note, start)


def _start_perclient(stack: ExitStack, clip: Path | None, work: Path) -> Running:
    child = stack.enter_context(
        Child(
            [sys.executable, "-m", "benchmarks.perclient"],
            work / "perclient.log",
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
        )
    )
    port = int(child.said(_URL, START_SECONDS)[1])
    _pipe(stack, clip, work, child)
    return Running(child, port)


def _start_gstreamer(stack: ExitStack, clip: Path | None, work: Path) -> Running:
    command = (
        "gst-launch-1.0 -v fdsrc fd=0 blocksize=1048576 ! "
        "tcpserversink host=127.0.0.1 port=0 sync=false"
    )
    child = stack.enter_context(
        Child(command.split(), work / "gstreamer.log", stdin=subprocess.PIPE)
    )
    port = int(child.said(r"current-port = ([1-9]\d*)", START_SECONDS)[1])
    _pipe(stack, clip, work, child)
    return Running(child, port, raw=True)


_ICECAST_CONFIGURATION = """<icecast>
  <limits>
    <clients>20000</clients> <sources>2</sources> <threadpool>5</threadpool>
    <queue-size>4194304</queue-size> <burst-size>65536</burst-size>
  </limits>
  <authentication><source-password>{password}</source-password></authentication>
  <hostname>localhost</hostname>
  <listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
  <paths><logdir>{work}</logdir><webroot>{work}</webroot><adminroot>{work}</adminroot></paths>
  <logging><errorlog>-</errorlog><accesslog>-</accesslog><loglevel>3</loglevel></logging>
</icecast>
"""


def _start_icecast(stack: ExitStack, clip: Path | None, work: Path) -> Running:
    port = _free_port()
    configuration = work / "icecast.xml"
    configuration.write_text(
        _ICECAST_CONFIGURATION.format(password=SOURCE_PASSWORD, port=port, work=work)
    )
    program = _which("icecast2") or "icecast2"
    child = stack.enter_context(
        Child([program, "-c", configuration], work / "icecast.log", unprivileged=True)
    )
    if _is_radio(clip):
        return _play(stack, clip, work, child, port)
    _send(stack, clip, work, f"put:127.0.0.1:{port}/live.mkv")
    return Running(child, port)


def _start_vlc(stack: ExitStack, clip: Path | None, work: Path) -> Running:
    port = _free_port()
    out = (
        "#standard{access=http{mime=video/x-matroska},mux=avformat{mux=matroska},"
        f"dst=127.0.0.1:{port}/live.mkv}}"
    )
    child = stack.enter_context(
        Child(
            ["cvlc", "-I", "dummy", "--sout", out, "-"],
            work / "vlc.log",
            stdin=subprocess.PIPE,
            unprivileged=True,
        )
    )
    _pipe(stack, clip, work, child)
    return Running(child, port)


PEERS = (
    Server(
        "gstreamer",
        "fdsrc ! tcpserversink: relays the bytes",
        _start_gstreamer,
        needs="gst-launch-1.0",
    ),
    Server("icecast", "icecast2", _start_icecast, needs="icecast2", join_rate=100),
    Server("vlc", "cvlc, access=http", _start_vlc, needs="cvlc", join_rate=200),
    Server(
        "perclient",
        "a thread and a muxer per client, as mkvserver_mk2 has",
        _start_perclient,
        most_clients=perclient.MOST_CLIENTS,
    ),
)
