"""
Run each program that the documentation sends with, twice, and see that its media come out.

::

    python tools/senders_tried.py [--only WORD] [--seconds N] [--keep DIR]

For each program a server is started as users start it, on ports of its own. A client watches from
before the first connection until after the second one, as one who stays while an encoder is
restarted. What it has got by then is decoded, and must have pictures or sound of both runs. The
table that is printed is that of C{docs/howto/senders.md}; programs that are not installed are
listed as such. The exit status is 1 if a program that is installed failed.
"""

# ruff: noqa: T201 (a script speaks by printing)

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run as a script, this file finds its neighbours

import av  # noqa: E402

from tests.support import libshout, media  # noqa: E402
from tests.support.processes import free_port, terminate  # noqa: E402

SECONDS = 6.0
"""Seconds of media that each program sends, each time."""

PATIENCE = 30.0
"""Seconds in which a program must be done, and its media out again."""

TRIES = 5
PAUSE = 3.0
"""How often a program is started that ends without having sent, and seconds between."""

PASSWORD = "correct-horse"  # noqa: S105 - this script's own

NOBODY = 65534
"""The user that VLC runs as if root runs this script: VLC does not start as root."""

EZSTREAM = """\
<ezstream>
  <servers><server><hostname>127.0.0.1</hostname><port>$port</port>
    <password>$password</password><reconnect_attempts>3</reconnect_attempts></server></servers>
  <streams><stream><mountpoint>/cam.ogg</mountpoint><format>Ogg</format></stream></streams>
  <intakes><intake><filename>$directory/song.ogg</filename><stream_once>1</stream_once></intake>
  </intakes>
</ezstream>
"""

ICES = """\
<ices>
  <background>0</background><logpath>$directory</logpath><logfile>ices.log</logfile>
  <loglevel>4</loglevel><consolelog>1</consolelog>
  <stream>
    <metadata><name>tried</name><genre>any</genre><description>any</description></metadata>
    <input><module>playlist</module><param name="type">basic</param>
      <param name="file">$directory/playlist.txt</param><param name="once">1</param></input>
    <instance><hostname>127.0.0.1</hostname><port>$port</port><password>$password</password>
      <mount>/cam.ogg</mount><reconnectdelay>1</reconnectdelay>
      <reconnectattempts>3</reconnectattempts></instance>
  </stream>
</ices>
"""

LIQUIDSOAP = """\
settings.init.allow_root.set(true)
radio = once(single("$directory/song.ogg"))
output.icecast(%vorbis, host="127.0.0.1", port=$port, password="$password", mount="/cam.ogg",
               method="$method", fallible=true, on_stop=shutdown, radio)
"""


OBS = """\
[General]
FirstRun=true
EnableAutoUpdates=false
[Basic]
Profile=tried
ProfileDir=tried
SceneCollection=tried
SceneCollectionFile=tried
[OBSWebSocket]
FirstLoad=false
"""

OBS_PROFILE = """\
[General]
Name=tried
[Output]
Mode=Advanced
[AdvOut]
RecType=FFmpeg
FFOutputToFile=false
FFURL=$url
FFFormat=$format
FFVEncoder=libx264
FFVEncoderId=27
FFVGOPSize=20
FFVCustom=preset=ultrafast tune=zerolatency
FFAEncoder=aac
FFAEncoderId=86018
[Video]
BaseCX=320
BaseCY=180
OutputCX=320
OutputCY=180
FPSCommon=10
"""
"""OBS's recording to a URL, as its settings are stored; the picture is black."""

OBS_STREAMING = """\
[General]
Name=tried
[Output]
Mode=Simple
[SimpleOutput]
VBitrate=500
ABitrate=128
StreamEncoder=x264
UseAdvanced=true
Preset=ultrafast
x264Settings=keyint=20
[Video]
BaseCX=320
BaseCY=180
OutputCX=320
OutputCY=180
FPSCommon=10
"""

OBS_SERVICE = """\
{"type": "rtmp_custom", "settings": {"server": "$server", "key": "$key", "use_auth": false}}
"""
"""The page I{Stream} of OBS's settings: C{docs/howto/obs.md} has these fields."""


PUSH = "push"
"""The input to which senders publish, over HTTP and over RTMP."""


@dataclass(frozen=True)
class Sender:
    """
    A program that sends, and how it is started.

    @ivar name: as people call it.
    @ivar how: what is special about this way.
    @ivar command: of the shell; C{$port}, C{$sink} and C{$directory} are filled in.
    @ivar input: of the stream; C{$sink} is a free port.
    @ivar locked: whether the stream has a C{send} rule; C{$password} is filled in for all.
    @ivar files: what the program needs beside the clips, by name.
    @ivar program: what must be installed; the first word of the command by default.
    @ivar is_there: whether anything else that the program needs is installed.
    """

    name: str
    how: str
    command: str
    input: str = PUSH
    locked: bool = False
    files: dict[str, str] = field(default_factory=dict)
    program: str = ""
    is_there: Callable[[], object] = lambda: True

    @property
    def is_installed(self) -> bool:
        """Return whether the program is installed."""
        return bool(shutil.which(self.program or self.command.split()[0]) and self.is_there())


def _has_element(name: str) -> Callable[[], bool]:
    def look() -> bool:
        return not subprocess.run(("gst-inspect-1.0", "--exists", name), check=False).returncode

    return look


HTTP = "http://127.0.0.1:$port/cam"
RTMP = "rtmp://127.0.0.1:$rtmp/cam"
ICECAST = "icecast://source:$password@127.0.0.1:$port/cam"
FFMPEG = "ffmpeg -v error -re -i $directory/clip.mkv -c copy"
MP3 = "ffmpeg -v error -re -i $directory/song.mp3 -c copy -f mp3 -content_type audio/mpeg"
VORBIS = "gst-launch-1.0 -q audiotestsrc num-buffers=260 is-live=true ! vorbisenc ! oggmux"
PYAV = f"{sys.executable} {ROOT / 'tools' / 'rtmp_sender.py'} $directory/"
GSTREAMER_FLV = (
    "gst-launch-1.0 -q videotestsrc num-buffers=150 is-live=true ! video/x-raw,width=320,height=180"
    " ! x264enc tune=zerolatency key-int-max=30 ! h264parse ! flvmux name=mux streamable=true"
    " audiotestsrc num-buffers=260 is-live=true ! avenc_aac ! aacparse ! mux. mux."
)
VLC = "cvlc -q --play-and-exit $directory/clip.mkv vlc://quit --sout"
SHOUT = f"{sys.executable} {libshout.__file__} $port"


def _liquidsoap(method: str) -> dict[str, str]:
    return {"radio.liq": LIQUIDSOAP.replace("$method", method)}


def _obs(how: str, start: str, source: str, files: dict[str, str], locked: bool) -> Sender:
    """Return OBS, which sends for some seconds on a virtual display."""
    folder = ".config/obs-studio"
    return Sender(
        "OBS",
        how,
        "env HOME=$directory XDG_RUNTIME_DIR=$directory xvfb-run -a timeout -s INT -k 3 20 obs"
        f" --multi --profile tried --collection tried --{start} --disable-shutdown-check",
        source,
        locked=locked,
        files={
            f"{folder}/global.ini": OBS,
            **{f"{folder}/basic/profiles/tried/{name}": text for name, text in files.items()},
        },
        program="obs",
        is_there=lambda: shutil.which("xvfb-run"),
    )


def _obs_recording(how: str, url: str, format_: str, source: str) -> Sender:
    """Return OBS, which records to a URL."""
    profile = OBS_PROFILE.replace("$url", url).replace("$format", format_)
    return _obs(how, "startrecording", source, {"basic.ini": profile}, locked=False)


def _obs_streaming(how: str, server: str, key: str, *, locked: bool = False) -> Sender:
    """Return OBS, which streams, as to any service."""
    service = OBS_SERVICE.replace("$server", server).replace("$key", key)
    files = {"basic.ini": OBS_STREAMING, "service.json": service}
    return _obs(how, "startstreaming", PUSH, files, locked)


SENDERS = (
    Sender("FFmpeg", "`http://`", f"{FFMPEG} -f matroska {HTTP}"),
    Sender("FFmpeg", "`-method PUT`", f"{FFMPEG} -f matroska -method PUT {HTTP}"),
    Sender(
        "FFmpeg", "`http://`, a token", f"{FFMPEG} -f matroska {HTTP}?token=$password", locked=True
    ),
    Sender("FFmpeg", "`icecast://`", f"{MP3} {ICECAST}"),
    Sender("FFmpeg", "`icecast://`, a `send` rule", f"{MP3} {ICECAST}", locked=True),
    Sender("FFmpeg", "`-legacy_icecast 1`", f"{MP3} -legacy_icecast 1 {ICECAST}"),
    Sender(
        "FFmpeg",
        "`tcp://`, MPEG-TS",
        f"{FFMPEG} -f mpegts tcp://127.0.0.1:$sink",
        "tcp:$sink:interface=127.0.0.1",
    ),
    Sender("FFmpeg", "`rtmp://`", f"{FFMPEG} -f flv {RTMP}"),
    Sender("FFmpeg", "`rtmp://`, a key", f"{FFMPEG} -f flv {RTMP}/$password", locked=True),
    Sender(
        "FFmpeg",
        "`rtmp://`, a token",
        f"{FFMPEG} -f flv rtmp://127.0.0.1:$rtmp/live/cam?token=$password",
        locked=True,
    ),
    Sender(
        "FFmpeg",
        "`rtmp://`, `--input=rtmp:`",
        f"{FFMPEG} -f flv rtmp://127.0.0.1:$sink/live/x",
        "rtmp:$sink:interface=127.0.0.1",
    ),
    Sender(
        "FFmpeg",
        "`rtmp://`, `?listen=1`",
        f"{FFMPEG} -f flv rtmp://127.0.0.1:$sink/live/key",
        "rtmp://127.0.0.1:$sink/live/key?listen=1",
    ),
    Sender("libavformat", "Enhanced RTMP: HEVC", f"{PYAV}hevc.mp4 {RTMP}/$password", locked=True),
    Sender("libavformat", "Enhanced RTMP: AV1, Opus", f"{PYAV}av1.mp4 {RTMP}"),
    Sender("libavformat", "Enhanced RTMP: VP9, FLAC", f"{PYAV}vp9.mp4 {RTMP}"),
    Sender("libavformat", "Enhanced RTMP: two sounds", f"{PYAV}two.mp4 {RTMP}"),
    Sender("curl", "`-T -`", f"sh -c 'curl -sS -T - {HTTP} < $directory/clip.mkv'", program="curl"),
    Sender("curl", "`-T FILE`", f"curl -sS -T $directory/clip.mkv {HTTP}"),
    Sender("curl", "`--http1.0 -T FILE`", f"curl -sS --http1.0 -T $directory/clip.mkv {HTTP}"),
    Sender("curl", "`--data-binary @FILE`", f"curl -sS --data-binary @$directory/clip.mkv {HTTP}"),
    Sender("curl", "no `Expect`", f"curl -sS -H Expect: -T $directory/clip.mkv {HTTP}"),
    Sender("libshout", "Ogg", f"{SHOUT} /cam.ogg $directory/song.ogg", is_there=libshout.library),
    Sender("libshout", "WebM", f"{SHOUT} /cam $directory/clip.webm", is_there=libshout.library),
    Sender(
        "libshout",
        "a `send` rule",
        f"{SHOUT} /cam.ogg $directory/song.ogg $password",
        locked=True,
        is_there=libshout.library,
    ),
    Sender(
        "ezstream",
        "Ogg",
        "ezstream -c $directory/ezstream.xml",
        files={"ezstream.xml": EZSTREAM},
    ),
    Sender(
        "ezstream",
        "a `send` rule",
        "ezstream -c $directory/ezstream.xml",
        locked=True,
        files={"ezstream.xml": EZSTREAM},
    ),
    Sender(
        "ices2",
        "a playlist",
        "ices2 $directory/ices.xml",
        files={"ices.xml": ICES, "playlist.txt": "$directory/song.ogg\n"},
    ),
    Sender(
        "Liquidsoap",
        "`output.icecast`, `SOURCE`",
        "liquidsoap $directory/radio.liq",
        files=_liquidsoap("source"),
    ),
    Sender(
        "Liquidsoap",
        "`output.icecast`, `PUT`",
        "liquidsoap $directory/radio.liq",
        files=_liquidsoap("put"),
    ),
    Sender(
        "GStreamer",
        "`souphttpclientsink`",
        "gst-launch-1.0 -q videotestsrc num-buffers=150 is-live=true ! vp8enc deadline=1"
        f" keyframe-max-dist=30 ! matroskamux streamable=true ! souphttpclientsink location={HTTP}",
        is_there=_has_element("souphttpclientsink"),
    ),
    Sender(
        "GStreamer",
        "`shout2send`",
        f"{VORBIS} ! shout2send ip=127.0.0.1 port=$port password=$password mount=/cam.ogg",
        is_there=_has_element("shout2send"),
    ),
    Sender(
        "GStreamer",
        "`rtmpsink`",
        f"{GSTREAMER_FLV} ! rtmpsink location=rtmp://127.0.0.1:$rtmp/cam/$password",
        locked=True,
        is_there=_has_element("rtmpsink"),
    ),
    Sender(
        "GStreamer",
        "`rtmp2sink`",
        f"{GSTREAMER_FLV} ! rtmp2sink location=rtmp://127.0.0.1:$rtmp/cam/$password",
        locked=True,
        is_there=_has_element("rtmp2sink"),
    ),
    Sender(
        "VLC",
        "`access=shout`",
        f"{VLC} '#transcode{{vcodec=none,acodec=vorb,ab=128}}:standard{{access=shout,mux=ogg,"
        "dst=source:$password@127.0.0.1:$port/cam.ogg}'",
    ),
    _obs_streaming("RTMP, *Server* and *Stream Key*", RTMP, "anything"),
    _obs_streaming("RTMP, a `send` rule", RTMP, "$password", locked=True),
    _obs_recording("`http://`, Matroska", HTTP, "matroska", PUSH),
    _obs_recording(
        "`tcp://`, MPEG-TS", "tcp://127.0.0.1:$sink", "mpegts", "tcp:$sink:interface=127.0.0.1"
    ),
    Sender("VLC", "a pipe", f"{VLC} '#standard{{access=file,mux=ts,dst=-}}'", "-"),
    Sender(
        "VLC",
        "HTTP, fetched",
        f"{VLC} '#standard{{access=http,mux=ts,dst=127.0.0.1:$sink/cam.ts}}'",
        "http://127.0.0.1:$sink/cam.ts",
    ),
    Sender(
        "VLC",
        "UDP",
        f"{VLC} '#standard{{access=udp,mux=ts,dst=127.0.0.1:$sink}}'",
        "udp://127.0.0.1:$sink",
    ),
)


class Tried:
    """One sender, tried in a directory of its own."""

    def __init__(self, sender: Sender, directory: Path) -> None:
        self.sender = sender
        self._directory = directory
        self._values = {
            "directory": str(directory),
            "password": PASSWORD,
            "port": str(free_port()),
            "sink": str(free_port()),
            "rtmp": str(free_port()),
        }
        self._data = bytearray()

    def filled(self, text: str) -> str:
        """Return a text with the ports and paths of this run filled in."""
        return Template(text).safe_substitute(self._values)

    def run(self) -> list[str]:
        """Return the result of each of two runs: frames that came out, or that nothing did."""
        for name, text in self.sender.files.items():
            (self._directory / name).parent.mkdir(parents=True, exist_ok=True)
            (self._directory / name).write_text(self.filled(text))
        if self.sender.input == "-":  # a pipe: the server ends with what is in it
            return [self._piped(number) for number in (1, 2)]
        with self._server():
            threading.Thread(target=self._watch, daemon=True).start()
            return [self._repeated(number) for number in (1, 2)]

    def _piped(self, number: int) -> str:
        self._data.clear()
        with self._started(number, stdout=subprocess.PIPE) as process, self._server(process.stdout):
            self._watch()
        return self._result(Counter(), process.returncode)

    def _repeated(self, number: int) -> str:
        """Run the program, again if nothing comes out, as encoders do; return the result."""
        before = frames_in(bytes(self._data))
        for _ in range(TRIES):
            with self._started(number) as process, suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
            self._until(lambda: (self._status() or {}).get("state") != "live", patience=10)
            self._until(self._is_quiet, patience=5)
            if frames_in(bytes(self._data)) - before:
                break
            time.sleep(PAUSE)
        return self._result(before, process.returncode)

    def _result(self, before: Counter[str], status: int | None) -> str:
        got = frames_in(bytes(self._data)) - before
        return (
            ", ".join(f"{count} {codec}" for codec, count in sorted(got.items()))
            or f"nothing (exit status {status})"
        )

    @contextmanager
    def _started(self, number: int, stdout: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
        with (self._directory / f"sender-{number}.log").open("ab") as log:
            process = subprocess.Popen(
                shlex.split(self.filled(self.sender.command)),
                stdout=log if stdout is None else stdout,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self._directory,
                **_as_nobody(self.sender),
            )
        try:
            yield process
        finally:
            terminate(process)

    @contextmanager
    def _server(self, stdin: IO[bytes] | int | None = subprocess.DEVNULL) -> Iterator[None]:
        arguments = [
            f"--listen=tcp:{self._values['port']}:interface=127.0.0.1",
            f"--rtmp-listen=tcp:{self._values['rtmp']}:interface=127.0.0.1",
            "--name=cam",
            "--hold=0",
        ]
        if self.sender.locked:
            (self._directory / "tokens").write_text(PASSWORD)
            arguments.append(f"--send={self._directory / 'tokens'}")
        start = (sys.executable, "-c", "from twisted.scripts.twistd import run; run()")
        with (self._directory / "server.log").open("wb") as log:
            server = subprocess.Popen(
                (
                    *start,
                    "--nodaemon",
                    "--pidfile=",
                    "mkvserve",
                    *arguments,
                    self.filled(self.sender.input),
                ),
                stdin=stdin,
                stdout=log,
                stderr=log,
                cwd=self._directory,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
            try:
                self._until(lambda: self._status() is not None)
                yield
            finally:
                terminate(server)

    def _status(self) -> dict[str, Any] | None:
        with suppress(OSError), urllib.request.urlopen(self._url("/status"), timeout=5) as answer:
            status: dict[str, Any] = json.load(answer)["streams"]["cam"]
            return status
        return None

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._values['port']}{path}"

    def _watch(self) -> None:
        with (
            suppress(OSError),
            urllib.request.urlopen(self._url("/cam.mkv?burst=60"), timeout=600) as answer,
        ):
            while data := answer.read1(1 << 16):
                self._data += data

    def _is_quiet(self) -> bool:
        size = len(self._data)
        time.sleep(0.5)
        return len(self._data) == size

    @staticmethod
    def _until(condition: Callable[[], object], patience: float = PATIENCE) -> None:
        deadline = time.monotonic() + patience
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.1)


def _as_nobody(sender: Sender) -> dict[str, Any]:
    if os.geteuid() or sender.name != "VLC":
        return {}
    return {"user": NOBODY, "extra_groups": [], "env": {**os.environ, "HOME": "/nonexistent"}}


def frames_in(data: bytes) -> Counter[str]:
    """Return how many frames of each codec can be decoded in a client's bytes."""
    counts: Counter[str] = Counter()
    with tempfile.NamedTemporaryFile(suffix=".mkv") as file:
        file.write(data)
        file.flush()
        with suppress(av.FFmpegError), av.open(file.name) as container:
            for packet in container.demux():
                with suppress(av.FFmpegError):
                    counts[packet.stream.codec_context.name] += len(packet.decode())
    return +counts


def make_clips(directory: Path, seconds: float) -> None:
    """Make the clips that are sent, in containers that the programs know."""
    media.clip(directory / "clip.mkv", seconds=seconds)
    media.clip(directory / "clip.webm", container="webm", seconds=seconds)
    for name, video, audio in (
        ("hevc", "libx265", "aac"),
        ("av1", "libsvtav1", "libopus"),
        ("vp9", "libvpx-vp9", "flac"),
    ):
        media.clip(
            directory / f"{name}.mp4", container="mp4", video=video, audio=audio, seconds=seconds
        )
    two = ("eng", "deu")
    media.clip(directory / "two.mp4", container="mp4", seconds=seconds, languages=two)
    media.clip(directory / "song.ogg", container="ogg", video=None, audio="vorbis", seconds=seconds)
    media.clip(
        directory / "song.mp3", container="mp3", video=None, audio="libmp3lame", seconds=seconds
    )


def main() -> int:
    """Try what the command line says; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", default="", help="try the senders with this in their line")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of media, each time")
    parser.add_argument("--keep", type=Path, help="a folder for clips and logs")
    asked = parser.parse_args()
    work = asked.keep or Path(tempfile.mkdtemp(prefix="senders-"))
    work.mkdir(parents=True, exist_ok=True)
    work.chmod(0o755)
    failed = 0
    print("| sender | how | first | again |\n|---|---|---|---|", flush=True)
    for number, sender in enumerate(SENDERS):
        if asked.only.lower() not in f"{sender.name} {sender.how}".lower():
            continue
        if sender.is_installed:
            directory = work / f"{number:02}"
            directory.mkdir(exist_ok=True)
            make_clips(directory, asked.seconds)
            results = Tried(sender, directory).run()
        else:
            results = ["not installed"] * 2
        failed += any(result.startswith("nothing") for result in results)
        print(f"| {sender.name} | {sender.how} | {' | '.join(results)} |", flush=True)
    if asked.keep is None:
        shutil.rmtree(work)
    print(f"{failed} failed")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
