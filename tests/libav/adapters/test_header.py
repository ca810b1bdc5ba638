"""Headers that are written for adapted tracks."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
from av.stream import Disposition
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.matroska import MATROSKA
from mkvtwist.formats.matroska.clusters import MatroskaMuxer
from mkvtwist.formats.mp4 import MP4
from mkvtwist.formats.webm import WEBM
from mkvtwist.libav.adapters import Adapter, adapter_for
from mkvtwist.libav.headers.extras import Extras
from mkvtwist.libav.headers.header import write_header
from mkvtwist.libav.wording import cause
from mkvtwist.media.packet import Header, Packet
from tests.support import bitstreams, media
from tests.support.adapters import (
    CLUSTER,
    WORDS,
    adapted,
)
from tests.support.oddities import with_alpha, with_dolby_vision, with_hdr10


class Refused(Adapter):
    """A track that Matroska has no place for."""

    def describe(self, made: Any) -> None:
        raise ValueError("no place for it")


class Turned(Adapter):
    """A track of sound that damage has made one of pictures."""

    @property
    def parameters(self) -> Any:
        return self.stream.container.streams.video[0]


class HeaderTests(SynchronousTestCase):
    """The header."""

    def write(self, source: media.Source, **more: Any) -> tuple[Header, dict[str, Any]]:
        """What a player reads in the header of a clip."""
        mine = adapted(media.clip(**more) if source == b"" else source)
        tracks, whole = media.parameters(mine.data)
        return mine.header, {"tracks": tracks, **whole}

    def test_tracks(self) -> None:
        """Tracks are described, for players and for the status."""
        header, read = self.write(
            b"",
            seconds=1,
            languages=("eng", "deu"),
            titles=("One", "Zwei"),
            default=1,
            forced=0,
            subtitles=WORDS,
        )
        video, first, second, text = header.tracks
        self.assertEqual(
            (video.type, video.codec, video.width, video.height, video.frame_rate, video.title),
            ("video", "h264", 160, 120, 25, None),
        )
        self.assertEqual(
            (first.type, first.codec, first.language, first.title, first.sample_rate),
            ("audio", "aac", "eng", "One", 48000),
        )
        self.assertEqual((second.language, second.channels, text.type), ("deu", 2, "subtitle"))
        self.assertEqual([t.number for t in header.tracks], [1, 2, 3, 4])
        tracks = read["tracks"][1:3]
        self.assertEqual([t["metadata"]["language"] for t in tracks], ["eng", "deu"])
        self.assertEqual([t["metadata"]["title"] for t in tracks], ["One", "Zwei"])
        self.assertEqual(
            [t["disposition"] for t in tracks], [Disposition.forced, Disposition.default]
        )

    def test_same_bytes(self) -> None:
        """The same tracks give the same bytes."""
        clip = media.clip(container="mpegts", seconds=1)
        first, second = (adapted(clip).header for _ in range(2))
        self.assertEqual(first.matroska_head, second.matroska_head)
        self.assertEqual([t.mp4_head for t in first.tracks], [t.mp4_head for t in second.tracks])
        self.assertEqual(first.tracks, second.tracks)

    def test_whole(self) -> None:
        """Tags and chapters are kept, but not what is true of the file only."""
        clip = media.clip(
            container="mp4",
            seconds=1,
            metadata=[("title", "Film"), ("artist", "Grüße")],
            chapters=[(0, 0.5, "Begin"), (0.5, 1, "End")],
        )
        _, read = self.write(clip)
        metadata = {name.lower(): value for name, value in read["metadata"].items()}
        self.assertEqual((metadata["title"], metadata["artist"]), ("Film", "Grüße"))
        self.assertEqual(set(metadata) - {"title", "artist", "encoder"}, set())
        self.assertEqual([c["metadata"]["title"] for c in read["chapters"]], ["Begin", "End"])

    def test_shape(self) -> None:
        """Anamorphic pictures are shown in their shape."""
        for container in ("matroska", "mpegts", "mp4"):
            _, read = self.write(b"", container=container, seconds=1, sar=Fraction(4, 3))
            self.assertEqual(read["tracks"][0]["size"], (160, 120))
            ratio = read["tracks"][0]["sar"]
            self.assertApproximates(ratio, Fraction(4, 3), Fraction(1, 160), container)

    def test_attachments(self) -> None:
        """Attachments are kept, and covers become such."""
        clip = media.clip(seconds=0.2, attachments=[("a.ttf", "font/ttf", b"font")])
        with media.opened(clip) as container:
            adapters = [adapter_for(s) for s in container.streams if s.type != "attachment"]
            attachments = [s for s in container.streams if s.type == "attachment"]
            extras = Extras(container, attachments)
            extras.add_cover(2, "mjpeg", b"cover")
            extras.add_cover(3, "tiff", b"no")
            header, _ = write_header(adapters, extras, extras.files())
        data = header.matroska_head + MatroskaMuxer(header).render([Packet(1, 0, 0, 0, True, b"x")])
        tracks, _ = media.parameters(data)
        self.assertEqual([t["data"] for t in tracks if t["type"] == "attachment"], [b"font"])
        self.assertIn(b"cover.jpg", data)
        self.assertNotIn(b"tiff", data)

    def test_hdr(self) -> None:
        """What is known of the colours is kept."""
        clip = with_hdr10(media.clip(video="libx265", audio=None, seconds=0.5).read_bytes())
        data = adapted(clip).header.matroska_head
        original = clip[: clip.index(CLUSTER.to_bytes(4, "big"))]
        for code in (0x55BA, 0x55BB, 0x55BC, 0x55BD):
            self.assertEqual(_number(data, code), _number(original, code), hex(code))

    def test_dolby_vision(self) -> None:
        """Dolby Vision's record is kept in Matroska and MP4, and its names are those of HLS."""
        clip = with_hdr10(media.clip(video="libx265", audio=None, seconds=0.5).read_bytes())
        for profile, compatibility, kind, names in (
            (8, 1, b"dvvC", ("hvc1", "dvh1.08.06/db1p")),
            (5, 0, b"dvcC", ("dvh1.05.06", None)),
        ):
            header = adapted(with_dolby_vision(clip, profile, compatibility)).header
            (track,) = header.tracks
            for format_ in (MATROSKA, MP4):
                self.assertIn(kind, media.all_of(format_, header).head)
            self.assertIn((names[0][:4]).encode(), track.mp4_head)
            self.assertEqual(track.video_range, "PQ")
            self.assertTrue((track.codec_string or "").startswith(names[0]))
            self.assertEqual(track.supplemental, names[1])

    def test_alpha(self) -> None:
        """Matroska and WebM say that pictures have alpha beside them, if they do."""
        clip = media.clip(container="webm", audio=None, seconds=0.2).read_bytes()
        for data, said in ((with_alpha(clip), True), (clip, False)):
            header = adapted(data).header
            for format_ in (MATROSKA, WEBM):
                for code in (b"\x53\xc0\x81\1", b"\x55\xee\x81\1"):
                    found = code in media.all_of(format_, header).head
                    self.assertEqual(found, said, (format_, code))

    def test_low_delay(self) -> None:
        """AAC-LD and AAC-ELD keep their names and their frames."""
        for object_type in (23, 39):
            clip = bitstreams.low_delay(object_type)
            made = adapted(clip)
            (track,) = made.header.tracks
            self.assertEqual(track.codec_string, f"mp4a.40.{object_type}")
            self.assertEqual(len(media.frames(made.data)), len(media.frames(clip)))

    def test_objects(self) -> None:
        """MP4 says of E-AC-3 that it carries objects: dec3 (ETSI TS 103 420, 8.3)."""
        plain = media.clip(container="eac3", seconds=0.2).read_bytes()
        for data, said in ((bitstreams.with_objects(plain), True), (plain, False)):
            head = adapted(data).header.tracks[0].mp4_head
            at = head.index(b"dec3") - 4
            box = head[at : at + int.from_bytes(head[at : at + 4], "big")]
            self.assertEqual(box.endswith(bytes((1, 16))), said)

    def test_left_out(self) -> None:
        """A track that Matroska refuses is left out, and named; the others are sent."""
        with media.opened(media.clip(seconds=0.2, languages=["deu"])) as container:
            video, audio = container.streams
            good, bad = adapter_for(video), Refused(audio)
            header, used = write_header([bad, good], container)
            self.assertEqual((used, good.number, bad.number), ([good], 1, 0))
            self.assertEqual(header.left_out, ("track 1 (audio, aac, deu): no place for it",))
            self.assertEqual([track.codec for track in header.tracks], ["h264"])
            nothing, used = write_header([bad], container)
            self.assertEqual((nothing.tracks, used, len(nothing.left_out)), ((), [], 1))

    def test_another_type(self) -> None:
        """A track that has turned into one of another type is left out; the others are sent."""
        with media.opened(media.clip(seconds=0.2)) as container:
            video, audio = container.streams
            header, _ = write_header([adapter_for(video), Turned(audio)], container)
        self.assertEqual([track.codec for track in header.tracks], ["h264"])
        self.assertEqual(header.left_out, ("track 1 (audio, aac): it was audio, and is video now",))

    def test_cause(self) -> None:
        """An error's cause is what libavformat said of it, or what Python says."""
        self.assertEqual(cause(ValueError("why")), "why")
        self.assertEqual(cause(ValueError()), "ValueError")
        self.assertEqual(cause(OSError(2, "No such file")), "No such file")
        error: Any = av.InvalidDataError
        error = error(1, "message", "file", (16, "matroska", " the cause\n"))
        self.assertEqual(cause(error), "the cause")


def _number(data: bytes, id_: int) -> bytes:
    """The payload of the first element with an ID of two bytes, wherever it is."""
    at = data.index(id_.to_bytes(2, "big")) + 2
    size = data[at] & 0x7F if data[at] & 0x80 else data[at + 7]
    start = at + (1 if data[at] & 0x80 else 8)
    return data[start : start + size].lstrip(b"\0")
