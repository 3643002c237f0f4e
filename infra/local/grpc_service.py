"""A service of Google's that is played at a port of this machine, with trouble on demand."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Self

import grpc

from infra.local.grpc_port import GrpcPort, Refusal, unary

Method = tuple[str, Callable[[Any], Any], Any, Callable[[Any], bytes]]
"""A method's name, what does it, the type that it is asked with, and what writes its answer."""


class PlayedService(ABC):
    """The service `name` at `port` (0: a free one) while it is entered; `target` is where clients find it.

    One request is answered at a time. `calls` counts them by their methods. `faults` may be set by name to how often
    each is still to happen: "unavailable" (answered so), "silent" (DEADLINE_EXCEEDED), and what else the service knows.
    While `denied`, nobody has a right.
    """

    def __init__(self, name: str, port: int) -> None:
        self._name = name
        self._wanted = port
        self._lock = threading.Lock()
        self.faults: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.denied = False

    def __enter__(self) -> Self:
        methods = {
            name: unary(self._guarded(name, method), request, write) for name, method, request, write in self._methods()
        }
        self._port = GrpcPort(self._name, methods, self._wanted)
        return self

    def __exit__(self, *_: object) -> None:
        self._port.close()

    @property
    def target(self) -> str:
        """Where clients find it, as gRPC says it."""
        return f"127.0.0.1:{self._port.port}"

    @abstractmethod
    def _methods(self) -> Iterable[Method]:
        """All that it does."""

    def _guarded(self, name: str, method: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def answer(asked: Any) -> Any:
            with self._lock:
                self.calls[name] += 1
                if self.denied:
                    raise Refusal(grpc.StatusCode.PERMISSION_DENIED, f"Permission for {name} denied on resource.")
                if self._strikes("unavailable"):
                    raise Refusal(grpc.StatusCode.UNAVAILABLE, "The service is currently unavailable.")
                if self._strikes("silent"):
                    raise Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline exceeded.")
                return method(asked)

        return answer

    def _strikes(self, fault: str) -> bool:
        """Whether this fault is to happen now; then it is to happen once less."""
        if self.faults[fault] <= 0:
            return False
        self.faults[fault] -= 1
        return True
