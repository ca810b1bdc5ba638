"""
Declarations of settings (I{pure}).

A setting is a field of a frozen dataclass, and L{setting} makes the field together with everything
else that is known of it::

    burst: float = setting(2.0, SECONDS, Group.CLIENTS, "Seconds of media that a client gets ...")

The command line and its help, the file and its sample, both tables of the reference, the schema of
the management interface and the checks at the start are made from these declarations.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from enum import Enum, Flag, auto
from types import MappingProxyType
from typing import Any, TypedDict, TypeVar, Unpack

from mkvtwist.config.types import TomlType, ValueType

Value = TypeVar("Value")


class Group(Enum):
    """The groups of settings: the headings of C{--help} and of the sample, in their order."""

    INPUT = "Input"
    CLIENTS = "Clients"
    RECORDING = "Recording"
    SERVER = "Server"
    LIMITS = "Limits"
    ACCESS = "Access"


class Where(Flag):
    """The places where a setting may stand."""

    OPTION = auto()
    FILE = auto()
    DEFAULTS = auto()
    """In C{[defaults]}: more than one stream can have the same."""
    MANAGEMENT = auto()


EVERYWHERE = Where.OPTION | Where.FILE | Where.DEFAULTS | Where.MANAGEMENT


class Change(Enum):
    """The effect of changing a setting while the server runs."""

    AT_ONCE = "at once"
    RESTARTS = "restarts"
    LISTENERS = "others come or go"


@dataclass(frozen=True)
class Setting:
    """
    The declaration of a setting.

    @ivar type: how its value is written.
    @ivar help: what it is for, in a sentence or two without the last full stop: for C{--help}, the
        sample and the schema.
    @ivar reference: the same in Markdown, if the reference has more to say.
    @ivar usual: the default in words, if the value does not say it.
    @ivar example: a value in TOML for the sample, if the default is not one.
    @ivar option: the name of the option, C{short} its short form, C{metavar} what stands for its
        value, and C{option_help} what it is for: each only if the key does not say the same.
    @ivar where: where it may stand.
    @ivar change: what happens when it is changed while the server runs.
    @ivar key: its name in a file, C{attribute} that of the field, C{default} the field's, and
        C{is_required} whether there is none: L{declared} fills them in.
    """

    type: ValueType
    group: Group
    help: str
    reference: str = ""
    usual: str = ""
    example: str = ""
    option: str = ""
    short: str = ""
    metavar: str = ""
    option_help: str = ""
    where: Where = EVERYWHERE
    change: Change = Change.RESTARTS
    key: str = ""
    attribute: str = ""
    default: Any = None
    is_required: bool = False

    @property
    def is_switch(self) -> bool:
        """Return whether the option takes no value."""
        return self.type.toml is TomlType.SWITCH

    @property
    def spelled(self) -> str:
        """Return the option as users type it: C{--burst=SECONDS}."""
        return f"--{self.option}" + ("" if self.is_switch else f"={self.metavar}")

    @property
    def default_text(self) -> str:
        """
        Return the default as users type it, or in words; empty if there is none, or it is off.
        """
        has_text = self.type.toml not in (TomlType.SWITCH, TomlType.TABLE, TomlType.OPTIONS)
        if self.usual or self.default in (None, ()) or not has_text:
            return self.usual
        return self.type.write(self.default)


class _Words(TypedDict, total=False):
    """The words of a declaration that have a default; see L{Setting}."""

    reference: str
    usual: str
    example: str
    key: str
    option: str
    short: str
    metavar: str
    option_help: str
    where: Where
    change: Change


def declare(
    type_: ValueType, group: Group, help_: str, **words: Unpack[_Words]
) -> Mapping[str, Setting]:
    """Return the metadata of a field that is a setting."""
    return {"setting": Setting(type_, group, help_, **words)}


def setting(
    default: Value, type_: ValueType, group: Group, help_: str, **words: Unpack[_Words]
) -> Value:
    """Return a field that is a setting, and has a default."""
    made: Value = field(default=default, metadata=declare(type_, group, help_, **words))
    return made


def declared(configuration: type[Any]) -> Mapping[str, Setting]:
    """Return the settings that a dataclass declares, by their keys."""
    found = {}
    for one in fields(configuration):
        declaration: Setting | None = one.metadata.get("setting")
        if declaration is not None:
            key = declaration.key or one.name
            found[key] = replace(
                declaration,
                option=declaration.option or key.replace("_", "-"),
                metavar=declaration.metavar or declaration.type.metavar,
                option_help=declaration.option_help or declaration.help,
                key=key,
                attribute=one.name,
                default=None if one.default is MISSING else one.default,
                is_required=one.default is MISSING,
            )
    return MappingProxyType(found)
