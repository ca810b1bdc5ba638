"""Wrong credentials, counted by address."""

from __future__ import annotations

from typing import Any

from twisted.cred.error import UnauthorizedLogin
from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.access.guesses import GUESS_WINDOW, GUESSES, VERDICT_TIME, Guesses, LockedOut
from mkvtwist.testing import Reactor


class GuessesTests(SynchronousTestCase):
    """L{Guesses}."""

    def setUp(self) -> None:
        """Nobody has guessed."""
        self.clock = Reactor()
        self.guesses = Guesses(self.clock)

    def judge(self, host: str, *, right: bool) -> bool:
        """Whether these credentials are looked at."""

        async def login() -> None:
            if not right:
                raise UnauthorizedLogin

        done: list[Any] = []
        Deferred.fromCoroutine(self.guesses.judge(host, login)).addBoth(done.append)
        return not (done[0] and done[0].check(LockedOut))

    def begin(self, host: str = "192.0.2.1") -> tuple[Deferred[None], list[Any]]:
        """Somebody whose verdict is still to come: fire the first, look at the second."""
        verdict: Deferred[None] = Deferred()
        done: list[Any] = []

        async def login() -> str:
            done.append("looked at")
            await verdict
            return "right"

        Deferred.fromCoroutine(self.guesses.judge(host, login)).addBoth(done.append)
        return verdict, done

    def test_limit(self) -> None:
        """An address may be wrong so often, and again after a while; others do not matter."""
        for _ in range(GUESSES):
            self.assertTrue(self.judge("192.0.2.1", right=False))
        self.assertFalse(self.judge("192.0.2.1", right=False))
        self.assertFalse(self.judge("::ffff:192.0.2.1", right=True))
        self.assertTrue(self.judge("192.0.2.2", right=True))
        self.clock.advance(GUESS_WINDOW)
        self.assertTrue(self.judge("192.0.2.1", right=True))

    def test_right(self) -> None:
        """To be right counts for nothing, and forgives nothing."""
        for _ in range(GUESSES - 1):
            self.assertTrue(self.judge("192.0.2.1", right=False))
        for _ in range(3 * GUESSES):
            self.assertTrue(self.judge("192.0.2.1", right=True))
        self.assertTrue(self.judge("192.0.2.1", right=False))
        self.assertFalse(self.judge("192.0.2.1", right=False))

    def test_at_once(self) -> None:
        """However many come before the first verdict: what is right is let in, each of it."""
        crowd = [self.begin() for _ in range(5000)]
        self.assertEqual(sum(len(done) for _, done in crowd), GUESSES)
        for verdict, _ in reversed(crowd):
            verdict.callback(None)
        self.assertEqual([done for _, done in crowd], [["looked at", "right"]] * len(crowd))
        self.assertEqual(self.guesses.addresses, 0)

    def test_wrong_at_once(self) -> None:
        """Before the first verdict no more guesses are looked at than may be wrong."""
        crowd = [self.begin() for _ in range(3 * GUESSES)]
        for verdict, _ in crowd:
            verdict.errback(UnauthorizedLogin())
            verdict.addErrback(lambda _: None)
        looked_at = [done for _, done in crowd if done[0] == "looked at"]
        self.assertEqual(len(looked_at), GUESSES)
        for _, done in crowd[GUESSES:]:
            done[0].trap(LockedOut)
        self.assertEqual(self.guesses.addresses, 1)

    def test_failure(self) -> None:
        """A checker that fails, or never answers, says nothing of what was offered."""
        for _ in range(3 * GUESSES):
            verdict, done = self.begin()
            verdict.errback(RuntimeError())
            done[1].trap(RuntimeError)
        _, done = self.begin()
        self.clock.advance(VERDICT_TIME)
        done[1].trap(defer.TimeoutError)
        self.assertTrue(self.judge("192.0.2.1", right=True))

    def test_network(self) -> None:
        """In IPv6 one host has a whole network."""
        for number in range(GUESSES):
            self.assertTrue(self.judge(f"2001:db8::{number}", right=False))
        self.assertFalse(self.judge("2001:db8::ffff", right=True))
        self.assertTrue(self.judge("2001:db8:0:1::1", right=True))

    def test_bounded(self) -> None:
        """There is room for so many addresses."""
        guesses = self.guesses = Guesses(self.clock, addresses=2)
        for number in range(5):
            self.judge(f"192.0.2.{number}", right=False)
        self.assertEqual(guesses.addresses, 2)
