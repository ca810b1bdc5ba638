"""
C{push} inputs: whoever publishes under the stream's name sends the media (I{reactor}).

The server's site lets these senders in (L{mkvtwist.http.views.publish}); an input of this kind has
nothing to listen at.
"""

from typing import Any

from twisted.internet.defer import Deferred, succeed

from mkvtwist.config.settings import StreamConfig
from mkvtwist.inputs.sender_slot import SenderSlot


class PushListener:
    """Says that senders can publish; the site does the rest."""

    idle = "nobody has sent anything yet"

    def __init__(self, reactor: Any, config: StreamConfig, slot: SenderSlot) -> None:
        self._name = config.name
        self._slot = slot

    def start(self) -> Deferred[None]:
        """
        Log how to publish.

        @return: has fired.
        """
        self._slot.log.info("waiting for a sender: PUT or POST /{name}", name=self._name)
        return succeed(None)

    def stop(self) -> None:
        """Nothing: the slot is closed."""

    def renew(self) -> None:
        """Nothing: the site's certificates are its listeners'."""
