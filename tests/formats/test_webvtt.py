"""Subtitles as WebVTT: what is kept of each format's text, and what a reader makes of it."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.formats import webvtt
from mkvtwist.formats.webvtt import CODECS, HEAD, LASTS, LONGEST_PACKET, WEBVTT, shown_until
from mkvtwist.media.packet import SECOND, Header, Packet, Track
from tests.support import media
from tests.support.read_back import read


def cue(codec: str, data: str, pts: int = SECOND, duration: int = 2 * SECOND) -> str:
    """What a packet of this codec becomes, without the empty line behind it."""
    made = media.all_of(WEBVTT, of(codec)).render(
        [Packet(3, pts, pts, duration, True, data.encode())]
    )
    assert made == b"" or made.endswith(b"\n\n")
    return made.decode().removesuffix("\n\n")


def of(codec: str) -> Header:
    """A header with one track of text."""
    return Header((Track(number=3, type="subtitle", codec=codec),))


class CueTests(SynchronousTestCase):
    """One packet."""

    def test_times(self) -> None:
        """A cue stands from its packet's time on, for its duration, to the millisecond."""
        self.assertEqual(cue("text", "Hi"), "00:00:01.000 --> 00:00:03.000\nHi")
        late = 100 * 3600 * SECOND + 59 * SECOND + 999_499
        self.assertEqual(
            cue("text", "Hi", late, 501), "100:00:59.999 --> 100:01:00.000\nHi", "hours have no end"
        )
        self.assertEqual(cue("text", "Hi", -SECOND)[:29], "00:00:00.000 --> 00:00:01.000")

    def test_no_duration(self) -> None:
        """One that does not say how long it stands stands a while."""
        self.assertEqual(cue("text", "Hi", 0, 0)[:29], "00:00:00.000 --> 00:00:04.000")
        self.assertEqual(shown_until(Packet(3, 0, 0, 0, True, b"Hi")), LASTS)

    def test_short(self) -> None:
        """A cue ends later than it begins, be it by a millisecond."""
        self.assertEqual(cue("text", "Hi", 0, 10)[:29], "00:00:00.000 --> 00:00:00.001")

    def test_text(self) -> None:
        """Plain text is shown as it is, whatever WebVTT would take it for."""
        self.assertEqual(
            cue("text", "a < b & c --> <i>").splitlines()[1], "a &lt; b &amp; c --&gt; &lt;i&gt;"
        )

    def test_empty_lines(self) -> None:
        """No line in it is empty, which would be its end; without any there is no cue."""
        self.assertEqual(
            cue("subrip", "\r\none\r\n \r\n two \n\n").splitlines()[1:], ["one", "two"]
        )
        for nothing in ("", "\n \n", "{\\an8}", "<font>", "\0"):
            self.assertEqual(cue("subrip", nothing), "")

    def test_subrip(self) -> None:
        """Of SubRip's tags those stay that WebVTT has, and what is no tag is text."""
        for given_, shown in (
            ("<i>one</i> <B>two</B>", "<i>one</i> <b>two</b>"),
            ('<font color="red">red</font>', "red"),
            ("if a<b and c>d", "if ad"),  # as every reader of SubRip takes it
            ("1 < 2 > 0", "1 &lt; 2 &gt; 0"),
            ("Q&A &amp; &#65;", "Q&amp;A &amp; &#65;"),
            ("to --> there", "to --&gt; there"),
            ("{\\i1}so{\\i0}", "so"),
            ("{so}", "{so}"),
        ):
            self.assertEqual(cue("subrip", given_).splitlines()[1], shown)

    def test_top(self) -> None:
        """What is to be at the top of the picture is there."""
        self.assertEqual(cue("subrip", "{\\an8}Up"), "00:00:01.000 --> 00:00:03.000 line:0\nUp")
        self.assertEqual(
            cue("ass", "1,0,Top,,0,0,0,,{\\pos(1,2)\\an7}Up"),
            "00:00:01.000 --> 00:00:03.000 line:0\nUp",
        )
        self.assertNotIn("line", cue("subrip", "{\\an2}Down"))

    def test_ass(self) -> None:
        """Of ASS the text stays, with line breaks and styles; comments and shapes do not."""
        for given_, shown in (
            ("One, two\\Nthree\\hfour", ["One, two", "three four"]),
            ("{\\b1}two{\\b0} {\\fs20\\i1}three{\\i0}", ["<b>two</b> <i>three</i>"]),
            ("{\\bord2\\b700}two{a comment}", ["two"]),
            ("{\\an8\\p1}m 0 0 l 100 0{\\p0}text & more", ["text &amp; more"]),
            ("a{\\p1}m 0 0{\\c&H0&}l 1 0{\\pos(1,2)\\p0\\b1}b{\\p2}m 0 0", ["a<b>b"]),
            ("{\\p1\\p0}text", ["text"]),
            ("{\\i1\\p1}m 0 0{\\p0}text", ["<i>text"]),
            ("{\\p1", ["{\\p1"]),
        ):
            made = cue("ass", f"7,0,Default,Ann,0,0,0,,{given_}").splitlines()[1:]
            self.assertEqual(made, shown)
        for nothing in ("{\\p1}m 0 0 l 100 0", "{\\b1}{\\p1}m 0 0 l 100 0{\\p0} "):
            self.assertEqual(cue("ass", f"7,0,Default,,0,0,0,,{nothing}"), "")
        self.assertEqual(cue("ass", "7,0"), "")

    def test_webvtt(self) -> None:
        """WebVTT's settings come before the text, as Matroska has them, and stay."""
        self.assertEqual(
            cue("webvtt", "id\nline:10% align:start\n<v Ann>Hello\nworld"),
            "00:00:01.000 --> 00:00:03.000 line:10% align:start\n<v Ann>Hello\nworld",
        )
        self.assertEqual(cue("webvtt", "\n\nHello"), "00:00:01.000 --> 00:00:03.000\nHello")
        self.assertEqual(cue("webvtt", "Hello"), "", "there is no text in it")

    def test_values(self) -> None:
        """Settings whose values make no sense, or name what is elsewhere, are left out."""
        good = "line:-1 line:33.5% position:100% size:0% align:end"
        bad = "line:x position:150% position:5 size:auto align:middle region:r line:100.5%"
        made = cue("webvtt", f"\n{bad} {good}\nHello")
        self.assertEqual(made, f"00:00:01.000 --> 00:00:03.000 {good}\nHello")

    def test_settings(self) -> None:
        """Settings are one line, and name no other times."""
        made = cue("webvtt", "\nline:1\r00:00 --> 09:00\nHello")
        self.assertEqual(made.count("-->"), 1)
        self.assertEqual(len(made.splitlines()), 2)

    def test_not_utf_8(self) -> None:
        """What is not UTF-8 is replaced, and harms nothing else."""
        made = media.all_of(WEBVTT, of("subrip")).render([Packet(3, 0, 0, SECOND, True, b"\xe4h")])
        self.assertIn("\N{REPLACEMENT CHARACTER}h", made.decode())

    def test_long(self) -> None:
        """What is as long as a cue may be is looked through in one pass; what is longer is none."""
        for codec, begin, unit in (
            *(("ass", "7,0,Default,,0,0,0,,{", unit) for unit in ("\\p1", "\\an", "{", "\\p1}{")),
            *(("subrip", "<", unit) for unit in ("a", "<a", "{\\", "{\\an", "&a", "&#")),
            *(("webvtt", "\n", unit) for unit in ("line:1 ", "line:1", "-->", "\n")),
            ("text", "", "<&"),
        ):
            data = begin + unit * ((LONGEST_PACKET - len(begin)) // len(unit))
            self.assertEqual(cue(codec, data).count("-->"), bool(cue(codec, data)), unit)
        self.assertEqual(len(cue("text", "a" * LONGEST_PACKET).splitlines()[1]), LONGEST_PACKET)
        self.assertEqual(cue("text", "a" * (LONGEST_PACKET + 1)), "")

    def test_one_pass(self) -> None:
        """
        No expression has two repetitions without bound in a row: with what fits both of them, a
        text would be divided between them in each way that there is.
        """
        patterns = [made for made in vars(webvtt).values() if isinstance(made, re.Pattern)]
        self.assertGreater(len(patterns), 4)
        for pattern in patterns:
            for branch in re.sub(r"\\.|\[[^]]*\]", "x", pattern.pattern).split("|"):
                self.assertLessEqual(len(re.findall("[*+]", branch)), 1, pattern.pattern)

    @given(st.sampled_from(sorted(CODECS)), st.text())
    def test_one_cue(self, codec: str, text: str) -> None:
        """Whatever a packet has, it is one cue with one time, or none."""
        made = cue(codec, text)
        if made:
            head, _, rest = made.partition("\n")
            self.assertIn(" --> ", head)
            self.assertNotIn("-->", rest)
            self.assertNotIn("\n\n", f"\n{rest}")


class StreamTests(SynchronousTestCase):
    """All of a track."""

    def test_tracks(self) -> None:
        """Only the tracks that are asked for are in it."""
        tracks = tuple(Track(number=n, type="subtitle", codec="text") for n in (3, 4))
        header = Header(tracks)
        packets = [Packet(n, 0, 0, SECOND, True, b"text %d" % n) for n in (1, 3, 4)]
        self.assertEqual(
            WEBVTT.muxer(header, frozenset({4})).render(packets).splitlines()[1], b"text 4"
        )
        self.assertEqual(media.all_of(WEBVTT, header).render(packets).count(b"-->"), 2)
        self.assertEqual(WEBVTT.muxer(header, frozenset({4})).render(packets[:2]), b"")

    def test_referee(self) -> None:
        """Read by libavformat, what becomes of a clip's subtitles is what was in them."""
        words = [(0.2, 0.5, "<i>One</i>"), (0.8, 0.15, "two\nlines")]
        made = read(self, media.clip(seconds=1, audio=None, subtitles=words))
        data = HEAD + media.all_of(WEBVTT, made.header).render(made.packets)
        with media.opened(data) as container:
            self.assertEqual(container.format.name, "webvtt")
            found = [
                (float(p.pts * p.time_base), float(p.duration * p.time_base), bytes(p).decode())
                for p in container.demux()
                if p.size and p.pts is not None and p.duration is not None
            ]
        self.assertEqual(found, words)
