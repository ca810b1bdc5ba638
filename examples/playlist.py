"""
A radio, or a television: files, one after another, for ever.

    python examples/playlist.py tcp:8080 first.mkv second.mkv

Files with the same tracks, coded in the same way, follow each other without a break.
"""

import shutil
import sys
from itertools import cycle
from typing import Any

from twisted.internet import endpoints, task, threads
from twisted.web.server import Site

from mkvtwist import Stream, StreamConfig, StreamResource


def send(stream: Stream, path: str) -> None:
    """Send a file; wait while the stream cannot take more, which is most of the time."""
    with open(path, "rb") as file, stream.feed(path) as feed:
        shutil.copyfileobj(file, feed)


async def main(reactor: Any, place: str, *paths: str) -> None:
    """Serve the files at an endpoint, until the process is ended."""
    stream = Stream(reactor, StreamConfig("push", name="list"))
    stream.startService()
    reactor.addSystemEventTrigger("before", "shutdown", stream.stopService)
    site = Site(StreamResource(reactor, stream))
    await endpoints.serverFromString(reactor, place).listen(site)
    print("listening at", place, flush=True)
    for path in cycle(paths):
        try:
            await threads.deferToThread(send, stream, path)
        except OSError as error:
            print(f"{path}: {error.strerror}", flush=True)
            if not stream.running:
                return
            await task.deferLater(reactor, 1.0)  # there may be no other file


if __name__ == "__main__":
    task.react(main, sys.argv[1:])
