"""
Memory that is given back to the operating system (I{any thread}).
"""

import ctypes
from typing import Any


def trim(library: Any = None) -> bool:
    """
    Have the C library give back what has been freed. glibc keeps most of it otherwise: a ring lies
    in many small pieces. It takes a fifth of a millisecond for each MB, so it is no work for the
    reactor's thread.

    @param library: the C library; by default the one of this process.
    @return: whether the library has a function for that (C{malloc_trim}).
    """
    release = getattr(library or ctypes.CDLL(None), "malloc_trim", None)
    if release is None:
        return False
    release(0)
    return True
