"""
Views that respond later, from a Deferred (I{reactor}).
"""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure


def supervise(responding: Deferred[Any], request: Any) -> None:
    """
    Respond 500 if a view fails that responds later, as if it had failed at once.

    @param responding: the view's; cancelled if the connection of its request is lost.
    """
    request.notifyFinish().addErrback(lambda _: responding.cancel())
    responding.addErrback(respond_failure, request)


def respond_failure(why: Failure, request: Any) -> None:
    """Have Twisted log a view's failure, and respond 500; after a cancellation do nothing."""
    if not why.check(CancelledError):
        request.processingFailed(why)
