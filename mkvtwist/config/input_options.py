"""
Options of libavformat that an input is opened with (I{pure}).

libavformat ignores an option that it does not know, or that the input's protocol does not have; a
user who has mistyped one would never learn that. So there is a table of those that mean something,
by the part of libavformat that they belong to. It has no option by which an input could reach other
files or servers than L{mkvtwist.libav.reach} allows.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from mkvtwist.config.input import PASSWORD_MASK, Form, Input
from mkvtwist.config.types import TomlType, ValueType
from mkvtwist.config.values import ConfigError, refuse


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ALWAYS = _names(
    """
    analyzeduration avioflags codec_whitelist correct_ts_overflow cryptokey duration_probesize
    err_detect f_err_detect f_strict fflags formatprobesize fpsprobesize indexmem max_delay
    max_probe_packets max_streams max_ts_probe probesize rtbufsize seek2any
    skip_estimate_duration_from_pts skip_initial_bytes strict use_wallclock_as_timestamps

    fix_teletext_pts max_packet_size merge_pmt_versions resync_size scan_all_pmts skip_unknown_pmt

    activation_bytes advanced_editlist audible_fixed_key audible_iv audible_key decryption_key
    decryption_keys ignore_chapters ignore_editlist interleaved_read max_stts_delta
    seek_streams_individually use_mfra_for use_tfdt

    allowed_extensions allowed_segment_extensions extension_picky http_multiple http_persistent
    http_seekable live_start_index m3u8_hold_counters max_reload prefer_x_start seg_max_retry

    flv_full_metadata flv_ignore_prevtag flv_metadata ignore_length use_odml usetoc

    ch_layout channels framerate ignore_loop loop pattern_type pixel_format raw_packet_size
    sample_rate start_number start_number_range strict_mime_boundary ts_from_file video_size
    default_delay max_gif_delay min_delay
    """
)
"""Options of containers, whichever the input has: of all, MPEG-TS, MP4, HLS, FLV and some, raw."""

_HTTP = _names(
    """
    auth_type content_type cookies end_offset headers http_proxy icy initial_request_size method
    multiple_requests offset post_data reconnect reconnect_at_eof reconnect_delay_max
    reconnect_delay_total_max reconnect_max_retries reconnect_on_http_error
    reconnect_on_network_error reconnect_streamed referer request_size respect_retry_after seekable
    short_seek_size user_agent
    """
)
_TCP = _names(
    """
    local_addr local_port recv_buffer_size send_buffer_size tcp_keepalive tcp_mss tcp_nodelay
    timeout
    """
)
_TLS = _names(
    "ca_file cafile cert cert_file cert_pem key_file key_pem tls_verify verify verifyhost"
)
"""Without C{key}, another name of C{key_file}: in C{crypto:} it is a key, which nobody is shown."""
_UDP = _names(
    """
    buffer_size connect fifo_size local_port localaddr localport overrun_nonfatal pkt_size reuse
    reuse_socket sources timeout udplite_coverage
    """
)
_RTP = _UDP | _names(
    """
    allowed_media_types block dscp local_rtcpport local_rtpport localrtcpport localrtpport
    reorder_queue_size rtcp_port rtcpport rtp_flags sdp_flags srtp_in_params srtp_in_suite ttl
    """
)
_RTSP = _names("initial_pause max_port min_port rtsp_flags rtsp_transport user_agent")
_RTMP = _names(
    """
    rtmp_app rtmp_buffer rtmp_conn rtmp_flashver rtmp_live rtmp_pageurl rtmp_playpath
    rtmp_subscribe rtmp_swfhash rtmp_swfsize rtmp_swfurl rtmp_swfverify rtmp_tcurl
    """
)
_FILE = _names("follow pkt_size seekable")

_OPTIONS_BY_SCHEME: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        **dict.fromkeys(("http", "https"), _HTTP | _TLS | _TCP),
        **dict.fromkeys(("rtsp", "rtsps"), _RTSP | _RTP | _TLS | _TCP),
        **dict.fromkeys(
            ("rtmp", "rtmps", "rtmpe", "rtmpt", "rtmpte", "rtmpts"), _RTMP | _TLS | _TCP
        ),
        **dict.fromkeys(("rtp", "srtp", "sap"), _RTP),
        **dict.fromkeys(("udp", "udplite"), _UDP),
        "tcp": _TCP,
        "tls": _TLS | _TCP,
        "unix": _names("pkt_size timeout type"),
        "ftp": _TCP | _names("ftp-anonymous-password ftp-password ftp-user"),
        "file": _FILE,
        "crypto": _names("decryption_iv decryption_key iv key"),
    }
)
"""
The options that libavformat hands to the protocols of a URL, by its scheme; any other may have all.
The protocols that a URL may reach are another matter (L{mkvtwist.libav.reach.whitelists}).
"""

_ALL = _ALWAYS | _FILE | frozenset().union(*_OPTIONS_BY_SCHEME.values())

_LISTEN = "write ?listen=1 at the end of the URL"
_REACH = "mkvtwist decides what an input may open beside itself"

_REFUSED: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("protocol_whitelist", "protocol_blacklist", "format_whitelist"), _REACH),
        **dict.fromkeys(
            ("enable_drefs", "use_absolute_path", "safe", "seg_format_options"), _REACH
        ),
        "max_redirects": _REACH,
        **dict.fromkeys(("listen", "listen_timeout", "rtmp_listen"), _LISTEN),
    }
)
"""Options that libavformat has and that are not possible here, and the reasons."""

_FLAGS: Mapping[str, tuple[frozenset[str], str]] = MappingProxyType(
    {
        "rtsp_flags": (
            _names("filter_src prefer_tcp satip_raw"),
            f"listen is not possible: {_LISTEN}",
        ),
        "sdp_flags": (
            _names("filter_src rtcp_to_source"),
            f"custom_io is not possible: {_REACH}",
        ),
    }
)
"""The flags that are possible, by their option, and why another one is not."""

_SECRET = _names(
    """
    activation_bytes audible_fixed_key audible_iv audible_key cookies cryptokey decryption_key
    decryption_keys ftp-anonymous-password ftp-password headers http_proxy key key_pem post_data
    rtmp_app rtmp_conn rtmp_playpath rtmp_subscribe rtmp_tcurl srtp_in_params
    """
)
"""Options whose values nobody is shown: passwords, keys, tokens, and what may hold some."""


_FILES = _names("ca_file cafile cert cert_file key_file")
"""Options whose values are the paths of files."""


@dataclass(frozen=True, slots=True)
class InputOptions:
    """
    Options with their values, in libavformat's words.

    @ivar items: in the order of their names.
    """

    items: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """Return the options as anyone may see them."""
        return ", ".join(f"{key}={value}" for key, value in self.table(secrets=False).items())

    @property
    def files(self) -> tuple[str, ...]:
        """The files that the options name: certificates and keys."""
        return tuple(os.path.abspath(value) for key, value in self.items if key in _FILES)

    def table(self, *, secrets: bool) -> dict[str, str]:
        """
        Return the options as their table in a file.

        @param secrets: whether secret values are shown, too.
        """
        return {
            key: PASSWORD_MASK if key in _SECRET and not secrets else value
            for key, value in self.items
        }


NO_OPTIONS = InputOptions()


def parse_option(option: str, text: str) -> InputOptions:
    """
    Return the option that is given on the command line as C{KEY=VALUE}.

    @raise ConfigError: for anything else, and for an option that cannot be given.
    """
    key, equals, value = text.partition("=")
    if not (key and equals):
        refuse(option, text, "KEY=VALUE, such as rtsp_transport=tcp")
    return parse_options(option, {key: value})


def parse_options(option: str, table: Mapping[str, Any]) -> InputOptions:
    """
    Return the options of a table.

    @raise ConfigError: with a line for each that cannot be given.
    """
    made, problems = {}, []
    for key, value in table.items():
        text = str(int(value) if isinstance(value, bool) else value)
        problem = _problem(key, value, text)
        if problem:
            problems.append(f"{option}: {key!r}: {problem}")
        # Without a sign the flags that libavformat and PyAV have set themselves would be lost.
        made[key] = f"+{text}" if key == "fflags" and text[:1] not in ("+", "-") else text
    if problems:
        raise ConfigError(*problems)
    return InputOptions(tuple(sorted(made.items())))


def _problem(key: str, value: object, text: str) -> str:
    """Return why an option cannot be given; empty if it can."""
    if key in _REFUSED:
        return f"not possible: {_REFUSED[key]}"
    if key not in _ALL:
        likely = get_close_matches(key, _ALL, 1)
        hint = f"; did you mean {likely[0]}?" if likely else ""
        return f"an input of libavformat has no such option{hint}"
    if not isinstance(value, str | int | float) or not text or "\0" in text:
        return "its value is not text, a number, true or false"
    if key in _SECRET and text == PASSWORD_MASK:
        return "give the value itself: what is shown is masked"
    possible, reason = _FLAGS.get(key, (None, ""))
    # A number, or "all", would have any of them.
    if possible is not None and not possible.issuperset(re.findall("[^+-]+", text)):
        return f"{reason}; there are {', '.join(sorted(possible))}"
    return ""


def check_options(option: str, options: InputOptions, source: Input) -> None:
    """
    Check whether an input can have its options.

    @raise ConfigError: with a line for each that it cannot have.
    """
    if not options.items:
        return
    if source.form not in (Form.FILE, Form.SDP, Form.URL):
        raise ConfigError(
            f"{option}: not possible for {source.form.value} input; only for files and URLs"
        )
    known = _known(source)
    kind = source.text.partition("://")[0] if source.form is Form.URL else "a file"
    problems = [
        f"{option}: {key!r}: {kind} has no such option"
        for key, _ in options.items
        if key not in known
    ]
    if problems:
        raise ConfigError(*problems)


def _known(source: Input) -> frozenset[str]:
    """Return the options that an input may have."""
    if source.form is Form.FILE:
        return _ALWAYS | _FILE
    if source.form is Form.SDP:
        return _ALWAYS | _FILE | _RTP
    scheme = source.text.partition("://")[0].lower()
    return _ALWAYS | _OPTIONS_BY_SCHEME.get(scheme, _ALL)


def _placed(options: InputOptions, directory: str) -> InputOptions:
    """Return options whose files do not depend on the working directory."""
    return InputOptions(
        tuple(
            (key, os.path.join(directory, value) if key in _FILES else value)
            for key, value in options.items
        )
    )


def _joined(options: Iterable[InputOptions]) -> InputOptions:
    """Return the options of an option that was given several times."""

    def items() -> Iterator[tuple[str, str]]:
        for one in options:
            yield from one.items

    return InputOptions(tuple(sorted(dict(items()).items())))


INPUT_OPTIONS = ValueType(
    TomlType.OPTIONS,
    "KEY=VALUE",
    parse_option,
    {
        "type": "object",
        "additionalProperties": {"type": ["string", "number", "boolean"]},
    },
    place=_placed,
    parse_table=parse_options,
    join=_joined,
)
