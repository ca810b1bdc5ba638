"""
The way from an RTMP address to the place for senders, past the C{send} rule (I{reactor}).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from twisted.cred.credentials import ICredentials, UsernamePassword

from mkvtwist.access.entry import Entry, Rejection
from mkvtwist.access.tokens import Token
from mkvtwist.inputs.rtmp.address import PublishAddress
from mkvtwist.inputs.sender_slot import SenderSlot

FindSlot = Callable[[str], SenderSlot | None]
"""Returns the place for senders of the stream of this name; L{None} if none publish there."""

NO_SUCH_STREAM = (
    "No stream of this name takes media here: publish to rtmp://HOST/NAME with the token as the"
    " stream key"
)

_TEXTS: Mapping[Rejection, str] = MappingProxyType(
    {
        Rejection.ADDRESS: "Access from your address is not allowed",
        Rejection.CREDENTIALS_MISSING: "Authentication required: give the token as the stream key",
        Rejection.CREDENTIALS_WRONG: "Wrong stream key, token or password",
        Rejection.LOCKED_OUT: "Too many wrong tokens or passwords; try again later",
        Rejection.UNAVAILABLE: "Authorization is temporarily unavailable; try again in 1 s",
    }
)


@dataclass(frozen=True, slots=True)
class Admitted:
    """
    A sender may publish.

    @ivar slot: its place.
    @ivar user: see L{mkvtwist.access.rules.Visitor}.
    """

    slot: SenderSlot
    user: str


@dataclass(frozen=True, slots=True)
class Refused:
    """
    A sender may not publish.

    @ivar slot: the place that it asked for; L{None} if there is no such stream.
    @ivar text: in a sentence, without a full stop; it names nothing that may be a secret.
    """

    slot: SenderSlot | None
    text: str


class Publishing:
    """
    The streams that can be published to, and what is asked of senders.

    @ivar entry: the server's rules, guesses and limits.
    """

    def __init__(self, entry: Entry, find: FindSlot) -> None:
        self.entry = entry
        self._find = find

    async def admit(self, address: PublishAddress, host: str | None) -> Admitted | Refused:
        """
        Return the place for a sender, or why it does not get it.

        @param host: the sender's; L{None} for a UNIX socket.
        """
        slot = self._slot(address)
        if slot is None:
            return Refused(None, NO_SUCH_STREAM)
        config = slot.config
        decision = await self.entry.decide(config.send, host, _offered(address, config.name))
        if isinstance(decision, Rejection):
            return Refused(slot, _TEXTS[decision])
        return Admitted(slot, decision.name)

    def _slot(self, address: PublishAddress) -> SenderSlot | None:
        """
        Return the place at an address: the key is the name, or the application is.

        Any key may fit a pattern, a secret one too: then the application is the name if it is that
        of a stream with a table of its own, or if the key alone can be the token.
        """
        by_key, by_app = self._find(address.key), self._find(address.app)
        if by_key is None or by_app is None or not by_key.config.pattern:
            return by_key or by_app
        needs_key = by_app.config.send.wants_credentials and not (address.tokens or address.login)
        return by_app if needs_key or not by_app.config.pattern else by_key


def _offered(address: PublishAddress, name: str) -> Iterator[ICredentials]:
    """Yield what an address offers as credentials: its key, too, unless that is the name."""
    keys = () if address.key == name else address.keys
    for token in dict.fromkeys((*address.tokens, *keys)):
        yield Token(_bytes(token))
    if address.login is not None:
        user, password = map(_bytes, address.login)
        yield Token(password)
        yield UsernamePassword(user, password)


def _bytes(text: str) -> bytes:
    """Return a text as it was sent: what is no UTF-8, too."""
    return text.encode("utf-8", "surrogateescape")
