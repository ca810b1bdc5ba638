"""
The exception for peers that do not speak RTMP as it is specified (I{pure}).
"""


class ProtocolError(Exception):
    """
    The exception for bytes that are no RTMP, or exceed a bound; the connection is to be closed.

    Its text says what is wrong, for the operator's log. Nothing that the peer has sent stands in
    it, so that refusals for one cause share a line.
    """
