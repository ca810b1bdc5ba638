"""
Responses that pages of other sites may read (I{reactor}; Fetch, 3.3).
"""

from twisted.web.http import Request


def allow_any_origin(request: Request) -> None:
    """Let pages of all sites read the response, whatever it will be."""
    request.setHeader(b"Access-Control-Allow-Origin", b"*")
    request.setHeader(
        b"Access-Control-Expose-Headers", b"Content-Disposition, Content-Range, ETag, Retry-After"
    )


def is_preflight(request: Request) -> bool:
    """Return whether a browser asks if a page of another site may get something."""
    asks = request.getHeader(b"access-control-request-method")
    return request.method == b"OPTIONS" and asks in (b"GET", b"HEAD")


def respond_to_preflight(request: Request) -> None:
    """Respond that a page may watch, with a token, and have a part of what has a length."""
    request.setResponseCode(204)
    request.setHeader(b"Access-Control-Allow-Methods", b"GET, HEAD")
    request.setHeader(b"Access-Control-Allow-Headers", b"Authorization, Range")
    request.setHeader(b"Access-Control-Max-Age", b"86400")
    request.finish()
