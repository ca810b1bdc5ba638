"""
A Twisted site with a login of its own: only its members can watch.

    python examples/login.py tcp:8080

The user is C{ada}, the password C{lovelace}.
"""

import hmac
import secrets
import sys
from typing import Any

from twisted.internet import defer, endpoints, task
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from twisted.web.util import redirectTo

from mkvtwist import Stream, StreamConfig, StreamResource

PASSWORDS = {b"ada": b"lovelace"}  # a real site has hashes of them
COOKIE = b"member"

FORM = b"""<!doctype html><title>Log in</title><form method="post" action="/">
<input name="user" autofocus><input name="password" type="password"><button>Log in</button>
</form>"""


class Members:
    """The members who have logged in, each known by a secret in a cookie."""

    def __init__(self) -> None:
        self._secrets: set[bytes] = set()

    def log_in(self, request: Request) -> bool:
        """Take note of a member; return whether the password is right."""
        user, password = (request.args.get(key, [b""])[0] for key in (b"user", b"password"))
        if not hmac.compare_digest(PASSWORDS.get(user, secrets.token_bytes()), password):
            return False
        secret = secrets.token_urlsafe().encode()
        self._secrets.add(secret)
        request.addCookie(COOKIE, secret, path=b"/", httpOnly=True, sameSite=b"lax")
        return True

    def have(self, request: Request) -> bool:
        """Return whether a request is a member's."""
        return request.getCookie(COOKIE) in self._secrets


class Login(Resource):
    """The form at C{/}, which leads members to the stream."""

    def __init__(self, members: Members) -> None:
        super().__init__()
        self._members = members

    def render_GET(self, request: Request) -> bytes:  # noqa: N802 - the name that Twisted calls
        """Show the form."""
        return FORM

    def render_POST(self, request: Request) -> bytes:  # noqa: N802
        """Log a member in."""
        if self._members.log_in(request):
            return redirectTo(b"/tv/", request)
        request.setResponseCode(403)
        return FORM


class MembersOnly(Resource):
    """A stream that only members can watch: each request for it comes through here."""

    isLeaf = True

    def __init__(self, members: Members, stream: StreamResource) -> None:
        super().__init__()
        self._members = members
        self._stream = stream

    def render(self, request: Request) -> bytes | int:
        """Have the stream respond, or show the form."""
        if self._members.have(request):
            return self._stream.render(request)
        request.setResponseCode(403)
        return FORM


async def main(reactor: Any, place: str = "tcp:8080") -> None:
    """Serve the form and the stream at an endpoint, until the process is ended."""
    stream = Stream(reactor, StreamConfig("demo:", name="cam"))
    stream.startService()
    reactor.addSystemEventTrigger("before", "shutdown", stream.stopService)
    members = Members()
    root = Resource()
    root.putChild(b"", Login(members))
    root.putChild(b"tv", MembersOnly(members, StreamResource(reactor, stream)))
    await endpoints.serverFromString(reactor, place).listen(Site(root))
    print("listening at", place, flush=True)
    await defer.Deferred()  # until the process is ended


if __name__ == "__main__":
    task.react(main, sys.argv[1:])
