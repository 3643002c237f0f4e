"""The acceptance story in short ones: what people and providers do, step by step, in the order of `make demo`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from functions.ground import Policy
from tests.flow.stage import Stage
from tests.world import ALICE, asked

BOB = "bob@example.com"
TEAM = "team@example.com"
WEEKLY = ["RRULE:FREQ=WEEKLY;COUNT=6"]


def zurich(day: int, hour: int, minutes: int = 60) -> dict[str, Any]:
    """A time in November 2026, as an event's fields."""
    zone = {"timeZone": "Europe/Zurich"}
    end = timedelta(hours=hour, minutes=minutes)
    return {
        "start": {"dateTime": f"2026-11-{day}T{hour:02}:00:00", **zone},
        "end": {"dateTime": f"2026-11-{day}T{end}".replace("T9:", "T09:"), **zone},
    }


def planned(stage: Stage, **fields: Any) -> str:
    """A connected calendar with one event that has its meeting; then the story begins."""
    stage.connect()
    event = stage.insert(**fields)
    stage.begin()
    return event


# ---- the plain story -------------------------------------------------------------------------------------------------


def connected(stage: Stage) -> None:
    """A calendar is connected that holds events with meetings and without, and then one more is made."""
    stage.insert(summary="Dentist", conferenceData=None)
    stage.begin()
    stage.connect()
    stage.insert()


def created(stage: Stage) -> None:
    """An event is created."""
    stage.connect()
    stage.begin()
    stage.insert()


def renamed(stage: Stage) -> None:
    """It is renamed."""
    stage.patch(planned(stage), summary="Planning, again")


def moved(stage: Stage) -> None:
    """It is moved to another day, and made longer before anything has followed."""
    event = planned(stage)
    stage.patch(event, **zurich(26, 14))
    stage.patch(event, **zurich(26, 14, 90))


def invited(stage: Stage) -> None:
    """Two guests are added, and one is taken off."""
    event = planned(stage)
    stage.patch(event, attendees=[{"email": BOB}, {"email": "carol@example.com"}])
    stage.rest()
    stage.patch(event, attendees=[{"email": BOB}])


def left_alone(stage: Stage) -> None:
    """An ordinary event and one with somebody else's conference are made and renamed."""
    stage.connect()
    stage.begin()
    theirs = {
        "conferenceSolution": {"key": {"type": "addOn"}, "name": "Other Meetings"},
        "entryPoints": [{"entryPointType": "video", "uri": "https://meetings.example.org/j/123"}],
        "conferenceId": "123",
    }
    events = [stage.insert(conferenceData=None), stage.insert(summary="Their call", conferenceData=theirs)]
    stage.rest()
    for event in events:
        stage.patch(event, summary="Renamed")


def cancelled(stage: Stage) -> None:
    """An event is cancelled."""
    stage.cancel(planned(stage))


def restored(stage: Stage) -> None:
    """A cancelled event comes back, before and after its meeting is gone."""
    event = planned(stage)
    stage.cancel(event)
    stage.patch(event, status="confirmed")
    stage.rest()
    stage.cancel(event)
    stage.rest()
    stage.patch(event, status="confirmed")


def asked_again(stage: Stage) -> None:
    """The conference is taken off, and asked for again."""
    event = planned(stage)
    stage.patch(event, conferenceData=None)
    stage.rest()
    stage.patch(event, conferenceData=asked())


def drafted(stage: Stage) -> None:
    """A conference is chosen in the editor of a new event, which is saved with it some minutes later."""
    stage.connect()
    stage.begin()
    conference = stage.choose("draft1")
    stage.minute(3)
    stage.insert(id="draft1", conferenceData=conference)


def abandoned(stage: Stage) -> None:
    """A conference is chosen, and the editor closed without saving: the meeting is deleted when its time is over."""
    stage.world.change_ground(policy=Policy(unsaved=240))
    stage.connect()
    stage.begin()
    stage.choose("draft1")
    stage.minute(5)


# ---- series ----------------------------------------------------------------------------------------------------------


def series(stage: Stage) -> None:
    """Of a weekly series one occurrence is moved and one cancelled, then the whole is renamed."""
    event = planned(stage, recurrence=WEEKLY)
    start, end = ({"dateTime": f"2026-12-02T{hour}:00:00+01:00"} for hour in (15, 16))
    stage.patch(f"{event}_20261201T090000Z", start=start, end=end)
    stage.cancel(f"{event}_20261208T090000Z")
    stage.rest()
    stage.patch(event, summary="Weekly")


def split(stage: Stage) -> None:
    """This and following: the series ends early, and a second one goes on with the same conference."""
    event = planned(stage, recurrence=WEEKLY)
    conference = stage.world.event(event)["conferenceData"]
    stage.patch(event, recurrence=["RRULE:FREQ=WEEKLY;UNTIL=20261207T225959Z"])
    start, end = ({"dateTime": f"2026-12-08T{hour}:00:00", "timeZone": "Europe/Zurich"} for hour in (14, 15))
    stage.insert(conferenceData=conference, recurrence=["RRULE:FREQ=WEEKLY;COUNT=4"], start=start, end=end)


# ---- several copies --------------------------------------------------------------------------------------------------


def copied(stage: Stage) -> None:
    """An event is copied with its conference; the first one is renamed and cancelled, then the copy too."""
    event = planned(stage)
    copy = stage.insert(summary="Copy", conferenceData=stage.world.event(event)["conferenceData"])
    stage.rest()
    stage.patch(event, summary="Original")
    stage.rest()
    stage.cancel(event)
    stage.rest()
    stage.cancel(copy)


def guest(stage: Stage) -> None:
    """A guest whose calendar is connected too gets a copy, declines, and takes it off."""
    stage.connect(user=BOB)
    event = planned(stage, attendees=[{"email": BOB}])
    stage.patch(event, by=BOB, attendees=[{"email": BOB, "responseStatus": "declined"}])
    stage.rest()
    stage.cancel(event, by=BOB)


def moved_over(stage: Stage) -> None:
    """An event is moved to another connected calendar: it keeps its meeting."""
    stage.world.google_control("calendars", id=TEAM, owner=ALICE, timeZone="Europe/Zurich")
    stage.connect(TEAM)
    event = planned(stage)
    stage.move(event, TEAM)
    stage.rest()
    stage.patch(event, TEAM, summary="The team's")


# ---- the provider's side ---------------------------------------------------------------------------------------------


def edited_there(stage: Stage) -> None:
    """Somebody renames the meeting and changes its join link at the provider."""
    planned(stage)
    stage.edit(stage.meeting("Planning"), title="By hand")
    stage.rest()
    stage.edit(stage.meeting("Planning"), rotate_join_url=True)


def deleted_there(stage: Stage) -> None:
    """Somebody deletes the meeting at the provider."""
    planned(stage)
    stage.edit(stage.meeting("Planning"), delete=True)


def collision(stage: Stage) -> None:
    """The provider changes the link while a person renames the event, whose notice is late."""
    event = planned(stage)
    stage.world.google_control("push", delay_ms=20_000)
    stage.patch(event, summary="By a person")
    stage.edit(stage.meeting("Planning"), rotate_join_url=True)


# ---- trouble ---------------------------------------------------------------------------------------------------------


def lost_notice(stage: Stage) -> None:
    """An event is renamed and no notice comes: the poll finds it."""
    event = planned(stage)
    stage.world.google_control("push", drop_next=1)
    stage.patch(event, summary="Unheard")
    stage.minute(16)


def dropped_token(stage: Stage) -> None:
    """One of two events is renamed, one deleted, and the sync token is dropped before either was seen."""
    stage.connect()
    gone, kept = stage.insert(summary="Gone"), stage.insert(summary="Kept")
    stage.begin()
    stage.world.google_control("expire-tokens", calendarId=ALICE)
    stage.cancel(gone)
    stage.patch(kept, summary="Kept, renamed")


def bad_day(stage: Stage) -> None:
    """The provider answers 429, then 500, then not at all though the meeting was made."""
    stage.connect()
    stage.begin()
    stage.world.vendor_control("faults", method="POST", path="^/meetings$", status=429, retry_after=1)
    stage.world.vendor_control("faults", method="POST", path="^/meetings$", status=500)
    stage.world.vendor_control("faults", method="POST", path="^/meetings$", status=504, after_apply=True)
    stage.insert()


def crowd(stage: Stage) -> None:
    """Two events are created at once, and both moved at once."""
    stage.connect()
    stage.begin()
    events = [stage.insert(summary=f"Crowd {number}") for number in range(2)]
    stage.rest()
    for event in events:
        stage.patch(event, **zurich(27, 9))


def renewed(stage: Stage) -> None:
    """The push channel comes near its end and is replaced; a change just before and one just after are heard."""
    event = planned(stage)
    stage.world.clock.advance(timedelta(hours=25))
    stage.patch(event, summary="Heard by the old channel")
    stage.minute()
    stage.rest()
    stage.patch(event, summary="Heard by the new channel")


def swept(stage: Stage) -> None:
    """A day goes by, after which a meeting was changed unheard and one of ours is left that no event holds."""
    planned(stage)
    stage.fuse.armed = False
    stage.world.vendor_control("webhooks", silent=True)
    stage.edit(stage.meeting("Planning"), title="Unheard")
    stage.world.make_spare()
    stage.spares = 1
    stage.minute(24 * 60)
    for deadly in (True, False, False, True, False, False):
        stage.fuse.armed = deadly
        stage.minute(31)


STORIES: tuple[Callable[[Stage], None], ...] = (
    connected,
    created,
    renamed,
    moved,
    invited,
    left_alone,
    cancelled,
    restored,
    asked_again,
    drafted,
    abandoned,
    series,
    split,
    copied,
    guest,
    moved_over,
    edited_there,
    deleted_there,
    collision,
    lost_notice,
    dropped_token,
    bad_day,
    crowd,
    renewed,
    swept,
)
