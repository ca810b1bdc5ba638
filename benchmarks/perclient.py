"""
A baseline: every client has a thread and a muxer of its own.

This is how mkvserver_mk2, mkvtwist's ancestor, works: the input is read once and
collected into segments; then each client's thread remuxes every packet of a
segment for that client alone. It is here to show what sharing the muxed bytes is
worth, so it does nothing else well. Reads Matroska from standard input.
"""

import socket
import threading
from dataclasses import dataclass
from fractions import Fraction

import av

MOST_CLIENTS = 16
"""What mkvserver_mk2 allows."""

_SEGMENTS_KEPT = 4

_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: video/x-matroska\r\n"
    b"Cache-Control: no-store\r\nConnection: close\r\n\r\n"
)


@dataclass(frozen=True)
class _Packet:
    stream: int
    pts: int | None
    dts: int | None
    time_base: Fraction
    key: bool
    payload: bytes


class _Segments:
    """The last segments, numbered; threads wait here for the next one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._segments: dict[int, list[_Packet]] = {}
        self.newest = 0

    def add(self, segment: list[_Packet]) -> None:
        with self._changed:
            self.newest += 1
            self._segments[self.newest] = segment
            self._segments.pop(self.newest - _SEGMENTS_KEPT, None)
            self._changed.notify_all()

    def wait_for(self, number: int) -> list[_Packet]:
        with self._changed:
            self._changed.wait_for(lambda: self.newest >= number)
            return self._segments[max(number, min(self._segments))]


class _Response:
    """What a muxer writes to: not seekable, straight to the socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, data: bytes) -> int:
        self._connection.sendall(data)
        return len(data)


def _serve(
    connection: socket.socket, templates: list[av.stream.Stream], segments: _Segments
) -> None:
    with connection:
        connection.recv(4096)
        connection.sendall(_HEAD)
        number = max(1, segments.newest)
        with av.open(
            _Response(connection), "w", format="matroska", options={"live": "1"}
        ) as container:
            tracks = {
                stream.index: container.add_stream_from_template(stream, opaque=True)
                for stream in templates
            }
            while True:
                for packet in segments.wait_for(number):
                    mine = av.Packet(packet.payload)
                    mine.pts, mine.dts = packet.pts, packet.dts
                    mine.time_base = packet.time_base
                    mine.is_keyframe = packet.key
                    mine.stream = tracks[packet.stream]
                    container.mux(mine)
                number += 1


def _accept(
    listener: socket.socket, templates: list[av.stream.Stream], segments: _Segments
) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection, templates, segments), daemon=True).start()


def main() -> None:
    """Serve until the input ends."""
    segments = _Segments()
    listener = socket.create_server(("127.0.0.1", 0), backlog=MOST_CLIENTS)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
    with open(0, "rb", buffering=0) as source, av.open(source, "r", format="matroska") as media:
        streams = list(media.streams)
        threading.Thread(target=_accept, args=(listener, streams, segments), daemon=True).start()
        segment: list[_Packet] = []
        for packet in media.demux():
            if not packet.size:
                continue
            if packet.stream.type == "video" and packet.is_keyframe and segment:
                segments.add(segment)
                segment = []
            segment.append(
                _Packet(
                    packet.stream.index,
                    packet.pts,
                    packet.dts,
                    packet.time_base,
                    packet.is_keyframe,
                    bytes(packet),
                )
            )


if __name__ == "__main__":
    main()
