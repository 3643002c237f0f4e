"""What the server knows and the API does not tell: revisions, horizons, channels, deliveries, the last requests.

Authority: contract 14 (state per calendar and per user). Reading it changes nothing.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from infra.local.calendar.calendar import Calendar
from infra.local.calendar.channels import Channel, Delivered
from infra.local.calendar.collection import Collection, rules_of
from infra.local.calendar.messages import Json
from infra.local.calendar.times import rfc3339, stamp_text

if TYPE_CHECKING:
    from infra.local.calendar.server import CalendarServer

MOST_REQUESTS = 100


def overview(server: CalendarServer) -> Json:
    """Everything by name; what came last stands first. No event, no channel's token, no body."""
    world = server.world
    now = world.now()
    return {
        "now": rfc3339(now),
        "users": sorted(calendar.id for calendar in world.calendars.values() if calendar.about.primary),
        "calendars": [
            _calendar(calendar, world.collection(rules_of(calendar.id))) for calendar in world.calendars.values()
        ],
        "channels": [{**_channel(channel), "live": channel.live(now)} for channel in world.channels.newest()],
        "deliveries": [_delivery(delivered) for delivered in reversed(world.channels.deliveries)],
        "waiting": world.channels.waiting(),
        "requests": list(islice(reversed(server.requests), MOST_REQUESTS)),
    }


def _calendar(calendar: Calendar, rules: Collection) -> Json:
    about = calendar.about
    return {
        "id": calendar.id,
        "owner": about.owner,
        "summary": about.summary,
        "timeZone": about.zone,
        "primary": about.primary,
        "roles": {rule.id: rule.value["role"] for rule in rules.all() if not rule.gone},
        "events": len(calendar.records),
        "revision": calendar.revision,
        "expirations": about.epoch,
        "refusals": about.refusals,
        "deleted": about.deleted,
        "pushSupported": about.push_supported,
    }


def _channel(channel: Channel) -> Json:
    return {
        "id": channel.id,
        "user": channel.user,
        "resourceUri": channel.resource_uri,
        "resourceId": channel.resource_id,
        "address": channel.address,
        "expiration": stamp_text(int(channel.expires * 1_000_000)),
        "lastNumber": channel.number,
        "stopped": channel.stopped,
    }


def _delivery(delivered: Delivered) -> Json:
    push = delivered.push
    return {
        "time": rfc3339(delivered.time),
        "channel": push.channel,
        "state": push.state,
        "number": int(push.headers["X-Goog-Message-Number"]),
        "attempt": push.attempt,
        "status": delivered.status,
    }
