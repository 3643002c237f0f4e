"""A vendor's model, the provider over it, and meetings for them: what the tests of both begin with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from conference.meeting import Attendee, MeetingSpec, Occurrence, Slot
from conference.providers.protocol import (
    CreateKey,
    MeetingLister,
    Notification,
    NotificationReader,
    Recurrence,
    Schedule,
)
from infra.local.memory import ManualClock
from tests.simulation.vendor import ModelProvider, Traits, VendorModel

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROOMS = Traits("rooms", CreateKey.NONE, Schedule.NONE, conditional=False, recurrence=Recurrence.NONE)


def weekly(title: str = "E1 Planning") -> MeetingSpec:
    """A series with everything a spec may have; no part is what a meeting has that was told nothing."""
    return MeetingSpec(
        title=title,
        slot=Slot(START + DAY, START + DAY + HOUR, "Europe/Zurich"),
        host="alice@example.com",
        agenda="Numbers",
        attendees=(Attendee("zoe@example.com"), Attendee("bo@example.com")),
        recurrence=("RRULE:FREQ=WEEKLY;COUNT=4",),
        exceptions=(
            Occurrence(START + 15 * DAY, None),
            Occurrence(START + 8 * DAY, Slot(START + 9 * DAY, START + 9 * DAY + HOUR, "Asia/Tokyo"), "E1 Moved"),
        ),
    )


def other() -> MeetingSpec:
    """A spec that differs from `weekly` in every part."""
    return MeetingSpec(
        title="E1 Other",
        slot=Slot(START + 2 * DAY, START + 2 * DAY + 2 * HOUR, "Asia/Tokyo"),
        host="bob@example.com",
        agenda="Words",
        attendees=(Attendee("eve@example.com"),),
        recurrence=("RRULE:FREQ=DAILY",),
        exceptions=(Occurrence(START + 3 * DAY, None),),
    )


class Bench:
    """A model, the provider over it, and their clock."""

    def __init__(self, traits: Traits) -> None:
        self.clock = ManualClock(START)
        self.model = VendorModel(traits, self.clock.now)
        self.provider = ModelProvider(self.model)

    def listed(self) -> list[str]:
        """The ids that a list shows."""
        assert isinstance(self.provider, MeetingLister)
        return [meeting.ref.id for meeting in self.provider.list()]

    def heard(self) -> list[Notification]:
        """The pushes until now, read by the provider."""
        assert isinstance(self.provider, NotificationReader)
        due = self.model.due_pushes(self.clock.now())
        return [self.provider.read(push.headers, push.body, now=self.clock.now()) for push in due]
