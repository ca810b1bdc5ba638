"""The header packets of each codec are those of libavformat's muxer, but for the comments."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats.base import NoPlace
from mkvtwist.formats.ogg.codecs import fits, headers, rate
from mkvtwist.testing import AUDIO
from tests.support.read_back import read_clip

ENCODERS = {"opus": "libopus", "vorbis": "vorbis", "flac": "flac"}


class HeaderTests(SynchronousTestCase):
    """L{headers}."""

    def test_packets(self) -> None:
        """Each codec has as many header packets as it needs, and each begins as it should."""
        marks = {
            "opus": [b"OpusHead\1", b"OpusTags"],
            "vorbis": [b"\1vorbis", b"\3vorbis", b"\5vorbis"],
            "flac": [b"\x7fFLAC\1\0\0\1fLaC\0\0\0\x22", b"\x84"],
        }
        for codec, encoder in ENCODERS.items():
            track = read_clip(self, None, encoder, seconds=0.2).header.tracks[0]
            made = headers(track)
            self.assertEqual(len(made), len(marks[codec]))
            for packet, mark in zip(made, marks[codec], strict=True):
                self.assertTrue(packet.startswith(mark), (codec, mark))
            self.assertTrue(fits(track))

    def test_rate(self) -> None:
        """Opus counts 48,000 samples a second, whatever the sound's rate is."""
        track = replace(AUDIO, sample_rate=44100)
        self.assertEqual(rate(replace(track, codec="opus")), 48000)
        self.assertEqual(rate(replace(track, codec="vorbis")), 44100)

    def test_other_codecs(self) -> None:
        """Any other codec is refused."""
        self.assertFalse(fits(AUDIO))
        self.assertRaises(NoPlace, headers, AUDIO)

    @given(st.sampled_from(sorted(ENCODERS)), st.binary(max_size=80))
    def test_damaged(self, codec: str, private: bytes) -> None:
        """A setup that cannot be read does not fit."""
        for data in (private, b"\2" + private, b"\2\xff\xff" + private):
            self.assertFalse(fits(replace(AUDIO, codec=codec, codec_private=data)))
