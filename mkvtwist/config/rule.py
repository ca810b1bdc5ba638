"""
Who may do something, as settings say it (I{pure}).
"""

from dataclasses import dataclass

from mkvtwist.config.values import Network, parse_text


@dataclass(frozen=True, slots=True)
class AccessRule:
    """
    Who may do something: everybody, if nothing is said. Secrets are never in here, but in files.

    @ivar token_file: a file of tokens; who has one of them may.
    @ivar users: a file of users and the hashes of their passwords; each of them may.
    @ivar checker: a checker of L{twisted.cred}, as C{--auth} describes it to twistd, for C{users}.
    @ivar allow: where requests must come from; empty is anywhere.
    @ivar deny: where they must not come from.
    """

    token_file: str | None = None
    users: str | None = None
    checker: str | None = None
    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()

    @property
    def wants_credentials(self) -> bool:
        """Whether the right address alone is not enough."""
        return not (self.token_file is self.users is self.checker is None)

    @property
    def checker_kind(self) -> str | None:
        """The checker as anybody may see it: behind the colon there may be a password."""
        return self.checker and self.checker.partition(":")[0]

    def __str__(self) -> str:
        """What may be shown to anybody."""
        checker = self.checker_kind
        shown = (("token_file", self.token_file), ("users", self.users), ("checker", checker))
        words = [f"{key} {value}" for key, value in shown if value is not None]
        for key, networks in (("allow", self.allow), ("deny", self.deny)):
            if networks:
                words.append(f"{key} {', '.join(map(str, networks))}")
        return "; ".join(words) or "everybody"


EVERYBODY = AccessRule()


def parse_rule(option: str, text: str) -> AccessRule:
    """Who may, in one word: a file of tokens."""
    return AccessRule(token_file=parse_text(option, text))
