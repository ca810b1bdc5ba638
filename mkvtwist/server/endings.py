"""
Endings: services that are about to end, and calls that wait for them (I{reactor}).

A stream or a listener that ends may take a moment to let go of its port, its file, its thread; one
that begins in its place needs them.
"""

from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, gatherResults, maybeDeferred
from twisted.logger import Logger


class Endings:
    """The children of a service that are about to end."""

    _log = Logger()

    def __init__(self, parent: Service) -> None:
        self._parent = parent
        self._ending: dict[Deferred[Any], str] = {}

    @property
    def places(self) -> set[str]:
        """The endpoints where they may still listen."""
        return set(self._ending.values()) - {""}

    def end(self, service: Service, name: str, place: str) -> None:
        """
        Stop a service and take it from its parent. One that has no parent has ended already.

        @param name: what the log calls it if stopping fails.
        @param place: the endpoint where it listens; empty if there is none.
        """
        if service.parent is None:
            return
        ending: Deferred[Any] = maybeDeferred(service.disownServiceParent)
        self._ending[ending] = place
        ending.addErrback(lambda why: self._log.failure("{name}: stopping failed", why, name=name))
        ending.addCallback(lambda _: self._ending.pop(ending))

    def then(self, call: Callable[[], object]) -> None:
        """
        Call a function when all that are about to end now have ended.

        If there are any, and the parent has stopped meanwhile, the function is not called.
        """
        if not self._ending:
            call()
            return
        waiting: Deferred[Any] = DeferredList(list(self._ending))
        waiting.addCallback(lambda _: call() if self._parent.running else None)

    def wait(self) -> Deferred[Any]:
        """
        @return: fires when all have ended.
        """
        return gatherResults(list(self._ending))
