"""A store that does what it is told, and once does not say so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from conference.errors import OutcomeUnknown
from functions.ports import Delete, Put

Writes = Sequence[Put | Delete]


class Unanswered:
    """The store; nobody hears of its first commit that `concerns` them."""

    def __init__(self, store: Any, concerns: Callable[[Writes], bool] = bool) -> None:
        self._store, self._concerns = store, concerns
        self.lost = False
        """Whether an answer was lost yet."""

    def commit(self, *writes: Put | Delete) -> Any:
        """Commit. Raises OutcomeUnknown the first time."""
        done = self._store.commit(*writes)
        if not self.lost and self._concerns(writes):
            self.lost = True
            raise OutcomeUnknown("no answer from the store")
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)
