"""
Watch a stream over a network that is not loopback: far away, thin, lossy, gone for a while.

    python tools/network.py rate --rtt=20,200,300          # does a fast stream get through?
    python tools/network.py lag --link=0.67                # how late is a client on a thin link?
    python tools/network.py outage --cut=5                 # what does a link that is cut cost?
    python tools/network.py vanish --timeout=10            # when is a client that is gone noticed?

It starts C{mkvserve} in one network namespace and a client in another. Between them it passes each
packet on by itself (two TUN devices), since the kernel's own emulator is a module that is missing
on many machines. It needs Linux, root, C{/dev/net/tun} and iproute2. Everything ends with it.

The figures: the client's rate, and its lag, which is how much later than on loopback the same
Cluster began to arrive. Options after C{--} are the server's.
"""

import argparse
import json
import os
import random
import re
import select
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from fcntl import ioctl
from itertools import pairwise
from pathlib import Path
from typing import Any, Self
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.clip import clip_file
from tests.support.processes import terminate

SERVER, CLIENT = "10.99.0.1", "10.99.0.2"
PORT = 8080
MTU = 1500

QUEUE = 256_000
"""Bytes that wait in front of a thin link, as in a home router; what comes after that is lost."""

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000

MOST = 600.0
"""Seconds after which nothing goes on, whatever happens."""


@dataclass
class Way:
    """
    One direction of a link.

    @ivar rate: bits per second; 0 is any number.
    @ivar delay: seconds.
    @ivar loss: the part of all packets that gets lost.
    @ivar queue: bytes that may wait.
    @ivar cut: whether nothing passes.
    """

    rate: float = 0.0
    delay: float = 0.0
    loss: float = 0.0
    queue: int = QUEUE
    cut: bool = False
    free: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311

    def arrival(self, now: float, size: int) -> float | None:
        """Return when a packet that is sent now arrives; L{None} if it is lost."""
        if self.cut or self.chance.random() < self.loss:
            return None
        leaves = now
        if self.rate:
            begins = max(self.free, now)
            if (begins - now) * self.rate / 8 > self.queue:
                return None
            leaves = self.free = begins + size * 8 / self.rate
        return leaves + self.delay


def _tun(name: str) -> int:
    """Make a TUN device."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


class Network:
    """
    Two namespaces and the link between them, which a process of its own carries.

    @ivar inside: what a command begins with to run on one of the two sides.
    """

    def __init__(self, congestion: str | None = None) -> None:
        self._stack = ExitStack()
        self.inside: dict[str, tuple[str, ...]] = {}
        devices = []
        route = ("congctl", congestion) if congestion else ()
        for side, own, peer in (("server", SERVER, CLIENT), ("client", CLIENT, SERVER)):
            holder = subprocess.Popen(["unshare", "--net", "sleep", f"{MOST}"])
            self._stack.callback(terminate, holder)
            mine = os.readlink("/proc/self/ns/net")
            deadline = time.monotonic() + 5
            while os.readlink(f"/proc/{holder.pid}/ns/net") == mine:
                if holder.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("no network namespace: this needs root")
                time.sleep(0.01)
            inside = self.inside[side] = ("nsenter", f"--net=/proc/{holder.pid}/ns/net")
            name = f"net{os.getpid() % 100000}{side[0]}"
            devices.append(_tun(name))
            _run("ip", "link", "set", name, "netns", str(holder.pid))
            _run(*inside, "ip", "link", "set", "lo", "up")
            _run(*inside, "ip", "addr", "add", own, "peer", peer, "dev", name)
            _run(*inside, "ip", "link", "set", name, "up", "mtu", str(MTU), "txqueuelen", "20000")
            _run(*inside, "ip", "route", "change", peer, "dev", name, "src", own, *route)
        read, self._orders = os.pipe()
        self._carrier = os.fork()
        if self._carrier == 0:
            os.close(self._orders)
            with suppress(KeyboardInterrupt):
                _carry(devices, read)
            os._exit(0)
        for descriptor in (*devices, read):
            os.close(descriptor)
        self._stack.callback(os.waitpid, self._carrier, 0)
        self._stack.callback(os.close, self._orders)

    def set(self, way: str = "both", **values: float) -> None:
        """Change the link: C{down} towards the client, C{up} from it; see L{Way}."""
        os.write(self._orders, json.dumps([way, values]).encode() + b"\n")

    def close(self) -> None:
        """End the namespaces and the link."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _carry(devices: list[int], orders: int) -> None:
    """Pass packets on until the orders end."""
    ways = {"down": Way(), "up": Way()}
    under_way: list[deque[tuple[float, bytes]]] = [deque(), deque()]
    text = b""
    while True:
        due = [queue[0][0] for queue in under_way if queue]
        wait = max(0.0, min(due) - time.monotonic()) if due else 1.0
        ready, _, _ = select.select([*devices, orders], [], [], wait)
        if orders in ready:
            more = os.read(orders, 65536)
            if not more:
                return
            *lines, text = (text + more).split(b"\n")
            _obey(lines, ways)
        for way, queue, source, target in zip(
            ways.values(), under_way, devices, reversed(devices), strict=True
        ):
            if source in ready:
                _take(source, way, queue)
            while queue and queue[0][0] <= time.monotonic():
                with suppress(OSError):
                    os.write(target, queue.popleft()[1])


def _obey(lines: list[bytes], ways: dict[str, Way]) -> None:
    for line in lines:
        wanted, values = json.loads(line)
        for name, way in ways.items():
            if wanted in (name, "both"):
                vars(way).update(values)


def _take(source: int, way: Way, queue: deque[tuple[float, bytes]]) -> None:
    now = time.monotonic()
    with suppress(BlockingIOError):
        for _ in range(64):
            packet = os.read(source, 65536)
            arrives = way.arrival(now, len(packet))
            if arrives is not None:
                queue.append((arrives, packet))


# -- Clients ------------------------------------------------------------------

_CLUSTER = re.compile(rb"\x1f\x43\xb6\x75(?=([\x01-\xff]))", re.DOTALL)


class Clock:
    """Find the Clusters in a stream of Matroska, and when each came."""

    def __init__(self) -> None:
        self.size = 0
        self.came: list[tuple[float, int]] = []
        self._rest = b""

    def take(self, data: bytes, now: float) -> None:
        """Look at the next bytes."""
        self.size += len(data)
        data = self._rest + data
        keep = max(0, len(data) - 32)
        for match in _CLUSTER.finditer(data):
            if match.start() >= keep:
                break
            at = match.end()
            at += 9 - data[at].bit_length()  # the element's size is as long as its first byte says
            if data[at] == 0xE7:
                length = data[at + 1] & 0x7F
                stamp = int.from_bytes(data[at + 2 : at + 2 + length], "big")
                self.came.append((now, stamp))
        self._rest = data[keep:]


def _any_context() -> ssl.SSLContext:
    """Return the TLS context of a client that trusts every server."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _watch(host: str, path: str, seconds: float, *, tls: bool) -> None:
    """Be a client; print the times of the Clusters and the sizes that have come."""
    connection: socket.socket = socket.create_connection((host, PORT), 10)
    if tls:
        connection = _any_context().wrap_socket(connection)
    connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
    clock, end = Clock(), time.monotonic() + seconds
    sizes = []
    connection.settimeout(1.0)
    while (now := time.monotonic()) < end:
        try:
            data = connection.recv(1 << 18)
        except TimeoutError:
            continue
        except OSError:
            break
        if not data:
            break
        clock.take(data, time.monotonic())
        sizes.append((now, len(data)))
    json.dump({"came": clock.came, "sizes": sizes}, sys.stdout)


@dataclass
class Watched:
    """The Clusters and bytes that a client has got, and when."""

    came: list[tuple[float, int]]
    sizes: list[tuple[float, int]]

    def rate(self, since: float) -> float:
        """Return bits per second from a moment on."""
        late = [(at, size) for at, size in self.sizes if at >= since]
        return sum(size for _, size in late) * 8 / (late[-1][0] - late[0][0]) if late[1:] else 0.0

    def lags(self, reference: "Watched") -> list[tuple[float, float]]:
        """Return by how much each Cluster was late, with the moment at which it came."""
        known: dict[int, float] = {}
        for at, stamp in reference.came:
            known.setdefault(stamp, at)
        return [(at, at - known[stamp]) for at, stamp in self.came if stamp in known]

    def skipped(self) -> list[float]:
        """Return the seconds of media that were left out, each time."""
        stamps = [stamp for _, stamp in self.came]
        gaps = ((after - before) / 1000 for before, after in pairwise(stamps))
        return [gap for gap in gaps if gap > 0.5]


def _client(
    inside: tuple[str, ...], host: str, path: str, seconds: float, *, tls: bool
) -> "subprocess.Popen[str]":
    words = ["--watch", host, path, str(seconds), *(["--tls"] if tls else [])]
    return subprocess.Popen(
        [*inside, sys.executable, __file__, *words], stdout=subprocess.PIPE, text=True
    )


def _seen(process: "subprocess.Popen[str]") -> Watched:
    said = json.loads(process.communicate()[0])
    return Watched([tuple(pair) for pair in said["came"]], [tuple(pair) for pair in said["sizes"]])


# -- What is tried ------------------------------------------------------------


_CONFIG = """
[defaults]
client_timeout = {timeout}
[streams.live]
input = "{film}"
at_end = "loop"
readrate_initial_burst = 0
[streams.cam]
input = "http"
hold = 0
"""


@contextmanager
def _serving(
    network: Network, arguments: argparse.Namespace, folder: str, bitrate: int
) -> Iterator[None]:
    """Run the server with a film of this bitrate, at the speed of its timestamps."""
    film = clip_file(Path(arguments.cache), bitrate).absolute()
    config = Path(folder, "mkvtwist.toml")
    config.write_text(_CONFIG.format(film=film, timeout=arguments.timeout))
    listen = f"tcp:{PORT}"
    if arguments.tls:
        key = Path(folder, "key.pem")
        if not key.exists():
            make = "req -x509 -nodes -newkey rsa:2048 -days 2 -subj /CN=localhost"
            _run("openssl", *make.split(), "-keyout", str(key), "-out", f"{folder}/cert.pem")
        listen = f"ssl:{PORT}:privateKey={key}:certKey={folder}/cert.pem"
    words = [f"--listen={listen}", f"--config={config}"]
    checkout = Path(arguments.checkout)
    with open(f"{folder}/log", "a") as log:
        begun = log.tell()
        server = subprocess.Popen(
            [
                *network.inside["server"],
                *(sys.executable, "-m", "twisted", "--log-format=text", "mkvserve"),
                *words,
                *arguments.options,
            ],
            stdout=log,
            stderr=log,
            cwd=checkout,
            env=os.environ | {"PYTHONPATH": str(checkout), "TZ": "UTC"},
        )
        try:
            deadline = time.monotonic() + 30
            while "or in a player" not in Path(folder, "log").read_text()[begun:]:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(Path(folder, "log").read_text())
                time.sleep(0.1)
            time.sleep(2)
            yield
        finally:
            terminate(server)
            if arguments.log:
                sys.stderr.write(Path(folder, "log").read_text())


def _try(arguments: argparse.Namespace, bitrate: int, **link: Any) -> tuple[Watched, Watched]:
    """Watch for a while; return what a client beyond the link has got, and one on loopback."""
    cut = link.pop("cut", None)
    with tempfile.TemporaryDirectory() as folder, Network(arguments.congestion) as network:
        down = {"rate": link.pop("rate", 0.0)}
        network.set(**link)
        network.set("down", **down)
        with _serving(network, arguments, folder, bitrate):
            seconds, tls = arguments.seconds, arguments.tls
            near = _client(
                network.inside["server"], "127.0.0.1", "/live.mkv?burst=0", seconds + 1, tls=tls
            )
            far = _client(network.inside["client"], SERVER, arguments.path, seconds, tls=tls)
            if cut is not None:
                time.sleep(cut[0])
                network.set(cut=True)
                time.sleep(cut[1])
                network.set(cut=False)
            return _seen(far), _seen(near)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _report(label: str, far: Watched, near: Watched) -> None:
    if not far.came:
        _say(f"{label}: nothing came")
        return
    begun = far.sizes[0][0] + 5
    late = [lag for at, lag in far.lags(near) if at >= begun]
    skips = far.skipped()
    _say(
        f"{label}: {far.rate(begun) / 1e6:.1f} of {near.rate(begun) / 1e6:.1f} Mbit/s came,"
        f" {max(late, default=0):.1f} s late at worst and {late[-1] if late else 0:.1f} s at the"
        f" end; {len(skips)} skips, of {max(skips, default=0):.1f} s at most; the last data came"
        f" after {far.sizes[-1][0] - far.sizes[0][0]:.0f} s"
    )


def rate(arguments: argparse.Namespace) -> None:
    """Try a fast stream over several distances."""
    bitrate = round(arguments.bitrate * 1e6)
    for rtt in map(float, arguments.rtt.split(",")):
        link = {"delay": rtt / 2000, "queue": 4_000_000, "loss": arguments.loss / 100}
        seen = _try(arguments, bitrate, rate=bitrate * 4, **link)
        _report(f"{arguments.bitrate:g} Mbit/s over {rtt:g} ms", *seen)


def lag(arguments: argparse.Namespace) -> None:
    """Try a link that is thinner than the stream."""
    bitrate = round(arguments.bitrate * 1e6)
    link = {"delay": 0.02, "loss": arguments.loss / 100}
    seen = _try(arguments, bitrate, rate=bitrate * arguments.link, **link)
    _report(f"{arguments.bitrate:g} Mbit/s over a link of {arguments.link:g} times as much", *seen)


def outage(arguments: argparse.Namespace) -> None:
    """Try a link that is cut for a while."""
    bitrate = round(arguments.bitrate * 1e6)
    seen = _try(arguments, bitrate, delay=0.02, cut=(10.0, arguments.cut))
    _report(f"{arguments.bitrate:g} Mbit/s, {arguments.cut:g} s of outage", *seen)


_KINDS = {
    "video": "GET /live.mkv",
    "sound alone": "GET /live.mkv?tracks=2",
    "waits for an input": "GET /cam.mkv",
    "HLS, waits for what is next": "GET /live/media.m3u8?_HLS_msn={next}",
    "replay, reads on": "GET {replay}",
    "idle": "GET /healthz",
    "sender": "PUT /cam",
}


def _hold_on(host: str, *, tls: bool) -> None:
    """Be one client of each kind; print from which port each is, and read until the end."""
    base = f"http{'s' * tls}://{host}:{PORT}/live"
    context = _any_context()
    text = urlopen(f"{base}/media.m3u8", timeout=30, context=context).read().decode()
    newest = int(re.findall(r"-(\d+)\.m4s", text)[-1])
    replay = urlopen(f"{base}/last.mkv", timeout=30, context=context).geturl()
    ports, reading = {}, []
    for kind, line in _KINDS.items():
        connection = socket.socket()
        if kind.startswith("replay"):  # with little room, so that it is still being sent
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20_000)
        connection.connect((host, PORT))
        if tls:
            connection = context.wrap_socket(connection)
        target = line.format(next=newest + 2, replay=replay.partition(str(PORT))[2])
        chunked = "Transfer-Encoding: chunked\r\n\r\n1\r\n\x1a" if "PUT" in line else ""
        connection.sendall(f"{target} HTTP/1.1\r\nHost: {host}\r\n{chunked}\r\n".encode())
        ports[kind] = connection.getsockname()[1]
        reading.append(connection)
    print(json.dumps(ports), flush=True)  # noqa: T201 - to the process that has started this
    while reading:
        ready, _, _ = select.select(reading, [], [], MOST)
        for connection in ready:
            try:
                gone = not connection.recv(1000)
            except OSError:
                gone = True
            if gone:
                reading.remove(connection)
        time.sleep(0.01)  # so that the replay lasts


def vanish(arguments: argparse.Namespace) -> None:
    """Try clients whose machine has gone, and tell when the server lets go of each."""
    bitrate = round(arguments.bitrate * 1e6)
    with tempfile.TemporaryDirectory() as folder, Network(arguments.congestion) as network:
        network.set(delay=0.02)
        with _serving(network, arguments, folder, bitrate):
            time.sleep(10)
            words = [*network.inside["client"], sys.executable, __file__, "--hold-on", SERVER]
            words += ["--tls"] if arguments.tls else []
            client = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
            assert client.stdout is not None
            ports = json.loads(client.stdout.readline())
            time.sleep(2)
            network.set(cut=True)
            begun = time.monotonic()
            there = dict(ports)
            while there and time.monotonic() - begun < arguments.seconds:
                known = _run(*network.inside["server"], "ss", "-Htn", "state", "established")
                for kind, port in list(there.items()):
                    if not re.search(rf":{port}\b", known):
                        del there[kind]
                        _say(f"{kind}: noticed after {time.monotonic() - begun:.1f} s")
                time.sleep(0.2)
            for kind in there:
                _say(f"{kind}: not noticed in {arguments.seconds:g} s")
            terminate(client)


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("rate", "lag", "outage", "vanish"))
    parser.add_argument("--rtt", default="20,200,300", help="milliseconds")
    parser.add_argument("--bitrate", type=float, help="of the stream, in Mbit/s")
    parser.add_argument(
        "--link", type=float, default=2 / 3, help="the link's rate, in the stream's"
    )
    parser.add_argument("--loss", type=float, default=0.0, help="per cent of the packets, each way")
    parser.add_argument("--cut", type=float, default=10.0, help="seconds of outage")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long to watch")
    parser.add_argument("--timeout", type=float, default=30.0, help="the server's for clients")
    parser.add_argument("--path", default="/live.mkv?burst=0")
    parser.add_argument("--congestion", help="of the route, such as cubic or bbr")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--log", action="store_true", help="also show the server's log")
    parser.add_argument("--checkout", default=Path(__file__).parents[1], help="the server's code")
    parser.add_argument("--cache", default=tempfile.gettempdir(), help="where clips are kept")
    words, _, options = " ".join(sys.argv[1:]).partition(" -- ")
    arguments = parser.parse_args(words.split())
    arguments.options = options.split()
    arguments.bitrate = arguments.bitrate or {"rate": 25.0}.get(arguments.what, 3.0)
    {"rate": rate, "lag": lag, "outage": outage, "vanish": vanish}[arguments.what](arguments)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--watch"]:
        host_, path_, seconds_ = sys.argv[2:5]
        _watch(host_, path_, float(seconds_), tls="--tls" in sys.argv[5:])
    elif sys.argv[1:2] == ["--hold-on"]:
        _hold_on(sys.argv[2], tls="--tls" in sys.argv[3:])
    else:
        main()
