"""Whether what clients saw could have happened one call after the other, each at some instant while it was under way.

Authority: Herlihy and Wing, "Linearizability" (1990); the search is that of Wing and Gong (1993) with Lowe's memory of
what was tried.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

S = TypeVar("S", bound=Hashable)
Line = list[Any]
"""What a client tells of itself as it goes: [its name, the call's number, the instant, the call or the answer]."""

UNKNOWN = "unknown"
"""The answer of a call whose client died before it came: it was done, or will be, or never."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a client: what it asked between two instants, and what it was answered."""

    client: str
    asked: tuple[Any, ...]
    answer: Any
    invoked: float
    returned: float = math.inf


class Model(Protocol[S]):
    """The thing called, as one caller at a time would know it."""

    start: S

    def after(self, state: S, call: Call) -> Iterable[S]:
        """The states in which the call can leave it with that answer; none if it cannot answer so."""


ATTEMPTS = 100_000
"""A history that has an order shows it within some attempts for each call; one that has none could take for ever."""


def unexplained(history: Iterable[Call], model: Model[S]) -> list[Call]:
    """Nothing if the history is linearizable; else the calls that stand where the best attempt came to its end.

    After so many attempts as no right history of the suite comes near, it is taken for one without an order.
    """
    calls = sorted(history, key=lambda call: call.invoked)
    answered = sum(1 << at for at, call in enumerate(calls) if call.answer != UNKNOWN)
    stack: list[tuple[int, S]] = [(0, model.start)]
    tried = set(stack)
    furthest = 0
    while stack and len(tried) < ATTEMPTS:
        placed, state = stack.pop()
        if placed & answered == answered:
            return []
        furthest = max(furthest, placed, key=int.bit_count)
        # What ended first was most often done first: it is put on top of the stack.
        for at in sorted(_may_be_next(calls, placed), key=lambda at: -calls[at].returned):
            for following in model.after(state, calls[at]):
                attempt = (placed | 1 << at, following)
                if attempt not in tried:
                    tried.add(attempt)
                    stack.append(attempt)
    return [calls[at] for at in _may_be_next(calls, furthest)]


def _may_be_next(calls: Sequence[Call], placed: int) -> list[int]:
    """The calls not placed yet that began before every other such call had ended."""
    first_end = math.inf
    found: list[int] = []
    # The lowest bit that is not set: everything before it is placed.
    for at in range((~placed & placed + 1).bit_length() - 1, len(calls)):
        if calls[at].invoked > first_end:
            break
        if not placed >> at & 1:
            found.append(at)
            first_end = min(first_end, calls[at].returned)
    return [at for at in found if calls[at].invoked <= first_end]


def apart(history: Iterable[Call], key: Callable[[Call], str]) -> dict[str, list[Call]]:
    """Histories of things that have nothing to do with each other: the whole is linearizable if each of them is."""
    parts: dict[str, list[Call]] = {}
    for call in history:
        parts.setdefault(key(call), []).append(call)
    return parts


# ---- what clients tell of themselves ---------------------------------------------------------------------------------


class Telling:
    """Tells of each call before it is made and after it is answered; clocks of one machine agree."""

    def __init__(self, client: str, tell: Callable[[Line], object]) -> None:
        self._client, self._tell = client, tell
        self._numbers = itertools.count()

    def call(self, asked: Sequence[Any], make: Callable[[], Any]) -> Any:
        """Make the call; its answer."""
        number = next(self._numbers)
        self._tell([self._client, number, time.monotonic_ns(), list(asked)])
        elsewhere()
        answer = make()
        elsewhere()
        self._tell([self._client, number, time.monotonic_ns(), answer])
        return answer


def elsewhere() -> None:
    """Let another thread go on, so that calls overlap."""
    time.sleep(1e-6)  # zero would rarely be enough for another one to wake up


def heard(lines: Iterable[Line]) -> list[Call]:
    """The history that clients told; a call without an answer is one whose client died."""
    begun: dict[tuple[str, int], Line] = {}
    calls: list[Call] = []
    for line in lines:
        client, number, instant, answer = line
        asked = begun.pop((client, number), None)
        if asked is None:
            begun[client, number] = line
        else:
            calls.append(Call(client, frozen(asked[3]), frozen(answer), asked[2], instant))
    return calls + [Call(client, frozen(asked), UNKNOWN, instant) for client, _, instant, asked in begun.values()]


def frozen(value: Any) -> Any:
    """A JSON value with its lists as tuples."""
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value
