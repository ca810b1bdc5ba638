"""The recipes of the how-to on nginx, with a real one in front of a real server."""

from __future__ import annotations

import gzip
import http.client
import http.server
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.websocket import UPGRADE, masked
from tests.test_docs import DOCS
from tests.test_end_to_end import PATIENCE, EndToEndTestCase, Mkvserve

PAGE = (DOCS / "howto" / "nginx.md").read_text()
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def section(heading: str) -> str:
    """What stands below a heading of the how-to."""
    return re.split(rf"^## {heading}$", PAGE, maxsplit=1, flags=re.MULTILINE)[1]


def recipes(heading: str) -> list[str]:
    """The configurations of nginx in a section of the how-to."""
    return re.findall(r"^```nginx\n(.*?)^```", section(heading), re.DOTALL | re.MULTILINE)


class Over(http.client.HTTPConnection):
    """HTTP over a UNIX socket: nginx cannot choose a free port."""

    def __init__(self, path: Path) -> None:
        super().__init__("live.example", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(self._path))


class NginxTestCase(EndToEndTestCase):
    """What the cases below have in common: a server, and nginx in front of it."""

    if NGINX is None:
        skip = "nginx is not installed"

    def start(
        self, recipe: str, application: int = 0, arguments: Sequence[str] = ("demo:",)
    ) -> Mkvserve:
        """Run nginx by a recipe, in front of a server, which is returned when both are there."""
        server = Mkvserve(self, *arguments)
        directory = Path(tempfile.mkdtemp(prefix="mkvtwist-nginx-"))
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        self.socket = directory / "socket"
        for shown, here in (
            ("listen 80;", f"listen unix:{self.socket};"),
            ("127.0.0.1:8080", f"127.0.0.1:{server.port}"),
            ("127.0.0.1:9000", f"127.0.0.1:{application}"),
            ("/var/cache/nginx", str(directory)),
        ):
            recipe = recipe.replace(shown, here)
        paths = " ".join(
            f"{kind}_temp_path {directory}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (directory / "nginx.conf").write_text(
            f"daemon off; master_process off; pid {directory}/pid; error_log stderr;\n"
            f"events {{}}\nhttp {{ access_log off; {paths}\n{recipe}\n}}\n"
        )
        assert NGINX is not None
        nginx = subprocess.Popen((NGINX, "-p", str(directory), "-c", str(directory / "nginx.conf")))
        self.addCleanup(nginx.wait, PATIENCE)
        self.addCleanup(nginx.terminate)
        deadline = time.monotonic() + PATIENCE
        while not self.socket.exists() and time.monotonic() < deadline and nginx.poll() is None:
            server.listen(0.05)
        return server

    def get(self, target: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        """The answer of nginx, and its body."""
        connection = Over(self.socket)
        self.addCleanup(connection.close)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", target, headers=names)
        response = connection.getresponse()
        return response, response.read()

    def check_pieces(self, base: str, server: Mkvserve, **headers: str) -> None:
        """All that the playlists name is there, and is what the server itself has."""
        answer, text = self.get(f"{base}/media.m3u8", **headers)
        self.assertEqual(answer.status, 200)
        names = re.findall(r"[\w-]+(?:\.\d+)?\.(?:m4s|mp4)", text.decode())[:-1]
        self.assertGreater(len(names), 3)
        for name in names:
            answer, body = self.get(f"{base}/{name}", **headers)
            self.assertEqual(answer.status, 200, name)
            with server.get(f"/live/{name}") as direct:
                self.assertEqual(body, direct.read())


class PublishTests(NginxTestCase):
    """Publishing from a browser."""

    def test_socket(self) -> None:
        """A page's WebSocket comes through in both directions."""
        recipe = re.search(r"^```nginx\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
        assert recipe is not None
        own = ("--name=cam", "--server-name=live.example", "--input=push")
        server = self.start(recipe[1], arguments=own)
        with socket.socket(socket.AF_UNIX) as page:
            page.settimeout(PATIENCE)
            page.connect(str(self.socket))
            host = ("Host: live.example", "Origin: http://live.example")
            lines = ("GET /cam/publish HTTP/1.1", *host, *UPGRADE, "", "")
            page.sendall("\r\n".join(lines).encode())
            data = b""
            while b'"received": 0' not in data:
                data += page.recv(4096)
            self.assertTrue(data.startswith(b"HTTP/1.1 101 "), data)
            page.sendall(masked(bytes(1000)))
            while b'"received": 1000' not in data:
                data += page.recv(4096)
        server.said("left after 1000 bytes")


class ManyTests(NginxTestCase):
    """HLS for many."""

    def test_cache(self) -> None:
        """Pieces come through the cache as they are, playlists compressed for who reads that."""
        server = self.start(recipes("HLS for many")[0])
        self.check_pieces("/live", server)
        answer, text = self.get("/live/media.m3u8", Accept_Encoding="gzip")
        self.assertEqual(answer.getheader("Content-Encoding"), "gzip")
        self.assertIn(b"#EXTM3U", gzip.decompress(text))


class TokenTests(NginxTestCase):
    """Tokens that nginx checks."""

    def made(self, expires: str) -> str:
        """The path that the how-to's command makes for a stream, with this end of its time."""
        (command,) = re.findall(
            r"^```sh\n(.*?)^```", section("Tokens that nginx checks"), re.DOTALL | re.MULTILINE
        )
        command = re.sub(r"^expires=.*$", f"expires={expires}", command, flags=re.MULTILINE)
        done = subprocess.run(
            ("sh", "-euc", command), capture_output=True, check=True, text=True, timeout=PATIENCE
        )
        return done.stdout.strip().removeprefix("http://live.example").removesuffix("/index.m3u8")

    def test_link(self) -> None:
        """The address that the command makes opens the stream with its pieces, and no other."""
        server = self.start(recipes("Tokens that nginx checks")[0])
        base = self.made(str(int(time.time()) + 3600))
        self.check_pieces(base, server)
        for wrong, status in (
            (base.replace("/live", "/other"), 403),
            (base.replace("-", "-x", 1), 403),
            (self.made("1"), 410),
        ):
            self.assertEqual(self.get(f"{wrong}/media.m3u8")[0].status, status, wrong)

    def test_application(self) -> None:
        """What an application says of the cookie holds for each piece; it is asked once."""
        asked: list[str | None] = []

        class MayWatch(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                cookie = self.headers["Cookie"]
                asked.append(cookie)
                self.send_response(204 if cookie == "user=alice" else 401)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
                pass

        application = http.server.HTTPServer(("127.0.0.1", 0), MayWatch)
        self.addCleanup(application.server_close)
        self.addCleanup(application.shutdown)
        threading.Thread(target=application.serve_forever, daemon=True).start()
        server = self.start(recipes("Tokens that nginx checks")[1], application.server_port)
        self.check_pieces("/live", server, Cookie="user=alice")
        self.assertEqual(self.get("/live/media.m3u8", Cookie="user=mallory")[0].status, 401)
        self.assertEqual(self.get("/live/media.m3u8")[0].status, 401)
        self.assertEqual(asked.count("user=alice"), 1)
