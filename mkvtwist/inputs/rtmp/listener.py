"""
C{rtmp:} inputs: a listener of their own, for the senders of one stream (I{reactor}).
"""

from typing import Any

from twisted.internet.interfaces import IAddress

from mkvtwist.access.entry import Entry
from mkvtwist.config.input import endpoint_of
from mkvtwist.config.settings import StreamConfig
from mkvtwist.inputs.endpoint import EndpointListener
from mkvtwist.inputs.rtmp.factory import RtmpFactory
from mkvtwist.inputs.rtmp.publishing import Publishing
from mkvtwist.inputs.sender_slot import SenderSlot
from mkvtwist.net.sockets import address


def rtmp_listener(
    reactor: Any, config: StreamConfig, slot: SenderSlot, entry: Entry
) -> EndpointListener:
    """Return the listener of one stream, which takes senders under any name."""
    scheme = config.input.text.partition(":")[0]

    def where(host: IAddress) -> str:
        return f"{scheme}://{address(host)}/{config.name}"

    factory = RtmpFactory(reactor, Publishing(entry, lambda _: slot), slot.refuse)
    return EndpointListener(reactor, endpoint_of(config.input), factory, slot, where)
