"""Figures that many ask for, made at most once a second."""

from __future__ import annotations

from mkvtwist.http.figures import HOLD_FOR, MOST_VIEWS, Figures
from mkvtwist.inputs.lifecycle import State
from tests.support.site import SiteTestCase


class FiguresTests(SiteTestCase):
    """L{Figures}."""

    def setUp(self) -> None:
        """Nothing has been made yet."""
        super().setUp()
        self.figures = Figures(self.reactor)
        self.made = 0

    def get(self, kind: str = "x") -> tuple[int, float]:  # type: ignore[override]
        """How often figures had been made when these were, and how old they are."""

        def make() -> int:
            self.made += 1
            return self.made

        return self.figures.get(kind, [self.stream], make)

    def test_hold(self) -> None:
        """Figures hold for a second, and are made anew only when they are asked for."""
        self.assertEqual(self.get(), (1, 0.0))
        self.reactor.advance(0.5)
        self.assertEqual(self.get(), (1, 0.5))
        self.reactor.advance(HOLD_FOR)
        self.assertEqual(self.get(), (2, 0.0))

    def test_change(self) -> None:
        """A stream that changes its state has new figures at once."""
        self.get()
        self.stream.input.life.state = State.LIVE
        self.assertEqual(self.get(), (2, 0.0))

    def test_bounded(self) -> None:
        """No more views are kept than are likely, and none for longer than they hold."""
        for number in range(10 * MOST_VIEWS):
            self.assertEqual(self.get(str(number)), (number + 1, 0.0))
            self.assertLessEqual(len(self.figures), MOST_VIEWS)
        self.reactor.advance(HOLD_FOR)
        self.get()
        self.assertEqual(len(self.figures), 1)
