"""A stream's settings in JSON Schema."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from twisted.trial.unittest import SynchronousTestCase

from mkvtwist.config.declaration import Where
from mkvtwist.config.document import CommandLine, configure, stream_table
from mkvtwist.config.json_schema import stream_schema
from mkvtwist.config.settings import StreamConfig
from tests.support.settings import streams

TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a value is as a schema says, in the words that ours use."""
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return sum(fits(value, one) for one in schema[word]) == 1
    if "enum" in schema:
        return value in schema["enum"]
    names = schema["type"]
    allowed = [names] if isinstance(names, str) else names
    return any(type(value) in TYPES[name] for name in allowed) and is_within(value, schema)


def is_within(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a value of the right type is within its bounds."""
    match value:
        case dict():
            known, any_ = schema.get("properties", {}), schema["additionalProperties"]
            inside = all(
                fits(one, known[key]) if key in known else any_ and fits(one, any_)
                for key, one in value.items()
            )
            return inside and {*schema.get("required", ())} <= set(value)
        case list():
            inside = all(fits(one, schema["items"]) for one in value)
            return inside and bool(len(value) >= schema["minItems"])
        case str():
            return bool(len(value) >= schema.get("minLength", 0))
        case int() | float():
            least, most = schema.get("minimum", value), schema.get("maximum", value)
            return bool(least <= value <= most)
    return True


class SchemaTests(SynchronousTestCase):
    """L{stream_schema}."""

    @given(streams())
    def test_streams(self, stream: StreamConfig) -> None:
        """Each stream's settings, as the management interface shows them, are as it says."""
        self.assertTrue(fits(stream_table(stream), stream_schema()))
        self.assertTrue(fits(stream_table(stream), stream_schema(partial=True)))

    def test_mistakes(self) -> None:
        """A value that is refused is not as the schema says, either."""
        for key, value in (
            ("burst", -1),
            ("burst", 90000),
            ("burst", True),
            ("client_timeout", 0.5),
            ("max_clients", 1.5),
            ("at_end", "never"),
            ("watch", {"tokens": "x"}),
            ("send", {"allow": []}),
            ("record", ""),
            ("fallback", []),
            ("program", 65536),
            ("readrate", 1001),
            ("on_demand", "yes"),
            ("input_options", {"headers": []}),
            ("bufer", 5),
        ):
            table: dict[str, Any] = {"input": "demo:", key: value}
            self.assertFalse(fits(table, stream_schema()), table)
            said = CommandLine("/", "request")
            _, problems = configure({"streams": {"tv": table}}, said, Where.MANAGEMENT)
            self.assertEqual(len(problems), 1, problems)

    def test_examples(self) -> None:
        """Each example and each default is accepted."""
        for key, schema in stream_schema()["properties"].items():
            default = [schema["default"]] if "default" in schema else []
            for value in (*default, *schema.get("examples", ())):
                self.assertTrue(fits(value, schema), key)
                # Options of libavformat are those of a URL; any other setting fits any input.
                source = "rtsp://camera/" if key == "input_options" else "demo:"
                table: dict[str, Any] = {"input": source, key: value}
                said = CommandLine("/", "request")
                _, problems = configure({"streams": {"tv": table}}, said, Where.MANAGEMENT)
                self.assertEqual(problems, [])

    def test_change(self) -> None:
        """A change requires nothing, and may take back whatever it is."""
        schema = stream_schema(partial=True)
        self.assertTrue(fits({}, schema))
        self.assertTrue(fits(dict.fromkeys(schema["properties"]), schema))
        self.assertTrue(fits({"watch": {"users": None}}, schema))
        self.assertFalse(fits({}, stream_schema()))
        self.assertFalse(fits({"input": "demo:", "burst": None}, stream_schema()))
