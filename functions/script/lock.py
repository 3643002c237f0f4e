"""Locks that keep a script's runs from working on the same thing at once.

Authority: https://developers.google.com/apps-script/reference/lock
A lock is a lease in a document: whoever died with it loses it when the lease ends. Each acquisition raises the fence,
by which a latecomer can be told from the present holder.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Self

import msgspec

from conference.decoding import from_plain
from conference.errors import Conflict, LockstepError, OutcomeUnknown
from functions.ports import Document, Put
from functions.script import context, keeping
from functions.script.errors import BadArgument, LockTimeout
from functions.script.keeping import Owner

COLLECTION = "locks"
LEASE = 6 * 60.0
"""Seconds; as long as Apps Script lets a run last. `renew` makes it last longer."""
PATIENCE = 30_000
"""Milliseconds that `with lock:` waits."""
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5


class _Held(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a lock; it is never deleted, so that the fence never starts anew."""

    fence: int = 0
    holder: str = ""
    until: float = 0.0


_held = from_plain(_Held)


class Lock:
    """A lock that nobody holds until it is asked for. It is let go when the run ends, however it ends.

    Two objects of one scope are two rivals, in one run too. `fence` is the number of the last acquisition.
    """

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._ground = owner.project.ground
        self._key = owner.key(COLLECTION)
        self._name = self._ground.new_secret()
        self._until = 0.0
        self._watched = False
        self.fence = 0

    def try_lock(self, timeout: float | timedelta) -> bool:
        """Acquire it within so many milliseconds, and say whether that was so; 0 tries once."""
        seconds = _seconds(timeout, "Lock.try_lock")
        began, waited, pause = self._ground.now(), 0.0, FIRST_PAUSE
        context.check_time()
        while not self.has_lock() and not self._acquire():
            left = seconds - max(waited, self._ground.now() - began)
            if left <= 0:
                return False
            self._owner.project.wait(min(pause, left))
            waited += min(pause, left)
            pause = min(2 * pause, LONGEST_PAUSE)
            context.check_time()
        return True

    def wait_lock(self, timeout: float | timedelta) -> None:
        """Acquire it within so many milliseconds. Raises LockTimeout. Returns nothing, so it cannot be chained."""
        if not self.try_lock(timeout):
            raise LockTimeout

    def has_lock(self) -> bool:
        """Whether it was acquired, has not been released, and its lease still runs."""
        return self._ground.now() < self._until

    def renew(self) -> bool:
        """Begin the lease anew; False if it was lost meanwhile."""
        context.check_time()
        return self.has_lock() and self._acquire()

    def release_lock(self) -> None:
        """Let it go; no effect if it is not held. When the store cannot be reached, the lease's end does it."""
        if not self._until:
            return
        self._until = 0.0
        with suppress(LockstepError):
            keeping.settle(self._owner.project, self._key, self._let_go)

    def __enter__(self) -> Self:
        self.wait_lock(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self.release_lock()

    # ---- The lease --------------------------------------------------------------------------

    def _acquire(self) -> bool:
        """One attempt, which another's at the same moment may win."""
        # Before it is asked for: the run's time may be over once it is held.
        self._watch()
        document = self._ground.store.get(self._key)
        held, now = _decode(document), self._ground.now()
        mine = held.holder == self._name
        if not mine and now < held.until:
            return False
        taken = _Held(held.fence if mine and now < held.until else held.fence + 1, self._name, now + LEASE)
        if not self._commit(taken, document):
            return False
        self._until, self.fence = taken.until, taken.fence
        return True

    def _commit(self, taken: _Held, document: Document | None) -> bool:
        try:
            self._ground.store.commit(self._put(taken, document))
        except Conflict:
            return False
        except OutcomeUnknown:
            # Nobody else bears this name, so what stands there now tells.
            return _decode(self._ground.store.get(self._key)) == taken
        return True

    def _let_go(self, document: Document | None) -> list[Put] | None:
        held = _decode(document)
        return [self._put(_Held(held.fence), document)] if held.holder == self._name else None

    def _put(self, held: _Held, document: Document | None) -> Put:
        kept = {**self._owner.fields(), **msgspec.to_builtins(held)}
        return Put(self._key, kept, keeping.version(document))

    def _watch(self) -> None:
        """Have it released at the end of the run."""
        execution = context.scope().execution
        if execution is not None and not self._watched:
            execution.at_end.append(self.release_lock)
            self._watched = True


def get_script_lock() -> Lock:
    """Across all users of the script. Raises NotRunning."""
    return Lock(keeping.of_script())


def get_user_lock() -> Lock:
    """Among the effective user's own runs. Raises NotRunning, NoUser."""
    return Lock(keeping.of_user())


def get_document_lock() -> Lock | None:
    """Among runs bound to the same document; None outside one. Raises NotRunning."""
    owner = keeping.of_document()
    return None if owner is None else Lock(owner)


def _decode(document: Document | None) -> _Held:
    return _held(keeping.data(document))


def _seconds(timeout: float | timedelta, method: str) -> float:
    if isinstance(timeout, timedelta):
        return timeout.total_seconds()
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise BadArgument(method, [type(timeout).__name__], "Milliseconds are a number, or a timedelta.")
    return timeout / 1000
