"""
Files with secrets that the configuration names (I{any}).
"""

from mkvtwist.config.values import ConfigError, unusable

FILE_LIMIT = 16 << 20
"""Bytes of a file of tokens or users: 200,000 users."""


def read_file(path: str, most: int = FILE_LIMIT) -> bytes:
    """
    Return the content of a file that the configuration names.

    @param most: bytes that the file may have; a device has no end.
    @raise ConfigError: if the file cannot be read, or has more.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(most + 1)
    except (OSError, ValueError) as error:
        raise ConfigError(unusable(path, error)) from None
    if len(content) > most:
        raise ConfigError(f"{path!r} has more than {most} bytes; name another file")
    return content
