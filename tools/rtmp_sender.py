"""
Send a file over RTMP, at the speed of its timestamps, with the libavformat that PyAV brings.

::

    python tools/rtmp_sender.py FILE URL

That libavformat speaks Enhanced RTMP: HEVC, AV1, VP9, Opus, FLAC, several tracks.
"""

from __future__ import annotations

import argparse
import time

import av


def send(path: str, url: str) -> int:
    """Send a file's tracks, as they are; return how many packets that were."""
    count = 0
    with av.open(path) as source, av.open(url, "w", format="flv") as sink:
        tracks = {
            one.index: sink.add_stream_from_template(one, opaque=True) for one in source.streams
        }
        begun = time.monotonic()
        for packet in source.demux():
            if packet.dts is None:
                continue
            due = begun + float(packet.dts * packet.time_base)
            time.sleep(max(0.0, due - time.monotonic()))
            packet.stream = tracks[packet.stream_index]
            sink.mux(packet)
            count += 1
    return count


def main() -> None:
    """Send what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file")
    parser.add_argument("url")
    asked = parser.parse_args()
    send(asked.file, asked.url)


if __name__ == "__main__":
    main()
