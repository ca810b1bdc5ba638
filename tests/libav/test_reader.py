"""Reading real media in a real thread: what comes, in which order, and how it ends."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mkvtwist.config.input import parse_input
from mkvtwist.formats.matroska.clusters import MatroskaMuxer
from mkvtwist.libav import Ended, Event, Opened, Pace, Reader
from mkvtwist.libav.limits import PENDING_MEDIA, ReaderLimits
from mkvtwist.libav.opening.opener import InputOpener
from mkvtwist.libav.pipe import OUTLET_LIMIT, Outlet, Pipe
from mkvtwist.media.chained_ogg import checksum
from mkvtwist.media.packet import SECOND, Header
from mkvtwist.media.timeline import Timeline
from tests.support import media
from tests.support.oddities import garbage
from tests.support.readers import (
    SAFE,
    ReaderTestCase,
    ThreadedReader,
    Unseekable,
    headers,
    is_video,
    notices,
    packets,
    stored,
)


def with_crc(data: bytes) -> bytes:
    """Pages of Ogg, with their checksums as they should be."""
    out = bytearray(data)
    places = [at for at in range(len(out)) if out.startswith(b"OggS", at)]
    for at, end in zip(places, [*places[1:], len(out)], strict=True):
        out[at + 22 : at + 26] = checksum(bytes(out[at:end])).to_bytes(4, "little")
    return bytes(out)


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
        first = ThreadedReader(self, clip)
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
        """A file without media is one event: the end, with the fault and its cause."""
        for data in (b"", b"root:x:0:0:root:/root:/bin/bash\n" * 50, garbage(1_000_000)):
            path = Path(self.mktemp())
            path.write_bytes(data)
            ended = self.read_fault(path)
            self.assertIn("no media that libavformat can read", ended.reason)
            self.assertEqual(ended.sentence, "no media that can be read")
            self.assertEqual(ended.detail, ended.reason)
            self.assertEqual(ended.reason.count("\n"), 0)

    def test_header_only(self) -> None:
        """A file whose tracks have no packet has nothing to send."""
        clip = media.clip(seconds=1)
        path = media.cut(clip, self.mktemp(), "matroska", lambda _: False)
        self.read_fault(path)

    def test_truncated(self) -> None:
        """A file that breaks off is read up to there."""
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

    def test_bug(self) -> None:
        """What nobody foresaw ends this input, with a traceback in the log."""

        def fail(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        ended = self.read_fault("film.mkv", opener=InputOpener(av_open=fail))
        self.assertIn("an error in mkvtwist", ended.reason)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class MediaTests(ReaderTestCase):
    """Bytes that come through a pipe, from standard input, over the network, or from nowhere."""

    def test_pipe(self) -> None:
        """Bytes that a sender writes in whatever pieces are the same as the file."""
        clip = media.clip(container="mpegts", seconds=2)
        pipe = Pipe(lambda: None)
        reading = ThreadedReader(self, "tcp:12345", pipe)
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
        reading = ThreadedReader(self, "tcp:12345", pipe)
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
        reading = ThreadedReader(self, "tcp:12345", pipe)
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
        reading = ThreadedReader(self, "tcp:12345", pipe)
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
        reading = ThreadedReader(self, "tcp:12345", pipe)
        pipe.write(data[: len(data) * 3 // 5])
        (header,) = headers(reading.until(lambda events: bool(headers(events))))
        self.assertEqual([track.type for track in header.tracks], ["video"])
        self.assertEqual(header.left_out, ("track 1 (audio, opus): no packet of it has come",))
        pipe.cancel()
        reading.join()

    def test_file_object(self) -> None:
        """A file that cannot seek, as standard input, is read in order."""
        clip = media.clip(container="mpegts", seconds=1)
        with clip.open("rb", buffering=0) as file:
            (got,) = stored(self.read("-", bytes_=Unseekable(file)))
        self.assert_same_frames(got, clip)


class StopTests(ReaderTestCase):
    """Whatever the thread waits for, it ends when it is told to, without another event."""

    def assert_stops(self, reading: ThreadedReader) -> None:
        """It does."""
        reading.reader.stop()
        reading.join()
        self.assertEqual(reading.outlet.take(), [])

    def test_while_pacing(self) -> None:
        """While it waits for its time."""
        reading = ThreadedReader(self, media.clip(seconds=3), pace=Pace(0.001, 1.0))
        reading.until(lambda events: len(packets(events)) > 20)
        self.assert_stops(reading)

    def test_while_draining(self) -> None:
        """While it waits for the end to come."""
        clip = media.clip(seconds=3)
        reading = ThreadedReader(self, clip, pace=Pace(0.001, 60.0), drain=True)
        all_ = len(media.packets(clip))
        reading.until(lambda events: len(packets(events)) == all_)
        self.assert_stops(reading)

    def test_while_full(self) -> None:
        """While nobody takes what it has made."""
        clip = media.clip(container="nut", video="rawvideo", audio=None, size=(640, 480), seconds=1)
        self.assertGreater(clip.stat().st_size, 2 * OUTLET_LIMIT)
        reading = ThreadedReader(self, clip)
        reading.until(lambda events: bool(headers(events)))
        self.assert_stops(reading)

    def test_while_reading(self) -> None:
        """While a sender says nothing, once its pipe is cut."""
        pipe = Pipe(lambda: None)
        reading = ThreadedReader(self, "tcp:12345", pipe)
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
