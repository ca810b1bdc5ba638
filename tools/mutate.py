"""
Feed mutated clips through the whole thread, and see that nothing of ours fails.

::

    python tools/mutate.py [--count N] [--seed N] [--jobs N] [--seconds N] [--keep DIR] [FILE...]
    python tools/mutate.py --as-is FILE...      play files as they are: to repeat a failure

Clips of many containers and codecs, the stored bad inputs and the files that are named are damaged
in a way that the seed and the clip's number decide. Each then goes the way that a sender's bytes
go, up to the bytes that a player gets: pipe or file, L{Reader}, timeline, outlet, ring, Clusters.
What comes out is checked packet by packet.

This happens in processes of their own, which take one clip after the other. When one of them dies,
another one takes its place; the clip is kept and played once more alone, so that it is known which
one it was. The exit status is 1 when something failed or did not end, 3 when a library crashed or
took very much memory.

Some of what is damaged are lists of other files, session descriptions and elements in elements. If
strace is installed, what the processes open is watched: the clip and modules of Python's, no other
file; and they neither connect nor listen anywhere.

With C{MALLOC_PERTURB_=165} in the environment glibc fills what is allocated and freed: reading it
shows more often then, but the figures for memory are too high.
"""

# ruff: noqa: T201, S311 (a script speaks by printing; its random choices are to be repeatable)

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run as a script, this file finds its neighbours

import av  # noqa: E402 (after the path is set)
from twisted.logger import globalLogPublisher  # noqa: E402

from mkvtwist.config.input import Form, Input  # noqa: E402
from mkvtwist.formats.choice import Choice  # noqa: E402
from mkvtwist.formats.matroska import MATROSKA  # noqa: E402
from mkvtwist.formats.matroska.clusters import milliseconds  # noqa: E402
from mkvtwist.formats.matroska.ebml import elements  # noqa: E402
from mkvtwist.formats.matroska.head import codec_delays  # noqa: E402
from mkvtwist.formats.mp4 import MP4  # noqa: E402
from mkvtwist.formats.mpegts import MPEG_TS  # noqa: E402
from mkvtwist.formats.registry import FORMATS  # noqa: E402
from mkvtwist.formats.webm import WEBM  # noqa: E402
from mkvtwist.libav import Ended, Event, Noticed, Pace, Reader, set_up  # noqa: E402
from mkvtwist.libav.pipe import Outlet, Pipe  # noqa: E402
from mkvtwist.live.fragment import Fragment  # noqa: E402
from mkvtwist.live.period import Period  # noqa: E402
from mkvtwist.live.ring import Ring  # noqa: E402
from mkvtwist.media.packet import SECOND, Header, Packet, Track  # noqa: E402
from mkvtwist.media.timeline import Timeline  # noqa: E402
from tests.support import hostile, layouts, media, oddities  # noqa: E402

TIMEOUT = 20.0
"""Seconds for one clip, of which most take a fiftieth of one."""

PATIENCE = 60.0
"""Seconds for one that was too slow beside others, when it is played alone."""

CLIPS_PER_PROCESS = 500
"""Enough to see memory that is not given back."""

MEMORY_LIMIT = 1 << 30
"""Bytes for one clip: ten times as much as all our bounds together."""

ADDRESS_SPACE = 8 << 30
"""Bytes that a process may ask for, so that a clip that wants all memory takes no other's."""

RING_SECONDS, RING_BYTES = 10 * SECOND, 8 << 20
"""A small ring, so that clips of a few seconds go round in it."""

EXAMPLES = 3
"""Clips that are kept of each kind of failure."""

# -- What is damaged ----------------------------------------------------------

_SMALL: Mapping[str, Any] = {
    "seconds": 1.0,
    "size": (64, 48),
    "gop": 10,
    "audio_options": [("b", "32000")],
}
_REORDERED = (
    *((c, "") for c in ("matroska", "mp4", "mpegts", "flv", "avi", "nut", "mpegps", "h264", "m4v")),
    ("hevc", "libx265"),
    ("avi", "libx264"),
    ("asf", "libx264"),
    ("mpegps", "libx264"),
)
"""Containers and codecs with B-pictures."""
_LINES = [(0.1, 0.3, "one"), (0.5, 0.2, "two")]


def recipes() -> Iterator[tuple[str, dict[str, Any]]]:
    """A name and the arguments of L{media.clip} for each clip that is made here."""
    for name, home in media.CONTAINERS.items():
        big = {"size": home.size, "seconds": 0.12} if name == "dv" else {}
        yield name, {"container": name, **_SMALL, **big}
    for codec, container in media.VIDEO_CODECS.items():
        yield codec, {"container": container, "video": codec, "audio": None, **_SMALL}
    for codec, container in media.AUDIO_CODECS.items():
        yield codec, {"container": container, "video": None, "audio": codec, **_SMALL}
    for container, codec in _REORDERED:
        name = "-".join(filter(None, (container, codec, "b")))
        yield name, {"container": container, "video": codec, "bframes": 2, **_SMALL}
    for container, codec in (("matroska", "subrip"), ("matroska", "ass"), ("nut", "ass")):
        more = {"subtitles": _LINES, "subtitle_codec": codec}
        yield f"{container}-{codec}", {"container": container, **more, **_SMALL}
    for container in ("mp4", "mov", "webm"):
        yield f"{container}-text", {"container": container, "subtitles": _LINES, **_SMALL}
    for container in ("matroska", "mp4", "mpegts", "nut"):
        more = {"languages": ("deu", "eng", "fra"), "titles": ("eins", "two", "trois")}
        yield f"{container}-languages", {"container": container, **more, **_SMALL}
    for container in ("mpegts", "flv", "matroska"):
        yield f"{container}-late", {"container": container, "start": 95_443.0, **_SMALL}
    for video, container in (("libx265", "mpegts"), ("libvpx-vp9", "webm"), ("libsvtav1", "ivf")):
        yield f"{container}-{video}", {"container": container, "video": video, **_SMALL}
    yield "mpegts-latm", {"container": "mpegts", "options": [("mpegts_flags", "latm")], **_SMALL}
    yield "mpegts-small", {"container": "mpegts", "options": [("pes_payload_size", "0")], **_SMALL}
    extras = {
        "chapters": [(0.0, 0.5, "a"), (0.5, 1.0, "b")],
        "attachments": [("a.ttf", "font/ttf", bytes(range(256)))],
        "metadata": [("title", "äöü")],
    }
    yield "matroska-extras", {"container": "matroska", **extras, **_SMALL}


@dataclass(frozen=True)
class Source:
    """
    A sound clip, or one that is bad already.

    @ivar suffix: of a file that has this in it; libavformat looks at that, too.
    """

    name: str
    suffix: str
    data: bytes


def sources(files: Iterable[Path]) -> list[Source]:
    """Everything that is damaged; what cannot be made here is named."""
    found = []
    for name, arguments in recipes():
        try:
            path = media.clip(**arguments)
        except (av.FFmpegError, ValueError) as error:
            print(f"{name} cannot be made here: {error}", file=sys.stderr)
        else:
            found.append(Source(name, path.suffix, path.read_bytes()))
    found.append(Source("pgs", ".sup", oddities.pgs([(0.5, 1.5), (3.0, 3.8)])))
    data = oddities.with_data(media.clip(container="mpegts", **_SMALL), "timed_id3")
    found.append(Source("mpegts-data", ".ts", data))
    found += [Source(odd.name, odd.suffix, odd.data) for odd in layouts.clips(large=False)]
    found += changing()
    found += [Source(name, ".bin", data) for name, data in referring(BAIT)]
    found += [Source(name, ".mkv", data) for name, data in overfull()]
    stored = (ROOT / "tests" / "data").glob("*.bin")
    found += [Source(path.stem, ".bin", path.read_bytes()) for path in sorted(stored)]
    found += [Source(path.name, path.suffix, path.read_bytes()) for path in files]
    return found


def changing() -> Iterator[Source]:
    """Clips whose programmes, songs, rates, channels or sizes change on the way."""

    def clip(container: str, **more: Any) -> bytes:
        return media.clip(container=container, **{**_SMALL, **more}).read_bytes()

    sounds: list[dict[str, Any]] = [{"channels": 2}, {"channels": 1, "sample_rate": 44100}]
    opus, vorbis = (
        clip("ogg", video=None, audio=codec, seconds=0.4) for codec in ("libopus", "vorbis")
    )
    yield Source("chained", ".ogg", opus + vorbis + opus)
    for container, suffix in (("mp3", ".mp3"), ("adts", ".aac"), ("latm", ".latm")):
        songs = [clip(container, video=None, seconds=0.4, **sound) for sound in sounds]
        yield Source(f"{container} songs", suffix, b"".join([*songs, songs[0]]))
    for codec in ("ac3", "eac3", "flac"):
        paths = [
            media.clip(**{**_SMALL, "video": None, "audio": codec, "audio_options": (), **sound})
            for sound in sounds
        ]
        yield Source(f"{codec} songs", ".mkv", oddities.spliced(*paths))
    for codec in ("libvpx", "libvpx-vp9", "libsvtav1", "mjpeg"):
        paths = [
            media.clip(**{**_SMALL, "video": codec, "audio": None, "size": size})
            for size in ((64, 48), (160, 120))
        ]
        yield Source(f"{codec} sizes", ".mkv", oddities.spliced(*paths))
    large, small = clip("mpegts", size=(160, 120)), clip("mpegts")
    sound = clip("mpegts", video=None)
    yield Source("programmes", ".ts", oddities.programmes(sound, large, small, table=0.3))
    yield Source("other programmes", ".ts", small + oddities.programmes(large, sound) + sound)
    raw = [clip("h264", size=size) for size in ((64, 48), (160, 120))]
    yield Source("raw sizes", ".h264", b"".join([*raw, raw[0]]))


BAIT = "bait.mkv"
"""A film beside the clips, which none of them may open."""


def referring(name: str) -> Iterator[tuple[str, bytes]]:
    """Texts that name a file, a server or a port, as formats that refer to others do."""
    url = "http://127.0.0.1:9/film.ts"
    head = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n"
    texts = {
        "concat": f"ffconcat version 1.0\nfile {name}\n",
        "concat with times": f"ffconcat version 1.0\nfile '{name}'\ninpoint 0.5\nduration 1\n",
        "concat of a URL": f"ffconcat version 1.0\noption safe 0\nfile '{url}'\n",
        "hls": f"{head}#EXTINF:2,\n{name}\n#EXTINF:2,\n{url}\n#EXT-X-ENDLIST\n",
        "hls of a file": f"{head}#EXTINF:2,\nfile:{name}\n#EXT-X-ENDLIST\n",
        "hls of hls": f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{url}\n",
        "hls with a map": f'{head}#EXT-X-MAP:URI="{name}"\n#EXTINF:2,\n{url}\n',
        "hls with a key": f'{head}#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF:2,\n{name}\n',
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        "m=video 21990 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        "sdp over RTSP": "v=0\nm=audio 21992 RTP/AVP 0\na=control:rtsp://127.0.0.1:9/x\n",
        "dash": '<?xml version="1.0"?><MPD type="static"><Period><AdaptationSet>'
        f'<Representation id="1"><BaseURL>{name}</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>",
        "imf": '<?xml version="1.0"?><CompositionPlaylist '
        'xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"><Id>urn:uuid:1</Id>'
        "</CompositionPlaylist>",
        "vobsub": "# VobSub index file, v7 (do not modify this line!)\nsize: 720x576\n"
        "id: en, index: 0\ntimestamp: 00:00:01:000, filepos: 000000000\n",
        "tedcaptions": f'{{"captions":[{{"duration":1000,"content":"{url}"}}]}}',
        "smil": f'<smil><body><video src="{url}"/></body></smil>',
        "asx": f'<asx version="3"><entry><ref href="{url}"/></entry></asx>',
        "pls": f"[playlist]\nFile1={url}\nNumberOfEntries=1\n",
        "rtsp reference": f"[Reference]\nRef1={url}\n",
        "mov reference": f"rtsptext\nrtsp://127.0.0.1:9/{name}\n",
        "lavfi": f"movie={name}\n",
    }
    yield from ((kind, text.encode()) for kind, text in texts.items())


def overfull() -> Iterator[tuple[str, bytes]]:
    """Matroska with more in it than anybody wants, and deeper than anybody looks."""
    film = hostile.film(seconds=1.0)
    yield "many tags", hostile.with_elements(film, hostile.tags(500))
    yield "many chapters", hostile.with_elements(film, hostile.chapters(2000))
    yield "many attachments", hostile.with_elements(film, hostile.attachments(200, 100))
    yield "a large setup", hostile.private(film, 2 << 20)
    yield "hostile names", hostile.named(film, b"\x1b[1m\n", "\u202e\n\x00".encode() * 200)
    yield from ((f"{levels} deep", hostile.deep(levels)) for levels in (10, 100, 5000))
    yield "sparse", hostile.sparse(0.02)


# -- How it is damaged --------------------------------------------------------

Mutation = Callable[[bytearray, random.Random, bytes], bytearray]
"""Makes other bytes of some, which are not empty; the last argument is another source's."""


def _bit_errors(data: bytearray, pick: random.Random, _other: bytes) -> bytearray:
    rate = pick.choice((1e-4, 1e-4, 1e-3))
    return bytearray(media.damaged(bytes(data), rate, seed=pick.getrandbits(32)))


def _byte_flips(data: bytearray, pick: random.Random, _other: bytes) -> bytearray:
    for _ in range(pick.choice((1, 2, 5, 20))):
        # Heads are where most can go wrong.
        end = len(data) if pick.random() < 0.5 else min(len(data), 600)
        data[pick.randrange(end)] = pick.choice((0, 0xFF, 0x80, 0x7F, pick.randrange(256)))
    return data


def _truncated(data: bytearray, pick: random.Random, _other: bytes) -> bytearray:
    return data[: pick.randrange(len(data))]


def _beheaded(data: bytearray, pick: random.Random, _other: bytes) -> bytearray:
    return data[pick.randrange(len(data)) :]


def _garbage_in_front(data: bytearray, pick: random.Random, _other: bytes) -> bytearray:
    return bytearray(pick.randbytes(pick.choice((1, 20, 188, 1500)))) + data


def _garbage_inside(data: bytearray, pick: random.Random, _other: bytes) -> bytearray:
    at, size = pick.randrange(len(data)), pick.choice((1, 4, 188, 1500))
    instead = pick.choice((0, size))
    return data[:at] + pick.randbytes(size) + data[at + instead :]


def _block(data: bytearray, pick: random.Random) -> tuple[int, int]:
    """Where a block begins and ends: a packet of MPEG-TS, or any number of bytes."""
    size = pick.choice((188, 188 * 7, 1 << pick.randrange(14), pick.randrange(1, len(data) + 1)))
    if size == 188 and len(data) >= 188:
        start = pick.randrange(len(data) // 188) * 188
    else:
        start = pick.randrange(len(data))
    return start, min(len(data), start + size)


def _duplicated(data: bytearray, pick: random.Random, _other: bytes) -> bytearray:
    start, end = _block(data, pick)
    return data[:end] + data[start:end] * pick.choice((1, 1, 3)) + data[end:]


def _removed(data: bytearray, pick: random.Random, _other: bytes) -> bytearray:
    start, end = _block(data, pick)
    return data[:start] + data[end:]


def _reordered(data: bytearray, pick: random.Random, _other: bytes) -> bytearray:
    start, end = _block(data, pick)
    block, rest = data[start:end], data[:start] + data[end:]
    at = pick.randrange(len(rest) + 1)
    return rest[:at] + block + rest[at:]


def _run(data: bytearray, pick: random.Random, _other: bytes) -> bytearray:
    start, end = _block(data, pick)
    data[start:end] = pick.choice((b"\0", b"\0", b"\xff")) * (end - start)
    return data


def _spliced(data: bytearray, pick: random.Random, other: bytes) -> bytearray:
    return data[: pick.randrange(len(data) + 1)] + other[pick.randrange(len(other) + 1) :]


def _interleaved(data: bytearray, pick: random.Random, other: bytes) -> bytearray:
    out, at = bytearray(), 0
    while at < max(len(data), len(other)):
        size = pick.choice((188, 1000, 5000))
        out += (other if pick.random() < 0.2 else data)[at : at + size]
        at += size
    return out


def _marks() -> Iterator[tuple[bytes, int, int]]:
    """Where containers have lengths, counts and times: bytes to find, distance from there, size."""
    boxes = (
        "moov mvhd trak tkhd mdia mdhd hdlr minf stbl stsd stts stsc stsz stco co64 ctts stss edts "
        "elst mdat moof mfhd traf tfhd tfdt trun mvex trex esds avcC hvcC dOps meta udta"
    )
    for box in boxes.split():
        yield box.encode(), -4, 4
        yield box.encode(), 8, 4
        yield box.encode(), 12, 4
    for chunk in ("RIFF", "LIST", "avih", "strh", "strf", "movi", "idx1", "fmt ", "data", "fact"):
        yield chunk.encode(), 4, 4
        yield chunk.encode(), 12, 4
    for chunk in ("00dc", "01wb", "FORM", "COMM", "SSND", "desc", "pakt", "kuki"):
        yield chunk.encode(), 4, 4
    idents = (
        "1A45DFA3 18538067 1549A966 1654AE6B 1F43B675 1C53BB6B 114D9B74 1254C367 1043A770 1941A469 "
        "2AD7B1 4489 63A2 6264 B5 9F B0 BA AE E0 E1 E7 A3 A0 A1 9B 75A2"
    )
    for ident in idents.split():
        yield bytes.fromhex(ident), len(ident) // 2, 1
        yield bytes.fromhex(ident), len(ident) // 2 + 1, 8
    yield from ((b"OggS", at, size) for at, size in ((5, 1), (6, 8), (26, 1), (27, 1)))
    yield from ((b"\x47", at, size) for at, size in ((1, 2), (3, 1), (4, 1), (5, 1)))
    yield from ((b"\0\0\1" + bytes([kind]), 4, 2) for kind in (0xBA, 0xBB, 0xBC, 0xBD, 0xC0, 0xE0))
    yield from ((b"\0\0\1\xe0", at, size) for at, size in ((7, 1), (8, 1), (9, 5)))
    yield from ((b"\xff\xf1", at, 2) for at in (2, 3, 4))
    yield from ((b"FLV", 5, 4), (b"fLaC", 5, 3), (b"ID3", 6, 4), (b"DKIF", 6, 2), (b"DKIF", 16, 8))
    yield from ((b"\x30\x26\xb2\x75", 16, 8), (b"\xa1\xdc\xab\x8c", 16, 8), (b"\x56\xe0", 1, 2))


_MARKS = tuple(_marks())


def _lengths(data: bytearray, pick: random.Random, _other: bytes) -> bytearray:
    wanted = pick.choice((1, 1, 3))
    for mark, distance, size in pick.sample(_MARKS, len(_MARKS)):
        at = data.find(mark, pick.randrange(len(data)))
        at = data.find(mark) if at < 0 else at
        if at < 0 or at + distance < 0 or at + distance + size > len(data):
            continue
        place = slice(at + distance, at + distance + size)
        data[place] = _edge(int.from_bytes(data[place], "big"), size, len(data), pick)
        wanted -= 1
        if not wanted:
            return data
    at, size = pick.randrange(len(data)), pick.choice((1, 2, 4))
    data[at : at + size] = _edge(0, size, len(data), pick)
    return data


def _edge(old: int, size: int, length: int, pick: random.Random) -> bytes:
    """A number of so many bytes at which programs stumble."""
    most = (1 << 8 * size) - 1
    numbers = (0, 1, most, most >> 1, (most >> 1) + 1, old + 1, old - 1, old * 2, length)
    number = pick.choice((*numbers, pick.getrandbits(8 * size), most >> pick.randrange(8 * size)))
    return (number & most).to_bytes(size, pick.choice(("big", "big", "little")))


def _whole(data: bytearray, _pick: random.Random, _other: bytes) -> bytearray:
    return data


MUTATIONS: Mapping[str, Mutation] = {
    "nothing": _whole,
    "bit errors": _bit_errors,
    "byte flips": _byte_flips,
    "truncated": _truncated,
    "beheaded": _beheaded,
    "garbage in front": _garbage_in_front,
    "garbage inside": _garbage_inside,
    "duplicated": _duplicated,
    "removed": _removed,
    "reordered": _reordered,
    "lengths": _lengths,
    "a run of one byte": _run,
    "spliced": _spliced,
    "interleaved": _interleaved,
}

_WEIGHTS = tuple(3 if name in ("bit errors", "lengths", "byte flips") else 1 for name in MUTATIONS)
"""What leaves most of a clip whole gets furthest."""


@dataclass(frozen=True)
class Clip:
    """
    A mutated clip.

    @ivar name: its source, and what was done to it.
    """

    name: str
    suffix: str
    data: bytes
    seed: str


def mutated(seed: int, number: int, originals: list[Source]) -> Clip:
    """The clip of this number; the same for the same seed and the same sources."""
    own = f"{seed}/{number}"
    pick = random.Random(own)
    source, other = pick.choice(originals), pick.choice(originals)
    data = bytearray(source.data)
    kinds = pick.choices(tuple(MUTATIONS), _WEIGHTS, k=pick.choice((1, 1, 1, 2, 3)))
    for kind in kinds:
        if data:
            data = MUTATIONS[kind](data, pick, other.data)
    return Clip(f"{source.name}: {', '.join(kinds)}", source.suffix, bytes(data), own)


# -- What is checked ----------------------------------------------------------


class _Wrong(Exception):
    """What came out is not what was promised."""


_EBML, _SEGMENT, _TRACKS, _ENTRY, _NUMBER = 0x1A45DFA3, 0x18538067, 0x1654AE6B, 0xAE, 0xD7
_CLUSTER, _TIMESTAMP, _SIMPLE, _GROUP, _BLOCK = 0x1F43B675, 0xE7, 0xA3, 0xA0, 0xA1


def _tracks_in(head: bytes) -> list[int]:
    """The numbers of the tracks in a header's bytes."""
    tops = list(elements(head, 0, len(head)))
    if [top.id for top in tops] != [_EBML, _SEGMENT]:
        raise _Wrong(f"a header of {[hex(top.id) for top in tops]}")
    return [
        int.from_bytes(head[number.start : number.end], "big")
        for part in elements(head, tops[1].start, tops[1].end)
        if part.id == _TRACKS
        for entry in elements(head, part.start, part.end)
        if entry.id == _ENTRY
        for number in elements(head, entry.start, entry.end)
        if number.id == _NUMBER
    ]


def _blocks_in(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Track, time in milliseconds and payload of each block in some Clusters."""
    for cluster in elements(data, 0, len(data)):
        if cluster.id != _CLUSTER:
            raise _Wrong(f"{cluster.id:X} beside Clusters")
        base = None
        for part in elements(data, cluster.start, cluster.end):
            if part.id == _TIMESTAMP:
                base = int.from_bytes(data[part.start : part.end], "big")
                continue
            block = part
            if part.id == _GROUP:
                (block,) = (e for e in elements(data, part.start, part.end) if e.id == _BLOCK)
            elif part.id != _SIMPLE:
                raise _Wrong(f"{part.id:X} in a Cluster")
            if base is None:
                raise _Wrong("a Cluster without a Timestamp")
            at = block.start
            offset = int.from_bytes(data[at + 1 : at + 3], "big", signed=True)
            yield data[at] & 0x7F, base + offset, data[at + 4 : block.end]


class _Checks:
    """
    What one stream of events must be like; it becomes the bytes that a player gets on the way.

    @ivar packets: how many have come.
    @ivar headers: how many have come.
    @ivar wrong: what was not as it must be.
    """

    def __init__(self) -> None:
        self.packets = 0
        self.headers = 0
        self.notices = 0
        self.wrong: list[str] = []
        self.ended: Ended | None = None
        self._period: Period | None = None
        self._tracks: dict[int, Track] = {}
        self._last: dict[int, int] = {}
        self._begun: set[int] = set()
        self._delays: Mapping[int, int] = {}

    def begin(self) -> None:
        """The same stream goes on with another reader."""
        self.ended = None

    def take(self, events: Iterable[Event]) -> None:
        """Check some events; the first thing that is wrong in each kind is noted."""
        packets: list[Packet] = []
        for event in events:
            try:
                self._in_time()
                if isinstance(event, Packet):
                    self._packet(event)
                    packets.append(event)
                    continue
                self._render(packets)
                packets = []
                if isinstance(event, Header):
                    self._header(event)
                elif isinstance(event, Noticed):
                    self.notices += 1
                elif isinstance(event, Ended):
                    self.ended = event
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
                self._note(error)
        try:
            self._render(packets)
        except Exception as error:  # noqa: BLE001 - likewise
            self._note(error)

    def _note(self, error: Exception) -> None:
        text = "".join(traceback.format_exception(error)[-3:]).strip()
        if isinstance(error, _Wrong):
            text = f"wrong: {error}"
        if text not in self.wrong and len(self.wrong) < 5:
            self.wrong.append(text)

    def _in_time(self) -> None:
        if self.ended is not None:
            raise _Wrong("something after the end")

    def _header(self, header: Header) -> None:
        self.headers += 1
        tracks = {track.number: track for track in header.tracks}
        # Those who have the same header already go on.
        if tracks != self._tracks:
            self._last.clear()
        self._tracks = tracks
        self._begun.clear()
        self._period = None
        edge = max(self._last.values(), default=0)
        ring = Ring(RING_SECONDS, RING_BYTES, edge=edge)
        period = Period(header, ring)
        head: Any = period.muxer(period.everything).head
        if _tracks_in(head) != list(tracks):
            raise _Wrong(f"the header has the tracks {_tracks_in(head)}, not {list(tracks)}")
        self._delays = codec_delays(head)
        self._period = period

    def _packet(self, packet: Packet) -> None:
        self.packets += 1
        track = self._tracks.get(packet.track)
        if track is None:
            raise _Wrong("a packet before its header" if not self._tracks else "an unknown track")
        last = self._last.get(packet.track, -1)
        self._last[packet.track] = packet.dts
        first = packet.track not in self._begun
        self._begun.add(packet.track)
        if packet.dts <= last:
            raise _Wrong("dts does not rise")
        if packet.pts < packet.dts:
            raise _Wrong("pts before dts")
        if packet.duration < 0:
            raise _Wrong("a duration below 0")
        if not packet.data:
            raise _Wrong("a packet without a payload")
        if track.type == "video" and first and not packet.key:
            raise _Wrong("video begins without a keyframe")

    def _render(self, packets: list[Packet]) -> None:
        if not packets or self._period is None:
            return
        for fragment in self._period.segmenter.append(packets):
            data = self._period.muxer(self._period.everything).render(fragment.packets)
            blocks = list(_blocks_in(data))
            if [(p.track, p.data) for p in fragment.packets] != [(b[0], b[2]) for b in blocks]:
                raise _Wrong("the blocks are not the packets")
            self._other_formats(fragment)
            for packet, (_, time_, _) in zip(fragment.packets, blocks, strict=True):
                pts = packet.pts + self._delays.get(packet.track, 0)
                if time_ != max(0, milliseconds(pts)):
                    raise _Wrong("a block has another time than its packet")
        ring = self._period.ring
        if ring.size > RING_BYTES and ring.end - ring.first > 1:
            raise _Wrong("the ring is larger than it may be")

    def _other_formats(self, fragment: Fragment) -> None:
        """What a format has a head for, it can say: with the payloads of its tracks in it."""
        assert self._period is not None
        for format_ in FORMATS.values():
            choice = Choice(format_, format_.fitting(self._period.header.tracks))
            if format_ is MATROSKA or not choice.tracks:
                continue
            data = self._period.muxer(choice).render(fragment.packets)
            if format_ is MPEG_TS and len(data) % 188:
                raise _Wrong("a transport packet is cut short")
            for packet in fragment.packets:
                wanted = packet.track in choice.tracks and format_ in (MP4, WEBM)
                if wanted and packet.data not in data:
                    raise _Wrong(f"a payload is not in {format_.title}")


# -- How it is played ---------------------------------------------------------


@dataclass
class Result:
    """What became of one clip; it travels from process to process as JSON."""

    name: str = ""
    packets: int = 0
    headers: int = 0
    notices: int = 0
    reason: str = ""
    wrong: list[str] = field(default_factory=list)
    crash: str = ""
    """What killed the process, if something did."""
    hang: str = ""
    """Where it stood, if it did not end."""
    kept: str = ""
    """The clip, if something was wrong with it."""
    seconds: float = 0.0
    peak: int = 0
    """The most memory, in bytes, that the process had meanwhile."""
    taken: int = 0
    """How much of it was more than before."""
    after: int = 0
    """The memory that it had afterwards."""

    @property
    def is_well(self) -> bool:
        """Whether it played, or was refused, as it should."""
        return self.outcome in {"played", "refused"}

    @property
    def outcome(self) -> str:
        """In one word."""
        if self.crash:
            return "crashed"
        if self.hang:
            return "hung"
        if self.wrong:
            return "failed"
        if self.taken > MEMORY_LIMIT:
            return "greedy"
        return "played" if self.packets else "refused"


def play(path: Path, seed: str) -> Result:
    """
    Play one file, in this process.

    @param seed: decides whether it comes through a pipe, in what pieces, and whether twice.
    """
    pick = random.Random(f"{seed} played")
    piped, times = pick.random() < 0.5, 1 + (pick.random() < 0.2)
    begin = time.monotonic()
    before = _memory()[1]
    _reset_peak()
    timeline, checks = Timeline(), _Checks()
    failures: list[str] = []

    def failed(event: Mapping[str, Any]) -> None:
        if "log_failure" in event:
            failures.append(event["log_failure"].getTraceback().strip())

    globalLogPublisher.addObserver(failed)  # type: ignore[arg-type] # it is an ILogObserver
    try:
        for _ in range(times):
            checks.begin()
            pipe = _filled(path.read_bytes(), pick) if piped else None
            source = Input(Form.ENDPOINT if piped else Form.FILE, str(path))
            _read(source, pipe, timeline, checks)
            if checks.ended is None:
                checks.wrong.append("wrong: no end")
            elif "an error in mkvtwist" in checks.ended.reason and not failures:
                checks.wrong.append("wrong: an error without a traceback")
    finally:
        globalLogPublisher.removeObserver(failed)  # type: ignore[arg-type] # likewise
    peak, after = _memory()
    return Result(
        packets=checks.packets,
        headers=checks.headers,
        notices=checks.notices,
        reason=checks.ended.reason if checks.ended else "",
        wrong=failures + checks.wrong,
        seconds=time.monotonic() - begin,
        peak=peak,
        taken=peak - before,
        after=after,
    )


def _filled(data: bytes, pick: random.Random) -> Pipe:
    """A pipe with all of a sender's bytes, in pieces as a network makes them."""
    pipe = Pipe(lambda: None)
    at = 0
    while at < len(data):
        size = pick.choice((1, 188, 1460, 1460, 8192, 65_536))
        pipe.write(data[at : at + size])
        at += size
    pipe.close()
    return pipe


def _read(source: Input, pipe: Pipe | None, timeline: Timeline, checks: _Checks) -> None:
    came = threading.Event()
    outlet: Outlet[Event] = Outlet(came.set)
    reader = Reader(source, pipe, timeline, Pace(0, 0), outlet, drain=False)
    reader.go()
    thread = threading.Thread(target=reader.run, daemon=True)
    thread.start()
    while checks.ended is None:
        # A thread that ended without a word has said it all.
        alive = thread.is_alive()
        if came.wait(0.1):
            came.clear()
        elif not alive:
            break
        checks.take(outlet.take())
    thread.join()
    checks.take(outlet.take())


def _reset_peak() -> None:
    """Linux: have the kernel forget the most memory that this process has had."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _memory() -> tuple[int, int]:
    """The most memory that the process has had, and what it has now, in bytes."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        fields = {name: rest for name, _, rest in (line.partition(":") for line in lines)}
        return tuple(int(fields[name].split()[0]) << 10 for name in ("VmHWM", "VmRSS"))  # type: ignore[return-value] # two
    except (OSError, KeyError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        return peak, peak


def work(timeout: float) -> None:
    """A process: plays the clips that standard input names, says on standard output what became."""
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    set_up()
    print("ready", flush=True)
    for line in sys.stdin:
        path, seed = json.loads(line)
        faulthandler.dump_traceback_later(timeout, exit=True)
        result = play(Path(path), seed)
        faulthandler.cancel_dump_traceback_later()
        print(json.dumps(asdict(result)), flush=True)


_OPENED = re.compile(r'open(?:at)?\((?:AT_FDCWD, )?"((?:[^"\\\\]|\\\\.)*)"')
_SPOKEN = re.compile(r"(?:connect|bind|sendto|sendmsg)\(.*sa_family=AF_(?!NETLINK)")
_MODULES = tuple(f"{os.path.realpath(p)}/" for p in (sys.prefix, sys.base_prefix, ROOT, "/proc"))
"""Where Python has what it imports late, and learns how much memory it has."""


class _Watch:
    """What a process opens and whom it talks to, as strace tells it."""

    def __init__(self, directory: Path) -> None:
        self._path = Path(tempfile.mkstemp(dir=directory, suffix=".strace")[1])
        self._file = self._path.open(errors="replace")
        self._directory = directory

    def words(self) -> list[str]:
        """What the process's command begins with."""
        calls = "open,openat,connect,bind,sendto,sendmsg"
        return [
            "strace",
            "-f",
            "-qq",
            "--seccomp-bpf",
            "-e",
            f"trace={calls}",
            "-o",
            str(self._path),
        ]

    def wrong(self, clip: Path) -> list[str]:
        """What it has done since the last time that it may not do."""
        return [line.strip()[:300] for line in self._file if self._is_wrong(line, clip)]

    def _is_wrong(self, line: str, clip: Path) -> bool:
        if _SPOKEN.search(line):
            return True
        found = _OPENED.search(line)
        if found is None:
            return False
        path = os.path.realpath(os.path.join(self._directory, found[1]))
        if path == os.path.realpath(clip) or path.startswith(_MODULES):
            return False
        return "/gconv/" not in path  # the C library's conversions, for names in MPEG-TS

    def close(self) -> None:
        """It has ended."""
        self._file.close()
        self._path.unlink()


class _Process:
    """A process that plays clips, and is replaced when it dies or has had enough of them."""

    def __init__(self, directory: Path, timeout: float = TIMEOUT) -> None:
        self._directory = directory
        self._timeout = timeout
        self._played = 0
        self._running: subprocess.Popen[str] | None = None
        self._said: Any = None
        self._watch: _Watch | None = None

    def play(self, path: Path, seed: str) -> Result:
        """What becomes of one clip; also when it is the end of the process."""
        if self._played >= CLIPS_PER_PROCESS:
            self.close()
        process = self._running or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        self._played += 1
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps([str(path), seed]) + "\n")
            process.stdin.flush()
        line = process.stdout.readline()
        if not line.endswith("\n"):
            return self._died(process)
        result = Result(**json.loads(line))
        if self._watch is not None:
            result.wrong += [f"wrong: it did {what}" for what in self._watch.wrong(path)]
        if not result.is_well:
            self.close()  # the next one is not to suffer from what this one has left
        return result

    def _start(self) -> subprocess.Popen[str]:
        self._said = tempfile.TemporaryFile("w+", dir=self._directory)  # noqa: SIM115 - closed below
        words = [sys.executable, __file__, "--work", str(self._timeout)]
        if shutil.which("strace"):
            self._watch = _Watch(self._directory)
            words = self._watch.words() + words
        self._running = subprocess.Popen(
            words,
            cwd=self._directory,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
        )
        self._played = 0
        assert self._running.stdout is not None
        self._running.stdout.readline()
        if self._watch is not None:
            self._watch.wrong(Path())  # what it took to start
        return self._running

    def _died(self, process: subprocess.Popen[str]) -> Result:
        status = process.wait()
        self._said.seek(0)
        said = self._said.read().strip()
        self.close()
        told = "\n".join(said.splitlines()[-40:])
        if "Timeout (" in said:
            return Result(hang=told, seconds=self._timeout)
        if status < 0:
            name = signal.Signals(-status).name
            return Result(crash=f"{name}\n{told}")
        return Result(wrong=[f"the process ended with status {status}:\n{told}"])

    def close(self) -> None:
        """End the process."""
        process, self._running = self._running, None
        if process is not None:
            assert process.stdin is not None
            assert process.stdout is not None
            with suppress(BrokenPipeError):
                process.stdin.close()
            process.wait()
            process.stdout.close()
            self._said.close()
        if self._watch is not None:
            self._watch.close()
            self._watch = None


# -- What is said about it ----------------------------------------------------


class _Report:
    """Adds up results, and keeps the clips with which something was wrong."""

    def __init__(self, keep: Path | None) -> None:
        self.results: list[Result] = []
        self.bad: dict[str, list[Result]] = {}
        self._keep = keep
        self._begin = time.monotonic()

    def add(self, result: Result, path: Path, seed: str) -> None:
        """Count a result."""
        self.results.append(result)
        if result.is_well:
            return
        alike = self.bad.setdefault(_signature(result), [])
        if len(alike) < EXAMPLES:
            result.kept = str(self._kept(path, seed))
        alike.append(result)

    def _kept(self, path: Path, seed: str) -> Path:
        if self._keep is None:
            self._keep = Path(tempfile.mkdtemp(prefix="mkvtwist-mutated-"))
        self._keep.mkdir(parents=True, exist_ok=True)
        kept = self._keep / f"{seed.replace('/', '-')}{path.suffix}"
        kept.write_bytes(path.read_bytes())
        return kept

    def line(self) -> str:
        """Where it stands."""
        seconds = time.monotonic() - self._begin
        outcomes = Counter(result.outcome for result in self.results)
        counts = ", ".join(f"{count} {name}" for name, count in outcomes.most_common())
        return f"{len(self.results)} clips in {seconds:.0f} s: {counts}"

    def text(self) -> Iterator[str]:
        """All of it."""
        results = self.results
        yield self.line()
        packets, headers = sum(r.packets for r in results), sum(r.headers for r in results)
        yield f"{packets} packets, {headers} headers"
        reasons = Counter(_general(r.reason) for r in results if r.outcome == "refused")
        yield "refused because:"
        yield from (f"  {count:6} {reason}" for reason, count in reasons.most_common(12))
        if results:
            most = max(results, key=lambda r: r.taken)
            highest = max(results, key=lambda r: r.peak)
            slowest = max(results, key=lambda r: r.seconds)
            yield f"most memory for one clip: {most.taken >> 20} MiB, {most.name}"
            kept = max(r.after for r in results) >> 20
            yield f"a process's peak: {highest.peak >> 20} MiB, {highest.name}"
            yield f"after a clip a process had at most: {kept} MiB"
            yield f"slowest: {slowest.seconds:.1f} s, {slowest.name}"
        for signature, alike in self.bad.items():
            example = alike[0]
            yield f"\n{len(alike)} x {example.outcome}: {signature}"
            yield from (f"  {result.name}\n    {result.kept}" for result in alike if result.kept)
            yield from (f"  | {line}" for line in _told(example).splitlines())
        if self.bad:
            yield f"\nto repeat: python tools/mutate.py --as-is {self._keep}/*"

    @property
    def status(self) -> int:
        """The exit status."""
        ours = any(r.outcome in {"failed", "hung"} for alike in self.bad.values() for r in alike)
        return 1 if ours else 3 if self.bad else 0


def _told(result: Result) -> str:
    return "\n".join(text for text in (result.crash, result.hang, *result.wrong) if text)


def _signature(result: Result) -> str:
    """What failures of one kind have in common: what happened, and where in mkvtwist."""
    lines = [line.strip() for line in _told(result).splitlines()]
    inside = f"{os.sep}mkvtwist{os.sep}"
    places = [line for line in lines if line.startswith("File ") and inside in line]
    if result.outcome == "greedy":
        return f"more than {MEMORY_LIMIT >> 20} MiB"
    if result.crash or result.hang:  # the innermost call comes first
        return " ".join([lines[0], *places[:1]])
    return " ".join([result.wrong[0].splitlines()[-1].strip(), *places[-1:]])


def _general(reason: str) -> str:
    """A reason without the numbers in it."""
    return "".join("#" if letter.isdigit() else letter for letter in reason)[:90]


# -- All of them --------------------------------------------------------------


class _Run:
    """A thread for each process; they take the next clip from one counter."""

    def __init__(self, options: argparse.Namespace, directory: Path) -> None:
        self._options = options
        self._directory = directory
        self._sources = sources(options.files)
        (directory / BAIT).write_bytes(hostile.film())
        if not shutil.which("strace"):
            print("strace is not installed: what is opened is not watched", file=sys.stderr)
        self._numbers = iter(range(options.count))
        self._deadline = time.monotonic() + options.seconds
        self._lock = threading.Lock()
        self._said = time.monotonic()
        self.report = _Report(options.keep)

    def run(self) -> None:
        """Play all."""
        print(f"{len(self._sources)} clips to damage", file=sys.stderr)
        with ThreadPoolExecutor(self._options.jobs) as pool:
            for share in [pool.submit(self._share) for _ in range(self._options.jobs)]:
                share.result()

    def _share(self) -> None:
        process = _Process(self._directory)
        while True:
            with self._lock:
                number = next(self._numbers, None)
            if number is None or time.monotonic() > self._deadline:
                break
            clip = mutated(self._options.seed, number, self._sources)
            path = self._directory / f"{number}{clip.suffix}"
            path.write_bytes(clip.data)
            result = process.play(path, clip.seed)
            if result.crash or result.hang:
                result = _alone(self._directory, path, clip.seed, result)
            result.name = clip.name
            with self._lock:
                self.report.add(result, path, clip.seed)
                if time.monotonic() - self._said > 10:
                    self._said = time.monotonic()
                    print(self.report.line(), file=sys.stderr, flush=True)
            path.unlink()
        process.close()


def _alone(directory: Path, path: Path, seed: str, before: Result) -> Result:
    """Play a clip again that was the last of its process, to know whether it was this one."""
    process = _Process(directory, PATIENCE)
    result = process.play(path, seed)
    process.close()
    if result.crash or result.hang:
        return result
    if before.hang:
        return result  # it was only slow
    before.crash += "\nnot when it is played alone: what was played before it has a part in it"
    return before


def as_is(files: Iterable[Path]) -> int:
    """Play files as they are, each in a process of its own; return the exit status."""
    report = _Report(Path(os.devnull))
    with tempfile.TemporaryDirectory(prefix="mkvtwist-mutate-") as directory:
        for path in files:
            # The name of a clip that was kept says how it was played.
            process = _Process(Path(directory), PATIENCE)
            result = process.play(path.resolve(), path.stem.replace("-", "/", 1))
            process.close()
            print(f"{path}: {result.outcome}, {result.packets} packets; {result.reason}")
            print("".join(f"  | {line}\n" for line in _told(result).splitlines()), end="")
            report.results.append(result)
            if not result.is_well:
                report.bad.setdefault(result.outcome, []).append(result)
    return report.status


def main() -> int:
    """The command line; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="more to damage")
    parser.add_argument("--count", type=int, default=10_000, help="mutated clips")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="processes at the same time")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="for clips that fail")
    parser.add_argument("--as-is", action="store_true", help="play the files, damage nothing")
    parser.add_argument("--work", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work)
        return 0
    if options.as_is:
        return as_is(options.files)
    with tempfile.TemporaryDirectory(prefix="mkvtwist-mutate-") as directory:
        run = _Run(options, Path(directory))
        run.run()
    print("\n".join(run.report.text()))
    return run.report.status


if __name__ == "__main__":
    sys.exit(main())
