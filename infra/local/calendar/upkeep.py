"""What a change of a series' master does to its changed occurrences.

Authority: contract 5.7 and 5.8: later exceptions of a shortened series are reset, the others follow the master in what
they had not changed themselves.
"""

from __future__ import annotations

from infra.local.calendar.calendar import Calendar
from infra.local.calendar.copies import answer_home, edit_home, spread
from infra.local.calendar.merging import WRITABLE, without_defaults
from infra.local.calendar.messages import Json
from infra.local.calendar.permitted import stricter
from infra.local.calendar.record import Record
from infra.local.calendar.recurrence import split_instance
from infra.local.calendar.world import World

_NOT_INHERITED = frozenset({"start", "end", "recurrence", "status", "sequence", "eventType"})


def follow(world: World, calendar: Calendar, before: Json | None, after: Record, *, tell_guests: bool = True) -> None:
    """Everything that a written event brings about: exceptions, guests' copies, the organizer's copy."""
    if before is not None and before.get("recurrence") and after.master is None:
        _keep_exceptions(world, calendar, before, after, tell_guests=tell_guests)
    master = calendar.records.get(after.master or "")
    if master is not None and not master.cancelled and not after.cancelled and stricter(after.body, master.body):
        _hide(world, calendar, master, after.body.get("visibility", "default"), tell_guests=tell_guests)
    if tell_guests:
        spread(world, calendar, before, after.body)
    if before is not None:
        for home, main, written in answer_home(world, calendar, before, after.body):
            follow(world, home, main, written)
        for home, main, written in edit_home(world, calendar, before, after.body):
            follow(world, home, main, written)


def _hide(world: World, calendar: Calendar, master: Record, visibility: str, *, tell_guests: bool) -> None:
    """A stricter visibility of one occurrence is one of all (contract 4.4)."""
    hidden = world.write(calendar, without_defaults({**master.body, "visibility": visibility}))
    follow(world, calendar, master.body, hidden, tell_guests=tell_guests)


def _keep_exceptions(world: World, calendar: Calendar, before: Json, master: Record, *, tell_guests: bool) -> None:
    series = calendar.series(master)
    moved = any(before.get(name) != master.body.get(name) for name in ("start", "recurrence"))
    for exception in calendar.exceptions(master.id):
        if exception.cancelled:
            continue
        key = split_instance(exception.id)
        # Only a change of its times takes occurrences away: one that was brought back since then stays.
        gone = master.cancelled or (moved and (series is None or key is None or series.at(key[1]) is None))
        body = {**exception.body, "status": "cancelled"} if gone else _inherited(exception.body, before, master.body)
        if body != exception.body:
            written = world.write(calendar, body)
            if tell_guests:
                spread(world, calendar, exception.body, written.body)


def _inherited(exception: Json, before: Json, master: Json) -> Json:
    body = dict(exception)
    for name in WRITABLE:
        old, new = before.get(name), master.get(name)
        if name in _NOT_INHERITED or old == new or exception.get(name) != old:
            continue
        if new is None:
            body.pop(name, None)
        else:
            body[name] = new
    return body
