"""The tests: C{python -m twisted.trial tests}."""

import signal

from hypothesis import HealthCheck, settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in the background of a shell. What the tests start would not hear of it, either.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples each time, and nothing that fails because a machine is slow.
settings.register_profile(
    "here", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("here")
