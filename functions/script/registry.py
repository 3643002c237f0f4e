"""The handlers of a script, each under a stable name: the name is kept, never the code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, overload

from functions.script.changes import Filters
from functions.script.errors import HandlerNotFound

Handler = Callable[..., Any]
H = TypeVar("H", bound=Handler)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """A trigger declared beside its handler: on a calendar, or by the calls of a clock's builder."""

    handler: str = ""
    calendar: str = "primary"
    filters: Filters = Filters()  # noqa: RUF009 - frozen and without state
    calls: Mapping[str, Any] | None = None


class Registry:
    """Handlers by name, the triggers declared beside them, and who is told when something is given up."""

    def __init__(self) -> None:
        self._named: dict[str, Handler] = {}
        self._declared: dict[str, Declaration] = {}
        self._hooks: list[Handler] = []
        self._summary_hooks: list[Handler] = []

    @property
    def declarations(self) -> Mapping[str, Declaration]:
        """The declared triggers, by names that stay the same as long as what they stand beside does."""
        return dict(self._declared)

    @property
    def failure_hooks(self) -> tuple[Handler, ...]:
        """Who is told when a change or a run is given up."""
        return tuple(self._hooks)

    @property
    def summary_hooks(self) -> tuple[Handler, ...]:
        """Who is told of a day's failures."""
        return tuple(self._summary_hooks)

    def declare(self, function: H, name: str | None, declaration: Declaration) -> H:
        """Register a function, and a trigger that calls it; a second one of the same handler has a name of its own."""
        named: str = name or function.__name__
        self._register(named, function)
        count = sum(1 for one in self._declared.values() if one.handler == named)
        key = f"{named}#{count + 1}" if count else named
        self._declared[key] = replace(declaration, handler=named)
        return function

    def on_failure(self, hook: H) -> H:
        """Register who is called with a Failure after the last attempt."""
        if hook not in self._hooks:
            self._hooks.append(hook)
        return hook

    def on_summary(self, hook: H) -> H:
        """Register who is called with a Summary once a day, for each user with failures."""
        if hook not in self._summary_hooks:
            self._summary_hooks.append(hook)
        return hook

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
        return next((name for name, known in self._named.items() if known == function), None)

    def _register(self, name: str, function: H) -> H:
        if self._named.setdefault(name, function) != function:
            raise ValueError(f"there is a handler named {name!r} already; give this one another name")
        return function


HANDLERS = Registry()
"""What `@script.handler` and its kin fill while the modules of a script are imported; a project is given it."""

handler = HANDLERS.handler
on_failure = HANDLERS.on_failure
on_summary = HANDLERS.on_summary
