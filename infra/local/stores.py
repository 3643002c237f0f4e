"""The store of the local stack, whichever it is: a SQLite file, or Firestore's emulator, a part of the stack."""

from __future__ import annotations

import random
import secrets
import time
from datetime import datetime
from typing import Protocol

from conference.errors import Later
from functions.ports import Clock, Store
from infra.local.sqlite_store import SqliteStore
from infra.settings import Settings

READY_WITHIN = 60.0
"""Seconds that the emulator may take to come up; it is started at the same time."""
_PAUSE = 0.05


class LocalStore(Store, Protocol):
    """A store that deletes itself what has expired, and can be closed."""

    def purge(self, now: datetime) -> int:
        """Delete what has expired by `now`; how many documents that were."""

    def close(self) -> None:
        """Let go of sockets and files."""


def local_store(settings: Settings, clock: Clock) -> LocalStore:
    """The store that the settings name."""
    if settings.store == "firestore":
        return _firestore(settings, clock)
    return SqliteStore(settings.state / "lockstep.db", clock)


def _firestore(settings: Settings, clock: Clock) -> LocalStore:
    # Only where it is wanted: Google's client costs a third of a second.
    from infra.google.firestore import FirestoreStore  # noqa: PLC0415 - see above
    from infra.google.firestore_indexes import declared  # noqa: PLC0415 - see above
    from infra.google.firestore_wire import Wire  # noqa: PLC0415 - see above

    store = FirestoreStore(
        Wire(settings.project, emulator=f"127.0.0.1:{settings.firestore_port}", timeout=settings.timeout),
        clock,
        new_mark=lambda: secrets.token_urlsafe(12),
        pause=lambda: time.sleep(random.uniform(0.02, 0.2)),  # noqa: S311 - to be apart from others
        indexes=declared(),
    )
    _await(store)
    return store


def _await(store: LocalStore) -> None:
    """Return once the store answers, or after READY_WITHIN: whoever asks it then is told that it does not."""
    until = time.monotonic() + READY_WITHIN
    while time.monotonic() < until:
        try:
            store.get("ready/yet")
        except Later:
            time.sleep(_PAUSE)
        else:
            return
