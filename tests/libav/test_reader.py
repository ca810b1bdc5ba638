"""Reading real media in a real thread: what comes, in which order, and how it ends."""

from __future__ import annotations

import math
import os
import socket
import threading
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import av
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.input import Form, Input, parse_input
from mkvtwist.formats.matroska.clusters import MatroskaMuxer
from mkvtwist.formats.mp4 import MP4
from mkvtwist.formats.mp4.head import timescales
from mkvtwist.libav import (
    Ended,
    Event,
    Noted,
    Noticed,
    Opened,
    Pace,
    Reader,
    set_up,
)
from mkvtwist.libav.limits import PENDING_MEDIA, TRACK_LIMIT, ReaderLimits
from mkvtwist.libav.listen_urls import LISTEN_WAIT
from mkvtwist.libav.opening import InputOpener
from mkvtwist.libav.pipe import OUTLET_LIMIT, Outlet, Pipe
from mkvtwist.media.byte_source import ByteSource
from mkvtwist.media.chained_ogg import checksum
from mkvtwist.media.packet import SECOND, Header, Packet
from mkvtwist.media.timeline import Timeline
from tests.support import media
from tests.support.oddities import garbage, sound_moved, times_of_keyframes_only, with_data
from tests.test_end_to_end import free_port

SAFE = 30.0  # seconds; never waited for unless something is broken


class Reading:
    """
    A reader in a thread of its own.

    @ivar events: what has come so far.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        source: Input | Path | str,
        bytes_: ByteSource | None = None,
        *,
        pace: Pace | None = None,
        timeline: Timeline | None = None,
        drain: bool = False,
        **manner: Any,
    ) -> None:
        if not isinstance(source, Input):
            source = parse_input("input", str(source))
        self.events: list[Event] = []
        self.timeline = timeline or Timeline()
        self.outlet: Outlet[Event] = Outlet(self._some)
        self._came = threading.Event()
        self.reader = Reader(
            source, bytes_, self.timeline, pace or Pace(0, 0), self.outlet, drain=drain, **manner
        )
        self.reader.go()
        self.thread = threading.Thread(target=self.reader.run, daemon=True)
        case.addCleanup(self.reader.stop)
        self.thread.start()

    def _some(self) -> None:
        self._came.set()

    def until(self, enough: Callable[[list[Event]], bool]) -> list[Event]:
        """What comes up to and with the turn in which this becomes true."""
        while not enough(self.events):
            if not self._came.wait(SAFE):
                raise AssertionError(f"nothing came after {self.events[-1:]}")
            self._came.clear()
            self.events += self.outlet.take()
        return self.events

    def all(self) -> list[Event]:
        """What comes up to the end."""
        self.until(lambda events: bool(events) and isinstance(events[-1], Ended))
        self.join()
        return self.events

    def join(self) -> None:
        """The thread ends, soon."""
        self.thread.join(SAFE)
        if self.thread.is_alive():
            raise AssertionError("the thread did not end")


def headers(events: list[Event]) -> list[Header]:
    """The headers among them."""
    return [event for event in events if isinstance(event, Header)]


def packets(events: list[Event]) -> list[Packet]:
    """The packets among them."""
    return [event for event in events if isinstance(event, Packet)]


def notices(events: list[Event]) -> list[str]:
    """What was noticed."""
    return [event.text for event in events if isinstance(event, Noticed)]


def with_crc(data: bytes) -> bytes:
    """Pages of Ogg, with their checksums as they should be."""
    out = bytearray(data)
    places = [at for at in range(len(out)) if out.startswith(b"OggS", at)]
    for at, end in zip(places, [*places[1:], len(out)], strict=True):
        out[at + 22 : at + 26] = checksum(bytes(out[at:end])).to_bytes(4, "little")
    return bytes(out)


def stored(events: list[Event]) -> list[bytes]:
    """What a recording of all this holds: one file for each header."""
    files: list[bytes] = []
    for event in events:
        if isinstance(event, Header):
            format_ = MatroskaMuxer(event)
            files.append(format_.head)
        elif isinstance(event, Packet):
            files[-1] += format_.render([event])
    return files


class ReaderTestCase(SynchronousTestCase):
    """What the cases below have in common."""

    def setUp(self) -> None:
        """Have libavformat as quiet as in the server."""
        set_up()

    def read(self, source: Input | Path | str, **options: Any) -> list[Event]:
        """All that comes of it."""
        return Reading(self, source, **options).all()

    def assert_same_frames(self, got: bytes, source: media.Source, *types: str) -> None:
        """Everything that a player shows of one is what it shows of the other."""
        shown, wanted = media.frames(got), media.frames(source)
        self.assertEqual([(f.type, f.number) for f in shown], [(f.type, f.number) for f in wanted])
        for type_ in types or ("video", "audio"):
            self.assertEqual(
                [f.digest for f in shown if f.type == type_],
                [f.digest for f in wanted if f.type == type_],
            )


class SongTests(ReaderTestCase):
    """Radios: song after song, each with headers of its own."""

    def check(self, songs: list[Path], between: bytes = b"") -> list[Event]:
        """Every song is played whole under a header of its own, from a pipe as from a file."""
        path = Path(self.mktemp())
        path.write_bytes(b"".join(song.read_bytes() + between for song in songs))
        for source, file in ((str(path), None), ("-", path.open("rb"))):
            events = self.read(source, bytes_=file)
            if file is not None:
                file.close()
            self.assertEqual(events[-1], Ended("the end of the input", fault=False))
            kept = stored(events)
            self.assertEqual(len(kept), len(songs))
            for got, song in zip(kept, songs, strict=True):
                sounds = [frame.digest for frame in media.frames(song)]
                self.assertEqual([frame.digest for frame in media.frames(got)], sounds)
            dts = [packet.dts for packet in packets(events)]
            self.assertEqual(dts, sorted(dts))
            self.assertApproximates(dts[-1], len(songs) * SECOND, 200_000)
        return events

    def test_ogg(self) -> None:
        """Chained Ogg, of other channels, another rate, another codec."""
        for codecs in (("libopus", "libopus"), ("flac", "flac"), ("vorbis", "libopus")):
            songs = [
                media.clip(container="ogg", audio=codec, seconds=1, channels=channels)
                for codec, channels in zip(codecs, (2, 1), strict=True)
            ]
            events = self.check(songs)
            shapes = [header.tracks[0].channels for header in headers(events)]
            self.assertEqual(shapes, [2, 1])

    def test_url(self) -> None:
        """Chained Ogg out of a URL plays song after song, too."""
        songs = [
            media.clip(container="ogg", audio="libopus", seconds=1, channels=channels)
            for channels in (2, 1)
        ]
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "radio.ogg").write_bytes(b"".join(song.read_bytes() for song in songs))

        class Quiet(SimpleHTTPRequestHandler):
            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 (its name)
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        events = self.read(f"http://127.0.0.1:{server.server_port}/radio.ogg")
        self.assertEqual(events[-1], Ended("the end of the input", fault=False))
        self.assertEqual([header.tracks[0].channels for header in headers(events)], [2, 1])
        kept = stored(events)
        for got, song in zip(kept, songs, strict=True):
            sounds = [frame.digest for frame in media.frames(song)]
            self.assertEqual([frame.digest for frame in media.frames(got)], sounds)

    def test_same(self) -> None:
        """Songs with other tags that the same encoder made go on under the same header."""
        for codec in ("vorbis", "flac"):
            path = Path(self.mktemp())
            songs = [
                media.clip(container="ogg", audio=codec, seconds=s, metadata=(("title", t),))
                for s, t in ((1, "one"), (1.5, "two"))
            ]
            path.write_bytes(b"".join(song.read_bytes() for song in songs))
            one, two = headers(self.read(path))
            self.assertEqual(one.tracks, two.tracks, codec)

    def test_unreadable_link(self) -> None:
        """A link of which nothing can be read is left out, and the next one plays."""
        song = media.clip(container="ogg", audio="libopus", seconds=1).read_bytes()
        broken = song.replace(b"OpusHead", b"NoHeader").replace(b"OpusTags", b"NoHeader")
        path = Path(self.mktemp())
        path.write_bytes(song + with_crc(broken) + song)
        events = self.read(path)
        self.assertEqual(len(headers(events)), 2)
        self.assertTrue(any("left out" in text for text in notices(events)))

    def test_mp3(self) -> None:
        """MP3 of other channels and rates, with tags between the songs."""
        songs = [
            media.clip(
                container="mp3",
                seconds=1,
                sample_rate=rate,
                channels=channels,
                options=(("write_xing", "0"), ("id3v2_version", "0")),
            )
            for rate, channels in ((48000, 2), (44100, 1), (22050, 1))
        ]
        tag = b"ID3\3\0\0\0\0\x10\0" + (b"\xff\xfb\x90\x64" + garbage(60)) * 32
        events = self.check(songs, tag)
        shapes = [(t.sample_rate, t.channels) for h in headers(events) for t in h.tracks]
        self.assertEqual(shapes, [(48000, 2), (44100, 1), (22050, 1)])

    def test_adts(self) -> None:
        """AAC of other channels and rates without a container lasts as long as it sounds."""
        songs = [
            media.clip(container="adts", audio="aac", seconds=1, sample_rate=rate, channels=count)
            for rate, count in ((48000, 2), (44100, 1), (22050, 1))
        ]
        events = self.check(songs)
        shapes = [(t.sample_rate, t.channels) for h in headers(events) for t in h.tracks]
        self.assertEqual(shapes, [(48000, 2), (44100, 1), (22050, 1)])


class FileTests(ReaderTestCase):
    """Files from their beginning to their end."""

    def test_names(self) -> None:
        """A file may have any name that the system lets it have."""
        clip = media.clip(seconds=0.2)
        folder = Path(self.mktemp())
        folder.mkdir()
        for name in (
            *(b"100%41 %d.mkv", b"a?b#c.mkv", b"new\nline.mkv", b"\xe9\xff.mkv", b"-dash.mkv"),
            *(b"file:in.mkv", b"tcp:1.mkv", b"concat:a|b.mkv", b"[x]*.mkv", b"\"quotes'.mkv"),
        ):
            path = folder / os.fsdecode(name)
            path.write_bytes(clip.read_bytes())
            events = self.read(path)
            self.assertEqual(len(packets(events)), len(media.packets(clip)), name)

    def test_events(self) -> None:
        """First the header, then packets, then the end; video begins with a keyframe."""
        clip = media.clip(seconds=2)
        events = self.read(clip)
        self.assertIsInstance(events[0], Header)
        self.assertEqual(events[-1], Ended("the end of the input", fault=False))
        came = packets(events)
        self.assertEqual(len(came), len(events) - 2)
        self.assertTrue(next(packet for packet in came if packet.track == 1).key)
        self.assertEqual(
            [(p.track - 1, p.key, p.data) for p in came],
            [(p.track, p.key, p.data) for p in media.packets(clip)],
        )

    def test_tracks(self) -> None:
        """The header's tracks say what a status shows."""
        clip = media.clip(seconds=1, languages=("deu",), titles=("Ton",))
        (header,) = headers(self.read(clip))
        video, audio = header.tracks
        self.assertEqual((video.number, video.type, video.codec), (1, "video", "h264"))
        self.assertEqual((video.width, video.height, video.frame_rate), (160, 120, 25.0))
        self.assertEqual((audio.number, audio.type, audio.codec), (2, "audio", "aac"))
        self.assertEqual((audio.sample_rate, audio.channels), (48000, 2))
        self.assertEqual((audio.language, audio.title), ("deu", "Ton"))
        self.assertEqual(header.left_out, ())

    def test_languages(self) -> None:
        """What a container gives as a language is one, or the track has none."""
        for said, language in (
            ("deu", "deu"),
            ("pt-BR", "pt-BR"),
            ("und", None),
            ("???", None),
            ("eng,deu", "eng"),
        ):
            (header,) = headers(self.read(media.clip(seconds=1, languages=(said,))))
            self.assertEqual(header.tracks[1].language, language, said)
            self.assertNotIn(b"???", header.matroska_head)

    def test_frames(self) -> None:
        """What is stored of it shows the same pictures and the same sound, whatever it came in."""
        for container in ("matroska", "mp4", "mpegts", "flv", "nut", "webm"):
            clip = media.clip(container=container, seconds=2)
            (file,) = stored(self.read(clip))
            # MP4's first packet of AAC, not to be heard, is left out; the decoder's noise is then
            # another one.
            types = ("video",) if container == "mp4" else ()
            self.assert_same_frames(file, clip, *types)

    def test_audio_only(self) -> None:
        """A file without video is as good."""
        clip = media.clip(container="ogg", seconds=1)
        (file,) = stored(self.read(clip))
        self.assert_same_frames(file, clip)

    def test_time(self) -> None:
        """Time begins near 0, wherever the input's does, and does not go back within a track."""
        for start in (0, 20_541):
            events = self.read(media.clip(container="mpegts", seconds=2, bframes=2, start=start))
            for track in (1, 2):
                times = [p.dts for p in packets(events) if p.track == track]
                self.assertEqual(times, sorted(set(times)))
                self.assertLess(times[0], SECOND)
                self.assertLess(times[-1], 3 * SECOND)

    def test_again(self) -> None:
        """What is read next, on the same line of time, begins where this has ended."""
        clip = media.clip(seconds=1)
        first = Reading(self, clip)
        first.all()
        edge = first.timeline.edge
        second = self.read(clip, timeline=first.timeline)
        self.assertGreaterEqual(min(p.dts for p in packets(second)), edge)
        self.assertEqual(headers(second), headers(first.events))

    def test_middle_of_a_gop(self) -> None:
        """What is cut in the middle of a GOP has no video before its next keyframe."""
        path = media.cut(
            media.clip(container="mpegts", seconds=3),
            self.mktemp(),
            "mpegts",
            lambda packet: (packet.pts or 0) > 300_000,
        )
        came = packets(self.read(path))
        first = next(index for index, packet in enumerate(came) if packet.track == 1)
        self.assertTrue(came[first].key)
        self.assertGreater(first, 0, "sound comes meanwhile")
        self.assertEqual(sum(packet.track == 1 for packet in came), 50)

    def test_cover(self) -> None:
        """A cover is no track: it travels with the header."""
        picture = jpeg()
        clip = media.clip(seconds=1, attachments=[("cover.jpg", "image/jpeg", picture)])
        (header,) = headers(self.read(clip))
        self.assertEqual([track.type for track in header.tracks], ["video", "audio"])
        self.assertEqual(header.matroska_head.count(picture), 1)

    def test_font(self) -> None:
        """What else is attached travels with the header, too."""
        clip = media.clip(seconds=1, attachments=[("a.ttf", "font/ttf", b"0123456789")])
        (header,) = headers(self.read(clip))
        self.assertIn(b"0123456789", header.matroska_head)
        self.assertEqual(len(header.tracks), 2)

    def test_data_track(self) -> None:
        """A track that no player shows is left out, with a sentence; the others are not."""
        path = Path(self.mktemp())
        path.write_bytes(with_data(media.clip(seconds=2), "timed_id3"))
        header = headers(self.read(path))[-1]
        self.assertEqual([track.type for track in header.tracks], ["video", "audio"])
        self.assertEqual(len(header.left_out), 1)
        self.assertIn("data", header.left_out[0])

    def test_too_many_tracks(self) -> None:
        """Of very many tracks the first ones are sent."""
        clip = media.clip(
            container="mov",
            video=None,
            audio="pcm_s16le",
            channels=1,
            sample_rate=8000,
            seconds=0.2,
            languages=("eng",) * (2 * TRACK_LIMIT + 6),
        )
        (header,) = headers(self.read(clip))
        self.assertEqual(len(header.tracks), TRACK_LIMIT)
        self.assertIn("more than 64 tracks", header.left_out[0])
        self.assertEqual(len(header.left_out), TRACK_LIMIT, "nor are all the others named")

    def test_only_data(self) -> None:
        """An input with nothing to send in it is at fault, and says what is in it."""
        path = Path(self.mktemp())
        source = with_data(media.clip(seconds=1), "timed_id3")
        with media.opened(source) as file, av.open(str(path), "w", format="mpegts") as out:
            copy = out.add_data_stream("timed_id3")
            for packet in file.demux(file.streams.data[0]):
                if packet.size:
                    packet.stream = copy
                    out.mux(packet)
        (ended,) = self.read(path)
        assert isinstance(ended, Ended)
        self.assertTrue(ended.fault)
        self.assertIn("no track that could be sent", ended.reason)
        self.assertIn("data", ended.reason)

    def test_raw(self) -> None:
        """A bare stream of pictures without a single timestamp is put in order."""
        clip = media.clip(container="h264", bframes=2, seconds=2)
        (file,) = stored(self.read(clip))
        self.assertEqual(
            [(frame.number, frame.pts) for frame in media.frames(file)],
            [(number, 80_000 + number * 40_000) for number in range(50)],
        )

    def test_too_large(self) -> None:
        """A packet of an absurd size is left out, with a sentence."""
        clip = media.clip(container="ogg", audio="libopus", seconds=1)
        sizes = [len(packet.data) for packet in media.packets(clip)]
        small = sum(size <= 270 for size in sizes)
        self.assertTrue(0 < small < len(sizes), sizes)
        events = self.read(clip, limits=ReaderLimits(packet=270))
        self.assertEqual(len(packets(events)), small)
        self.assertIn("a damaged packet", notices(events)[0])

    def test_no_media(self) -> None:
        """What is no media is one event: the end, with the fault and its cause."""
        for data in (b"", b"root:x:0:0:root:/root:/bin/bash\n" * 50, garbage(1_000_000)):
            path = Path(self.mktemp())
            path.write_bytes(data)
            (ended,) = self.read(path)
            assert isinstance(ended, Ended)
            self.assertTrue(ended.fault)
            self.assertIn("no media that libavformat can read", ended.reason)
            self.assertEqual(ended.sentence, "no media that can be read")
            self.assertEqual(ended.detail, ended.reason)
            self.assertEqual(ended.reason.count("\n"), 0)

    def test_missing(self) -> None:
        """So is a file that has gone meanwhile."""
        (ended,) = self.read("nothing-here.mkv")
        assert isinstance(ended, Ended)
        self.assertTrue(ended.fault)
        self.assertIn("No such file", ended.reason)

    def test_header_only(self) -> None:
        """A file whose tracks have no packet has nothing to send."""
        clip = media.clip(seconds=1)
        path = media.cut(clip, self.mktemp(), "matroska", lambda _: False)
        (ended,) = self.read(path)
        assert isinstance(ended, Ended)
        self.assertTrue(ended.fault)

    def test_truncated(self) -> None:
        """What breaks off is read up to there."""
        clip = media.clip(seconds=3)
        path = Path(self.mktemp())
        path.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
        events = self.read(path)
        (file,) = stored(events)
        self.assertGreater(len(media.frames(file)), 20)

    def test_damaged(self) -> None:
        """Damage costs pictures, and nothing else."""
        clip = media.clip(container="mpegts", seconds=3)
        path = Path(self.mktemp())
        path.write_bytes(media.damaged(clip.read_bytes(), rate=1e-4, spare=2000))
        events = self.read(path)
        self.assertIsInstance(events[-1], Ended)
        self.assertGreater(len(packets(events)), 100)

    def test_odd_name(self) -> None:
        """A file's name is a name, not an expression of libavformat's."""
        clip = media.clip(seconds=1)
        for name in ("a:b.mkv", "http:x", "%d.mkv", "pipe:0", "concat:a|b", "film?.mkv", "ä ö.mkv"):
            path = Path(self.mktemp())
            path.mkdir()
            (path / name).write_bytes(clip.read_bytes())
            events = self.read(Input(Form.FILE, str((path / name).absolute())))
            self.assertEqual(events[-1], Ended("the end of the input", fault=False), name)

    def test_bug(self) -> None:
        """What nobody foresaw ends this input, with a traceback in the log."""

        def fail(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        (ended,) = self.read("film.mkv", opener=InputOpener(av_open=fail))
        assert isinstance(ended, Ended)
        self.assertTrue(ended.fault)
        self.assertIn("an error in mkvtwist", ended.reason)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


def is_video(packet: media.Read) -> bool:
    """Whether it has a picture."""
    return packet.type == "video"


def gone(type_: str, since: float, until: float = math.inf) -> Callable[[media.Read], bool]:
    """Whether a packet is one of those of a type between two seconds."""
    return lambda p: p.type == type_ and since * SECOND <= (p.pts or 0) < until * SECOND


def jpeg() -> bytes:
    """A small picture."""
    context: Any = av.CodecContext.create("mjpeg", "w")
    context.width, context.height, context.pix_fmt = 160, 120, "yuvj420p"
    context.time_base = Fraction(1, 25)
    frame = media.picture(1).reformat(format="yuvj420p")
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])


class ChangeTests(ReaderTestCase):
    """Tracks that turn up late, and those that change."""

    def late(self, seconds: float) -> Path:
        """An MPEG-TS whose sound comes so much later than its pictures."""
        return media.cut(
            media.clip(container="mpegts", seconds=12, size=(64, 48)),
            self.mktemp(),
            "mpegts",
            lambda p: p.type == "video" or (p.pts or 0) >= seconds * SECOND,
        )

    def test_late(self) -> None:
        """The header is held for a track that comes late, and nothing is lost."""
        clip = self.late(2)
        events = self.read(clip)
        self.assertEqual([len(header.tracks) for header in headers(events)], [2])
        self.assertEqual(sum(packet.track == 1 for packet in packets(events)), 300)

    def test_too_late(self) -> None:
        """For one that comes too late it is not held; that one has a new header when it comes."""
        events = self.read(self.late(8))
        first, *_, last = headers(events)
        self.assertEqual([track.type for track in first.tracks], ["video"])
        self.assertEqual(len(first.left_out), 1)
        self.assertIn("audio", first.left_out[0])
        self.assertEqual([track.type for track in last.tracks], ["video", "audio"])
        self.assertEqual(last.left_out, ())
        # Held for so long, and not longer: the header is before the packet that is beyond it.
        self.assertLess(packets(events[: events.index(last)])[-1].dts, 11 * SECOND)
        began = False
        for event in events:
            if isinstance(event, Header):
                began = False
            elif isinstance(event, Packet) and event.track == 1:
                self.assertTrue(began or event.key)
                began = True

    def test_silent(self) -> None:
        """One that never comes is not waited for at the end."""
        path = media.cut(
            media.clip(container="mpegts", seconds=2), self.mktemp(), "mpegts", is_video
        )
        (header,) = headers(events := self.read(path))
        self.assertEqual([track.type for track in header.tracks], ["video"])
        self.assertEqual(len(packets(events)), 50)

    def test_no_keyframe(self) -> None:
        """Pictures that nobody could decode are not kept for ever."""
        path = media.cut(
            media.clip(container="mpegts", audio=None, seconds=8, gop=1000),
            self.mktemp(),
            "mpegts",
            lambda packet: not packet.key,
        )
        (ended,) = self.read(path, limits=ReaderLimits(pending=20_000))
        assert isinstance(ended, Ended)
        self.assertTrue(ended.fault)

    def test_new_track_at_the_end(self) -> None:
        """A track that turns up in the last moment is no reason to begin again."""
        silent = media.clip(container="mpegts", audio=None, seconds=2)
        both = media.clip(container="mpegts", seconds=0.12, start=2, first=50)
        path = Path(self.mktemp())
        path.write_bytes(silent.read_bytes() + both.read_bytes())
        events = self.read(path)
        self.assertEqual(events[-1], Ended("the end of the input", fault=False))
        self.assertEqual(notices(events), [])
        self.assertEqual(len(headers(events)), 1)

    def test_held_in_bytes(self) -> None:
        """Nor is it held for more than so many bytes."""
        events = self.read(self.late(3), limits=ReaderLimits(pending=20_000))
        self.assertEqual(len(headers(events)[0].tracks), 1)

    def with_late_sound(self) -> Path:
        """An MPEG-TS to which sound is added after seven seconds, under a new number."""
        silent = media.clip(container="mpegts", audio=None, seconds=7)
        both = media.clip(container="mpegts", seconds=4, start=7, first=175)
        path = Path(self.mktemp()).absolute()
        path.write_bytes(silent.read_bytes() + both.read_bytes())
        return path

    def test_new_track(self) -> None:
        """A track that nothing has told of before is noticed; the file is read on from there."""
        path = self.with_late_sound()
        events = self.read(path)
        kinds = [[track.type for track in header.tracks] for header in headers(events)]
        self.assertEqual((kinds[0], kinds[-1]), (["video"], ["video", "audio"]))
        self.assertTrue(any("opened anew" in text for text in notices(events)))
        self.assertEqual(events[-1], Ended("the end of the input", fault=False))
        shown = [f.number for file in stored(events) for f in media.frames(file)]
        # To open it anew costs what is left of a GOP.
        for number in (*range(174), *range(200, 275)):
            self.assertIn(number, shown)
        times = [packet.dts for packet in packets(events) if packet.track == 1]
        self.assertEqual(times, sorted(times))

    def test_rare_pictures(self) -> None:
        """MPEG-TS whose first picture ends 8 s later is opened anew, and goes on with its sound."""
        clip = media.clip(container="mpegts", seconds=26, gop=25)
        often = count()  # the pictures come once in 8 s
        path = media.cut(
            clip, self.mktemp(), "mpegts", lambda p: p.type != "video" or next(often) % 200 == 0
        )
        events = self.read(path)
        self.assertTrue(any("opened anew" in text for text in notices(events)))
        self.assertEqual([t.type for t in headers(events)[-1].tracks], ["video", "audio"])
        number = 0
        sound = 0
        for event in events:
            if isinstance(event, Header):
                number = next(t.number for t in event.tracks if t.type == "audio")
            sound += isinstance(event, Packet) and event.track == number
        there = sum(p.type == "audio" for p in media.packets(path))
        self.assertLessEqual(sound, there + 8, "no more than what is in one packet of the stream")

    def test_new_track_of_a_sender(self) -> None:
        """Nor is a sender's stream read from its beginning again: what is gone is gone."""
        path = self.with_late_sound()
        with path.open("rb", buffering=0) as file:
            events = self.read("-", bytes_=Unseekable(file))
        kinds = [[track.type for track in header.tracks] for header in headers(events)]
        self.assertEqual((kinds[0], kinds[-1]), (["video"], ["video", "audio"]))

    def test_patience(self) -> None:
        """It is held for four seconds of media."""
        self.assertEqual(PENDING_MEDIA, 4_000_000)

    def test_another_size(self) -> None:
        """When the pictures become larger, a new header stands before the first of them."""
        path = Path(self.mktemp())
        small = media.clip(container="mpegts", seconds=2)
        large = media.clip(container="mpegts", seconds=2, size=(320, 240), first=50)
        path.write_bytes(small.read_bytes() + large.read_bytes())
        events = self.read(path)
        one, two = headers(events)
        self.assertEqual([h.tracks[0].width for h in (one, two)], [160, 320])
        self.assertEqual(one.tracks[1], two.tracks[1])
        files = stored(events)
        numbers = [[f.number for f in media.frames(f) if f.type == "video"] for f in files]
        self.assertEqual(numbers, [list(range(50)), list(range(50, 100))])

    def test_keyframe_times(self) -> None:
        """MPEG-TS with times at keyframes only: pictures and times are those of one with all."""
        for codec, bframes, claims in (
            ("libx264", 0, True),
            ("libx264", 2, True),
            ("libx265", 0, False),
            ("libx265", 2, False),
        ):
            options = f"vui-timing-info=0:bframes={bframes}:log-level=none:pools=1"
            clip = media.clip(
                container="mpegts",
                video=codec,
                bframes=bframes,
                rate=30,
                gop=20,
                seconds=4,
                size=(64, 48),
                video_options=[] if claims else [("x265-params", options)],
            )
            path = Path(self.mktemp())
            path.write_bytes(times_of_keyframes_only(clip.read_bytes()))
            name = f"{codec}, {bframes} B-pictures"
            events, wanted = self.read(path), packets(self.read(clip))
            for track in (1, 2):
                was = [p for p in wanted if p.track == track]
                now = [p for p in packets(events) if p.track == track]
                self.assertEqual([p.data for p in now], [p.data for p in was], name)
                apart = {now[n].pts - one.pts for n, one in enumerate(was)}
                self.assertLess(max(apart) - min(apart), 1000, name)
                apart = {now[n].dts - one.dts for n, one in enumerate(was)}
                self.assertLess(max(apart) - min(apart), 1000, name)
            ahead = [
                next(p.pts for p in found if p.track == 2) for found in (packets(events), wanted)
            ]
            first = [
                next(p.pts for p in found if p.track == 1) for found in (packets(events), wanted)
            ]
            self.assertLess(abs(ahead[0] - first[0] - ahead[1] + first[1]), 1000, name)

    def test_first_time_only(self) -> None:
        """Pictures of which only the first has a time go on at the rate they claim, or at 25."""
        for codec, parameters, rate in (("libx264", "", 30), ("libx265", "vui-timing-info=0:", 25)):
            clip = media.clip(
                container="mpegts",
                video=codec,
                audio=None,
                rate=rate,
                gop=400,
                seconds=11,
                size=(64, 48),
                video_options=[(f"{codec[3:]}-params", f"{parameters}log-level=none:scenecut=0")],
            )
            path = Path(self.mktemp())
            path.write_bytes(times_of_keyframes_only(clip.read_bytes()))
            times = sorted(packet.pts for packet in packets(self.read(path)))
            self.assertEqual(len(times), 11 * rate)
            steps = {round((b - a) * rate / SECOND, 2) for a, b in pairwise(times)}
            self.assertEqual(steps, {1.0}, codec)

    def test_apart(self) -> None:
        """Of a live sender, sound that is 20 s off goes with what it arrives with; 5 s are kept."""
        clip = media.clip(container="mpegts", seconds=4)
        for seconds, kept in ((20, False), (-20, False), (5, True), (3600, False)):
            path = Path(self.mktemp())
            path.write_bytes(sound_moved(clip.read_bytes(), seconds))
            pipe = Pipe(lambda: None)
            pipe.write(path.read_bytes())
            pipe.close()
            live = Reading(self, "tcp:12345", pipe).all()
            off = [
                next(p.dts for p in packets(live) if p.track == track) / SECOND for track in (1, 2)
            ]
            self.assertLess(abs(off[1] - off[0] - (seconds if kept else 0)), 1, f"{seconds} s")
            said = [text for event in live if isinstance(event, Noted) for text in event.texts]
            self.assertEqual(len(said), not kept)
            if not kept:
                self.assertIn("it is sent together with what it arrives with", said[0])
            file = self.read(path)
            off = [
                next(p.dts for p in packets(file) if p.track == track) / SECOND for track in (1, 2)
            ]
            if abs(seconds) < 60:
                self.assertLess(abs(off[1] - off[0] - seconds), 1, "a file says what it means")

    def test_jump(self) -> None:
        """When timestamps jump, the line goes on; that is noticed, and said."""
        path = Path(self.mktemp())
        clip = media.clip(container="mpegts", seconds=2)
        later = media.clip(container="mpegts", seconds=2, start=5000)
        path.write_bytes(clip.read_bytes() + later.read_bytes() + clip.read_bytes())
        reading = Reading(self, path)
        events = reading.all()
        self.assertEqual(len(headers(events)), 1)
        self.assertGreaterEqual(reading.timeline.discontinuities, 2)
        self.assertTrue(any("jump" in text for text in notices(events)))
        times = [packet.dts for packet in packets(events) if packet.track == 1]
        self.assertEqual(len(times), 150)
        self.assertEqual(times, sorted(times))
        self.assertLess(times[-1], 8 * SECOND)


class SilenceTests(ReaderTestCase):
    """Tracks that pause, those that end, and those that come back."""

    def without(
        self, silent: Callable[[media.Read], bool], container: str = "matroska", **options: Any
    ) -> list[Event]:
        """What comes of a clip without some packets."""
        clip = media.clip(container=container, size=(64, 48), **options)
        path = media.cut(clip, self.mktemp(), container, lambda packet: not silent(packet))
        return self.read(path)

    def kinds(self, events: list[Event]) -> list[list[str]]:
        """The types of the tracks in each header."""
        return [[track.type for track in header.tracks] for header in headers(events)]

    def begins(self, events: list[Event]) -> list[Packet]:
        """The first packet after each header."""
        return [
            next(event for event in events[place:] if isinstance(event, Packet))
            for place, event in enumerate(events)
            if isinstance(event, Header)
        ]

    def assert_in_step(self, events: list[Event]) -> None:
        """Each picture is where it was on the line, as is the sound between."""
        for file in stored(events):
            for picture in media.frames(file):
                if picture.type == "video":
                    assert picture.pts is not None
                    assert picture.number is not None
                    self.assertLess(abs(picture.pts - picture.number * SECOND // 25), 50_000)

    def test_video_ends(self) -> None:
        """After eleven seconds without a picture a header without it is written, for the sound."""
        events = self.without(gone("video", 4), seconds=20)
        self.assertEqual(self.kinds(events), [["video", "audio"], ["audio"]])
        header = headers(events)[-1]
        self.assertEqual(header.left_out, ("track 0 (video, h264): silent",))
        self.assertEqual(round(self.begins(events)[1].dts / SECOND, 1), 15)
        last = packets(events)[-1]
        self.assertGreater(last.dts, 19.9 * SECOND)

    def test_video_comes_back(self) -> None:
        """It comes back with its next keyframe, in step with the sound."""
        events = self.without(gone("video", 4, 18.4), seconds=21)
        self.assertEqual(self.kinds(events), [["video", "audio"], ["audio"], ["video", "audio"]])
        first = self.begins(events)[2]
        self.assertTrue(first.key)
        self.assertEqual((first.track, round(first.pts / SECOND, 1)), (1, 19))
        before, alone, after = headers(events)
        self.assertEqual(alone.tracks, before.tracks[1:])  # its number, too
        self.assertEqual(after.tracks, before.tracks)
        self.assertEqual(list(timescales(media.all_of(MP4, alone).head)), [2])
        self.assert_in_step(events)
        self.assertEqual(notices(events), [])

    def test_short_pause(self) -> None:
        """A pause of less than that asks for no header, and no picture is lost in it."""
        missing = range(100, 350)
        events = self.without(gone("video", 4, 14), seconds=16, gop=1000)
        self.assertEqual(self.kinds(events), [["video", "audio"]])
        pictures = [p for p in packets(events) if p.track == 1]
        self.assertEqual(len(pictures), 16 * 25 - len(missing))
        self.assertFalse(any(p.key for p in pictures[1:]))

    def test_sound_ends(self) -> None:
        """Sound that is silent is left out at a keyframe, and comes back at one."""
        events = self.without(gone("audio", 3, 17.5), seconds=21, gop=50)
        self.assertEqual(self.kinds(events), [["video", "audio"], ["video"], ["video", "audio"]])
        firsts = self.begins(events)[1:]
        self.assertEqual([(p.track, p.key) for p in firsts], [(1, True)] * 2)
        self.assertEqual([round(p.pts / SECOND, 1) for p in firsts], [14, 18])
        self.assert_in_step(events)

    def test_slide_show(self) -> None:
        """A picture every ten seconds is alive from the first on."""
        events = self.without(lambda p: is_video(p) and not p.key, seconds=45, gop=250)
        self.assertEqual(self.kinds(events), [["video", "audio"]])

    def test_rarer(self) -> None:
        """Rarer ones are alive once that is known."""
        events = self.without(lambda p: is_video(p) and not p.key, seconds=75, gop=375)
        found = headers(events)
        self.assertEqual(self.kinds(events)[-1], ["video", "audio"])
        last = next(p for p in packets(events[events.index(found[-1]) :]))
        self.assertLessEqual(last.pts, 45 * SECOND)

    def test_video_comes_late(self) -> None:
        """A video that is declared and comes late has a header of its own, at its keyframe."""
        events = self.without(gone("video", -1, 6.4), seconds=10)
        self.assertEqual(self.kinds(events), [["audio"], ["video", "audio"]])
        self.assertIn("nothing has come of it", headers(events)[0].left_out[0])
        self.assertEqual(round(self.begins(events)[1].pts / SECOND, 1), 7)
        self.assert_in_step(events)

    def test_sound_comes_late(self) -> None:
        """So has sound; up to two seconds are waited for."""
        events = self.without(gone("audio", -1, 5), seconds=8)
        self.assertEqual(self.kinds(events), [["video"], ["video", "audio"]])
        events = self.without(gone("audio", -1, 1.5), seconds=8)
        self.assertEqual(self.kinds(events), [["video", "audio"]])

    def test_subtitles_alone(self) -> None:
        """Subtitles that go on when all else has ended are no reason for a header of their own."""
        texts = [(float(start), 1.0, "text") for start in range(0, 60, 2)]
        events = self.read(media.clip(seconds=4, size=(64, 48), subtitles=texts))
        self.assertGreater(packets(events)[-1].dts, 50 * SECOND)
        self.assertEqual(self.kinds(events), [["video", "audio", "subtitle"]])

    def test_script_data(self) -> None:
        """Metadata that come again in FLV are no subtitles, whatever its reader takes them for."""
        data = media.clip(container="flv", seconds=4).read_bytes()
        length = int.from_bytes(data[14:17], "big") + 15
        first = data[13 : 13 + length]
        again = first[:4] + (40).to_bytes(3, "big") + first[7:]
        path = Path(self.mktemp())
        place = 13 + length
        for _ in range(6):  # among the first packets, where the tracks are looked for
            place += int.from_bytes(data[place + 1 : place + 4], "big") + 15
        path.write_bytes(data[:place] + again + data[place:])
        with av.open(str(path)) as file:
            self.assertEqual([stream.type for stream in file.streams][2:], ["subtitle"])
        events = self.read(path)
        self.assertEqual(self.kinds(events), [["video", "audio"]])


class MediaTests(ReaderTestCase):
    """Bytes that come through a pipe, from standard input, over the network, or from nowhere."""

    def test_pipe(self) -> None:
        """What a sender writes in whatever pieces is the same as the file."""
        clip = media.clip(container="mpegts", seconds=2)
        pipe = Pipe(lambda: None)
        reading = Reading(self, "tcp:12345", pipe)
        data = clip.read_bytes()
        for at in range(0, len(data), 1000):
            pipe.write(data[at : at + 1000])
        pipe.close()
        (file,) = stored(reading.all())
        self.assert_same_frames(file, clip)

    def test_at_once(self) -> None:
        """What has been sent is there before the sender has said another word."""
        clip = media.clip(seconds=3)
        pipe = Pipe(lambda: None)
        reading = Reading(self, "tcp:12345", pipe)
        pipe.write(clip.read_bytes())
        wanted = len(media.packets(clip))
        reading.until(lambda events: len(packets(events)) >= wanted * 0.9)
        self.assertTrue(reading.thread.is_alive())
        pipe.cancel()
        reading.join()

    def test_held_sound(self) -> None:
        """Sound that a sender holds until the next picture goes on with it, not a second later."""
        events = self.read(media.clip(rate=1, gop=1, seconds=12))
        (made,) = headers(events)
        format_, pipe = MatroskaMuxer(made), Pipe(lambda: None)
        reading = Reading(self, "tcp:12345", pipe)
        pipe.write(format_.head)
        sent = 0
        for second in range(12):
            due = [p for p in packets(events) if second <= p.dts // SECOND < second + 1]
            sent += len(due)
            pipe.write(format_.render(due))
            if second > PENDING_MEDIA // SECOND:
                reading.until(lambda events: len(packets(events)) >= sent)  # noqa: B023 - at once
        pipe.cancel()
        reading.join()

    def test_silent_sender(self) -> None:
        """A sender that goes without a word was no media."""
        pipe = Pipe(lambda: None)
        reading = Reading(self, "tcp:12345", pipe)
        pipe.close()
        (ended,) = reading.all()
        assert isinstance(ended, Ended)
        self.assertTrue(ended.fault)

    def test_silent_track(self) -> None:
        """
        A sender's track that is declared and never comes costs two seconds of media, no more; it is
        not offered.
        """
        clip = media.cut(media.clip(container="nut", seconds=5), self.mktemp(), "nut", is_video)
        data = clip.read_bytes()
        pipe = Pipe(lambda: None)
        reading = Reading(self, "tcp:12345", pipe)
        pipe.write(data[: len(data) * 3 // 5])
        (header,) = headers(reading.until(lambda events: bool(headers(events))))
        self.assertEqual([track.type for track in header.tracks], ["video"])
        self.assertEqual(header.left_out, ("track 1 (audio, opus): nothing has come of it",))
        pipe.cancel()
        reading.join()

    def test_file_object(self) -> None:
        """A file that cannot seek, as standard input, is read in order."""
        clip = media.clip(container="mpegts", seconds=1)
        with clip.open("rb", buffering=0) as file:
            (got,) = stored(self.read("-", bytes_=Unseekable(file)))
        self.assert_same_frames(got, clip)

    def test_url(self) -> None:
        """A URL is libavformat's to open; one where nobody is says so."""
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{nobody.getsockname()[1]}/live.mkv"
            (ended,) = self.read(url)
        assert isinstance(ended, Ended)
        self.assertTrue(ended.fault)
        self.assertIn("refused", ended.reason)

    def test_listening_url(self) -> None:
        """
        With C{?listen=1} libavformat waits for a sender; it is told so as an option, and for how
        long.
        """
        asked: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

        def open_(*args: Any, **options: Any) -> None:
            asked.append((args, options))
            raise av.EOFError(1, "that is all")

        opener = InputOpener(av_open=open_)
        self.read("rtmp://127.0.0.1/app?listen=1", opener=opener)
        self.read("udp://127.0.0.1:1234?listen=1", opener=opener)
        (listening, told), (other, untold) = asked
        self.assertEqual(listening, ("rtmp://127.0.0.1/app",))
        self.assertEqual(told["options"].pop("listen"), "1")
        self.assertEqual(told["options"].pop("timeout"), "15")
        self.assertEqual(told["options"], untold["options"])
        self.assertGreater(told["timeout"], untold["timeout"], "a sender may come late, and begin")
        self.assertEqual(other, ("udp://127.0.0.1:1234?listen=1",))
        self.assertIn("timeout", untold)

    def test_silence(self) -> None:
        """That nobody sends, connects or answers is said in our words, not in libavformat's."""
        # Together a fifth of a second, before libavformat's own wait is over.
        opener = InputOpener(open_timeout=0.2, sender_silence=0.2 - LISTEN_WAIT)
        with socket.socket() as quiet:
            quiet.bind(("127.0.0.1", 0))
            quiet.listen(1)
            port = quiet.getsockname()[1]
            for url in (
                "udp://127.0.0.1:0",
                "rtp://127.0.0.1:0",
                f"tcp://127.0.0.1:{free_port()}?listen",
                f"http://127.0.0.1:{port}/",
            ):
                events = self.read(url, opener=opener)
                self.assertEqual(events, [Ended("nothing has come for 15 s", fault=True)], url)
        url = f"tcp://127.0.0.1:{free_port()}?listen"
        events = self.read(url, opener=InputOpener(wait=0.001))
        self.assertEqual(events, [Ended("nothing has come for 15 s", fault=True)])

    def test_demo(self) -> None:
        """The built-in picture and tone go on for as long as one likes, a keyframe a second."""
        reading = Reading(self, "demo:")
        reading.until(lambda events: bool(packets(events)) and packets(events)[-1].dts > 3 * SECOND)
        reading.reader.stop()
        reading.join()
        (header,) = headers(reading.events)
        self.assertEqual([track.codec for track in header.tracks], ["h264", "aac"])
        video = [packet for packet in packets(reading.events) if packet.track == 1]
        keys = [packet.pts for packet in video if packet.key]
        self.assertEqual(keys[2] - keys[1], SECOND)
        (file,) = stored(reading.events)
        digests = {frame.digest for frame in media.frames(file) if frame.type == "video"}
        self.assertGreater(len(digests), 70, "the picture moves")


class Unseekable:
    """A file of which only C{read} works."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, size: int, /) -> bytes:
        """Some of it."""
        data: bytes = self._file.read(size)
        return data


class StopTests(ReaderTestCase):
    """Whatever the thread waits for, it ends when it is told to, without another event."""

    def assert_stops(self, reading: Reading) -> None:
        """It does."""
        reading.reader.stop()
        reading.join()
        self.assertEqual(reading.outlet.take(), [])

    def test_while_pacing(self) -> None:
        """While it waits for its time."""
        reading = Reading(self, media.clip(seconds=3), pace=Pace(0.001, 1.0))
        reading.until(lambda events: len(packets(events)) > 20)
        self.assert_stops(reading)

    def test_while_draining(self) -> None:
        """While it waits for the end to come."""
        clip = media.clip(seconds=3)
        reading = Reading(self, clip, pace=Pace(0.001, 60.0), drain=True)
        all_ = len(media.packets(clip))
        reading.until(lambda events: len(packets(events)) == all_)
        self.assert_stops(reading)

    def test_while_full(self) -> None:
        """While nobody takes what it has made."""
        clip = media.clip(container="nut", video="rawvideo", audio=None, size=(640, 480), seconds=1)
        self.assertGreater(clip.stat().st_size, 2 * OUTLET_LIMIT)
        reading = Reading(self, clip)
        reading.until(lambda events: bool(headers(events)))
        self.assert_stops(reading)

    def test_while_reading(self) -> None:
        """While a sender says nothing, once its pipe is cut."""
        pipe = Pipe(lambda: None)
        reading = Reading(self, "tcp:12345", pipe)
        pipe.write(media.clip(container="mpegts", seconds=1).read_bytes()[:20_000])
        reading.reader.stop()
        pipe.cancel()
        reading.join()
        self.assertEqual(reading.outlet.take(), [])

    def test_before_it_begins(self) -> None:
        """Before it has read a byte."""
        outlet: Outlet[Event] = Outlet(lambda: None)
        source = parse_input("input", str(media.clip(seconds=1)))
        one = Reader(source, None, Timeline(), Pace(1, 0), outlet, drain=True)
        one.stop()
        one.run()
        self.assertEqual(outlet.take(), [])

    def test_turn(self) -> None:
        """It opens the input, says so, and touches the timeline only when it is told to go on."""
        for go_on in (True, False):
            came = threading.Event()
            outlet: Outlet[Event] = Outlet(came.set)
            source = parse_input("input", str(media.clip(seconds=1)))
            timeline = Timeline()
            one = Reader(source, None, timeline, Pace(0, 0), outlet, drain=False)
            thread = threading.Thread(target=one.run, daemon=True)
            thread.start()
            self.assertTrue(came.wait(SAFE))
            self.assertEqual(outlet.take(), [Opened()])
            (one.go if go_on else one.stop)()
            thread.join(SAFE)
            self.assertEqual(timeline.edge > 0, go_on)
            self.assertEqual(bool(outlet.take()), go_on)

    def test_other_signals(self) -> None:
        """The owner may bring signals and a way out of its own, as another process needs them."""

        class Signals(threading.Event):
            pass

        class Way(list[Event]):
            def put(self, item: Event, weight: int, /) -> bool:
                self.append(item)
                return weight > 0

            def close(self) -> None:
                """Take whatever comes."""

        stop, go, way = Signals(), Signals(), Way()
        go.set()
        source = parse_input("input", str(media.clip(seconds=1)))
        one = Reader(source, None, Timeline(), Pace(0, 0), way, drain=False, stop=stop, go=go)
        one.run()
        self.assertEqual(way, self.read(Path(source.text)))
        one.stop()
        self.assertTrue(stop.is_set())
