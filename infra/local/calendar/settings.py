"""settings.*: a user's settings, which the API only reads; a control route changes them.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/settings (contract 11)
"""

from __future__ import annotations

from infra.local.calendar.call import Call
from infra.local.calendar.collection import Collection, Entry, settings_of
from infra.local.calendar.errors import not_found
from infra.local.calendar.lists import answered, listed
from infra.local.calendar.messages import Json, Response
from infra.local.calendar.world import World

_USUAL = {
    "autoAddHangouts": "true",
    "dateFieldOrder": "MDY",
    "defaultEventLength": "60",
    "format24HourTime": "false",
    "hideInvitations": "false",
    "hideWeekends": "false",
    "locale": "en",
    "remindOnRespondedEventsOnly": "false",
    "showDeclinedEvents": "true",
    "timezone": "",  # the primary calendar's
    "useKeyboardShortcuts": "true",
    "weekStart": "0",
}
NAMES = tuple(_USUAL)


def list_settings(call: Call) -> Response:
    """settings.list: every setting, or those that changed."""
    return listed(call, user_settings(call.world, call.user), "calendar#settings", _shown)


def get_setting(call: Call) -> Response:
    """settings.get."""
    entry = user_settings(call.world, call.user).get(call.path["setting"])
    if entry is None:
        raise not_found()
    return answered(call, _shown(entry))


def put_setting(world: World, user: str, name: str, value: str) -> None:
    """Change one setting of a user, if it is another value."""
    known = user_settings(world, user).get(name)
    if known is None or known.value != {"value": value}:
        world.change(settings_of(user), name, {"value": value})


def user_settings(world: World, user: str) -> Collection:
    """The user's settings, which are the usual ones at first."""
    collection = world.collection(settings_of(user))
    if not collection.revision:
        for name, value in {**_USUAL, "timezone": world.primary(user).about.zone}.items():
            world.change(collection.name, name, {"value": value})
    return collection


def _shown(entry: Entry) -> Json:
    return {"kind": "calendar#setting", "etag": f'"{2 * entry.stamp}"', "id": entry.id, "value": entry.value["value"]}
