"""
A Twisted site with a page of its own, and a stream below C{/tv/}.

    python examples/site.py tcp:8080
"""

import sys
from typing import Any

from twisted.internet import defer, endpoints, task
from twisted.web.server import Site
from twisted.web.static import Data

from mkvtwist import Event, Stream, StreamConfig, StreamResource

PAGE = b'<video src="/tv/cam.mkv" autoplay muted controls></video>'


def tell(event: Event) -> None:
    """Print what happens."""
    print(event.kind, dict(event.details), flush=True)


async def main(reactor: Any, place: str = "tcp:8080") -> None:
    """Serve the page and the stream at an endpoint, until the process is ended."""
    stream = Stream(reactor, StreamConfig("demo:", name="cam", buffer=10))
    stream.events.subscribe(tell)
    stream.startService()
    reactor.addSystemEventTrigger("before", "shutdown", stream.stopService)

    root = Data(PAGE, "text/html")
    root.putChild(b"", root)
    root.putChild(b"tv", StreamResource(reactor, stream))
    await endpoints.serverFromString(reactor, place).listen(Site(root))
    print("listening at", place, flush=True)
    await defer.Deferred()  # until the process is ended


if __name__ == "__main__":
    task.react(main, sys.argv[1:])
