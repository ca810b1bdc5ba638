"""Any settings that there can be, for Hypothesis."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from ipaddress import ip_network
from typing import Any

from hypothesis import strategies as st

from mkvtwist.config.input import FALLBACK, Form, Input
from mkvtwist.config.input_options import INPUT_OPTIONS, NO_OPTIONS, parse_options
from mkvtwist.config.rule import RULE, AccessRule
from mkvtwist.config.settings import STREAM_SETTINGS, StreamConfig
from mkvtwist.config.types import (
    BITRATE,
    COUNT,
    FILE,
    FRAME_RATE,
    ISOLATION,
    LIMIT,
    PROGRAM,
    RECORDING,
    SECONDS,
    SECONDS_FROM_ONE,
    SIZE,
    SPEED,
    SWITCH,
    TEXT,
    ValueType,
)
from mkvtwist.config.values import (
    FASTEST,
    ISOLATIONS,
    LARGEST_COUNT,
    LAST_PROGRAM,
    LONGEST_SPAN,
    MOST_PICTURES,
)

PATHS = st.from_regex(r"(/[a-z0-9 :._-]{0,4}[a-z0-9]){1,3}", fullmatch=True)
NETWORKS = st.lists(
    st.sampled_from([ip_network(text) for text in ("192.0.2.7/32", "10.0.0.0/8", "2001:db8::/32")])
).map(tuple)
RULES = st.builds(
    AccessRule,
    st.none() | PATHS,
    st.none(),
    st.none() | st.just("memory:a:b"),
    NETWORKS,
    NETWORKS,
) | st.builds(AccessRule, st.none() | PATHS, st.none() | PATHS, st.none(), NETWORKS, NETWORKS)
READABLE = (
    PATHS.map(lambda path: Input(Form.FILE, path))
    | st.just(Input(Form.DEMO, "demo:"))
    | st.just(Input(Form.URL, "rtsp://me:secret@camera/x?y=z"))
)
SENDERS = [Input(Form.STDIN, "-"), Input(Form.PUSH, "http"), Input(Form.ENDPOINT, "tcp:1")]
TEXTS = st.text(min_size=1, max_size=12)
OPTIONS = st.dictionaries(
    st.sampled_from(["probesize", "cryptokey"]), TEXTS.filter(lambda text: "\0" not in text)
).map(partial(parse_options, "opt"))
BYTES = st.integers(64 << 10, 1 << 40)

VALUES: Mapping[ValueType, st.SearchStrategy[Any]] = {
    SECONDS: st.floats(0.0, LONGEST_SPAN),
    SECONDS_FROM_ONE: st.floats(1.0, LONGEST_SPAN),
    COUNT: st.integers(0, LARGEST_COUNT),
    SPEED: st.floats(0.0, FASTEST),
    FRAME_RATE: st.just(0.0) | st.floats(0.001, MOST_PICTURES),
    PROGRAM: st.integers(0, LAST_PROGRAM),
    SIZE: BYTES,
    ISOLATION: st.sampled_from(ISOLATIONS),
    LIMIT: st.just(0) | BYTES,
    BITRATE: st.integers(0, 10**12),
    SWITCH: st.booleans(),
    TEXT: st.none() | TEXTS,
    FILE: st.none() | PATHS,
    RECORDING: st.none() | PATHS.map(lambda path: f"{path}-%Y%%.mkv"),
    FALLBACK: st.none() | READABLE | st.lists(READABLE, min_size=1, max_size=3).map(tuple),
    RULE: RULES,
    INPUT_OPTIONS: OPTIONS,
}
"""What a setting of each type may be, its paths in full."""


@st.composite
def streams(draw: st.DrawFn) -> StreamConfig:
    """Any stream that can be configured, its paths in full."""
    source = draw(READABLE | st.sampled_from(SENDERS))
    chosen = {
        setting.attribute: draw(VALUES[setting.type])
        for setting in STREAM_SETTINGS.values()
        if setting.key not in ("input", "at_end")
    }
    if source.form not in (Form.FILE, Form.SDP, Form.URL):
        chosen["input_options"] = NO_OPTIONS
    if source in SENDERS:
        chosen["on_demand"] = False
    at_end = draw(st.sampled_from(source.form.at_end))
    return StreamConfig(input=source, name="cam", at_end=at_end, **chosen)
