"""What may go wrong between a client, Cloud Tasks and a target, on demand: so many times, then all is well again.

https://cloud.google.com/tasks/docs/common-pitfalls
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, fields


@dataclass(slots=True)
class Faults:
    """How often each is still to happen; `shuffled` (0 or 1) holds until it is taken back."""

    delivered_twice: int = 0
    """A task is called a second time while its first call runs."""
    created_unanswered: int = 0
    """A task is taken, and whoever created it is told DEADLINE_EXCEEDED."""
    refused: int = 0
    """A request is not done and answered UNAVAILABLE."""
    shuffled: int = 0
    """Tasks that are due are called in no order."""


class FaultBox:
    """The faults that are to come; safe from any thread."""

    def __init__(self) -> None:
        self._faults = Faults()
        self._lock = threading.Lock()

    def set(self, wanted: dict[str, int]) -> dict[str, int]:
        """Ask for faults by name; what is to come after that. Raises ValueError for what is none."""
        known = {field.name for field in fields(Faults)}
        if not wanted.keys() <= known or any(type(n) is not int or n < 0 for n in wanted.values()):
            raise ValueError(f"faults are numbers by these names: {', '.join(sorted(known))}")
        with self._lock:
            for name, times in wanted.items():
                setattr(self._faults, name, times)
            return asdict(self._faults)

    def strikes(self, name: str) -> bool:
        """Whether this fault is to happen now; then it is to happen once less."""
        with self._lock:
            left: int = getattr(self._faults, name)
            if left:
                setattr(self._faults, name, left - 1)
            return left > 0

    @property
    def shuffled(self) -> bool:
        """Whether tasks go in no order."""
        return self._faults.shuffled > 0
