"""The corpus's check finds what it is there to find; the list of clips is sound."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support import media
from tools import bad_inputs, corpus_check, corpus_clips


def verdict(source: Path, result: Path) -> str:
    """What the check says when the one became the other."""
    return str(
        corpus_check.compare(
            [corpus_check.read(source)], [corpus_check.read(result)], [result.read_bytes()]
        )
    )


class CompareTests(SynchronousTestCase):
    """L{corpus_check.compare}."""

    def setUp(self) -> None:
        self.clip = media.clip(bframes=2, video="mpeg4", audio="flac", seconds=1, gop=10)

    def cut(self, *lost: int, track: int = 0) -> Path:
        """The clip without these packets of a track."""
        numbers = {0: -1, 1: -1}

        def keep(packet: media.Read) -> bool:
            numbers[packet.track] += 1
            return packet.track != track or numbers[packet.track] not in lost

        return media.cut(self.clip, Path(self.mktemp()), "matroska", keep)

    def test_same(self) -> None:
        """A clip is as itself, and as a copy of itself."""
        self.assertEqual(verdict(self.clip, self.clip), "bit-exact")
        self.assertEqual(verdict(self.clip, self.cut()), "bit-exact")

    def test_lost_picture(self) -> None:
        """One lost packet is noticed, by its picture and by the count."""
        text = verdict(self.clip, self.cut(24))
        self.assertIn("video: 25 packets became 24", text)
        self.assertIn("video: 1 of 25 missing in the middle", text)

    def test_lost_gop(self) -> None:
        """A lost first GOP is noticed."""
        text = verdict(self.clip, self.cut(*range(10)))
        self.assertIn("of 25 missing at the start", text)

    def test_lost_sound(self) -> None:
        """Lost sound is found."""
        text = verdict(self.clip, self.cut(0, 1, 2, 3, track=1))
        self.assertIn("audio: 384 ms missing at the start", text)

    def test_lost_track(self) -> None:
        """A clip that lost a track does not play."""
        text = verdict(self.clip, self.cut(*range(100), track=1))
        self.assertEqual(text, "does not play: audio (flac) is missing")

    def test_offset(self) -> None:
        """Sound that moved against the picture is noticed."""
        clips = [
            corpus_check.read(media.clip(container="matroska", audio="flac", seconds=1))
            for _ in range(2)
        ]
        audio = clips[1].tracks[1]
        audio.shown = [s._replace(time=(s.time or 0) + 5000) for s in audio.shown]
        text = str(corpus_check.compare(clips[:1], clips[1:], [b""]))
        self.assertEqual(text, "plays, with a difference: audio against video is off by 5 ms")

    def test_files(self) -> None:
        """Each file that came out has times of its own; a track that moved in one is noticed."""
        clip = media.clip(container="matroska", audio="flac", seconds=1)
        source, *results = [corpus_check.read(clip) for _ in range(3)]
        for number, track in enumerate(source.tracks):
            half = len(track.shown) // 2
            results[0].tracks[number].shown = track.shown[:half]
            results[1].tracks[number].shown = [
                shown._replace(time=(shown.time or 0) - 500_000) for shown in track.shown[half:]
            ]
        text = str(corpus_check.compare([source], results, [b""]))
        self.assertEqual(text, "bit-exact")
        audio = results[1].tracks[1]
        audio.shown = [s._replace(time=(s.time or 0) + 5000) for s in audio.shown]
        text = str(corpus_check.compare([source], results, [b""]))
        self.assertEqual(text, "plays, with a difference: audio against video is off by 5 ms")

    def test_words(self) -> None:
        """Languages, titles and flags that were lost are noticed."""
        source = media.clip(seconds=1, languages=("eng",), titles=("One",), forced=0)
        text = verdict(source, media.clip(seconds=1))
        for part in ("language eng became und", "title 'One' became ''", "forced"):
            self.assertIn(part, text)


class ListTests(SynchronousTestCase):
    """L{corpus_clips.CORPUS} and the stored bad inputs."""

    def test_list(self) -> None:
        """Names are unique, and every clip that another one needs is in the list."""
        names = [clip.name for group in corpus_clips.CORPUS.values() for clip in group]
        self.assertEqual(len(names), len(set(names)))
        for clip in corpus_clips.clips().values():
            self.assertLessEqual({*clip.needs, *clip.pieces}, set(names), clip.name)

    def test_bad_inputs(self) -> None:
        """Every bad input that can be made is stored, below 20 kB, and described."""
        data = Path(__file__).parents[1] / "data"
        readme = (data / "README.md").read_text(encoding="utf-8")
        stored = sorted(data.glob("*.bin"))
        self.assertEqual([path.name for path in stored], sorted(bad_inputs.bad_inputs()))
        for path in stored:
            self.assertLess(path.stat().st_size, 20_000, path.name)
            self.assertIn(f"`{path.name}`", readme)
