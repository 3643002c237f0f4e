"""What guests do on their own copies: answer, edit, and copy an invitation for themselves.

Authority: https://developers.google.com/workspace/calendar/api/concepts/inviting-attendees-to-events
"""

from __future__ import annotations

import random
from typing import Any

from tests.simulation import drafts
from tests.simulation.event_acts import duplicate
from tests.simulation.scene import Scene, some
from tests.simulation.shadow import Wish

Json = dict[str, Any]


def answer(scene: Scene, choice: random.Random) -> str | None:
    """A guest answers for an event or an occurrence on their own copy, or deletes that, which declines."""
    invitation = _invitation(scene, choice)
    if invitation is None:
        return None
    wish, email, mine = invitation
    which, guest = "", scene.as_user(email)
    if "recurrence" in mine and choice.random() < 0.4 and (instances := guest.instances(email, mine["id"])):
        mine = choice.choice(instances)
        wish.exceptions.setdefault(mine["id"], {})
        which = "/" + mine["id"].rpartition("_")[2]
    if choice.random() < 0.1:
        guest.delete(email, mine["id"])
        said = "removed"
    else:
        said = choice.choice(("accepted", "declined", "declined", "tentative"))
        rows = [{**row, "responseStatus": said} if row.get("self") else row for row in mine["attendees"]]
        guest.patch(email, mine["id"], {"attendees": rows})
    scene.changed(wish)
    return f"{said} {wish.token}{which} by {email}"


def meddle(scene: Scene, choice: random.Random) -> str | None:
    """A guest edits their own copy: it changes the event if its organizer lets guests do that, else nothing."""
    invitation = _invitation(scene, choice)
    if invitation is None:
        return None
    wish, email, mine = invitation
    change = {"summary": drafts.title(wish.token, choice)} if choice.random() < 0.5 else drafts.later(mine, choice)
    scene.as_user(email).patch(email, wish.event, change)
    scene.changed(wish)
    return f"with {wish.token} by {email}"


def permit(scene: Scene, choice: random.Random) -> str | None:
    """An organizer lets the guests modify an event, or does so no longer."""
    wish = some(choice, [wish for wish in scene.living() if "attendees" in wish.fields])
    if wish is None:
        return None
    lets = not wish.fields.get("guestsCanModify", False)
    event = scene.as_user(wish.user).patch(wish.calendar, wish.event, {"guestsCanModify": lets})
    scene.changed(wish, event)
    return f"{wish.token}: {lets}"


def keep(scene: Scene, choice: random.Random) -> str | None:
    """A connected guest copies an invitation, conference and all, as an event of their own."""
    invitation = _invitation(scene, choice)
    if invitation is None or invitation[1] not in scene.calendars:
        return None
    wish, email, mine = invitation
    made = duplicate(scene, wish, mine, (email, email), {"summary": drafts.title(scene.token(), choice)})
    return f"{wish.token} as {made.token} by {email}"


def _invitation(scene: Scene, choice: random.Random) -> tuple[Wish, str, Json] | None:
    """An event, one of its guests, and their copy as they read it."""
    wish = some(choice, [wish for wish in scene.living() if _guests(scene, wish)])
    if wish is None:
        return None
    email = choice.choice(_guests(scene, wish))
    mine = scene.as_user(email).get(email, wish.event)
    return None if mine is None or mine["status"] == "cancelled" else (wish, email, mine)


def _guests(scene: Scene, wish: Wish) -> list[str]:
    """The guests who have a calendar of their own here, other than the event's."""
    users = {*scene.calendars, *scene.guests}
    rows = wish.fields.get("attendees", [])
    return [row["email"] for row in rows if row["email"] in users and row["email"] != wish.calendar]
