"""
The files and servers that an input may reach beside its own bytes (I{remux thread}).

Some formats name other files and servers (a playlist, a list of files, a session description), and
libavformat opens whatever they name. The rules:

 1. Bytes that somebody sends reach nothing: no protocol is allowed, and no format that refers to
    others.
 2. A file reaches files, and only if its name says that it has others: C{.m3u8}, C{.ffconcat},
    C{.idx}. A session description, C{.sdp}, reaches the network, since RTP is what it is for.
 3. A URL reaches the protocols that its scheme is built on, never files. Over HTTP it may be a
    playlist of HLS.
 4. A playlist reaches no nearer address than the operator's URL has: one from the internet names
    no machine of the local network, and none but the machine itself names that one.
    L{mkvtwist.libav.playlist_fetcher} sees to that.
"""

import ipaddress
import posixpath
import socket
from collections.abc import Mapping
from contextlib import suppress
from enum import IntEnum
from functools import cache
from types import MappingProxyType
from urllib.parse import urlsplit

from av.format import formats_available

_PICTURES = frozenset({"alias_pix", "brender_pix", "image2"})
"""Formats that are known by the input's name alone, and open what it stands for: C{%03d.jpg}."""

_REFERRING = frozenset(
    {
        *("concat", "dash", "hls", "imf", "rtp", "rtsp", "sap", "sdp", "tedcaptions", "whip"),
        *("mlv", "vobsub", "webm_dash_manifest", "lavfi", "avisynth", "vapoursynth", "dvdvideo"),
        # libavdevice: what is plugged in, which no probe finds, but a name could.
        *("alsa", "android_camera", "avfoundation", "bktr", "caca", "decklink", "dshow", "fbdev"),
        *("gdigrab", "iec61883", "jack", "kmsgrab", "libcdio", "libdc1394", "openal", "oss"),
        *("pulse", "sndio", "v4l2", "vfwcap", "video4linux2", "x11grab", "xcbgrab"),
    }
)
"""Formats whose bytes say what else is opened, or that are no files at all."""

_LISTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        ".m3u8": ("hls", "file,crypto,data"),
        ".m3u": ("hls", "file,crypto,data"),
        ".mpd": ("dash", "file,crypto,data"),
        ".ffconcat": ("concat", "file"),
        ".concat": ("concat", "file"),
        ".idx": ("vobsub", "file"),
        ".mlv": ("mlv", "file"),
        ".sdp": ("sdp", "file,rtp,srtp,udp"),
    }
)
"""By the ending of an operator's file: the format that it may be, and the protocols it may use."""

_HTTP = "http,https,httpproxy,tls,tcp"
_RTMP = "rtmp,rtmpe,rtmps,rtmpt,rtmpte,rtmpts,ffrtmpcrypt,ffrtmphttp,http,https,tls,tcp"
_RTSP = f"rtp,srtp,udp,{_HTTP}"
_BUILT_ON: Mapping[str, str] = MappingProxyType(
    {
        "http": f"{_HTTP},crypto,data",
        "https": f"{_HTTP},crypto,data",
        **dict.fromkeys(("rtmp", "rtmpe", "rtmps", "rtmpt", "rtmpte", "rtmpts"), _RTMP),
        **dict.fromkeys(("rtsp", "rtsps"), _RTSP),
        **dict.fromkeys(("rtp", "srtp", "sap"), "rtp,srtp,udp"),
        **dict.fromkeys(("ipfs", "ipns"), f"ipfs,ipns,{_HTTP}"),
        "mmsh": f"mmsh,{_HTTP}",
        "rtmfp": "rtmfp,udp",
    }
)
"""By a URL's scheme: the protocols of libavformat that it takes."""

_BY_SCHEME: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("rtsp", "rtsps"), "rtsp"),
        **dict.fromkeys(("rtp", "srtp"), "rtp"),
        "sap": "sap",
    }
)
"""By a URL's scheme: the format that stands for it."""


@cache
def _formats(*more: str) -> str:
    """Every format but those that refer to others, and these: libavformat's list of names."""
    names = {name for names in formats_available for name in names.split(",")}
    return ",".join(sorted(names - _REFERRING - _PICTURES | set(more)))


def whitelists_for_bytes() -> dict[str, str]:
    """Return libavformat's options for bytes that come from somebody."""
    return {"protocol_whitelist": "", "format_whitelist": _formats()}


def whitelists_for_file(path: str) -> dict[str, str]:
    """Return libavformat's options for an operator's file."""
    ending = posixpath.splitext(path)[1].lower()
    format_, protocols = _LISTS.get(ending, ("", "file"))
    formats = _formats(*_PICTURES, *filter(None, [format_]))
    return {"protocol_whitelist": protocols, "format_whitelist": formats}


def whitelists_for_url(url: str, *, lists: bool) -> dict[str, str]:
    """
    Return libavformat's options for an operator's URL.

    @param lists: whether it may be a playlist of HLS, if its scheme allows for one.
    """
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    if scheme == "file":
        return whitelists_for_file(rest)
    protocols = _BUILT_ON.get(scheme)
    if protocols is None:
        # What wraps another one is written with a plus sign: crypto+http.
        parts = scheme.split("+")
        built = [_BUILT_ON[part] for part in parts if part in _BUILT_ON]
        protocols = ",".join([*parts, *built, "tls,tcp,udp"])
    more = [_BY_SCHEME[scheme]] if scheme in _BY_SCHEME else []
    if is_http(url):
        more += ["hls", "dash"] if lists else []
        if urlsplit(url).path.lower().endswith(".sdp"):
            more.append("sdp")
            protocols += ",rtp,srtp,udp"
    return {"protocol_whitelist": protocols, "format_whitelist": _formats(*more)}


def is_http(url: str) -> bool:
    """Whether a URL's scheme is one of HTTP's."""
    return url.partition("://")[0].lower() in ("http", "https")


# -- Addresses ----------------------------------------------------------------


class Scope(IntEnum):
    """A distance: a playlist reaches addresses that are at least as far as its own."""

    MACHINE = 0
    """This machine: loopback, and its own addresses."""
    LINK = 1
    """The machines on the same wire."""
    PRIVATE = 2
    """Networks that the internet does not reach (RFC 1918, RFC 4193, RFC 6598)."""
    WORLD = 3


_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 addresses as NAT64 writes them (RFC 6052)."""


def scope_of(address: str) -> Scope:
    """
    Return how near an address is.

    @param address: as C{getaddrinfo} writes it; C{fe80::1%eth0} may have a zone.
    """
    found: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        hidden = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if found in _TRANSLATED:
            hidden = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        found = hidden or found
    if found.is_loopback or found.is_unspecified or found.is_multicast or _is_own(str(found)):
        return Scope.MACHINE
    if found.is_link_local:
        return Scope.LINK
    return Scope.WORLD if found.is_global else Scope.PRIVATE


def _is_own(address: str) -> bool:
    """Whether it is one of this machine's: what is sent there comes from the same address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as line:
        line.connect((address, 9))  # UDP: nothing is sent
        return bool(line.getsockname()[0] == address)
    return False


def scope_of_host(host: str) -> Scope:
    """
    Return how near a host is: the nearest of its addresses.

    @raise OSError: when its name cannot be found.
    """
    return min(scope_of(str(found[4][0])) for found in socket.getaddrinfo(host, None))
