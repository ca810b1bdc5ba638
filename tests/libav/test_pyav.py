"""
What mkvtwist takes of PyAV beyond its documentation: a release that breaks it fails here, by name.

Each is used in one module, which the test's docstring names. The bound on PyAV's version is in
pyproject.toml.
"""

from __future__ import annotations

import ast
import io
import socket
from collections.abc import Mapping
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import av
from av.container import Flags
from twisted.trial.unittest import SynchronousTestCase

import mkvtwist
from mkvtwist.libav import set_up
from mkvtwist.libav.headers.codec_parameters import blank_stream, copy_parameters, donors
from mkvtwist.libav.headers.memory_file import MemoryFile
from mkvtwist.libav.opening.format_dump import FoundTrack, programs_in, tracks_in
from tests.support import media
from tests.support.oddities import programmes
from tests.support.readers import Unseekable


def opened(source: Any) -> Any:
    """An input; PyAV's stubs do not have all of it."""
    return media.opened(source) if isinstance(source, bytes | Path) else av.open(source)


class PyAVTests(SynchronousTestCase):
    """One test for each thing that a new release may take away."""

    def setUp(self) -> None:
        """Have libavformat say what it knows."""
        set_up()

    def test_bound(self) -> None:
        """A major release is not taken unseen."""
        (wanted,) = [line for line in requires("mkvtwist") or () if line.startswith("av")]
        self.assertIn(f"<{int(av.__version__.partition('.')[0]) + 1}", wanted)

    def test_dump(self) -> None:
        """C{format_dump}: the description has tracks with numbers, types and codecs."""
        with opened(media.clip(container="mpegts", seconds=0.5)) as container:
            found = tracks_in(container.dumps_format())
        self.assertEqual(found, {FoundTrack(0, "Video", "h264"), FoundTrack(1, "Audio", "aac")})

    def test_dumped_programs(self) -> None:
        """C{format_dump}: it has programs, and which tracks are theirs."""
        clip = media.clip(container="mpegts", seconds=0.5).read_bytes()
        with opened(programmes(clip, clip)) as container:
            found = programs_in(container.dumps_format())
        self.assertEqual(found, {1: {0, 1}, 2: {2, 3}})

    def test_late_track(self) -> None:
        """C{demuxing}: a track that turns up while demuxing makes the demuxer raise IndexError."""
        first = media.clip(container="mpegts", audio=None, seconds=7)
        later = media.clip(container="mpegts", seconds=1, start=7, first=175)
        sender = Unseekable(io.BytesIO(first.read_bytes() + later.read_bytes()))
        with opened(sender) as container, self.assertRaises(IndexError):
            for _ in container.demux():
                pass

    def test_flags(self) -> None:
        """C{demuxing}: PyAV asks for presentation times to be generated, and need not."""
        with opened(media.clip(container="h264", seconds=0.2)) as container:
            self.assertTrue(container.flags & Flags.gen_pts.value)
            container.flags &= ~Flags.gen_pts.value
            self.assertFalse(container.flags & Flags.gen_pts.value)

    def test_parameters(self) -> None:
        """C{codec_parameters}: a filter that does nothing copies an input's parameters."""
        clip = media.clip(seconds=0.2)
        with (
            media.opened(clip) as container,
            av.open(MemoryFile(), "w", format="matroska") as scratch,
            av.open(MemoryFile(), "w", format="matroska") as output,
        ):
            stream = container.streams.video[0]
            made = blank_stream(output, donors(scratch)["video"])
            copy_parameters(stream, made)
            context = made.codec_context
            self.assertEqual((context.width, context.height), (160, 120))
            self.assertEqual(context.extradata, stream.codec_context.extradata)

    def test_layout(self) -> None:
        """C{sound}: libavformat's framecrc says which channels there are."""
        output = MemoryFile()
        with (
            media.opened(media.clip(video=None, audio="flac", channels=6)) as container,
            av.open(output, "w", format="framecrc") as written,
        ):
            made = written.add_mux_stream("pcm_s16le", rate=48_000)
            copy_parameters(container.streams[0], made)
            written.start_encoding()
        self.assertIn(b"#channel_layout_name 0: 5.1\n", output.data)

    def test_layouts_are_left_alone(self) -> None:
        """C{sound}: no other module touches C{layout}, over which PyAV may end the process."""
        folder = Path(mkvtwist.__file__).parent / "libav"
        found = {
            path.name
            for path in folder.rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute) and node.attr == "layout"
        }
        self.assertEqual(found, {"sound.py"})

    def test_log(self) -> None:
        """C{wording}: an error has libavformat's own last words."""
        data = io.BytesIO(b"ffconcat version 1.0\nfile 'a'\n")
        options = {"format_whitelist": "matroska"}
        error: Any = self.assertRaises(av.FFmpegError, av.open, data, container_options=options)
        self.assertEqual(error.log[1], "concat")
        self.assertIn("not on whitelist", error.log[2])

    def test_timeout(self) -> None:
        """C{reader}: a server that says nothing is an ExitError."""
        with socket.socket() as quiet:
            quiet.bind(("127.0.0.1", 0))
            quiet.listen(1)
            url = f"http://127.0.0.1:{quiet.getsockname()[1]}/"
            self.assertRaises(av.ExitError, av.open, url, timeout=(0.1, 0.1))

    def test_io_open(self) -> None:
        """C{remote_playlists}: what a playlist names is asked of us, with libavformat's options."""
        path = Path(self.mktemp()).with_suffix(".m3u8")
        path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n")
        asked: list[str] = []

        def io_open(url: str, _flags: int, options: Mapping[str, str]) -> Any:
            asked.append(Path(url).name)
            self.assertIsInstance(options.get("offset", "0"), str)
            return path.open("rb")

        self.assertRaises(av.FFmpegError, av.open, str(path), io_open=io_open)
        self.assertEqual(asked[:2], [path.name, "a.ts"])
