"""
JSON in bodies, as clients send it and get it (I{pure}).
"""

import json
from typing import Any, NoReturn

from mkvtwist.config.values import ConfigError

DEPTH = 8
"""Tables and lists within each other: settings have three."""


def parse_object(body: bytes, example: str) -> dict[str, Any]:
    """
    Return the object that a body is, read as strictly as RFC 8259 and RFC 7493 have it: UTF-8, no
    C{NaN}, no key that comes twice, and nested no deeper than L{DEPTH}.

    @param example: an object that would be right, for the error's text.
    @raise ConfigError: for anything else, with what is wrong.
    """
    try:
        text = body.decode()
        found = json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
        json.dumps(found, ensure_ascii=False).encode()  # half a character is none
    except RecursionError:
        raise ConfigError(_TOO_DEEP) from None
    except UnicodeEncodeError:
        raise ConfigError("The body has half a character (a surrogate) in it.") from None
    except ValueError as error:
        raise ConfigError(f"The body is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise ConfigError(f"The body is not an object, such as {example}.")
    if _depth(found) > DEPTH:
        raise ConfigError(_TOO_DEEP)
    return found


_TOO_DEEP = f"The body is nested too deeply: no more than {DEPTH} tables and lists."


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key[:40]!r} is in one table twice")
        found[key] = value
    return found


def _depth(value: Any) -> int:
    """Return how many tables and lists are within each other."""
    depth, level = 0, [value]
    while level:
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
            elif isinstance(item, list):
                inner += item
        depth += any(isinstance(item, dict | list) for item in level)
        level = [item for item in inner if isinstance(item, dict | list)]
    return depth
