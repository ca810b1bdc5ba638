"""
A stream's settings in JSON Schema, for the management interface (I{pure}).
"""

import tomllib
from collections.abc import Mapping
from typing import Any

from mkvtwist.config.declaration import Setting, Where
from mkvtwist.config.settings import STREAM_SETTINGS


def stream_schema(*, partial: bool = False) -> Mapping[str, Any]:
    """
    Return the schema of a stream's table.

    @param partial: whether it is that of a change: nothing is required, and C{null} is the default.
    """
    settings = [one for one in STREAM_SETTINGS.values() if Where.MANAGEMENT in one.where]
    properties = {one.key: _property(one) for one in settings}
    schema = {"type": "object", "additionalProperties": False}
    if partial:
        return _nullable({**schema, "properties": properties})
    required = [one.key for one in settings if one.is_required]
    return {**schema, "properties": properties, "required": required}


def _nullable(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of a table whose values may be C{null}, also in tables within it."""
    properties = {
        key: {"oneOf": [_nullable(one) if "properties" in one else one, {"type": "null"}]}
        for key, one in schema["properties"].items()
    }
    return {**schema, "properties": properties}


def _property(setting: Setting) -> Mapping[str, Any]:
    more: dict[str, Any] = {"description": f"{setting.help}."}
    if isinstance(setting.default, bool | int | float):
        more["default"] = setting.default
    if setting.example:
        more["examples"] = [tomllib.loads(f"example = {setting.example}")["example"]]
    return {**setting.type.json_schema, **more}
