"""What must be so once a story is over and all is at rest: every broken promise that can be seen from outside or in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from functions import channel, dead, ledger
from functions import feed as feeds
from functions.feed import Feed
from tests.world import World

Json = dict[str, Any]
ZONE = ZoneInfo("Europe/Zurich")
COUNTED = ("etag", "updated", "sequence", "conferenceData", "htmlLink")
"""What servers count, and what is ours to write: the rest of an event belongs to people."""


def plain(event: Json) -> Json:
    """What of an event only a person may change."""
    return {name: value for name, value in event.items() if name not in COUNTED}


# ---- meetings --------------------------------------------------------------------------------------------------------


def wrong_meetings(world: World) -> Iterator[str]:
    """Each event that asks for a meeting of ours names one that is right, and there is no other meeting."""
    meetings = {meeting["id"]: meeting for meeting in world.meetings()}
    sharers: dict[str, list[tuple[Json, list[Json]]]] = defaultdict(list)
    for event, exceptions in _asking(world):
        named = event["conferenceData"].get("conferenceId")
        if named not in meetings:
            yield f"{event['summary']}: no meeting, or one that is gone"
            continue
        sharers[named].append((event, exceptions))
        ways = event["conferenceData"]["entryPoints"]
        links = [entry["uri"] for entry in ways if entry["entryPointType"] == "video"]
        if links != [meetings[named]["join_url"]]:
            yield f"{event['summary']}: not its meeting's join link"
    for named, events in sharers.items():
        differing = [list(_differences(meetings[named], event, exceptions)) for event, exceptions in events]
        if all(differing):
            yield f"{events[0][0]['summary']}: its meeting differs in {differing[0]}"
    for meeting_id in meetings.keys() - sharers.keys():
        yield f"a meeting that no event names: {meetings[meeting_id]['title']}"


def _asking(world: World) -> Iterator[tuple[Json, list[Json]]]:
    """The live events, series as a whole, that ask for a conference of ours on their organizer's connected calendar."""
    for feed in _feeds(world):
        items = world.act("GET", feed.calendar, by=feed.user, showDeleted="true", maxResults="2500")["items"]
        for event in items:
            wish = event.get("conferenceData", {}).get("parameters", {}).get("addOnParameters", {})
            mine = event.get("organizer", {}).get("email") == feed.calendar
            if event["status"] != "cancelled" and mine and "recurringEventId" not in event and wish:
                yield event, [item for item in items if item.get("recurringEventId") == event["id"]]


def _differences(meeting: Json, event: Json, exceptions: list[Json]) -> Iterator[str]:
    wanted = {
        "title": event["summary"],
        "start": _instant(event["start"]),
        "end": _instant(event["end"]),
        "recurrence": event.get("recurrence", []),
        "attendees": sorted(guest["email"] for guest in event.get("attendees", ()) if _comes(guest)),
        "exceptions": sorted(map(_exception, exceptions)),
    }
    told = {
        **meeting,
        "start": _moment(meeting["start"]),
        "end": _moment(meeting["end"]),
        "attendees": sorted(guest["email"] for guest in meeting["attendees"]),
        "exceptions": sorted(
            (_moment(one["original_start"]), "" if one.get("cancelled") else _moment(one["start"]))
            for one in meeting["exceptions"]
        ),
    }
    yield from (name for name, value in wanted.items() if told[name] != value)


def _comes(guest: Json) -> bool:
    return not guest.get("organizer") and guest.get("responseStatus") != "declined"


def _exception(item: Json) -> tuple[str, str]:
    original = _instant(item["originalStartTime"])
    return original, "" if item["status"] == "cancelled" else _instant(item["start"])


def _instant(when: Json) -> str:
    moment = datetime.fromisoformat(when["dateTime"])
    return _utc(moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(when["timeZone"])))


def _moment(text: str) -> str:
    return _utc(datetime.fromisoformat(text))


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


# ---- work ------------------------------------------------------------------------------------------------------------


def pending(world: World) -> Iterator[str]:
    """What is still to be done, by anybody: then more time has to pass."""
    for held in (*world.queue.waiting(), *world.queue.running()):
        yield f"a task waits: {held.task.function} at {held.at}"
    if world.google.next_push() is not None and not world.google.world.channels.faults.silent:
        yield "a notice is on its way"
    if world.vendor.next_due() is not None:
        yield "a push is on its way"
    for feed in _feeds(world):
        if feed.owed or feed.wake_at is not None or feed.lease_until or feed.token is None:
            yield "a run is owed"
    for row in world.rows():
        if row.pending or row.claimed_until or row.due is not None or row.refresh or row.verify or row.releasing:
            yield f"a row has work: {row.event}"
    for document in world.store.query(channel.COLLECTION):
        if "resource_id" not in document.data or document.data.get("closing"):
            yield "a channel is half open"


# ---- leftovers -------------------------------------------------------------------------------------------------------


def left_behind(world: World) -> Iterator[str]:
    """What nobody will ever look at again, and what people would be told though nothing is wrong."""
    for row in world.rows():
        if row.parked or row.trouble or row.attempts or row.failing_since or row.absent_since:
            yield f"a row in trouble: {row.parked or row.trouble or row.attempts}"
        if (row.seen is None or row.seen.cancelled) and row.link is not None:
            yield f"a dead event holds a meeting: {row.event}"
        if row.link and row.link.meeting is None:
            yield f"a link without a meeting: {row.event}"
    leaders = [row.meeting for row in world.rows() if row.link and row.link.leads]
    yield from (f"two lead one meeting: {held}" for held in set(leaders) if leaders.count(held) > 1)
    for feed in _feeds(world):
        if feed.stopped or feed.trouble or feed.attempts or feed.full_wanted:
            yield f"a feed in trouble: {feed.trouble}"
    named = {feed.channel for feed in _feeds(world)}
    noted = {document.key.partition("/")[2] for document in world.store.query(channel.COLLECTION)}
    live = {it.id for it in world.google.world.channels.newest() if it.live(world.google.now())}
    if not named == noted == live:
        yield f"channels: {len(named)} named, {len(noted)} noted, {len(live)} live"
    yield from (f"{document.key}: {document.data}" for document in world.store.query(dead.COLLECTION))


def _feeds(world: World) -> list[Feed]:
    return [feeds.decode(document) for document in world.store.query(feeds.COLLECTION)]


def linked(world: World) -> list[ledger.Row]:
    """The rows that hold a meeting."""
    return [row for row in world.rows() if row.link is not None]
