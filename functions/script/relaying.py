"""Deliveries that nobody is handing over: forgotten ones are woken by the tick, parked ones replayed by a person."""

from __future__ import annotations

import msgspec

from conference.errors import Conflict
from functions.ground import Ground
from functions.pages import each, every
from functions.ports import Document, Where
from functions.script import delivery as deliveries
from functions.script.delivery import Delivery
from functions.script.project import Project
from functions.script.settling import Held, changed
from functions.script.trigger import TriggerRecord


def relay_forgotten(ground: Ground) -> int:
    """Enqueue deliveries that nobody has handed over in time; return how many."""
    now = ground.now()
    found = ground.store.query(deliveries.COLLECTION, [Where("due", "<=", now)], order_by="due", limit=400)
    together: set[str] = set()

    def relay(document: Document) -> int:
        one = deliveries.decode(document)
        later = msgspec.structs.replace(one, due=now + ground.policy.lease + ground.policy.forgotten)
        try:
            ground.store.commit(deliveries.put(later, document.version))
        except Conflict:
            return 0
        if one.queue is None:
            name = document.key.partition("/")[2]
            deliveries.enqueue(ground, one.trigger, f"woken-{int(now)}", delivery=name)
        else:
            together.add(one.trigger)
        return 1

    try:
        return each(found, relay)
    finally:
        for trigger in sorted(together):
            deliveries.enqueue(ground, trigger, f"woken-{int(now)}")


def replay(project: Project, record: TriggerRecord, event: str | None = None) -> int:
    """Hand over again what was parked for a trigger, all or one event's; return how many that is."""
    ground, count = project.ground, 0
    for document in every(ground.store, deliveries.COLLECTION, [Where("trigger", "==", record.id)]):
        one = Held(document, deliveries.decode(document))
        if one.delivery.parked is not None and event in (None, one.delivery.event):
            count += 1
            changed(ground, one, lambda fresh: _revived(ground, fresh))
    if count:
        deliveries.enqueue(ground, record.id, f"replay-{ground.now()}")
    return count


def _revived(ground: Ground, fresh: Delivery) -> Delivery:
    due = ground.now() + ground.policy.lease
    return msgspec.structs.replace(fresh, queue=1, due=due, attempts=0, failing_since=None, trouble=None, parked=None)


def parked(project: Project, record: TriggerRecord) -> list[Delivery]:
    """What was given up for a trigger, with its causes, at most 400."""
    found: list[Delivery] = []
    for document in project.ground.store.query(deliveries.COLLECTION, [Where("trigger", "==", record.id)], limit=400):
        one = deliveries.decode(document)
        found += [one] if one.parked is not None else []
    return found
