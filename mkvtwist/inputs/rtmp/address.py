"""
The address that a sender publishes to: names, and secrets in it (I{pure}).

 - C{rtmp://HOST/NAME}, and the stream key is the token: the application is the stream's name.
 - C{rtmp://HOST/live/NAME?token=TOKEN}: the key is the name, whatever the application.

In both a query may have C{token}, or C{user} and C{password}, wherever it stands.
"""

from dataclasses import dataclass, field
from urllib.parse import parse_qs

LONGEST_QUERY = 4096
"""Characters of a query that are looked at: a token has some dozens."""


@dataclass(frozen=True, slots=True)
class PublishAddress:
    """
    An address, taken apart. Its parts may be secrets, so its text shows none of them.

    @ivar app: the last part of the application, which may be the stream's name.
    @ivar key: the stream key, which may be the stream's name, or a token.
    @ivar keys: the stream key as it came, and without its query.
    @ivar tokens: tokens of the queries.
    @ivar login: user and password of a query; L{None} if there are none.
    """

    app: str = field(repr=False)
    key: str = field(repr=False)
    keys: tuple[str, ...] = field(repr=False)
    tokens: tuple[str, ...] = field(repr=False)
    login: tuple[str, str] | None = field(repr=False)


def publish_address(app: str, path: str) -> PublishAddress:
    """
    Return an address, taken apart.

    @param app: the application, with its query, if it has one.
    @param path: the stream key, with its query, if it has one.
    """
    app, _, app_query = app.partition("?")
    key, _, key_query = path.partition("?")
    tokens: list[str] = []
    login = None
    for query in (key_query, app_query):
        said = _parse(query)
        tokens += said.get("token", [])[:1]
        if "user" in said and "password" in said:
            login = login or (said["user"][0], said["password"][0])
    return PublishAddress(
        app=app.strip("/").rpartition("/")[2],
        key=key.strip("/"),
        keys=tuple(filter(None, dict.fromkeys((path, key)))),
        tokens=tuple(tokens),
        login=login,
    )


def _parse(query: str) -> dict[str, list[str]]:
    """Return the values in a query; none of one that cannot be read."""
    try:
        return parse_qs(query[:LONGEST_QUERY], max_num_fields=16)
    except ValueError:
        return {}
