"""The tests: C{python -m twisted.trial tests}."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in the background of a shell. What the tests start would not hear of it, either.
    signal.signal(signal.SIGINT, signal.default_int_handler)
