"""events.list: full passes and incremental ones, page by page.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/events/list (contract 2, 3, 4)
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from msgspec import structs

from infra.local.calendar.calendar import Calendar
from infra.local.calendar.call import Call
from infra.local.calendar.errors import (
    empty_range,
    full_sync_required,
    invalid,
    token_with_restrictions,
    updated_min_too_long_ago,
)
from infra.local.calendar.masks import Mask, masked, read_mask
from infra.local.calendar.messages import Json, Response, encode, json_bytes, not_modified
from infra.local.calendar.record import Record
from infra.local.calendar.rows import Item, Key, Pass, Row, Rows, Wanted
from infra.local.calendar.times import stamp_text
from infra.local.calendar.tokens import PageToken, Scope, fingerprint, read_page_token
from infra.local.calendar.views import View, view_of

MOST_A_PAGE = 2500
UPDATED_MIN_DAYS = 30
_SEARCHES = ("q", "iCalUID", "privateExtendedProperty", "sharedExtendedProperty")
_RESTRICTIONS = (*_SEARCHES, "orderBy", "timeMin", "timeMax", "updatedMin")
_ASIDE = frozenset({"pageToken", "fields", "alt", "key", "oauth_token", "prettyPrint", "quotaUser", "userIp"})


def list_events(call: Call) -> Response:
    """events.list. The revision that page one saw is the one that the last page's token stands for."""
    calendar = call.calendar()
    wanted = _wanted(call)
    if call.role(calendar) == "freeBusyReader":
        wanted = structs.replace(wanted, single=True)
    mask = mask_of(call)
    at = _pass(call, calendar)
    etag = list_etag(call, calendar)
    if call.knows(etag):
        return not_modified(etag)
    view = view_of(call, calendar, items_mask(mask))
    rows = Rows(calendar, wanted, view, call.world.now(), call.world.knobs)
    page, after = ([], at.key) if _comes_empty(call) else _page(rows.of(at), page_size(call))
    head = head_of(call, calendar, etag)
    if after is not None:
        head["nextPageToken"] = PageToken(at.request, at.frozen, after, at.page + 1).text()
    elif _gives_token(call):
        head["nextSyncToken"] = _scope(call, calendar).sync_token(at.frozen)
    return json_bytes(joined(head, [shown_item(item, view) for item in page], mask), etag=etag)


def _wanted(call: Call) -> Wanted:
    """The filters. Raises ApiError 400 for combinations that Google refuses, 410 for too early an updatedMin."""
    given = call.parameters
    if "syncToken" in given:
        _check_restrictions(call)
    order = given.get("orderBy")
    if order == "startTime" and not given.get("singleEvents"):
        raise invalid("The requested ordering is not available for the particular query.", "orderBy")
    after, before = given.get("timeMin"), given.get("timeMax")
    if after is not None and before is not None and before <= after:
        raise empty_range()
    updated = given.get("updatedMin")
    if updated is not None and (call.world.now() - updated).days >= UPDATED_MIN_DAYS:
        raise updated_min_too_long_ago()
    return Wanted.read(given, call.world.knobs)


def _check_restrictions(call: Call) -> None:
    hides = call.parameters.get("showDeleted") is False and call.world.knobs.show_deleted_false == "refuse"
    if hides or any(name in call.parameters for name in _RESTRICTIONS):
        raise token_with_restrictions()


def mask_of(call: Call) -> Mask | None:
    """The `fields` mask of a call that answers with a list of events."""
    fields = call.parameters.get("fields")
    return read_mask(fields, call.answer) if fields else None


def items_mask(mask: Mask | None) -> Mask | None:
    """What a list's mask leaves of each item."""
    return None if mask is None else mask.get("*", mask.get("items", {}))


def _pass(call: Call, calendar: Calendar) -> Pass:
    since = _since(call, calendar)
    parts = {name: str(value) for name, value in call.parameters.items() if name not in _ASIDE}
    request = fingerprint(call.world.life.id, calendar.id, call.user, parts)
    if "pageToken" not in call.parameters:
        return Pass(since, calendar.revision, (), request)
    token = read_page_token(call.parameters["pageToken"], request)
    return Pass(since, token.frozen, token.key, request, token.page)


def _since(call: Call, calendar: Calendar) -> int | None:
    token = call.parameters.get("syncToken")
    if token is None:
        return None
    revision = _scope(call, calendar).revision(token)
    about = calendar.about
    if about.refusals:
        about.refusals -= about.refusals > 0
        call.world.save_calendar(calendar)
        raise full_sync_required()
    return revision


def _scope(call: Call, calendar: Calendar) -> Scope:
    """What the token belongs to; one for busy spans alone is worth nothing to who may see events, nor the reverse."""
    scope, role = call.world.scope(calendar, call.user), call.role(calendar)
    if role == "freeBusyReader" or call.world.knobs.role_change_expires_tokens:
        return structs.replace(scope, collection=f"{calendar.id} as {role}")
    return scope


def page_size(call: Call) -> int:
    """How many rows one page looks at: more than Google's limit is capped, not refused (contract 2.1)."""
    wanted: int = call.parameters.get("maxResults", 250)
    return min(wanted, MOST_A_PAGE, call.world.knobs.page_limit)


def _comes_empty(call: Call) -> bool:
    share = call.world.knobs.empty_pages
    return share > 0 and call.world.random.random() < share


def _page(rows: Iterable[Row], size: int) -> tuple[list[Item], Key | None]:
    """The items of one page, and the key of its last row if more rows follow.

    Size counts rows before hidden ones are left out, so that a page may be short or empty (contract 2.3).
    """
    found = list(islice(rows, size + 1))
    items: list[Item] = [item for _, item in found[:size] if item is not None]
    return items, found[size - 1][0] if len(found) > size else None


def shown_item(item: Item, view: View) -> bytes:
    """An item of a list as JSON."""
    if isinstance(item, Record):
        return view.record(item)
    return item if isinstance(item, bytes) else view.body(item or {})


def list_etag(call: Call, calendar: Calendar) -> str:
    """The version of every list of this calendar's events."""
    return f'"p3{fingerprint(call.world.life.id, calendar.id, calendar.revision, call.role(calendar))[:14]}"'


def head_of(call: Call, calendar: Calendar, etag: str) -> Json:
    """What a list of events says beside its items and tokens."""
    about = calendar.about
    return {
        "kind": "calendar#events",
        "etag": etag,
        "summary": about.summary,
        "description": about.description,
        "updated": stamp_text(call.world.last_write(calendar)),
        "timeZone": call.parameters.get("timeZone") or about.zone,
        "accessRole": call.role(calendar),
        "defaultReminders": [{"method": "popup", "minutes": 10}] if about.owner == call.user else [],
    }


def _gives_token(call: Call) -> bool:
    """Whether the last page carries nextSyncToken (contract 3.2)."""
    given, knobs = call.parameters, call.world.knobs
    if "orderBy" in given or ("updatedMin" in given and not knobs.token_after_updated_min):
        return False
    return knobs.token_after_search or not any(name in given for name in _SEARCHES)


def joined(head: Json, items: list[bytes], mask: Mask | None) -> bytes:
    """The list as JSON, of items that are JSON already."""
    start = encode(masked(head, mask))
    if mask is not None and "items" not in mask and "*" not in mask:
        return start
    comma = b"," if start != b"{}" else b""
    return start[:-1] + comma + b'"items":[' + b",".join(items) + b"]}"
