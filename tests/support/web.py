"""A small web server in a thread, for libavformat and for our own fetching."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from twisted.trial.unittest import SynchronousTestCase


class Web:
    """
    A server on loopback.

    @ivar files: what there is, by its path.
    @ivar moved: where else a path is.
    @ivar asked: the path and the headers of each request so far.
    """

    def __init__(self, case: SynchronousTestCase, host: str = "127.0.0.1") -> None:
        self.files: dict[str, bytes] = {}
        self.moved: dict[str, str] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        web = self

        class Request(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.asked.append((self.path, dict(self.headers)))
                if self.path in web.moved:
                    self.send_response(302)
                    self.send_header("Location", web.moved[self.path])
                    self.end_headers()
                    return
                data = web.files.get(self.path.partition("?")[0])
                self.send_response(404 if data is None else 200)
                self.send_header("Content-Length", str(len(data or b"")))
                self.end_headers()
                self.wfile.write(data or b"")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer((host, 0), Request)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        case.addCleanup(self._end)

    def url(self, path: str) -> str:
        """A path's URL."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}{path}"

    def _end(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
