"""
Memory that is given back to the operating system (I{any thread}).
"""

import ctypes


def trim() -> None:
    """
    Have the C library give back what has been freed. glibc keeps most of it otherwise: a ring lies
    in many small pieces. It takes a fifth of a millisecond for each MB, so it is no work for the
    reactor's thread. With a C library that has no C{malloc_trim} nothing happens.
    """
    release = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if release is not None:
        release(0)
