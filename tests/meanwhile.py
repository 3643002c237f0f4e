"""A port during one of whose calls something else happens: the moments that no test can time by a clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from conference.errors import OutcomeUnknown
from tests.world import World


class Meanwhile:
    """Something else happens before the first call of `method`; or after it, which then stays `unanswered`."""

    def __init__(self, port: Any, method: str, what: Callable[[], object], *, unanswered: bool = False) -> None:
        self._port, self._method, self._what, self._unanswered = port, method, [what], unanswered

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._port, name)
        return self._interrupted(call) if name == self._method else call

    def _interrupted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def interrupted(*arguments: Any, **named: Any) -> Any:
            first = bool(self._what)
            if first and self._unanswered:
                call(*arguments, **named)
            while self._what:
                self._what.pop()()
            if first and self._unanswered:
                raise OutcomeUnknown("no answer came")
            return call(*arguments, **named)

        return interrupted


def run_some(world: World, most: int) -> int:
    """Run the tasks of the next five minutes, but at most so many; return how many ran."""
    until = world.clock.now() + timedelta(minutes=5)
    for ran in range(most):
        world.deliver()
        due = [held for held in world.queue.waiting() if held.at <= until]
        if not due:
            return ran
        world.clock.set(max(due[0].at, world.clock.now()))
        world.work(due[0])
    return most
