"""
Names of the signals by which processes end (I{pure}).
"""

import signal


def signal_name(number: int) -> str:
    """Return the name of a signal, such as C{SIGKILL}; a real-time signal has a number only."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
