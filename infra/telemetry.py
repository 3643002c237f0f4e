"""Makes the telemetry that the settings ask for, and lets the ground's ports tell of each call that goes through them.

OpenTelemetry is imported where it is switched on, and nowhere else: a cold start does not pay for what nobody reads.
"""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar, cast

from conference.errors import LockstepError
from functions.telemetry import CALLS, NoSpan, NoTelemetry, Span, Telemetry, called
from functions.tracing import Trace

if TYPE_CHECKING:
    from functions.ground import Ground
    from functions.ports import Queue, Store
    from infra.settings import Settings

T = TypeVar("T")

STORE = ("get", "commit", "query")
QUEUE = ("add",)
CALENDAR = (
    *("calendar", "changes", "get", "whole", "find", "upcoming"),
    *("insert", "patch", "delete", "watch", "stop"),
)
PROVIDER = ("create", "find", "get", "update", "delete", "list")


class Quiet(NoTelemetry):
    """Records nothing; but who brings no trace is given one, so that the log's lines can be followed."""

    def trace(self) -> Trace:
        """A new trace that is not recorded."""
        return Trace(secrets.token_hex(16), secrets.token_hex(8))


def telemetry(settings: Settings) -> Telemetry:
    """What the settings ask for."""
    if settings.telemetry == "off":
        return Quiet()
    from infra.otlp import Otlp  # noqa: PLC0415 - a third of a second, for those who want it

    return Otlp.to(settings)


def told_store(store: Store, listener: Telemetry) -> Store:
    """The store, of whose calls `listener` hears."""
    return told(store, "store", STORE, listener, spans=False)


def told_queue(queue: Queue, listener: Telemetry) -> Queue:
    """The queue, of whose calls `listener` hears."""
    return told(queue, "queue", QUEUE, listener, spans=False)


def told_outside(ground: Ground, listener: Telemetry) -> Ground:
    """The ground, of whose calls to the calendar and to the providers `listener` hears, and of its work too."""
    providers = {
        name: told(provider, f"provider:{name}", PROVIDER, listener) for name, provider in ground.providers.items()
    }
    calendar = told(ground.calendar, "calendar", CALENDAR, listener)
    return dataclasses.replace(ground, calendar=calendar, providers=providers, telemetry=listener)


def told(port: T, to: str, calls: Iterable[str], listener: Telemetry, *, spans: bool = True) -> T:
    """`port`, of whose `calls` `listener` hears; everything else is as it is.

    The methods stand on a class, for that is where isinstance looks for those of a protocol.
    """
    telling = _counting if isinstance(listener, NoTelemetry) else _telling(listener, spans=spans)
    methods = {call: telling(to, call) for call in calls if hasattr(port, call)}
    kind = type(f"Told{type(port).__name__}", (_Told,), methods)
    return cast("T", kind(port))


class _Told:
    """Stands before a port."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


def _counting(to: str, call: str) -> Callable[..., Any]:
    def method(self: _Told, *arguments: Any, **named: Any) -> Any:
        called(to)
        return getattr(self._port, call)(*arguments, **named)

    return method


def _telling(listener: Telemetry, *, spans: bool) -> Callable[[str, str], Callable[..., Any]]:
    def telling(to: str, call: str) -> Callable[..., Any]:
        kind, _, name = to.partition(":")
        facts = {"provider": name} if name else {}

        def span() -> AbstractContextManager[Span]:
            return listener.span(f"{kind}.{call}", kind="client", **facts) if spans else nullcontext(NoSpan())

        def method(self: _Told, *arguments: Any, **named: Any) -> Any:
            called(to)
            began, outcome = time.perf_counter(), "ok"
            try:
                with span():
                    return getattr(self._port, call)(*arguments, **named)
            except LockstepError as error:
                outcome = type(error).__name__
                raise
            except BaseException:
                outcome = "error"
                raise
            finally:
                listener.tell(CALLS, time.perf_counter() - began, to=to, call=call, outcome=outcome)

        return method

    return telling
