"""Tracks of clips, as adapters and as libavformat make them."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av

from mkvtwist.formats.matroska.clusters import MatroskaMuxer
from mkvtwist.formats.matroska.ebml import Element, elements
from mkvtwist.libav.adapters import Adapter, adapter_for
from mkvtwist.libav.headers.extras import Extras
from mkvtwist.libav.headers.header import write_header
from mkvtwist.media.packet import SECOND, Header, Packet
from tests.support import media

SEGMENT, CLUSTER = 0x18538067, 0x1F43B675
SIMPLE_BLOCK, BLOCK_GROUP, BLOCK, REFERENCE, DURATION = 0xA3, 0xA0, 0xA1, 0xFB, 0x9B

WORDS = [(0.1, 0.5, "Hello"), (0.6, 0.2, "two")]


class Block(NamedTuple):
    """A block, whoever wrote it."""

    key: bool
    duration: int | None
    data: bytes


def blocks(data: bytes) -> dict[int, list[Block]]:
    """The blocks of a Matroska stream by track, from 0."""
    found: dict[int, list[Block]] = defaultdict(list)
    for segment in elements(data, 0, len(data)):
        if segment.id == SEGMENT:
            for cluster in elements(data, segment.start, segment.end):
                if cluster.id == CLUSTER:
                    for number, block in _blocks(data, cluster):
                        found[number - 1].append(block)
    return found


def _blocks(data: bytes, cluster: Element) -> Iterator[tuple[int, Block]]:
    for part in elements(data, cluster.start, cluster.end):
        body = data[part.start : part.end]
        if part.id == SIMPLE_BLOCK:
            yield body[0] & 0x7F, Block(bool(body[3] & 0x80), None, body[4:])
        elif part.id == BLOCK_GROUP:
            parts = {e.id: data[e.start : e.end] for e in elements(data, part.start, part.end)}
            body = parts[BLOCK]
            lasts = int.from_bytes(parts[DURATION], "big") if DURATION in parts else None
            yield body[0] & 0x7F, Block(REFERENCE not in parts, lasts, body[4:])


class Adapted(NamedTuple):
    """What the adapters made of a clip."""

    header: Header
    data: bytes
    """Header and Clusters."""
    adapters: list[Adapter]


def adapted(source: media.Source) -> Adapted:
    """Send a clip through adapters, header and Clusters; times are left as they are."""
    with media.opened(source) as container:
        kinds = ("video", "audio", "subtitle")
        adapters = {s.index: adapter_for(s) for s in container.streams if s.type in kinds}
        made = []
        for packet in container.demux():
            adapter = adapters.get(packet.stream_index)
            if packet.size and adapter is not None:
                made += [(adapter, *_timed(adapter, one)) for one in adapter.packets(packet)]
        for adapter in adapters.values():
            made += [(adapter, *_timed(adapter, one)) for one in adapter.rest()]
        header, used = write_header(list(adapters.values()), Extras(container))
    render = MatroskaMuxer(header).render
    last = 0
    out = []
    for adapter, pts, duration, key, data, extra in made:
        last = last if pts is None else pts
        if adapter in used:
            out.append(render([Packet(adapter.number, last, last, duration, key, data, extra)]))
    return Adapted(header, header.matroska_head + b"".join(out), used)


def described(source: media.Source, *, after: bool = False) -> Header:
    """
    The header of a clip, as it is written in earnest.

    @param after: whether all packets have been read before, rather than none.
    """
    with media.opened(source) as container:
        adapters = [adapter_for(stream) for stream in container.streams]
        for packet in container.demux() if after else ():
            if packet.size:
                list(adapters[packet.stream_index].packets(packet))
        header, _ = write_header(adapters, container)
    return header


def _timed(adapter: Adapter, one: Any) -> tuple[int | None, int, bool, bytes, Any]:
    base = one.time_base
    pts = None if one.pts is None else round(one.pts * base * SECOND) + SECOND
    duration = round((one.duration or 0) * base * SECOND)
    return pts, duration, one.is_keyframe, adapter.data(one), adapter.extra(one)


def muxed(source: media.Source) -> bytes:
    """A clip, as libavformat's muxer writes it as Matroska."""
    out = io.BytesIO()
    with media.opened(source) as container, av.open(out, "w", format="matroska") as output:
        streams = {
            stream.index: output.add_stream_from_template(stream, opaque=True)
            for stream in container.streams
        }
        for packet in container.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                output.mux(packet)
    return out.getvalue()


def shown(source: media.Source, type_: str) -> list[str]:
    """Digests of what a player shows of one type."""
    return [frame.digest for frame in media.frames(source, numbers=False) if frame.type == type_]


def samples(source: media.Source) -> bytes:
    """All that is heard of the first track, as 16 bits a sample."""
    out = []
    with media.opened(source) as container:
        resampler = av.AudioResampler(format="s16")
        for frame in container.decode(audio=0):
            for made in resampler.resample(frame):
                size = made.samples * made.layout.nb_channels * 2
                out.append(bytes(made.planes[0])[:size])
    return b"".join(out)


def events(source: media.Source, index: int = 0) -> tuple[list[tuple[int, bool]], Adapter]:
    """For each packet of a track how many the adapter makes, and whether it needs a header."""
    with media.opened(source) as container:
        adapter = adapter_for(container.streams[index])
        made = []
        for packet in container.demux(container.streams[index]):
            if packet.size:
                adapter.changed = False
                count = len(list(adapter.packets(packet)))
                made.append((count, adapter.changed))
        return made, adapter


def spliced(*clips: Path, take: Sequence[int] = ()) -> bytes:
    """
    The packets of several clips in one track of Matroska that is described as the first is.

    @param take: how many of each; all of them without it.
    """
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as output:
        track: Any = None
        start = 0
        for index, clip in enumerate(clips):
            with media.opened(clip) as container:
                track = track or output.add_stream_from_template(container.streams[0], opaque=True)
                for number, packet in enumerate(p for p in container.demux() if p.size):
                    if take and number == take[index]:
                        break
                    one: Any = av.Packet(bytes(packet))
                    one.stream, one.time_base = track, Fraction(1, 1000)
                    one.pts = one.dts = start
                    one.is_keyframe = packet.is_keyframe
                    start += 40
                    output.mux(one)
    return out.getvalue()
