"""
C{SIGHUP}: the configuration is read again (I{reactor}).
"""

import signal
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.logger import Logger

from mkvtwist.config.values import ConfigError
from mkvtwist.server import systemd


class Hangup(Service):
    """Reloads the configuration whenever the process gets C{SIGHUP}, as long as it runs."""

    _log = Logger()

    def __init__(self, reactor: Any, reload: Callable[[], None]) -> None:
        """
        @param reload: called in the reactor's thread; raises L{ConfigError} if nothing has changed.
        """
        self._reactor = reactor
        self._reload = reload
        self._before: Any = None

    def startService(self) -> None:
        """Take the signal over."""
        super().startService()
        # It may come at any moment, in the middle of anything.
        self._before = signal.signal(
            signal.SIGHUP, lambda *_: self._reactor.callFromThread(self._hung_up)
        )

    def stopService(self) -> None:
        """Give the signal back."""
        super().stopService()
        signal.signal(signal.SIGHUP, self._before or signal.SIG_DFL)

    def _hung_up(self) -> None:
        if not self.running:
            return
        systemd.reloading()
        try:
            self._reload()
        except ConfigError as error:
            for line in error.args:
                self._log.error("{line}", line=line)
            self._log.error("the configuration has mistakes: nothing has changed")
        finally:
            systemd.notify(READY=1)
