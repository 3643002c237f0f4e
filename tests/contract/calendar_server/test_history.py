"""Whatever people do, who follows tokens sees what a fresh client sees (contract 3, 4); and nothing crashes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.contract.calendar_server.desk import ALICE, BOB, CAROL, Desk, hours, plain, read

SERIES = {**hours("2026-12-01", 10, 11), "recurrence": ["RRULE:FREQ=DAILY;COUNT=4"]}
SHORTER = ["RRULE:FREQ=DAILY;COUNT=2"]
EVENTS = f"/calendar/v3/calendars/{ALICE}/events"
ACTS = ("single", "series", "invite", "rename", "move", "shorten", "uninvite", "delete", "occurrence", "gap", "answer")

Act = tuple[str, int, int]
acts = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 9), st.integers(0, 3)), max_size=12)


class Follower:
    """A client that keeps its own picture of a calendar by tokens, page by page, each page at another moment."""

    def __init__(self, desk: Desk, user: str) -> None:
        self.desk, self.user = desk, user
        self.seen: dict[str, dict[str, Any]] = {}
        self.token: str | None = None
        self.page: str | None = None

    def read_a_page(self) -> None:
        """Read one page more."""
        options: dict[str, Any] = {
            "syncToken": self.token,
            "pageToken": self.page,
            "maxResults": 2,
            "showDeleted": True,
        }
        page = self.desk.page(self.user, **{name: value for name, value in options.items() if value})
        for item in page["items"]:
            if item["status"] == "cancelled":
                self.seen.pop(item["id"], None)
            else:
                self.seen[item["id"]] = item
        self.page = page.get("nextPageToken")
        self.token = page.get("nextSyncToken", self.token)

    def catch_up(self) -> None:
        """Finish the pass under way, and read one whole pass more."""
        self.finish_the_pass()
        self.read_a_page()
        self.finish_the_pass()

    def finish_the_pass(self) -> None:
        """Read the pages that are left."""
        while self.page:
            self.read_a_page()


def do(desk: Desk, act: Act) -> None:
    """One act on some event, if there is one that it fits."""
    name, which, day = act
    made = sorted(desk.server.world.primary(ALICE).records)
    if name in {"single", "series", "invite"}:
        guests = {"attendees": [{"email": BOB}, {"email": CAROL}]} if name == "invite" else {}
        desk.insert(**{**(SERIES if name == "series" or day == 0 else {}), **guests})
    elif made:
        event = made[which % len(made)]
        _change(desk, name, event, day)


def _change(desk: Desk, name: str, event: str, day: int) -> None:
    instance = f"{event.partition('_')[0]}_2026120{day + 1}T090000Z"
    path, on_instance = f"{EVENTS}/{event}", f"{EVENTS}/{instance}"
    ways: dict[str, Callable[[], object]] = {
        "rename": partial(desk.raw, "PATCH", path, {"summary": f"title {day}"}),
        "move": partial(desk.raw, "PATCH", path, hours(f"2026-12-1{day}", 8, 9)),
        "shorten": partial(desk.raw, "PATCH", path, {"recurrence": SHORTER}),
        "uninvite": partial(desk.raw, "PATCH", path, {"attendees": [{"email": CAROL}]}),
        "delete": partial(desk.raw, "DELETE", path),
        "occurrence": partial(desk.raw, "PATCH", on_instance, {"summary": f"own {day}", **hours("2026-12-09", 8, 9)}),
        "gap": partial(desk.raw, "DELETE", on_instance),
        "answer": partial(_answer, desk, event, day),
    }
    ways[name]()


def _answer(desk: Desk, event: str, day: int) -> None:
    rows = [{"email": BOB, "responseStatus": ("accepted", "declined", "tentative", "needsAction")[day]}]
    headers = {"authorization": f"Bearer dev:{BOB}"}
    path = f"/calendar/v3/calendars/{BOB}/events/{event}"
    desk.raw("PATCH", path, {"attendees": [*rows, {"email": CAROL}]}, headers=headers)


reads = st.tuples(st.just("read"), st.integers(0, 9), st.integers(0, 3))


@given(st.lists(reads | acts, max_size=12), st.booleans())
def test_following_tokens_ends_where_a_fresh_full_pass_ends(steps: list[Act | list[Act]], backwards: bool) -> None:
    """3.1, 4.3: for every history, moment of reading and order, on an organizer's and a guest's calendar."""
    desk = Desk()
    desk.control("knobs", exceptionsFirst=backwards)
    followers = [Follower(desk, ALICE), Follower(desk, BOB)]
    for step in steps:
        if isinstance(step, list):
            for act in step:
                do(desk, act)
        else:
            for follower in followers:
                follower.read_a_page()
    for follower in followers:
        follower.catch_up()
        fresh, _ = desk.all(follower.user, showDeleted=True)

        assert follower.seen == {item["id"]: item for item in fresh if item["status"] != "cancelled"}


@given(acts)
def test_occurrences_are_the_same_read_singly_or_in_a_list(history: list[Act]) -> None:
    """5: whatever became of a series, each item of an expanded list is what get answers for its id."""
    desk = Desk()
    for act in history:
        do(desk, act)
    items, _ = desk.all(singleEvents=True, maxResults=3)

    assert len({item["id"] for item in items}) == len(items)
    for item in items:
        assert desk.get(item["id"]) == item


junk = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
fields = st.dictionaries(
    st.sampled_from(
        [
            *("start", "end", "recurrence", "attendees", "conferenceData", "reminders", "extendedProperties", "id"),
            *("status", "sequence", "source", "organizer", "originalStartTime", "visibility", "iCalUID", "summary"),
        ]
    ),
    junk
    | st.fixed_dictionaries(
        {}, optional={"dateTime": st.text(max_size=25), "date": st.text(max_size=10), "timeZone": st.text(max_size=9)}
    )
    | st.lists(st.fixed_dictionaries({"email": st.text(max_size=9)}), max_size=3)
    | st.builds(lambda day: {"date": day.isoformat()}, st.dates())
    | st.builds(lambda at: {"dateTime": at.isoformat() + "Z"}, st.datetimes())
    | st.lists(
        st.builds("RRULE:FREQ={};COUNT={}".format, st.sampled_from(["DAILY", "YEARLY"]), st.integers(-1, 40)),
        max_size=2,
    ),
    max_size=5,
)


@given(st.sampled_from(["POST", "PATCH", "PUT"]), fields, st.sampled_from(["0", "1", "x"]))
def test_no_body_breaks_the_server(method: str, body: dict[str, Any], version: str) -> None:
    """Every body is taken or refused with a reason; what was taken can be listed and expanded."""
    desk = Desk()
    desk.insert(id="event1")
    path = EVENTS if method == "POST" else f"{EVENTS}/event1"
    merged = {**plain(), **body} if method != "PATCH" else body
    answer = desk.raw(method, path, merged, query={"conferenceDataVersion": [version]})

    assert answer.status in {200, 400}
    assert "error" in read(answer) or read(answer)["kind"] == "calendar#event"
    assert desk.raw("GET", EVENTS, query={"singleEvents": ["true"], "orderBy": ["startTime"]}).status == 200


@given(fields, st.sampled_from(["PATCH", "PUT", "DELETE"]))
def test_no_event_put_in_raw_breaks_the_server(raw: dict[str, Any], method: str) -> None:
    """F40: it is listed in every way, and a write to it is taken or refused."""
    desk = Desk()
    desk.insert(attendees=[{"email": BOB}])
    desk.raw("POST", "/control/events", {"calendarId": ALICE, "event": {**raw, "id": "poison"}})
    for query in (
        {},
        {"singleEvents": ["true"], "timeMin": ["2026-01-01T00:00:00Z"]},
        {"q": ["x"], "timeZone": ["UTC"]},
    ):
        assert desk.raw("GET", EVENTS, query={"showDeleted": ["true"], **query}).status == 200

    assert desk.raw(method, f"{EVENTS}/poison", {"summary": "x"}).status in {200, 204, 400, 404, 410}
    assert (
        desk.raw("GET", f"/calendar/v3/calendars/{BOB}/events", headers={"authorization": f"Bearer dev:{BOB}"}).status
        == 200
    )
