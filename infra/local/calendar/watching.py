"""The watch methods of events, access rules, calendar lists and settings, and channels.stop.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/events/watch (contract 9.1, 9.3)
"""

from __future__ import annotations

import re
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from infra.local.calendar.call import Call
from infra.local.calendar.channels import Channel
from infra.local.calendar.collection import list_of, rules_of
from infra.local.calendar.errors import ApiError, invalid, required
from infra.local.calendar.messages import Response, json_value, no_content
from infra.local.calendar.settings import user_settings
from infra.local.calendar.tokens import fingerprint

LONGEST_LIFE = 604_800.0
"""Seconds; both the default and the most that is given."""
_ID = re.compile(r"[A-Za-z0-9\-_+/=]{1,64}")
_BASE = "https://www.googleapis.com/calendar/v3"


def watch(call: Call) -> Response:
    """events.watch: open a channel; its first message, `sync`, may arrive before this answer does."""
    calendar = call.calendar()
    _check_wanted(call)
    if not calendar.about.push_supported:
        message = "Push notifications are not supported by this resource."
        raise ApiError(400, "pushNotSupportedForRequestedResource", message, domain="calendar")
    return _opened(call, calendar.id, "calendars/{}/events", calendar.id)


def watch_rules(call: Call) -> Response:
    """acl.watch: per calendar, for its owners."""
    calendar = call.calendar("owner")
    _check_wanted(call)
    return _opened(call, rules_of(calendar.id), "calendars/{}/acl", calendar.id)


def watch_calendar_list(call: Call) -> Response:
    """calendarList.watch: per user."""
    _check_wanted(call)
    return _opened(call, list_of(call.user), "users/me/calendarList")


def watch_settings(call: Call) -> Response:
    """settings.watch: per user."""
    _check_wanted(call)
    return _opened(call, user_settings(call.world, call.user).name, "users/me/settings")


def _opened(call: Call, topic: str, path: str, calendar_id: str = "") -> Response:
    """Open the channel that the body wants for a topic, which the API knows under `path`."""
    _check(call)
    now = call.world.now()
    body = call.body
    channel = Channel(
        body["id"],
        call.user,
        topic,
        fingerprint(call.world.life.id, topic, call.user),
        f"{_BASE}/{path.format(calendar_id)}?alt=json",
        body["address"],
        body.get("token"),
        _expiry(call, now),
    )
    call.world.channels.open(channel, now)
    call.world.save_channel(channel)
    answer = {
        "kind": "api#channel",
        "id": channel.id,
        "resourceId": channel.resource_id,
        "resourceUri": f"{_BASE}/{path.format(quote(calendar_id, safe=''))}?alt=json",
        **({"token": channel.token} if channel.token is not None else {}),
        "expiration": str(int(channel.expires * 1000)),
    }
    return json_value(answer)


def stop(call: Call) -> Response:
    """channels.stop: only the user who opened the channel may; 404 if there is none (any more)."""
    for name in ("id", "resourceId"):
        if not call.body.get(name):
            raise required(location=name)
    world = call.world
    world.save_channel(world.channels.stop(call.body["id"], call.body["resourceId"], call.user, world.now()))
    return no_content()


def _check_wanted(call: Call) -> None:
    for name in ("id", "type", "address"):
        if not call.body.get(name):
            raise required(location=f"resource.{name}")


def _check(call: Call) -> None:
    body = call.body
    if not _ID.fullmatch(body["id"]):
        raise invalid(location="resource.id")
    if body["type"] not in {"web_hook", "webhook"}:
        raise invalid(location="resource.type")
    if len(body.get("token") or "") > 256:
        raise invalid(location="resource.token")
    _check_address(body["address"], plain=call.world.knobs.plain_http_push)


def _check_address(address: str, *, plain: bool) -> None:
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise invalid(location="resource.address") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise invalid(location="resource.address")
    if parts.scheme == "http" and not (plain or _loopback(host)):
        raise ApiError(400, "push.webhookUrlNotHttps", f"WebHook callback must be HTTPS: {parts.scheme}://{host}")


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _expiry(call: Call, now: datetime) -> float:
    """The strictest of the wishes and the longest life, in seconds since the epoch."""
    latest = [now.timestamp() + LONGEST_LIFE]
    expiration = call.body.get("expiration")
    life = (call.body.get("params") or {}).get("ttl")
    if expiration:
        latest.append(_number(expiration, "resource.expiration") / 1000)
    if life:
        latest.append(now.timestamp() + _number(life, "resource.params.ttl"))
    if min(latest) <= now.timestamp():
        raise invalid(location="resource.expiration")
    return min(latest)


def _number(text: str, location: str) -> int:
    if not text.isdecimal() or len(text) > 16:
        raise invalid(location=location)
    return int(text)
