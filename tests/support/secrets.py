"""Files of tokens and of users, and the rules that name them."""

from __future__ import annotations

import bcrypt
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.rule import AccessRule

TOKEN = "correct-horse"  # noqa: S105 - of these tests
HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4))  # the least work that there is


class FileTestCase(SynchronousTestCase):
    """Files with secrets, for one test."""

    def file(self, *lines: str) -> str:
        """A file of these lines."""
        path = str(self.mktemp())
        with open(path, "w") as file:
            file.write("\n".join(lines) + "\n")
        return path

    def tokens(self, *tokens: str) -> AccessRule:
        """A rule that asks for one of these tokens."""
        return AccessRule(token_file=self.file(*(tokens or (TOKEN,))))

    def users(self) -> AccessRule:
        """A rule that lets in alice, with her password."""
        return AccessRule(users=self.file(f"alice:{HASH.decode()}"))
