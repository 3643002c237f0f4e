"""How the small collections are listed: pages and sync tokens for access rules, calendar lists and settings.

Authority: https://developers.google.com/workspace/calendar/api/guides/sync (contract 3.1, 3.4, 11)
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from infra.local.calendar.call import Call
from infra.local.calendar.collection import Collection, Entry
from infra.local.calendar.errors import full_sync_required, token_with_restrictions
from infra.local.calendar.masks import masked, read_mask
from infra.local.calendar.messages import Json, Response, json_value, not_modified
from infra.local.calendar.tokens import PageToken, Scope, fingerprint, read_page_token

MOST_A_PAGE = 250
_DEFAULT_A_PAGE = 100
_ASIDE = frozenset({"pageToken", "fields", "alt", "key", "oauth_token", "prettyPrint", "quotaUser", "userIp"})

Show = Callable[[Entry], Json | None]
"""What a list shows of an entry; None leaves it out."""


def listed(
    call: Call, collection: Collection, kind: str, show: Show, first: Callable[[Entry], bool] = lambda _: False
) -> Response:
    """One page of the collection, in its order (`first` before the rest), or of its changes since a sync token.

    The revision that page one saw is the one that the last page's token stands for.
    """
    since = _since(call, collection)
    request = fingerprint(call.world.life.id, collection.name, call.user, _repeated(call))
    at = read_page_token(call.parameters["pageToken"], request) if "pageToken" in call.parameters else None
    frozen = at.frozen if at else collection.revision
    rows = _changed(collection, since, frozen) if since is not None else _everything(collection, first)
    behind = ((key, shown) for key, entry in rows if (at is None or key > at.key) and (shown := show(entry)))
    size = min(call.parameters.get("maxResults", _DEFAULT_A_PAGE), MOST_A_PAGE)
    found = list(islice(behind, size + 1))
    items = [item for _, item in found[:size]]
    body: Json = {"kind": kind, "etag": f'"p3{fingerprint(collection.name, items)[:14]}"', "items": items}
    if len(found) > size:
        body["nextPageToken"] = PageToken(request, frozen, found[size - 1][0]).text()
    else:
        body["nextSyncToken"] = _scope(call, collection).sync_token(frozen)
    return answered(call, body)


def check_beside_token(call: Call, *, never: tuple[str, ...] = (), not_false: tuple[str, ...] = ()) -> None:
    """Return if nothing stands beside a sync token that it refuses. Raises ApiError 400."""
    given = call.parameters
    if "syncToken" not in given:
        return
    if any(name in given for name in never) or any(given.get(name) is False for name in not_false):
        raise token_with_restrictions()


def answered(call: Call, body: Json) -> Response:
    """The answer with a resource or a list, masked by `fields`; 304 if the caller knows its version."""
    if call.knows(body["etag"]):
        return not_modified(body["etag"])
    fields = call.parameters.get("fields")
    return json_value(masked(body, read_mask(fields, call.answer) if fields else None), etag=body["etag"])


def _repeated(call: Call) -> Json:
    return {name: str(value) for name, value in call.parameters.items() if name not in _ASIDE}


def _scope(call: Call, collection: Collection) -> Scope:
    return Scope(call.world.life.id, collection.name, call.user, collection.horizon.epoch)


def _since(call: Call, collection: Collection) -> int | None:
    token = call.parameters.get("syncToken")
    if token is None:
        return None
    revision = _scope(call, collection).revision(token)
    horizon = collection.horizon
    if horizon.refusals:
        horizon.refusals -= horizon.refusals > 0
        call.world.save_horizon(collection)
        raise full_sync_required()
    return revision


Rows = list[tuple[tuple[int, ...], Entry]]


def _everything(collection: Collection, first: Callable[[Entry], bool]) -> Rows:
    rows: Rows = [((int(not first(entry)), entry.order), entry) for entry in collection.all()]
    return sorted(rows, key=lambda row: row[0])


def _changed(collection: Collection, since: int, frozen: int) -> Rows:
    return [((entry.revision,), entry) for entry in collection.changed(since, frozen)]
