"""Tells C{twistd} and C{twist} about C{mkvserve}; every C{twistd} on the host loads this file."""

from twisted.application.service import ServiceMaker

mkvserve = ServiceMaker(
    "mkvserve",
    "mkvtwist.server.tap",
    "Stream a file, a pipe or a sender live as Matroska over HTTP.",
    "mkvserve",
)
