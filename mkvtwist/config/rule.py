"""
Access rules, as settings state them (I{pure}).
"""

import os
from dataclasses import dataclass, replace

from mkvtwist.config.declaration import Group, declared, setting
from mkvtwist.config.types import FILE, NETWORKS, TEXT, TomlType, ValueType
from mkvtwist.config.values import Network, parse_text


@dataclass(frozen=True, slots=True)
class AccessRule:
    """
    A rule that says which clients may do something: by default all. It names files, and holds no
    secrets.
    """

    token_file: str | None = setting(
        None, FILE, Group.ACCESS, "A file of tokens; whoever has one of them may"
    )
    users: str | None = setting(
        None,
        FILE,
        Group.ACCESS,
        "A file of users and the hashes of their passwords; each of them may",
    )
    checker: str | None = setting(
        None, TEXT, Group.ACCESS, "A checker of twisted.cred, as --auth describes it to twistd"
    )
    allow: tuple[Network, ...] = setting(
        (), NETWORKS, Group.ACCESS, "Addresses that requests must come from; none: any"
    )
    deny: tuple[Network, ...] = setting(
        (), NETWORKS, Group.ACCESS, "Addresses that requests must not come from"
    )

    @property
    def wants_credentials(self) -> bool:
        """Return whether the rule asks for credentials, beside the right address."""
        return not (self.token_file is self.users is self.checker is None)

    @property
    def checker_kind(self) -> str | None:
        """Return the checker without its argument, in which a password may be."""
        return self.checker and self.checker.partition(":")[0]

    def __str__(self) -> str:
        """Return the rule as anyone may see it."""
        checker = self.checker_kind
        shown = (("token_file", self.token_file), ("users", self.users), ("checker", checker))
        words = [f"{key} {value}" for key, value in shown if value is not None]
        for key, networks in (("allow", self.allow), ("deny", self.deny)):
            if networks:
                words.append(f"{key} {', '.join(map(str, networks))}")
        return "; ".join(words) or "everybody"


EVERYBODY = AccessRule()

RULE_SETTINGS = declared(AccessRule)
"""The keys of a rule's table."""


def parse_rule(option: str, text: str) -> AccessRule:
    """Return the rule that an option stands for, which names a file of tokens."""
    return AccessRule(token_file=parse_text(option, text))


def _placed(rule: AccessRule, directory: str) -> AccessRule:
    """Return a rule whose files do not depend on the working directory."""

    def placed(path: str | None) -> str | None:
        return path and os.path.join(directory, path)

    return replace(rule, token_file=placed(rule.token_file), users=placed(rule.users))


RULE = ValueType(
    TomlType.TABLE,
    "FILE",
    parse_rule,
    {
        "type": "object",
        "properties": {
            key: {**declaration.type.json_schema, "description": f"{declaration.help}."}
            for key, declaration in RULE_SETTINGS.items()
        },
        "additionalProperties": False,
    },
    place=_placed,
)
