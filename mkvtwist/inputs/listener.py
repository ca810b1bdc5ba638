"""
The interface of listeners, which let an input's senders in (I{reactor}).
"""

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from mkvtwist.access.entry import Entry
from mkvtwist.config.settings import StreamConfig
from mkvtwist.inputs.sender_slot import SenderSlot


class CannotListen(Exception):
    """
    The exception for a listener that cannot let senders in, for example since its port is taken.

    @ivar reason: in a sentence for viewers.
    @ivar cause: for operators.
    """

    def __init__(self, reason: str, cause: str) -> None:
        super().__init__(cause)
        self.reason = reason
        self.cause = cause


class SenderListener(Protocol):
    """
    A listener that lets the senders of one input in.

    @ivar idle: the reason of the state as long as no sender has come.
    """

    idle: str

    def start(self) -> Deferred[None]:
        """
        Let senders in, and log where they can connect.

        @return: fires when they can; fails with L{CannotListen}.
        """

    def stop(self) -> Deferred[Any] | None:
        """
        Let no more senders in; senders that are connected stay.

        @return: fires when the place is free again; L{None} if it is already.
        """

    def renew(self) -> None:
        """
        Read the certificates again, if there are any.

        @raise mkvtwist.config.values.ConfigError: if they cannot be used; the old ones hold.
        """


MakeListener = Callable[[Any, StreamConfig, SenderSlot, Entry], SenderListener]
"""
Makes the listener of an input: from the reactor, the stream's settings, the slot for senders, the
server's rules.
"""
