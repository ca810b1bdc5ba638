"""
An animation, drawn in a thread of the program's own and encoded with PyAV.

    python examples/animation.py tcp:8080
"""

import sys
import threading
import time
from itertools import count
from typing import Any

import av
from twisted.internet import defer, endpoints, task
from twisted.web.server import Site

from mkvtwist import Feed, Stream, StreamConfig, StreamResource

WIDTH, HEIGHT, RATE = 320, 180, 25
BALL = 24
GREY, WHITE, NO_COLOUR = b"\x30", b"\xeb", b"\x80"


def drawn(number: int) -> av.VideoFrame:
    """Return a picture: a square ball that bounces. A plane is bytes, line by line."""
    x, y = bounce(3 * number, WIDTH - BALL), bounce(2 * number, HEIGHT - BALL)
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    luma, *chroma = frame.planes
    empty = GREY * luma.line_size
    ball = empty[:x] + BALL * WHITE + empty[x + BALL :]
    luma.update(y * empty + BALL * ball + (HEIGHT - BALL - y) * empty)
    for plane in chroma:
        plane.update(NO_COLOUR * plane.buffer_size)
    frame.pts = number
    return frame


def bounce(way: int, length: int) -> int:
    """Return the place of something that goes to and fro on a line."""
    return length - abs(way % (2 * length) - length)


def draw(feed: Feed) -> None:
    """Draw, encode and send pictures, each at its time, until the stream takes no more."""
    # By default a Cluster is complete, and sent, after a second.
    options = {"cluster_time_limit": "20"}
    with feed:
        container = av.open(feed, "w", format="matroska", options=options)
        fast = {"preset": "ultrafast", "tune": "zerolatency"}
        video = container.add_stream("libx264", rate=RATE, options=fast)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.gop_size = RATE  # a keyframe a second: viewers wait for one
        begun = time.monotonic()
        for number in count():
            container.mux(video.encode(drawn(number)))
            time.sleep(max(0.0, begun + number / RATE - time.monotonic()))


def run(feed: Feed) -> None:
    """Draw in a thread, and tell when the stream has ended."""
    try:
        draw(feed)
    except OSError as error:
        print("the drawing ends:", error.strerror, flush=True)


async def main(reactor: Any, place: str = "tcp:8080") -> None:
    """Serve the animation at an endpoint, until the process is ended."""
    stream = Stream(reactor, StreamConfig("push", name="ball"))
    stream.startService()
    reactor.addSystemEventTrigger("before", "shutdown", stream.stopService)
    threading.Thread(target=run, args=(stream.feed("animation"),)).start()
    site = Site(StreamResource(reactor, stream))
    await endpoints.serverFromString(reactor, place).listen(site)
    print("listening at", place, flush=True)
    await defer.Deferred()  # until the process is ended


if __name__ == "__main__":
    task.react(main, sys.argv[1:])
