"""People: each kind of act happens, and afterwards the shadow says what the server says."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from conference.providers.protocol import CreateKey, Field, Recurrence, Schedule
from infra.local.calendar.messages import Request
from infra.local.calendar.server import CalendarServer
from infra.local.memory import ManualClock
from tests.simulation.calendar_user import CalendarUser, own_fields
from tests.simulation.people import People
from tests.simulation.shadow import Shadow, Wish
from tests.simulation.vendor import Traits, VendorModel

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ALICE, BOB, GUEST = "alice@example.com", "bob@example.com", "guest@example.org"
CALENDARS = {ALICE: [ALICE, "team-a@group.test"], BOB: [BOB]}


class Stage:
    """The servers, a shadow, and people between them; a publisher stands in for the product."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.clock = ManualClock(START)
        self.google = CalendarServer(clock=self.clock.now, random=random.Random(seed))  # noqa: S311 - seeded on purpose
        self.vendors = {traits.name: VendorModel(traits, self.clock.now) for traits in TRAITS}
        self.shadow = Shadow()
        self.people = People(self.google, self.vendors, self.shadow, self.clock.now, CALENDARS, [GUEST])
        for owner, calendars in CALENDARS.items():
            for calendar in calendars:
                self.control("calendars", id=calendar, owner=owner, timeZone="Europe/Zurich")

    def control(self, route: str, **body: Any) -> None:
        """Call a control route."""
        answer = self.google.handle(Request("POST", f"/control/{route}", body=msgspec.json.encode(body)))
        assert answer.status == 200, answer.body

    def run(self, acts: int) -> list[str]:
        """Let people act, some time apart; what they did."""
        return [self.step(number) for number in range(acts)]

    def step(self, number: int) -> str:
        """One act some time after the last."""
        choice = random.Random(f"{self.seed}/{number}")  # noqa: S311 - seeded on purpose
        self.clock.advance(timedelta(seconds=choice.choice((0, 1, 30, 4000))))
        done = self.people.act(choice)
        self.publish(choice)
        return done

    def publish(self, choice: random.Random) -> None:
        """Do for some events what the product does: make a meeting, and name it on the event."""
        for wish in self.shadow.wanted():
            event = self.read(wish)
            if wish.user not in CALENDARS or event["conferenceData"].get("conferenceId") or choice.random() < 0.4:
                continue
            vendor = self.vendors[wish.provider or ""]
            held, _ = vendor.create({"title": event["summary"]}, f"key-{wish.token}-{self.clock.now().timestamp()}")
            points = [{"entryPointType": "video", "uri": vendor.join_url(held.id)}]
            named = {"conferenceId": held.id, "entryPoints": points}
            CalendarUser(self.google, wish.user).patch(wish.calendar, wish.event, {"conferenceData": named})

    def read(self, wish: Wish) -> dict[str, Any]:
        """A wish's event at the server."""
        found = CalendarUser(self.google, wish.user).get(wish.calendar, wish.event)
        assert found is not None, wish
        return found

    def check(self) -> None:
        """Every wish says what the server says."""
        for wish in self.shadow.wishes.values():
            event = self.read(wish)
            assert wish.fields == own_fields(event), wish.token
            assert wish.alive == (event["status"] != "cancelled")
            user = CalendarUser(self.google, wish.user)
            for occurrence, fields in wish.exceptions.items():
                assert fields == own_fields(user.get(wish.calendar, occurrence) or {}), (wish.token, occurrence)


TRAITS = (
    Traits("http"),
    Traits("plain", CreateKey.NONE, Schedule.NONE, conditional=False, readable=False, recurrence=Recurrence.NONE),
    Traits("deaf", CreateKey.SEARCHABLE, ignores=Field.TITLE, pushes=False),
)


@pytest.mark.parametrize("seed", range(40))
def test_the_shadow_says_what_the_server_says(seed: int) -> None:
    """After every single act, each event and each changed occurrence is as the shadow has it."""
    stage = Stage(seed)
    for number in range(30):
        stage.step(number)
        stage.check()
