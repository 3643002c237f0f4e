"""Who may do what with a calendar: the rules of its access control list, and what they come to for one user.

Authority: https://developers.google.com/workspace/calendar/api/concepts/sharing (contract 11, 14.12)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.local.calendar.calendar import ROLES, Calendar
from infra.local.calendar.collection import Entry, list_of, rules_of
from infra.local.calendar.messages import Json
from infra.local.calendar.people import row_of

if TYPE_CHECKING:
    from infra.local.calendar.world import World

SCOPES = ("default", "user", "group", "domain")


def at_least(role: str, wanted: str) -> bool:
    """True if `role` gives everything that `wanted` gives."""
    return ROLES.index(role) >= ROLES.index(wanted)


def role_of(world: World, calendar: Calendar, user: str) -> str:
    """The most that the calendar's rules give to this user."""
    if calendar.about.deleted:
        return "none"
    if user == calendar.about.owner:
        return "owner"
    domain = user.partition("@")[2]
    named = ["default", f"user:{user}", f"domain:{domain}"]
    named += [f"group:{group}" for group, members in world.groups.items() if user in members]
    rules = world.collection(rules_of(calendar.id))
    found = [rule.value["role"] for rule in map(rules.get, named) if rule is not None]
    return max(found, key=ROLES.index, default="none")


def rule_id(scope: Json) -> str:
    """The id of the rule for a scope: its type and value, as in `user:bob@example.com`."""
    return "default" if scope["type"] == "default" else f"{scope['type']}:{scope['value'].lower()}"


def scope_of(rule: str) -> Json:
    """The scope that a rule's id spells; an address alone is a user's."""
    if rule == "default":
        return {"type": "default"}
    kind, colon, value = rule.partition(":")
    return {"type": kind, "value": value} if colon else {"type": "user", "value": rule}


def is_private(body: Json) -> bool:
    """True if only those with access to private events may know what the event is about."""
    return body.get("visibility") in ("private", "confidential")  # a tuple: what was put in raw may hold a list


def blocks(body: Json, calendar: Calendar) -> bool:
    """True if the event takes its time: not cancelled, not transparent, not declined by the calendar's own person."""
    if body.get("status") == "cancelled" or body.get("transparency") == "transparent":
        return False
    row = row_of(body, calendar.id)
    return row is None or row.get("responseStatus") != "declined"


def put_rule(world: World, calendar: Calendar, scope: Json, role: str) -> Entry:
    """Give `role` to a scope; `none` takes the rule away. Whoever loses access loses the calendar from their list."""
    named = {**scope, "value": scope["value"].lower()} if "value" in scope else scope
    value = {"scope": named, "role": role}
    entry = world.change(rules_of(calendar.id), rule_id(named), value, gone=role == "none")
    unlist_where_lost(world, calendar)
    return entry


def unlist_where_lost(world: World, calendar: Calendar) -> None:
    """Take the calendar from the lists of users who have no access to it any more."""
    for user in world.users():
        entry = world.collection(list_of(user)).get(calendar.id)
        if entry is not None and role_of(world, calendar, user) == "none":
            world.change(list_of(user), calendar.id, entry.value, gone=True)


def unlist_everywhere_lost(world: World) -> None:
    """The same for every calendar: a group has other members now."""
    for calendar in list(world.calendars.values()):
        unlist_where_lost(world, calendar)
