"""
Many who watch through HLS at once, as players do, without decoding.

    python -m benchmarks.hls http://127.0.0.1:8080/live/ --viewers 1000 --seconds 20

Each viewer has one connection. Without C{--low-latency} it loads the playlist once in each target
duration, and the segments that are new; with it, it waits for each part. Prints what all of them
have asked for and got, in which time, and what went wrong.
"""

import argparse
import asyncio
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

JOINING = 5.0
"""Seconds over which viewers come: a crowd, but not in one instant."""

_NAME = re.compile(r"^([0-9a-f]+-\d+(?:\.\d+)?\.m4s)$|#EXT-X-PART:.*URI=\"([^\"]+)\"", re.MULTILINE)
_MEDIA = ("EXT-X-TARGETDURATION", "EXT-X-MEDIA-SEQUENCE")


@dataclass
class Figures:
    """What all viewers have seen."""

    requests: int = 0
    received: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)
    """Seconds from a request for a segment or part to its last byte."""


class Connection:
    """One viewer's connection."""

    def __init__(self, base: str, figures: Figures) -> None:
        self._base = base
        self._parts = urlsplit(base)
        self._figures = figures

    async def open(self) -> None:
        """Connect."""
        host, port = self._parts.hostname, self._parts.port or 80
        self._reader, self._writer = await asyncio.open_connection(host, port)

    async def get(self, name: str) -> bytes:
        """
        The body of an answer.

        @raise ValueError: when it is not 200.
        """
        path = urljoin(self._parts.path, name)
        head = f"GET {path} HTTP/1.1\r\nHost: {self._parts.netloc}\r\n\r\n"
        self._writer.write(head.encode())
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        size = re.search(r"(?i)^content-length: (\d+)\r$", answer, re.MULTILINE)
        body = await self._reader.readexactly(int(size[1])) if size is not None else b""
        self._figures.requests += 1
        self._figures.received += len(body)
        status = answer.split(" ", 2)[1]
        if status != "200":
            raise ValueError(f"{status} for {name.partition('?')[0][-4:]}")
        return body

    def close(self) -> None:
        """No more."""
        self._writer.close()


def number(name: str, text: str) -> int:
    """A tag's value."""
    found = re.search(rf"#{name}:(\d+)", text)
    return int(found[1]) if found else 0


async def watch(base: str, figures: Figures, delay: float, *, low_latency: bool) -> None:
    """One viewer, until it is cancelled."""
    await asyncio.sleep(delay)
    connection = Connection(base, figures)
    try:
        await connection.open()
        await connection.get("index.m3u8")
        text = (await connection.get("media.m3u8")).decode()
        known = set(names(text, low_latency=low_latency)[:-3])
        while True:
            for name in names(text, low_latency=low_latency):
                if name not in known:
                    known.add(name)
                    before = time.monotonic()
                    await connection.get(name)
                    figures.took.append(time.monotonic() - before)
            if low_latency:
                query = following(text)
            else:
                query = ""
                await asyncio.sleep(number("EXT-X-TARGETDURATION", text))
            text = (await connection.get(f"media.m3u8{query}")).decode()
    except (ValueError, OSError, asyncio.IncompleteReadError) as error:
        figures.errors[f"{type(error).__name__}: {error}"] += 1
    finally:
        connection.close()


def names(text: str, *, low_latency: bool) -> list[str]:
    """The segments of a playlist, or the parts."""
    found = [segment or part for segment, part in _NAME.findall(text)]
    return [name for name in found if (name.count(".") == 2) == low_latency]


def following(text: str) -> str:
    """The query that waits for what is announced."""
    hint = re.search(r"PRELOAD-HINT:.*-(\d+)\.(\d+)\.m4s", text)
    return f"?_HLS_msn={hint[1]}&_HLS_part={hint[2]}" if hint else ""


async def run(arguments: argparse.Namespace) -> Figures:
    """All viewers, for so long."""
    figures = Figures()
    count = arguments.viewers
    viewers = [
        asyncio.create_task(
            watch(arguments.url, figures, JOINING * n / count, low_latency=arguments.low_latency)
        )
        for n in range(count)
    ]
    await asyncio.sleep(arguments.seconds)
    for viewer in viewers:
        viewer.cancel()
    await asyncio.gather(*viewers, return_exceptions=True)
    return figures


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0].strip())
    parser.add_argument("url", help="where index.m3u8 is: http://127.0.0.1:8080/live/")
    parser.add_argument("--viewers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--low-latency", action="store_true")
    arguments = parser.parse_args()
    figures = asyncio.run(run(arguments))
    took = sorted(figures.took) or [0.0]
    print(f"viewers     {arguments.viewers}")
    print(f"requests    {figures.requests}")
    print(f"received    {figures.received / 1e6:.1f} MB")
    for share in (50, 99):
        print(f"pieces p{share}  {took[len(took) * share // 100] * 1000:.1f} ms")
    for error, times in figures.errors.most_common(5):
        print(f"error       {times} x {error}")


if __name__ == "__main__":
    main()
