"""
Bodies of requests, and their readers (I{reactor}).
"""

from collections.abc import Callable
from typing import Any

from zope.interface import Interface, implementer

from mkvtwist.http.wire.response import respond_text

BODY_LIMIT = 64 << 10
"""
Bytes of a body that is wanted as a whole: the settings of one stream are a few hundred. If no
view has asked for a body, so much of it is thrown away before its client is disconnected.
"""


class IBodyReader(Interface):
    """A reader of a request's body. Its methods are called in the reactor, in order."""

    def body_received(data: bytes) -> None:
        """Take the next bytes of the body."""

    def body_ended() -> None:
        """Note that no more will come: the body is complete, or the connection is lost."""


@implementer(IBodyReader)
class _WholeBody:
    """A body that is kept until all of it is there."""

    def __init__(self, request: Any, view: Callable[[Any], None]) -> None:
        self._request = request
        self._view = view
        self._is_too_long = False

    def body_received(self, data: bytes) -> None:
        if self._request.content.tell() + len(data) <= BODY_LIMIT:
            self._request.content.write(data)
        elif not self._is_too_long:
            self._is_too_long = True
            respond_text(self._request, 413, f"The body has more than {BODY_LIMIT} bytes.")

    def body_ended(self) -> None:
        if self._request.channel is not None and not self._is_too_long:
            self._request.content.seek(0)
            self._view(self._request)


def with_whole_body(request: Any, view: Callable[[Any], None]) -> None:
    """
    Call a view when all of a request's body is there, as C{content}; respond 413 if it is too long.

    @param request: an L{mkvtwist.http.wire.request.IncomingRequest}, or one of another site, whose
        body is there already. If only the end of the connection would end the body, the request has
        none (RFC 9112, 6.3).
    """
    if getattr(request, "is_open_ended", True):
        view(request)
    else:
        request.read_body(_WholeBody(request, view))
