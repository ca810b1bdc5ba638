"""
The management interface, C{/api/v1/}: JSON for programs, and events as they happen (I{reactor}).

C{openapi.json} beside this file describes all of it, and is served with it; the settings of a
stream are added from their declarations.
"""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from importlib import resources
from typing import Any

from twisted.web.http import Request

from mkvtwist.config.document import stream_table
from mkvtwist.config.input import parse_at_end
from mkvtwist.config.json_schema import stream_schema
from mkvtwist.config.rule import AccessRule
from mkvtwist.config.settings import StreamConfig
from mkvtwist.config.values import ConfigError
from mkvtwist.http.control import Control
from mkvtwist.http.credentials import bearer_token
from mkvtwist.http.router import Guard, Route
from mkvtwist.http.views.events import EventStream
from mkvtwist.http.views.status import Status
from mkvtwist.http.wire.body import with_whole_body
from mkvtwist.http.wire.hosts import HINT, is_from_elsewhere, is_local
from mkvtwist.http.wire.json_body import parse_object
from mkvtwist.http.wire.response import View, respond
from mkvtwist.streams.stream import Stream

API = "/api/v1/"
"""The beginning of each path of the interface."""

SONG_KEYS = ("title", "artist", "artwork")
"""The keys of a song."""

_WRONG = "This needs the management token: Authorization: Bearer TOKEN."

_ONLY_HERE = (
    "Without a management token this is for requests from the server's own machine, to localhost or"
    " a loopback address, and through no proxy. Set management_token_file and send the token."
)


class Management:
    """
    The interface, for clients that have the token, or, without a token, for those on this machine.
    """

    def __init__(self, reactor: Any, control: Control, status: Status, *, public: bool) -> None:
        """
        @param public: whether viewers come here, too: then there is an interface only with a token.
        """
        self._reactor = reactor
        self._control = control
        self._status = status
        self._public = public

    def is_there(self) -> bool:
        """Return whether there is such an interface here now."""
        return not self._public or self._control.token is not None

    def routes(self) -> Iterator[Route]:
        """Yield the routes of the interface."""
        stream = f"{API}streams/{{name}}"
        for path, method, view in (
            (f"{API}openapi.json", b"GET", _describe),
            (f"{API}events", b"GET", self._follow),
            (f"{API}reload", b"POST", self._reload),
            (f"{API}streams", b"GET", self._list),
            (stream, b"GET", self._show),
            (stream, b"PUT", self._define),
            (stream, b"PATCH", self._change),
            (stream, b"DELETE", self._remove),
            (f"{stream}/start", b"POST", partial(self._act, "start")),
            (f"{stream}/stop", b"POST", partial(self._act, "stop")),
            (f"{stream}/restart", b"POST", partial(self._act, "restart")),
            (f"{stream}/clients/{{number}}", b"DELETE", self._disconnect),
            (f"{stream}/metadata", b"PUT", self._tell_playing),
        ):
            yield Route(path, view, Guard.MANAGEMENT, (method,), exists=self.is_there)

    def call(self, view: View, request: Request) -> None:
        """Call a view, if the request may be made; a mistake in it is named in the response."""
        if is_from_elsewhere(request):
            _refuse(request, 403, f"A page of another site may not do this. {HINT}")
            return
        if not self._may(request):
            request.setHeader(b"WWW-Authenticate", b'Bearer realm="mkvtwist management"')
            _refuse(request, 401, _WRONG if self._control.token else _ONLY_HERE)
            return
        with_whole_body(request, partial(self._try, view))

    def _try(self, view: View, request: Request) -> None:
        try:
            view(request)
        except ConfigError as error:
            _refuse(request, 400, *error.args)
        except KeyError as error:
            _refuse(request, 404, f"There is no {error.args[0]} here.")

    def _may(self, request: Request) -> bool:
        if self._control.token is None:
            return is_local(request)
        return self.knows(request)

    def knows(self, request: Request) -> bool:
        """Return whether a request has the management token."""
        token, given = self._control.token, bearer_token(request)
        return token is not None and given is not None and given.is_one_of([token])

    # state

    def _list(self, request: Request) -> None:
        patterns = {pattern: self._pattern(pattern) for pattern in self._control.pattern_configs}
        _answer(request, 200, {"streams": self._status.streams(), "patterns": patterns})

    def _show(self, name: str, request: Request, code: int = 200) -> None:
        settings = stream_table(self._config(name), secrets=False)
        is_pattern = name in self._control.pattern_configs
        shown = self._pattern(name) if is_pattern else self._status.stream(name)
        _answer(request, code, {**shown, "settings": settings})

    def _pattern(self, pattern: str) -> dict[str, Any]:
        """Return a pattern, and the streams that were made of it, fit for JSON."""
        config = self._control.pattern_configs[pattern]
        return {"input": str(config.input), "streams": self._status.made_of(pattern)}

    def _config(self, name: str) -> StreamConfig:
        """
        Return the settings of a stream, or of a pattern.

        @raise KeyError: if there is neither.
        """
        patterns = self._control.pattern_configs
        return patterns[name] if name in patterns else self._stream(name).config

    def _stream(self, name: str) -> Stream:
        try:
            return self._control.streams[name]
        except KeyError:
            raise KeyError(f"stream {name!r}") from None

    # commands

    def _define(self, name: str, request: Request) -> None:
        code = 201
        asked = _settings(request)
        if name in self._control.streams or name in self._control.pattern_configs:
            code = 200
            _check_checkers(self._config(name), asked)
        self._control.define(name, asked)
        self._show(name, request, code)

    def _change(self, name: str, request: Request) -> None:
        config = self._config(name)
        asked = _settings(request)
        _check_checkers(config, asked)
        settings = stream_table(config)
        if "input" in asked and config.at_end is parse_at_end("at_end", None, config.input.form):
            del settings["at_end"]  # it is the default, and another input has another one
        self._control.define(name, _merged(settings, asked))
        self._show(name, request)

    def _remove(self, name: str, request: Request) -> None:
        if name in self._control.pattern_configs:
            self._control.forget_pattern(name)
        else:
            self._stream(name)
            self._control.streams.remove(name)
        _answer(request, 200, {"removed": name})

    def _act(self, action: str, name: str, request: Request) -> None:
        self._stream(name)
        getattr(self._control.streams, action)(name)
        self._show(name, request)

    def _disconnect(self, name: str, number: str, request: Request) -> None:
        fanout = self._stream(name).fanout
        for client in fanout.clients:
            if str(client.id) == number:
                fanout.leave(client, "disconnected by the management interface")
                client.response.abort()
                _answer(request, 200, {"disconnected": client.id})
                return
        raise KeyError(f"client {number!r}")

    def _tell_playing(self, name: str, request: Request) -> None:
        stream = self._stream(name)
        assert request.content is not None
        song = parse_object(request.content.read(), '{"title": "a song", "artist": "a band"}')
        for key, value in song.items():
            if key not in SONG_KEYS or not isinstance(value, str | None):
                raise ConfigError(f"{key}: only {', '.join(SONG_KEYS)} can be told, each as text")
        stream.now_playing.tell(
            **{key: value or "" for key, value in {"title": "", **song}.items()}
        )
        self._show(name, request)

    def _reload(self, request: Request) -> None:
        self._control.reload()
        self._list(request)

    def _follow(self, request: Request) -> None:
        EventStream(self._reactor, self._control.events, request)


def _describe(request: Request) -> None:
    text = resources.files("mkvtwist.http.views").joinpath("openapi.json").read_text("utf-8")
    description = json.loads(text)
    schemas = description["components"]["schemas"]
    for name, schema in (("Settings", stream_schema()), ("Change", stream_schema(partial=True))):
        schemas[name] |= schema
    _answer(request, 200, description)


def _settings(request: Request) -> dict[str, Any]:
    """
    Return the settings in a request's body.

    @raise ConfigError: when there are none.
    """
    assert request.content is not None
    return parse_object(request.content.read(), '{"input": "tcp:12345"}')


def _check_checkers(config: StreamConfig, asked: Mapping[str, Any]) -> None:
    """
    Look whether a checker is to be what is shown of it.

    @raise ConfigError: when it is, and is not all of it.
    """
    for key in ("watch", "send"):
        rule: AccessRule = getattr(config, key)
        table = asked.get(key)
        given = table.get("checker") if isinstance(table, dict) else None
        if given is not None and rule.checker != given == rule.checker_kind:
            raise ConfigError(
                f"{key}.checker: {given!r}: give the checker itself: what is shown is masked"
            )


def _merged(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return settings changed by a merge patch (RFC 7396): C{null} restores a default; in a table only
    the keys of the patch change.
    """
    merged = dict(settings)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            before = merged.get(key)
            merged[key] = _merged(before if isinstance(before, dict) else {}, value)
        else:
            merged[key] = value
    return merged


def _answer(request: Request, code: int, value: Any) -> None:
    request.setResponseCode(code)
    respond(request, json.dumps(value, indent=2).encode() + b"\n", b"application/json")


def _refuse(request: Request, code: int, *lines: str) -> None:
    _answer(request, code, {"errors": lines})
