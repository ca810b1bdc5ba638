"""
The tags of a container: its song, and the station that sends it (I{remux thread}).

Sound alone is a song: its title is what is playing. What has pictures has a title of its own. The
title of a radio may change on the way, where libavformat gets it between the bytes (ICY).
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from mkvtwist.libav.adapters import Adapter
from mkvtwist.libav.opening.container_description import ContainerDescription
from mkvtwist.libav.reader_events import Event, Tagged


class Tags:
    """Tells the tags of one opened container, when they are known and when they change."""

    def __init__(
        self,
        container: Any,
        description: ContainerDescription,
        emit: Callable[[Event], None],
        adapters: Collection[Adapter],
    ) -> None:
        """
        @param adapters: those of the tracks that are sent.
        """
        has_pictures = any(adapter.type == "video" for adapter in adapters)
        self._adapters = adapters
        self._description = description
        self._emit = emit
        tags = _tags(container)
        title = tags.get("streamtitle") or tags.get("title", "")
        self._known = Tagged(
            title="" if has_pictures else title,
            artist="" if has_pictures or "streamtitle" in tags else tags.get("artist", ""),
            station=tags.get("icy-name") or (title if has_pictures else ""),
            description=tags.get("icy-description", ""),
            genre=tags.get("icy-genre", ""),
        )
        if self._known != Tagged():
            emit(self._known)

    def look(self) -> None:
        """Look whether another song plays, by a radio's title or by tags between its frames."""
        title, artist = self._description.stream_title() or "", ""
        for adapter in self._adapters:
            if not title and adapter.song is not None:
                title, artist = adapter.song
        if title and (title, artist) != (self._known.title, self._known.artist):
            self._known = self._known.retitled(title, artist)
            self._emit(self._known)


def _tags(container: Any) -> Mapping[str, str]:
    """Return the tags of a container, by their names in lower case; Ogg's belong to its track."""
    is_ogg = container.format.name == "ogg"
    tagged = next(iter(container.streams), container) if is_ogg else container
    return {key.lower(): value for key, value in tagged.metadata.items()}
