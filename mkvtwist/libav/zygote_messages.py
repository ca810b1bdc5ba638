"""
The messages between the server and the process that forks workers (I{pure}).

They go over a C{SOCK_SEQPACKET} socket, one at a time::

    server   FORK id            fork a worker; its descriptors come along: the socket to its owner,
                                and that of its media
             KILL id            end a worker by SIGKILL
    zygote   READY pid 0        everything is loaded
             FORKED id pid      a worker has begun
             EXITED id status   a worker has ended; as of C{os.waitstatus_to_exitcode}
             FAILED id errno    a worker could not be forked
"""

import struct

FORK, KILL, READY, FORKED, EXITED, FAILED = range(6)

REQUEST = struct.Struct("<BI")
"""A request: its kind, and the worker's number."""

REPORT = struct.Struct("<BIi")
"""A report: its kind, the worker's number, and the pid, status or errno above."""

MESSAGE_SIZE = 16
"""Bytes that are enough for a request or a report."""
