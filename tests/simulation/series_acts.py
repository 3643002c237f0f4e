"""What people do to series: change one occurrence, the rule, or split them into "before" and "this and following".

Authority: https://developers.google.com/workspace/calendar/api/guides/recurringevents
"""

from __future__ import annotations

import random
from typing import Any

from tests.simulation import drafts
from tests.simulation.event_acts import copied
from tests.simulation.scene import Scene, some
from tests.simulation.shadow import Wish

Json = dict[str, Any]


def occurrence(scene: Scene, choice: random.Random) -> str | None:
    """Move, rename or cancel one occurrence."""
    wish, instances = _series(scene, choice)
    if wish is None:
        return None
    one = choice.choice(instances)
    how = choice.choice(("move", "move", "rename", "cancel"))
    user = scene.as_user(wish.user)
    if how == "cancel":
        user.delete(wish.calendar, one["id"])
    else:
        change = drafts.later(one, choice) if how == "move" else {"summary": drafts.title(wish.token, choice)}
        user.patch(wish.calendar, one["id"], change)
    wish.exceptions.setdefault(one["id"], {})
    scene.changed(wish)
    return f"{how} {_name(one, wish)}"


def revive(scene: Scene, choice: random.Random) -> str | None:
    """Bring a cancelled occurrence back."""
    wish = some(choice, [wish for wish in scene.living(series=True) if _cancelled(wish)])
    if wish is None:
        return None
    one = choice.choice(_cancelled(wish))
    scene.as_user(wish.user).patch(wish.calendar, one, {"status": "confirmed"})
    scene.changed(wish)
    return _name(wish.exceptions[one], wish)


def _cancelled(wish: Wish) -> list[str]:
    return [one for one, fields in wish.exceptions.items() if fields.get("status") == "cancelled"]


def rule(scene: Scene, choice: random.Random) -> str | None:
    """Have a series go on otherwise."""
    wish = some(choice, scene.living(series=True))
    if wish is None:
        return None
    lines = drafts.rule(choice)
    scene.changed(wish, scene.as_user(wish.user).patch(wish.calendar, wish.event, {"recurrence": lines}))
    return f"{wish.token} to {lines[0]}"


def split(scene: Scene, choice: random.Random) -> str | None:
    """Change "this and following": the series ends before it, and a new one goes on with the same conference."""
    wish, instances = _series(scene, choice)
    if wish is None or wish.user not in scene.calendars:
        return None
    place = choice.randint(1, len(instances) - 1)
    first = instances[place]["originalStartTime"]
    changes = {
        "summary": drafts.title(scene.token(), choice),
        "attendees": wish.fields.get("attendees"),
        **drafts.beginning(wish.fields, first),
        "recurrence": [_kind(wish) + f";COUNT={len(instances) - place}"],
    }
    made = copied(scene, wish, wish.calendar, changes)
    lines = [f"{_kind(wish)};UNTIL={drafts.before(first)}"]
    scene.changed(wish, scene.as_user(wish.user).patch(wish.calendar, wish.event, {"recurrence": lines}))
    return f"{wish.token} at {instances[place]['id'].rpartition('_')[2]} into {made.token}"


def _series(scene: Scene, choice: random.Random) -> tuple[Wish, list[Json]] | tuple[None, list[Json]]:
    """A series of which more than one occurrence takes place, and these."""
    wish = some(choice, scene.living(series=True))
    instances = scene.as_user(wish.user).instances(wish.calendar, wish.event) if wish else []
    return (wish, instances) if wish and len(instances) > 1 else (None, [])


def _kind(wish: Wish) -> str:
    """The rule without its end."""
    parts = wish.fields["recurrence"][0].split(";")
    return ";".join(part for part in parts if not part.startswith(("COUNT=", "UNTIL=")))


def _name(one: Json, wish: Wish) -> str:
    return f"{wish.token}/{one['id'].rpartition('_')[2]}"
