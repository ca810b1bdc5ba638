"""
A program of asyncio's that serves what another program writes.

    python examples/asyncio_program.py tcp:8080 ffmpeg -re -f lavfi -i testsrc -f nut -
"""

import asyncio
import sys
from contextlib import suppress
from typing import Any

from twisted.internet import asyncioreactor, defer, endpoints, task
from twisted.web.server import Site

from mkvtwist import Stream, StreamConfig, StreamResource


async def send(stream: Stream, *command: str) -> None:
    """Send what a command writes to its standard output."""
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        with stream.feed(command[0]) as feed:
            while data := await process.stdout.read(65536):
                await asyncio.to_thread(feed.write, data)  # which may have to wait
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def serve(reactor: Any, place: str, *command: str) -> None:
    """Serve the output of a command at an endpoint, until it ends or the process is ended."""
    stream = Stream(reactor, StreamConfig("push", name="program"))
    stream.startService()
    site = Site(StreamResource(reactor, stream))
    listening = endpoints.serverFromString(reactor, place).listen(site)
    await listening.asFuture(asyncio.get_running_loop())
    print("listening at", place, flush=True)
    sending = asyncio.create_task(send(stream, *command))
    reactor.addSystemEventTrigger("before", "shutdown", sending.cancel)
    reactor.addSystemEventTrigger("before", "shutdown", stream.stopService)
    with suppress(asyncio.CancelledError):
        await sending


def main(reactor: Any, *arguments: str) -> "defer.Deferred[None]":
    """Run the coroutine in asyncio's loop, which is the reactor's."""
    return defer.Deferred.fromFuture(loop.create_task(serve(reactor, *arguments)))


if __name__ == "__main__":
    loop = asyncio.new_event_loop()
    asyncioreactor.install(loop)
    task.react(main, sys.argv[1:])
