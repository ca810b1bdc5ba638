"""
The exception for a track, or an input, that cannot be sent (I{pure}).
"""


class Unusable(Exception):
    """A track, or an input, that cannot be sent. The text says why, for the log and C{/status}."""
