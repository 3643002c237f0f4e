"""The control routes: what a test does to the server that no client of Google's could.

Authority: contract 14 (fault injection). Not Google's; every route answers 400 with the cause for a body that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec

from infra.local.calendar.access import SCOPES, put_rule, scope_of, unlist_everywhere_lost
from infra.local.calendar.calendar import ROLES, About, Calendar
from infra.local.calendar.collection import list_of, rules_of, settings_of
from infra.local.calendar.faults import Fault
from infra.local.calendar.knobs import Knobs, PushFaults
from infra.local.calendar.messages import Json, Request, Response, json_value
from infra.local.calendar.oauth.book import Book
from infra.local.calendar.oauth.control import Ending, add_account, add_client, end_tokens
from infra.local.calendar.oauth.records import Client, ServiceAccount
from infra.local.calendar.overview import overview
from infra.local.calendar.settings import NAMES, put_setting
from infra.local.calendar.times import rfc3339, zone_named

if TYPE_CHECKING:
    from infra.local.calendar.server import CalendarServer

T = TypeVar("T")


class Clock(msgspec.Struct, forbid_unknown_fields=True):
    """Either an instant to be now, or seconds to go on."""

    now: datetime | None = None
    advance_seconds: Annotated[float, msgspec.Meta(ge=-1e10, le=1e10)] | None = None


class Reset(msgspec.Struct, forbid_unknown_fields=True):
    """A seed for all that is drawn from now on: equal seeds and equal requests give equal answers."""

    seed: int | None = None


class Expiry(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """All tokens of one list expire; `times` (or for ever) also those that are given from now on.

    `calendarId` is the calendar of events and rules; of the calendar list and the settings it is the user's address.
    """

    calendar_id: str
    collection: Literal["events", "acl", "calendarList", "settings"] = "events"
    times: Annotated[int, msgspec.Meta(ge=0)] = 0
    forever: bool = False


class NewCalendar(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A calendar to make; `roles` by address, domain:..., group:... or default. Users find it on their lists."""

    id: str
    owner: str
    time_zone: str
    summary: str | None = None
    description: str = ""
    push_not_supported: bool = False
    roles: dict[str, str] = {}


class Group(msgspec.Struct, forbid_unknown_fields=True):
    """A group of users, which may be given access and be asked when it is busy."""

    id: str
    members: list[str]


class NewSetting(msgspec.Struct, forbid_unknown_fields=True):
    """A setting of a user, changed as if they had done it on Calendar's pages."""

    user: str
    setting: str
    value: Annotated[str, msgspec.Meta(max_length=1024)]


class RawEvent(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """An event to be kept as it is, however malformed."""

    calendar_id: str
    event: dict[str, Any]


class BadControl(Exception):
    """A control body that is wrong; the text says what."""


def control(server: CalendarServer, request: Request) -> Response:
    """Answer a request below /control."""
    name = request.path.removeprefix("/control/")
    route = ROUTES.get((request.method, name))
    if route is None:
        known = ", ".join(f"{method} /control/{path}" for method, path in ROUTES)
        return json_value({"error": f"no such control route; there are {known}"}, status=404)
    try:
        return json_value(route(server, request))
    except (BadControl, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return json_value({"error": str(error)}, status=400)


def _read(request: Request, kind: type[T]) -> T:
    return msgspec.json.decode(request.body or b"{}", type=kind)


def _reset(server: CalendarServer, request: Request) -> Json:
    server.reset(_read(request, Reset).seed)
    return {}


def _clock(server: CalendarServer, _: Request) -> Json:
    return {"now": rfc3339(server.world.now())}


def _set_clock(server: CalendarServer, request: Request) -> Json:
    wish = _read(request, Clock)
    if (wish.now is None) == (wish.advance_seconds is None):
        raise BadControl("give either now or advance_seconds")
    if wish.now is not None and wish.now.tzinfo is None:
        raise BadControl("now needs an offset")
    try:
        now = wish.now or server.world.now() + timedelta(seconds=wish.advance_seconds or 0)
    except OverflowError:
        raise BadControl("the clock cannot go there") from None
    if not 1971 <= now.year <= 8999:  # leaves room for expiries and horizons
        raise BadControl("the clock goes from 1971 to 8999")
    server.world.set_clock(now)
    return _clock(server, request)


def _expire(server: CalendarServer, request: Request) -> Json:
    wish = _read(request, Expiry)
    calendar = server.world.calendars.get(wish.calendar_id)
    if calendar is None:
        raise BadControl("there is no calendar of this calendarId")
    refusals = -1 if wish.forever else wish.times
    if wish.collection == "events":
        calendar.about.epoch += 1
        calendar.about.refusals = refusals
        server.world.save_calendar(calendar)
        return {}
    names = {"acl": rules_of, "calendarList": list_of, "settings": settings_of}
    collection = server.world.collection(names[wish.collection](calendar.id))
    collection.horizon.epoch += 1
    collection.horizon.refusals = refusals
    server.world.save_horizon(collection)
    return {}


def _add_fault(server: CalendarServer, request: Request) -> Json:
    server.faults.add(_read(request, Fault))
    return {}


def _clear_faults(server: CalendarServer, _: Request) -> Json:
    server.faults.clear()
    return {}


def _push(server: CalendarServer, request: Request) -> Json:
    server.world.channels.faults = _read(request, PushFaults)
    return {}


def _knobs(server: CalendarServer, request: Request) -> Json:
    server.world.knobs = _read(request, Knobs)
    return {}


def _requests(server: CalendarServer, request: Request) -> Json:
    listed = list(server.requests)
    if request.query.get("clear"):
        server.requests.clear()
    return {"requests": listed}


def _state(server: CalendarServer, _: Request) -> Json:
    return overview(server)


def _add_calendar(server: CalendarServer, request: Request) -> Json:
    wish = _read(request, NewCalendar)
    if zone_named(wish.time_zone) is None:
        raise BadControl("timeZone is no IANA zone")
    if wish.id in server.world.calendars:
        raise BadControl("there is a calendar of this id already")
    if not wish.id or "/" in wish.id or wish.id == "primary" or "@" not in wish.owner:
        raise BadControl("id and owner must be addresses")
    if not set(wish.roles.values()) <= set(ROLES):
        raise BadControl(f"roles are {', '.join(ROLES)}")
    if not all(scope_of(rule)["type"] in SCOPES for rule in wish.roles):
        raise BadControl(f"roles are given to addresses, or to {', '.join(SCOPES)}")
    about = About(
        wish.id,
        wish.owner,
        wish.time_zone,
        wish.summary or wish.id,
        server.world.stamp(),
        primary=wish.id == wish.owner,
        description=wish.description,
        push_supported=not wish.push_not_supported,
    )
    calendar = server.world.add_calendar(about)
    _share(server, calendar, wish.roles)
    server.enter(calendar)
    return {"id": about.id}


def _share(server: CalendarServer, calendar: Calendar, roles: Mapping[str, str]) -> None:
    for rule, role in roles.items():
        scope = scope_of(rule)
        put_rule(server.world, calendar, scope, role)
        if scope["type"] == "user" and role != "none" and scope["value"] != calendar.about.owner:
            server.world.change(list_of(scope["value"]), calendar.id, {"selected": True})


def _put_group(server: CalendarServer, request: Request) -> Json:
    wish = _read(request, Group)
    if "@" not in wish.id or not all("@" in member for member in wish.members):
        raise BadControl("id and members must be addresses")
    server.world.put_group(wish.id.lower(), [member.lower() for member in wish.members])
    unlist_everywhere_lost(server.world)
    return {}


def _put_setting(server: CalendarServer, request: Request) -> Json:
    wish = _read(request, NewSetting)
    if wish.user not in server.world.calendars or not server.world.calendars[wish.user].about.primary:
        raise BadControl("there is no such user")
    if wish.setting not in NAMES:
        raise BadControl(f"settings are {', '.join(NAMES)}")
    put_setting(server.world, wish.user, wish.setting, wish.value)
    return {}


def _add_raw_event(server: CalendarServer, request: Request) -> Json:
    wish = _read(request, RawEvent)
    calendar = server.world.calendars.get(wish.calendar_id)
    if calendar is None:
        raise BadControl("there is no calendar of this calendarId")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", str(wish.event.get("id", ""))) or not isinstance(wish.event["id"], str):
        raise BadControl("event needs an id of letters, digits, _ and -")
    server.world.keep(calendar, wish.event)
    return {}


def _on_book(act: Callable[[Book, T], Json], kind: type[T]) -> Callable[[CalendarServer, Request], Json]:
    def route(server: CalendarServer, request: Request) -> Json:
        try:
            return act(server.world.book, _read(request, kind))
        except ValueError as error:
            raise BadControl(str(error)) from None

    return route


ROUTES: Mapping[tuple[str, str], Callable[[CalendarServer, Request], Json]] = {
    ("POST", "reset"): _reset,
    ("GET", "clock"): _clock,
    ("POST", "clock"): _set_clock,
    ("POST", "expire-tokens"): _expire,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "push"): _push,
    ("POST", "knobs"): _knobs,
    ("GET", "requests"): _requests,
    ("GET", "state"): _state,
    ("POST", "calendars"): _add_calendar,
    ("POST", "groups"): _put_group,
    ("POST", "settings"): _put_setting,
    ("POST", "events"): _add_raw_event,
    ("POST", "clients"): _on_book(add_client, Client),
    ("POST", "service-accounts"): _on_book(add_account, ServiceAccount),
    ("POST", "tokens"): _on_book(end_tokens, Ending),
}
"""By HTTP method and name: what is done, and what is answered."""
