"""
Checks whether the server could listen at its endpoints (I{wiring}).
"""

import os
import socket
from collections.abc import Collection
from errno import EADDRINUSE
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory

from mkvtwist.config.values import ConfigError
from mkvtwist.net.endpoint import TLS_PROBLEMS, check_files, explain


class PortCheck:
    """
    Endpoints, tried one after the other; each is held until all of them are known.
    """

    def __init__(self, held: Collection[str], *, may_be_taken: bool, probe: "PortProbe") -> None:
        """
        @param held: endpoints where this process listens already; their ports are not tried.
        @param may_be_taken: whether another process may listen where this one would.
        """
        self._may_be_taken = may_be_taken
        self._probe = probe
        self._held = {_place(text) for text in held}
        self._given: set[str] = set()

    @property
    def others_may_listen(self) -> bool:
        """Return whether a server may run already, perhaps with more privileges at its start."""
        return self._may_be_taken or bool(self._held)

    def close(self) -> None:
        """Let go of all of them."""
        self._probe.close()

    def problem(self, text: str) -> str | None:
        """Return why the server cannot listen at an endpoint; L{None} if it can."""
        if text in self._given:
            return f"{text!r} is given twice"
        try:
            check_files(text)
            endpoint = serverFromString(self._probe, text)
        except ConfigError as error:
            return str(error)
        except (IndexError, KeyError):
            return f"{text!r}: systemd has handed over no such socket; is there a .socket unit?"
        except Exception as error:  # noqa: BLE001 - endpoint plugins raise whatever they like
            return explain(text, error)
        if _place(text) != ("tcp", "0"):  # which is another one each time
            self._given.add(text)
        if _place(text) in self._held:
            return None
        problems: list[BaseException] = []
        endpoint.listen(Factory()).addErrback(lambda failure: problems.append(failure.value))
        return self._said(text, problems[0]) if problems else None

    def _said(self, text: str, problem: BaseException) -> str | None:
        taken = isinstance(problem, OSError) and problem.errno == EADDRINUSE
        if isinstance(problem, _Inherited) or (taken and self._may_be_taken):
            return None
        if isinstance(problem, TLS_PROBLEMS):
            return explain(text, problem)
        said = problem.strerror if isinstance(problem, OSError) else problem
        if isinstance(problem, PermissionError):
            said = f"{said}; a port below 1024 needs root, or CAP_NET_BIND_SERVICE"
        return f"cannot listen at {text!r}: {said}"


def _place(text: str) -> tuple[str, ...]:
    """
    Return the place that an endpoint takes, as far as can be told: C{("tcp", "8080")}, which TLS
    and IPv6 share.
    """
    kind, *rest = text.split(":")[:2]
    return ("tcp" if kind in ("tcp6", "ssl") else kind, *rest)


class _Inherited(Exception):
    """The socket is there, and listens."""


class PortProbe:
    """
    A reactor that only tries whether it could listen. It holds each place until it is closed, so
    that two endpoints for one place are noticed.
    """

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def close(self) -> None:
        """Let go of all places."""
        for trial in self._held:
            trial.close()

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> None:
        family = socket.AF_INET6 if ":" in interface else socket.AF_INET
        trial = socket.socket(family, socket.SOCK_STREAM)
        self._held.append(trial)
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind((interface, port))
        trial.listen(1)

    def listenSSL(
        self, port: int, factory: Any, contextFactory: Any, interface: str = "", **options: Any
    ) -> None:
        self.listenTCP(port, None, interface=interface)
        contextFactory.getContext()  # finds a key that belongs to another certificate

    def listenUNIX(self, path: str, *args: Any, **options: Any) -> None:
        directory = os.path.dirname(os.path.abspath(path))
        if os.path.exists(path) and not options.get("wantPID"):
            raise OSError(EADDRINUSE, "it exists; remove it, or add :lockfile=1 to have that done")
        if not os.access(directory, os.W_OK):
            raise OSError(0, f"{directory!r} cannot be written to")

    def adoptStreamPort(self, *args: Any) -> None:
        """
        Leave alone a socket that systemd has opened, and that listens already.

        @raise _Inherited: always; else the endpoint would close what it can give only once.
        """
        raise _Inherited
