"""What people do to whole events: make, change, cancel, restore, move and copy them.

Every act draws from `choice`, says what it did, and leaves the shadow true; None: not possible now.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tests.simulation import drafts
from tests.simulation.scene import Scene, some
from tests.simulation.shadow import Wish

Json = dict[str, Any]
Edit = Callable[[Scene, random.Random, Wish], str]


def make(scene: Scene, choice: random.Random) -> str:
    """Make an event, most often with a conference of ours."""
    user, calendar = scene.place(choice)
    return _make(scene, choice, user, calendar, drafts.when(choice, scene.clock()))


def repeat(scene: Scene, choice: random.Random) -> str:
    """Make a series."""
    user, calendar = scene.place(choice)
    ordinary = choice.random() < 0.85
    now = scene.clock()
    times = drafts.hours(choice, now) if ordinary else drafts.days(choice, now, most=1)
    return _make(scene, choice, user, calendar, {**times, "recurrence": drafts.rule(choice)})


def host(scene: Scene, choice: random.Random) -> str | None:
    """Somebody who is not connected makes an event with a conference and invites one who is: not our business."""
    user = some(choice, scene.guests)
    if user is None:
        return None
    body = _draft(scene, choice, user, drafts.when(choice, scene.clock()))
    body["attendees"] = [{"email": choice.choice(list(scene.calendars))}]
    provider = choice.choice(list(scene.vendors))
    body["conferenceData"] = drafts.asked(provider)
    wish = scene.wished(user, user, scene.as_user(user).insert(user, body), provider, elsewhere=True)
    return f"{wish.token} by {user}"


def _make(scene: Scene, choice: random.Random, user: str, calendar: str, times: Json) -> str:
    body = _draft(scene, choice, user, times)
    provider = choice.choice(list(scene.vendors)) if choice.random() < 0.88 else None
    if provider is not None:
        body["conferenceData"] = drafts.asked(provider)
    if choice.random() < 0.4:
        body["attendees"] = drafts.invited(choice, [], _others(scene, user))
        if choice.random() < 0.3:
            body["attendees"].append({"email": user, "responseStatus": "accepted"})
    wish = scene.wished(user, calendar, scene.as_user(user).insert(calendar, body), provider)
    return f"{wish.token} at {drafts.shown(times)} on {calendar} with {provider}"


def _draft(scene: Scene, choice: random.Random, user: str, times: Json) -> Json:  # noqa: ARG001 - user: whose it is
    body = {"summary": drafts.title(scene.token(), choice), **times}
    if choice.random() < 0.3:
        body["description"] = drafts.description(choice)
    if choice.random() < 0.1:
        body["status"] = "tentative"
    return body


def _others(scene: Scene, user: str) -> list[str]:
    return [each for each in (*scene.calendars, *scene.guests) if each != user]


# ---- edits of one event


def rename(scene: Scene, choice: random.Random, wish: Wish) -> str:
    """Give it another title."""
    _patch(scene, wish, {"summary": drafts.title(wish.token, choice)})
    return wish.token


def retime(scene: Scene, choice: random.Random, wish: Wish) -> str:
    """Have it take place at another time, near or far."""
    now = scene.clock()
    if choice.random() < 0.5:
        times = drafts.later(wish.fields, choice)
    elif "recurrence" in wish.fields:
        times = drafts.like(wish.fields, choice, now)
    else:
        times = drafts.when(choice, now)
    _patch(scene, wish, times)
    return f"{wish.token} to {drafts.shown(times)}"


def describe(scene: Scene, choice: random.Random, wish: Wish) -> str:
    """Change what is written below the title, or remove it."""
    _patch(scene, wish, {"description": drafts.description(choice) if choice.random() < 0.8 else None})
    return wish.token


def invite(scene: Scene, choice: random.Random, wish: Wish) -> str:
    """Change the guests; those who stay keep their answers."""
    rows = drafts.invited(choice, wish.fields.get("attendees", []), _others(scene, wish.user))
    _patch(scene, wish, {"attendees": rows})
    return f"{len(rows)} to {wish.token}"


def cancel(scene: Scene, choice: random.Random, wish: Wish) -> str:
    """Delete it."""
    scene.as_user(wish.user).delete(wish.calendar, wish.event, quietly=choice.random() < 0.2)
    scene.changed(wish)
    return wish.token


def _patch(scene: Scene, wish: Wish, body: Json) -> None:
    scene.changed(wish, scene.as_user(wish.user).patch(wish.calendar, wish.event, body))


def to_one(edit: Edit) -> Callable[[Scene, random.Random], str | None]:
    """The act that makes this edit to one living event."""

    def act(scene: Scene, choice: random.Random) -> str | None:
        wish = some(choice, scene.living())
        return edit(scene, choice, wish) if wish else None

    return act


# ---- back, elsewhere, twice


def restore(scene: Scene, choice: random.Random) -> str | None:
    """Bring a cancelled event back; the server has kept all of it, the conference too."""
    gone = [w for w in scene.shadow.wishes.values() if not (w.alive or w.unreadable) and scene.organized(w)]
    wish = some(choice, gone)
    if wish is None:
        return None
    return restored(scene, wish)


def restored(scene: Scene, wish: Wish) -> str:
    """Bring this one back."""
    _patch(scene, wish, {"status": "confirmed"})
    return wish.token


def carry(scene: Scene, choice: random.Random) -> str | None:
    """Move an event to another calendar of the same user."""
    wish = some(choice, [wish for wish in scene.connected() if len(scene.calendars[wish.user]) > 1])
    if wish is None:
        return None
    there = choice.choice([each for each in scene.calendars[wish.user] if each != wish.calendar])
    scene.as_user(wish.user).move(wish.calendar, wish.event, there)
    wish.left.add(wish.calendar)
    wish.calendar = there
    scene.changed(wish)
    return f"{wish.token} to {there}"


def copy(scene: Scene, choice: random.Random) -> str | None:
    """Copy an event with its conference; if that has a meeting already, the two share it."""
    wish = some(choice, scene.connected())
    if wish is None:
        return None
    there = choice.choice(scene.calendars[wish.user])
    changes = {"summary": drafts.title(scene.token(), choice), "attendees": wish.fields.get("attendees")}
    made = copied(scene, wish, there, changes)
    return f"{wish.token} as {made.token} to {there}"


def copied(scene: Scene, wish: Wish, calendar: str, changes: Json) -> Wish:
    """An event like the wish's, with the same conference but for these changes."""
    return duplicate(scene, wish, scene.event(wish), (wish.user, calendar), changes)


def duplicate(scene: Scene, wish: Wish, known: Json, there: tuple[str, str], changes: Json) -> Wish:
    """A copy, on a user's calendar, of somebody's copy of the wish's event."""
    names = ("start", "end", "description", "recurrence", "conferenceData")
    body = {"end": known["start"], **{name: known[name] for name in names if name in known}, **changes}
    user, calendar = there
    made = scene.wished(user, calendar, scene.as_user(user).insert(calendar, body), wish.provider)
    if known.get("conferenceData", {}).get("conferenceId"):
        scene.shared(made, wish)
    return made
