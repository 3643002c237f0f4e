"""The handlers of a script, each under a stable name: the name is kept, never the code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from functions.script.errors import HandlerNotFound

Handler = Callable[..., Any]
H = TypeVar("H", bound=Handler)


class Registry:
    """Handlers by name."""

    def __init__(self) -> None:
        self._named: dict[str, Handler] = {}

    @overload
    def handler(self, name: H) -> H: ...

    @overload
    def handler(self, name: str | None = None) -> Callable[[H], H]: ...

    def handler(self, name: H | str | None = None) -> H | Callable[[H], H]:
        """Register a function, under its own name or the given one. Raises ValueError if another has that name."""
        if callable(name):
            return self._register(name.__name__, name)
        return lambda function: self._register(name or function.__name__, function)

    def resolve(self, handler: Handler | str) -> str:
        """The registered name that `handler` stands for: a name, or the function itself. Raises HandlerNotFound."""
        if callable(handler):
            name = self.name_of(handler)
            if name is None:
                raise HandlerNotFound(getattr(handler, "__name__", "?"))
            return name
        if self.find(handler) is None:
            raise HandlerNotFound(handler)
        return handler

    def find(self, name: str) -> Handler | None:
        """The handler of this name."""
        return self._named.get(name)

    def name_of(self, function: Handler) -> str | None:
        """The name that a function was registered under."""
        return next((name for name, known in self._named.items() if known is function), None)

    def _register(self, name: str, function: H) -> H:
        if self._named.setdefault(name, function) is not function:
            raise ValueError(f"there is a handler named {name!r} already; give this one another name")
        return function
