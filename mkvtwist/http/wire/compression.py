"""
Compression of texts for clients that can read it (I{reactor}).
"""

import gzip
import re
from functools import lru_cache

from twisted.web.http import Request

from mkvtwist.outputs.segmented.registry import MANIFESTS

TEXT_TYPES = frozenset({b"application/json", b"application/xml", b"image/svg+xml"}) | {
    manifest.media_type.encode() for manifest in MANIFESTS.values()
}
"""MIME types of texts, beside C{text/*}."""

COMPRESSED = range(1_000, 256 << 10)
"""
Bytes of a text that is worth compressing: a shorter one fits into a packet as it is; a longer one
would keep the reactor for more than 5 ms.
"""

COMPRESSED_KEPT = 32
"""Texts whose compressed bytes are kept: what many ask for at once is compressed once."""


def is_worth_it(body: bytes, content_type: bytes) -> bool:
    """Return whether a body is a text that is worth compressing."""
    kind = content_type.partition(b";")[0]
    return len(body) in COMPRESSED and (kind.startswith(b"text/") or kind in TEXT_TYPES)


def accepts_gzip(request: Request) -> bool:
    """Return whether the client reads gzip (RFC 9110, 12.5.3)."""
    for each in (request.getHeader(b"accept-encoding") or b"").lower().split(b","):
        coding, _, weight = each.replace(b" ", b"").partition(b";q=")
        if coding == b"gzip":
            return re.fullmatch(rb"0(\.0*)?", weight) is None
    return False


@lru_cache(maxsize=COMPRESSED_KEPT)
def compress(body: bytes) -> bytes:
    """Return a body compressed; the same one again is compressed once."""
    return gzip.compress(body, 6, mtime=0)
