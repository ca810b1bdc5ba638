"""
C{push} inputs: senders publish under the stream's name (I{reactor}).

The server's site lets these senders in (L{mkvtwist.http.views.publish}); an input of this kind has
nothing to listen at.
"""

from typing import Any

from twisted.internet.defer import Deferred, succeed

from mkvtwist.access.entry import Entry
from mkvtwist.config.settings import StreamConfig
from mkvtwist.inputs.sender_slot import SenderSlot


class PushListener:
    """The listener of a C{push} input: it logs how to publish; the site lets senders in."""

    idle = "nobody has sent anything yet"

    def __init__(self, reactor: Any, config: StreamConfig, slot: SenderSlot, _: Entry) -> None:
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
        """Do nothing: the slot is closed."""

    def renew(self) -> None:
        """Do nothing: the site's listeners have the certificates."""
