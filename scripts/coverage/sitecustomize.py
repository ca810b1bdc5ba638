"""Lets a C{twistd} that the tests start keep its coverage when a signal has stopped it.

C{twistd} ends as other Unix programs do: when it has shut down in order, it restores the signal's
default action and sends itself the same signal again. Nothing at exit runs after that, so the
figures are saved just before. Python imports a module of this name at its start; C{scripts/test}
puts this folder on the path, nothing else does.
"""

import os

try:
    from coverage import Coverage
except ImportError:  # another Python than the checkout's: nothing is measured there
    pass
else:
    kill = os.kill

    def kill_after_saving(pid: int, signal: int) -> None:
        """Save, when it is this process that is about to die; signal 0 only asks for it."""
        current = Coverage.current()
        if current is not None and pid == os.getpid() and signal:
            current.save()
        kill(pid, signal)

    os.kill = kill_after_saving
