"""People: each kind of act happens, and afterwards the shadow says what the server says."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from conference.providers.protocol import CreateKey, Field, Recurrence, Schedule
from infra.local.calendar.messages import Request
from infra.local.calendar.server import CalendarServer
from infra.local.memory import ManualClock
from tests.simulation.calendar_user import CalendarUser, own_fields
from tests.simulation.people import ACTS, People
from tests.simulation.shadow import Shadow, Wish
from tests.simulation.vendor import Traits, VendorModel

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ALICE, BOB, GUEST = "alice@example.com", "bob@example.com", "guest@example.org"
CALENDARS = {ALICE: [ALICE, "team-a@group.test"], BOB: [BOB]}


class Stage:
    """The servers, a shadow, and people between them; a publisher stands in for the product."""

    def __init__(self, seed: int, *, net: bool = True, vendors: Sequence[Traits] = ()) -> None:
        self.seed = seed
        self.clock = ManualClock(START)
        self.google = CalendarServer(clock=self.clock.now, random=random.Random(seed))  # noqa: S311 - seeded on purpose
        self.vendors = {traits.name: VendorModel(traits, self.clock.now) for traits in vendors or TRAITS}
        self.shadow = Shadow()
        self.people = People(self.google, self.vendors, self.shadow, self.clock.now, CALENDARS, [GUEST], net=net)
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

    def publish(self, choice: random.Random | None = None) -> None:
        """Do for all events, or some, what the product does: make a meeting, and name it on the event."""
        for wish in self.shadow.wanted():
            event = self.read(wish)
            if wish.user not in CALENDARS or event["conferenceData"].get("conferenceId"):
                continue
            if choice and choice.random() < 0.4:
                continue
            vendor = self.vendors[wish.provider or ""]
            state = {"title": event["summary"], "start": "", "end": ""}
            held, _ = vendor.create(state, f"key-{wish.token}-{self.clock.now().timestamp()}")
            points = [{"entryPointType": "video", "uri": vendor.join_url(held.id)}]
            named = {"conferenceId": held.id, "entryPoints": points}
            CalendarUser(self.google, wish.user).patch(wish.calendar, wish.event, {"conferenceData": named})

    def read(self, wish: Wish) -> dict[str, Any]:
        """A wish's event at the server."""
        found = CalendarUser(self.google, wish.user).get(wish.calendar, wish.event)
        assert found is not None, wish
        return found

    def check(self) -> None:
        """Every wish says what the server says, and so does what is said of strangers."""
        for wish in self.shadow.wishes.values():
            event = self.read(wish)
            assert wish.fields == own_fields(event), wish.token
            assert wish.alive == (event["status"] != "cancelled")
            assert wish.provider == asked_for(event), wish.token
            assert wish.exceptions == self.exceptions(wish), wish.token
        for meeting, state in self.shadow.strangers.items():
            held = [vendor.live[meeting] for vendor in self.vendors.values() if meeting in vendor.live]
            assert [(one.state, one.by_us) for one in held] == [(state, False)]

    def instances(self, token: str) -> list[tuple[str, str]]:
        """The occurrences of a series: when they begin and end."""
        wish = self.shadow.wishes[token]
        found = CalendarUser(self.google, wish.user).instances(wish.calendar, wish.event)
        return [(str(one["start"]), str(one["end"])) for one in found]

    def exceptions(self, wish: Wish) -> dict[str, dict[str, Any]]:
        """The changed and cancelled occurrences that the server keeps of a wish's event."""
        records = self.google.world.calendars[wish.calendar].exceptions(wish.event)
        user = CalendarUser(self.google, wish.user)
        return {record.id: own_fields(user.get(wish.calendar, record.id) or {}) for record in records}

    def everything(self) -> tuple[Any, ...]:
        """All that servers and shadow hold, ids and versions too, in its order."""
        calendars = self.google.world.calendars
        events = [[record.body for record in calendars[name].in_order(0)] for name in calendars]
        return events, [vendor.log for vendor in self.vendors.values()], self.shadow.wishes, self.shadow.strangers


def asked_for(event: dict[str, Any]) -> str | None:
    """Whose conference the event carries."""
    parameters = event.get("conferenceData", {}).get("parameters", {})
    asked: str | None = parameters.get("addOnParameters", {}).get("parameters", {}).get("lockstep")
    return asked


TRAITS = (
    Traits("http"),
    Traits("plain", CreateKey.NONE, Schedule.NONE, conditional=False, readable=False, recurrence=Recurrence.NONE),
    Traits("deaf", CreateKey.SEARCHABLE, ignores=Field.TITLE, pushes=False),
)


@pytest.mark.parametrize("seed", range(16))
def test_the_shadow_says_what_the_server_says(seed: int) -> None:
    """After every single act, each event and each changed occurrence is as the shadow has it, and so is its vendor."""
    stage = Stage(seed)
    for number in range(30):
        stage.step(number)
        stage.check()


@pytest.mark.parametrize("seeds", [range(start, start + 30) for start in range(1000, 1300, 30)], ids=str)
def test_people_never_try_what_the_server_refuses(seeds: range) -> None:
    """Whatever is drawn, an act that is chosen is possible; in the end the shadow is still true."""
    for seed in seeds:
        stage = Stage(seed)
        stage.run(10)
        stage.check()


@pytest.mark.parametrize("seed", range(5))
def test_equal_draws_make_equal_stories(seed: int) -> None:
    """The same seed gives the same acts, and leaves servers and shadow the same to the last id."""
    one, other = Stage(seed), Stage(seed)

    assert one.run(40) == other.run(40)
    assert one.everything() == other.everything()


@pytest.mark.parametrize("kind", ACTS)
def test_each_kind_of_act_happens(kind: str) -> None:
    """Each kind becomes possible in a while, is counted, and begins its line of the story; the shadow stays true."""
    stage = Stage(7)
    for number in range(200):
        stage.step(number)
        before = stage.people.acts[kind]
        done = stage.people.do(kind, random.Random(number))  # noqa: S311 - seeded on purpose
        if done is not None:
            assert stage.people.acts[kind] == before + 1
            assert done.startswith(f"{kind} ")
            stage.check()
            return
    pytest.fail("never possible")


def test_titles_begin_with_the_token_for_life() -> None:
    """Through all acts, the title of every event that can be read begins with its token, counted from E1."""
    for seed in range(10):
        stage = Stage(seed)
        stage.run(30)
        wishes = stage.shadow.wishes
        assert list(wishes) == [f"E{number}" for number in range(1, len(wishes) + 1)]
        for token, wish in wishes.items():
            for fields in (wish.fields, *wish.exceptions.values()):
                assert wish.unreadable or str(fields["summary"]).split()[0] == token


def test_a_copy_shares_a_meeting_only_if_there_is_one() -> None:
    """A copy names the meeting that the original names and both say so; without one it asks for its own."""
    shared = alone = 0
    for seed in range(40):
        stage = Stage(seed)
        stage.people.do("make", random.Random(seed))  # noqa: S311 - seeded on purpose
        original = stage.shadow.wishes["E1"]
        if seed % 2:
            stage.publish()
        named = stage.read(original).get("conferenceData", {}).get("conferenceId")
        stage.people.do("copy", random.Random(seed))  # noqa: S311 - seeded on purpose
        copy = stage.shadow.wishes["E2"]
        assert stage.read(copy).get("conferenceData", {}).get("conferenceId") == named
        assert (copy.shares, original.shares) == (
            (frozenset({"E1"}), frozenset({"E2"})) if named else (frozenset(),) * 2
        )
        shared, alone = shared + bool(named), alone + (not named)

    assert min(shared, alone) > 5


def test_a_split_series_goes_on_where_it_ended() -> None:
    """The halves of a split series have no instant in common, and as many together as the whole had."""
    split = 0
    for seed in range(60):
        stage = Stage(seed)
        stage.people.do("repeat", random.Random(seed))  # noqa: S311 - seeded on purpose
        before = stage.instances("E1")
        if stage.people.do("split", random.Random(seed)) is not None:  # noqa: S311 - seeded on purpose
            split += 1
            assert stage.instances("E1") + stage.instances("E2") == before

    assert split > 30


def test_what_nobody_here_organizes_or_can_read_is_not_wanted() -> None:
    """Imports, and events that nobody connected organizes or that are unreadable, ask for what they shall not get."""
    kinds = {"host": "elsewhere", "import": "elsewhere", "poison": "unreadable"}
    for kind, reason in kinds.items():
        stage = Stage(3)
        for seed in range(12):
            assert stage.people.do(kind, random.Random(seed))  # noqa: S311 - seeded on purpose
        assert all(getattr(wish, reason) and wish.provider for wish in stage.shadow.wishes.values())
        assert not list(stage.shadow.wanted())


@pytest.mark.parametrize(
    ("name", "net", "possible"),
    [
        ("http", True, {"retitle", "shift", "rotate", "delete"}),
        ("http", False, {"retitle", "shift", "rotate", "delete"}),
        ("plain", True, {"retitle", "rotate", "delete"}),
        ("deaf", True, {"shift", "rotate", "delete"}),
        ("deaf", False, set()),
    ],
)
def test_hands_at_a_vendor_do_what_can_be_noticed(name: str, net: bool, possible: set[str]) -> None:
    """People change our meetings only where lists, or without the net pushes, are bound to tell of it."""
    stage = Stage(1, net=net, vendors=[traits for traits in TRAITS if traits.name == name])
    stage.people.do("make", random.Random(2))  # noqa: S311 - seeded on purpose
    stage.publish()
    wish = stage.shadow.wishes["E1"]
    done = set()
    for kind in ("retitle", "shift", "rotate", "delete"):
        now = stage.clock.advance(timedelta(minutes=1)).timestamp()
        if stage.people.do(kind, random.Random(5)) is not None:  # noqa: S311 - seeded on purpose
            done.add(kind)
            assert wish.changed_at == now

    assert done == possible
    assert wish.wanted
