"""
Senders whose requests are refused, reported to operators (I{reactor}).
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.web.http import BAD_REQUEST, UNAUTHORIZED

from mkvtwist.access.refusals import Refusals
from mkvtwist.http.router import stream_at
from mkvtwist.http.views.publish import is_probe
from mkvtwist.http.wire.handshake import is_upgrade
from mkvtwist.http.wire.request import SENDING
from mkvtwist.live.events import SenderRefused
from mkvtwist.net.sockets import address
from mkvtwist.streams.stream import Stream


class RefusedSenders:
    """Reports requests of senders that get an error, to the log and as events."""

    def __init__(self, streams: Mapping[str, Stream], refusals: Refusals) -> None:
        """
        @param refusals: those at paths that belong to no stream.
        """
        self._streams = streams
        self._refusals = refusals

    def watch(self, request: Any) -> None:
        """
        Report a request when the response has ended, if it was a sender's and an error.

        @param request: one that has just come; not one of the management interface.
        """
        if request.method not in SENDING and not is_upgrade(request):
            return
        peer = address(request.getClientAddress())

        def responded(_: object) -> None:
            code = int(request.code)
            is_challenge = code == UNAUTHORIZED and is_probe(request)  # the password comes next
            has_sender = getattr(request, "has_sender", False)
            path = _path_of(request)
            if code < BAD_REQUEST or is_challenge or has_sender or _is_managed(path):
                return
            stream = stream_at(path, self._streams, self._streams.get)
            refusals = self._refusals if stream is None else stream.input.reports.refusals
            name = "" if stream is None else stream.config.name
            reason = getattr(request, "reason", "")
            refused = SenderRefused(stream=name, peer=peer, status=code, reason=reason)
            line = "sender {peer} refused with {status}: {reason}"
            refusals.tell(refused, f"status {code}", line)

        request.notifyFinish().addCallbacks(responded, lambda _: None)


def _path_of(request: Any) -> str:
    """Return the path of a request without its first slash, before it is routed, too."""
    parts = getattr(request, "postpath", None) or map(
        unquote_to_bytes, request.path[1:].split(b"/")
    )
    return "/".join(part.decode("utf-8", "replace") for part in parts)


def _is_managed(path: str) -> bool:
    """Return whether a path belongs to the management interface."""
    return path == "admin" or path.startswith("api/v1/")
