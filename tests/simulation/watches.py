"""Push channels at every step: each calendar has one that lives, and no other stays open for long.

What goes wrong here costs nothing for days, since polls heal it: so it is judged where it is written.
Authority: docs/reliability.md, *Invariants* (I13, I14); functions' own promise: opened before the old one is closed,
renewed long before it expires, never left without a record.
"""

from __future__ import annotations

from infra.local.memory import MemoryStore
from tests.simulation.sight import Broken, Json, Now

SOON = 15 * 60.0
"""Seconds within which somebody looks after a channel of which it is not known whether it was opened."""
EARLY = 60.0
"""Seconds before its end at which a channel is to be renewed at the latest: a tick, for the scheduler ticks once in."""


class Watches:
    """Judges every write to a channel's record, and to the feed that names it."""

    def __init__(self, store: MemoryStore, clock: Now) -> None:
        self._store, self._clock = store, clock
        self._replaced: dict[str, set[str]] = {}
        self._needless: dict[str, str] = {}

    def store_changed(self, key: str, before: Json | None, after: Json | None, worker: str) -> None:
        """Judge one committed write."""
        collection, _, name = key.partition("/")
        if collection == "channels":
            self._check_record(name, before, after, worker.partition("/")[0])
        elif collection == "feeds" and before is not None and after is not None:
            self._check_named(key, before, after, worker)

    def ended(self, worker: str, *, undisturbed: bool) -> None:
        """Judge that who has replaced a channel has closed it, or noted that it is to be closed, and had to replace it.

        Who was held up or was not answered may have replaced one that others had replaced before.
        """
        replaced, needless = self._replaced.pop(worker, set()), self._needless.pop(worker, None)
        if not undisturbed:
            return
        if needless is not None:
            raise Broken("I14", needless)
        for name in sorted(replaced):
            record = self._record(name)
            if record is not None and not record.get("closing"):
                raise Broken("I14", f"channel {name}: {worker} has replaced it and left it open")

    # ---- records ----------------------------------------------------------------------------

    def _check_record(self, name: str, before: Json | None, after: Json | None, worker: str) -> None:
        if before is None and after is not None:
            self._check_opened(name, after, worker)
        elif before is not None and (after is None or (after.get("closing") and not before.get("closing"))):
            self._check_closed(name, before)
        if after is None or after.get("closing") or after.get("resource_id") is None:
            return
        late = self._now() > after["expires"] - 2 * EARLY  # who was held up for so long has to hurry
        if (before or {}).get("resource_id") is None and after["renew_at"] > after["expires"] - EARLY and not late:
            raise Broken(
                "I13", f"channel {name} ends at {after['expires']}, and is to be renewed at {after['renew_at']}"
            )

    def _check_opened(self, name: str, after: Json, worker: str) -> None:
        now = self._now()
        if after.get("resource_id") is None and after["renew_at"] > now + SOON:
            wait = (after["renew_at"] - now) / 60
            raise Broken("I13", f"channel {name}: whether it was opened is looked after in {wait:.0f} minutes")
        named = self._feed(after).get("channel")
        record = self._record(named)
        if record is not None and self._lives(record) and record["renew_at"] > now:
            self._needless[worker] = (
                f"channel {name} is opened, and {named} is to be renewed at {record['renew_at']} only"
            )

    def _check_closed(self, name: str, before: Json) -> None:
        feed = self._feed(before)
        if feed.get("channel") == name and self._lives(before) and feed.get("push", True) and not feed.get("stopped"):
            raise Broken("I13", f"channel {name} is closed, and the feed {before['feed']} has no other")

    # ---- feeds ------------------------------------------------------------------------------

    def _check_named(self, key: str, before: Json, after: Json, worker: str) -> None:
        was, now = before.get("channel"), after.get("channel")
        if was is None or was == now:
            return
        record = self._record(was)
        if now is not None:
            self._replaced.setdefault(worker.partition("/")[0], set()).add(was)
        elif record is not None and self._lives(record) and after.get("push", True):
            raise Broken("I14", f"{key} names channel {was} no more, and it lives")

    def _lives(self, record: Json) -> bool:
        """True for a channel that was opened and not yet closed."""
        expires = record.get("expires")
        opened = record.get("resource_id") is not None and not record.get("closing")
        return opened and expires is not None and expires > self._now()

    def _record(self, name: str | None) -> Json | None:
        return self._store.look(f"channels/{name}") if name else None

    def _feed(self, record: Json) -> Json:
        return self._store.look(f"feeds/{record['feed']}") or {}

    def _now(self) -> float:
        return self._clock.now().timestamp()
