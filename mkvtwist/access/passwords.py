"""
Files of users and their passwords, as Apache's C{htpasswd -B} writes them (I{pure}).

A line is C{user:hash}, where the hash is bcrypt's.
C{python -m mkvtwist.password USER} prints such a line.
"""

import re
from collections.abc import Mapping

import bcrypt

COST = 12
"""The cost of a new hash, as a power of two of rounds: a quarter of a second for each guess."""

LONGEST_PASSWORD = 72
"""Bytes of a password; bcrypt looks at no more."""

_HASH = re.compile(rb"\$2[aby]\$(0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}")


class PasswordError(ValueError):
    """
    The exception for a file, a user or a password that cannot be used. The text quotes no secret.
    """


def parse_users(text: bytes) -> Mapping[bytes, bytes]:
    """
    Return the hashes by user.

    @raise PasswordError: for a line that is none, which may well be a password as it is typed.
    """
    users = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith(b"#"):
            continue
        user, _, hash_ = line.strip().partition(b":")
        if not user or not _HASH.fullmatch(hash_):
            raise PasswordError(
                f"line {number} is not user:hash with a hash of bcrypt, as"
                " python -m mkvtwist.password or htpasswd -B writes it"
            )
        users[user] = hash_
    if not users:
        raise PasswordError("the file has no user")
    return users


def line(user: str, password: str, cost: int = COST) -> str:
    """
    Return a line of the file.

    @param cost: of the hash, as a power of two of rounds.
    @raise PasswordError: if there can be none.
    """
    if not user or ":" in user or not user.isprintable() or user.startswith("#"):
        raise PasswordError("a user's name has no colon, and does not begin with #")
    secret = password.encode()
    if not secret or len(secret) > LONGEST_PASSWORD:
        raise PasswordError(f"a password has 1 to {LONGEST_PASSWORD} bytes")
    return f"{user}:{bcrypt.hashpw(secret, bcrypt.gensalt(cost)).decode()}"


def is_right(password: bytes, hash_: bytes) -> bool:
    """Return whether a password is right. Slow, and meant to be: call it in a thread."""
    return len(password) <= LONGEST_PASSWORD and bcrypt.checkpw(password, hash_)
