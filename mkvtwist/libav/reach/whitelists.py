"""
The files and servers that an input may reach beside its own bytes (I{remux thread}).

Some formats name other files and servers (a playlist, a list of files, a session description), and
libavformat opens whatever they name. The rules:

 1. Bytes from a sender reach nothing: no protocol is allowed, and no format that refers to others.
 2. A file reaches files, and only if its name says that it has others: C{.m3u8}, C{.ffconcat},
    C{.idx}. A session description, C{.sdp}, reaches the network, since RTP is what it is for.
 3. A URL reaches the protocols that its scheme is built on, never files. Over HTTP it may be a
    playlist of HLS.
 4. A playlist reaches no nearer address than the operator's URL has: one from the internet names
    no machine of the local network, and none but the machine itself names that one.
    L{mkvtwist.libav.reach.remote_playlists} sees to that.
"""

import posixpath
from collections.abc import Mapping
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
        # libavdevice: devices, which no probe finds, but a name could.
        *("alsa", "android_camera", "avfoundation", "bktr", "caca", "decklink", "dshow", "fbdev"),
        *("gdigrab", "iec61883", "jack", "kmsgrab", "libcdio", "libdc1394", "openal", "oss"),
        *("pulse", "sndio", "v4l2", "vfwcap", "video4linux2", "x11grab", "xcbgrab"),
    }
)
"""Formats whose bytes name other files to open, or that are no files at all."""

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
"""The format that an operator's file may be, and the protocols that it may use, by its ending."""

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
"""The protocols of libavformat that a URL takes, by its scheme."""

_FORMAT_BY_SCHEME: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("rtsp", "rtsps"), "rtsp"),
        **dict.fromkeys(("rtp", "srtp"), "rtp"),
        "sap": "sap",
    }
)
"""The format that a URL stands for, by its scheme."""


@cache
def _formats(*more: str) -> str:
    """Return libavformat's list of all formats but those that refer to others, and these."""
    names = {name for names in formats_available for name in names.split(",")}
    return ",".join(sorted(names - _REFERRING - _PICTURES | set(more)))


def whitelists_for_bytes() -> dict[str, str]:
    """Return libavformat's options for bytes from a sender."""
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
    more = [_FORMAT_BY_SCHEME[scheme]] if scheme in _FORMAT_BY_SCHEME else []
    if is_http(url):
        more += ["hls", "dash"] if lists else []
        if urlsplit(url).path.lower().endswith(".sdp"):
            more.append("sdp")
            protocols += ",rtp,srtp,udp"
    return {"protocol_whitelist": protocols, "format_whitelist": _formats(*more)}


def is_http(url: str) -> bool:
    """Return whether a URL's scheme is one of HTTP's."""
    return url.partition("://")[0].lower() in ("http", "https")
