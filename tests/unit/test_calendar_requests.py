"""What the Calendar client asks for, word by word, and how it reads the answers."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httplib2
import msgspec
import pytest
from googleapiclient import discovery_cache
from hypothesis import given
from hypothesis import strategies as st

from conference.errors import Gone, OutcomeUnknown, Poison, Refused, Stale
from conference.event import (
    AddOnParameters,
    ConferenceData,
    ConferenceParameters,
    ConferenceSolution,
    EntryPoint,
    Event,
    EventTime,
    Organizer,
    Person,
    SolutionKey,
    Unreadable,
)
from functions.ports import CalendarInfo, Watched
from infra.google.calendar import GoogleCalendar
from infra.google.client import GOOGLE
from infra.google.credentials import DevCredentials
from infra.google.pages import EVENT_FIELDS
from infra.google.wire import Answer

USER, ROOM = "alice@example.com", "c_1#room@group.calendar.google.com"
NOON = datetime(2026, 11, 20, 12, tzinfo=timezone(timedelta(hours=1)))
EVENT = {"id": "e1", "status": "confirmed", "etag": '"1"'}


class Asked:
    """A request as it left."""

    def __init__(self, uri: str, method: str, body: str | None, headers: Mapping[str, str]) -> None:
        parts = urlsplit(uri)
        self.method = method
        self.path = parts.path
        self.query = {name: values for name, values in parse_qs(parts.query).items() if name not in {"alt", "fields"}}
        self.fields = parse_qs(parts.query).get("fields", [""])[0]
        self.body = json.loads(body) if body else None
        self.etag = headers.get("If-Match")


class Sequence:
    """Answers one after another, and keeps what was asked."""

    def __init__(self, *bodies: Any) -> None:
        self.bodies = list(bodies)
        self.asked: list[Asked] = []

    def request(
        self, uri: str, method: str = "GET", body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Answer 200 with the next body."""
        self.asked.append(Asked(uri, method, body, headers or {}))
        content = self.bodies.pop(0)
        return httplib2.Response({"status": "200"}), content if isinstance(content, bytes) else json.dumps(
            content
        ).encode()


def calendar_over(*bodies: Any) -> tuple[GoogleCalendar, Sequence]:
    """A client whose calls are answered with these bodies, and the record of them."""
    sequence = Sequence(*bodies)
    return GoogleCalendar(DevCredentials, http=lambda _: sequence), sequence


# ---- Listing --------------------------------------------------------------------------------

PASS = {"singleEvents": ["false"], "showDeleted": ["true"], "maxResults": ["2500"], "prettyPrint": ["false"]}


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        ({}, {}),
        ({"token": "t1"}, {"syncToken": ["t1"]}),
        ({"token": "t1", "page": "p2"}, {"syncToken": ["t1"], "pageToken": ["p2"]}),
        ({"page": "p2"}, {"pageToken": ["p2"]}),
        ({"ends_after": NOON}, {"timeMin": ["2026-11-20T11:00:00+00:00"]}),
        ({"ends_after": NOON, "page": "p2"}, {"timeMin": ["2026-11-20T11:00:00+00:00"], "pageToken": ["p2"]}),
        ({"ends_after": NOON, "token": "t1"}, {"syncToken": ["t1"]}),
    ],
)
def test_what_a_pass_asks(arguments: dict[str, Any], more: dict[str, list[str]]) -> None:
    """A pass asks alike on each page, never for what costs the sync token, and for no window beside a token."""
    calendar, sequence = calendar_over({"items": [], "nextSyncToken": "t2"})
    calendar.changes(USER, ROOM, **arguments)

    asked = sequence.asked[0]
    assert (asked.method, asked.query) == ("GET", PASS | more)
    assert asked.path == f"{urlsplit(GOOGLE).path}calendars/c_1%23room%40group.calendar.google.com/events"


def test_the_mask_names_what_an_event_holds() -> None:
    """The mask of a list selects every field that is kept, both tokens and the zone, and nothing else."""
    calendar, sequence = calendar_over({"nextSyncToken": "t"})
    calendar.changes(USER, ROOM)

    person = "email,displayName,self,organizer,optional,resource,responseStatus"
    when = "date,dateTime,timeZone"
    entry = "entryPointType,uri,label,pin,accessCode,meetingCode,passcode,password,regionCode"
    assert sequence.asked[0].fields == (
        f"items(id,status,etag,updated,summary,description,start({when}),end({when}),recurrence,recurringEventId,"
        f"originalStartTime({when}),iCalUID,organizer(email,displayName,self),attendees({person}),attendeesOmitted,"
        f"conferenceData(conferenceId,conferenceSolution(key(type),name,iconUri),entryPoints({entry}),notes,"
        "parameters(addOnParameters(parameters))),eventType),timeZone,nextPageToken,nextSyncToken"
    )


def _unknown(kind: type[msgspec.Struct], schema: str, schemas: dict[str, Any]) -> Iterator[str]:
    """Fields that our type names and Google's schema does not."""
    properties = schemas[schema]["properties"] if schema in schemas else {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name not in properties:
            yield f"{schema}.{field.encode_name}"


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (Event, "Event"),
        (EventTime, "EventDateTime"),
        (Person, "EventAttendee"),
        (EntryPoint, "EntryPoint"),
        (ConferenceData, "ConferenceData"),
        (ConferenceSolution, "ConferenceSolution"),
        (ConferenceParameters, "ConferenceParameters"),
        (AddOnParameters, "ConferenceParametersAddOnParameters"),
        (SolutionKey, "ConferenceSolutionKey"),
    ],
)
def test_every_field_is_google_s(kind: type[msgspec.Struct], schema: str) -> None:
    """Google refuses a mask that names what its schema lacks, so every field of ours stands in it."""
    document = json.loads(discovery_cache.get_static_doc("calendar", "v3"))

    assert list(_unknown(kind, schema, document["schemas"])) == []


def test_every_field_of_an_organizer_is_google_s() -> None:
    """The organizer's schema stands inside the event's, and is smaller than an attendee's."""
    document = json.loads(discovery_cache.get_static_doc("calendar", "v3"))
    inner = {"Organizer": document["schemas"]["Event"]["properties"]["organizer"]}

    assert list(_unknown(Organizer, "Organizer", inner)) == []


def test_a_page() -> None:
    """A page holds its events, typed, the calendar's zone and where to go on."""
    item = {**EVENT, "start": {"dateTime": "2026-11-20T12:00:00+01:00"}, "unknown": {"to": ["us"]}}
    calendar, _ = calendar_over({"items": [item], "timeZone": "Europe/Zurich", "nextPageToken": "p2"})
    page = calendar.changes(USER, ROOM)

    start = EventTime(date_time="2026-11-20T12:00:00+01:00")
    assert page.items == (Event("e1", etag='"1"', start=start),)
    assert (page.zone, page.next_page, page.sync_token) == ("Europe/Zurich", "p2", None)


@pytest.mark.parametrize(
    ("bad", "id_"),
    [
        ({"id": "bad", "start": "yesterday"}, "bad"),
        ({"id": "bad", "attendees": {"email": "x"}}, "bad"),
        ({"id": "bad", "conferenceData": {"entryPoints": [7]}}, "bad"),
        ({"id": 5}, None),
        ({"status": "confirmed"}, None),
        ("text", None),
        (None, None),
        ([], None),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_bad_item_spoils_nothing(bad: object, id_: str | None, place: int) -> None:
    """An item that is no event becomes Unreadable in its place; its neighbours and the token are kept."""
    items: list[object] = [{"id": "a"}, {"id": "b"}]
    items.insert(place, bad)
    calendar, _ = calendar_over({"items": items, "nextSyncToken": "t"})
    page = calendar.changes(USER, ROOM)

    found = page.items[place]
    assert isinstance(found, Unreadable)
    assert found.id == id_
    assert [item.id for item in page.items if isinstance(item, Event)] == ["a", "b"]
    assert page.sync_token == "t"


def test_bytes_that_are_no_text_spoil_one_item() -> None:
    """A title that is not UTF-8 makes one event unreadable."""
    content = b'{"items":[{"id":"a"},{"id":"b","summary":"\xff"},{"id":"c"}],"nextSyncToken":"t"}'
    calendar, _ = calendar_over(content)
    kinds = [type(item) for item in calendar.changes(USER, ROOM).items]

    assert kinds == [Event, Unreadable, Event]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "start", "attendees", "summary", "recurrence"]), inner, max_size=4)
    ),
    max_leaves=6,
)


@given(st.lists(JSON, max_size=6))
def test_no_item_is_lost(items: list[Any]) -> None:
    """Whatever the items are, the page has one entry for each, in order, and never raises."""
    calendar, _ = calendar_over({"items": items, "nextSyncToken": "t"})
    page = calendar.changes(USER, ROOM)

    assert len(page.items) == len(items)
    for given_item, read in zip(items, page.items, strict=True):
        if isinstance(given_item, dict) and isinstance(given_item.get("id"), str):
            assert read.id == given_item["id"]
        else:
            assert isinstance(read, Unreadable)


@pytest.mark.parametrize(
    "answer",
    [
        {"items": []},
        {"items": [], "nextPageToken": "", "nextSyncToken": ""},
        {"items": [], "nextPageToken": "p2", "nextSyncToken": "t"},
        {"items": [], "nextPageToken": "p1"},
    ],
    ids=["neither token", "empty tokens", "both tokens", "the same page again"],
)
def test_pages_that_lead_nowhere(answer: object) -> None:
    """A page that could never lead to a sync token is an error, not a state to live in."""
    calendar, _ = calendar_over(answer)
    with pytest.raises(Refused):
        calendar.changes(USER, ROOM, page="p1")


def test_find_follows_pages_and_leaves_the_dead_out() -> None:
    """Events with an iCalUID are gathered over short and empty pages; of the cancelled, those of a living series."""
    calendar, sequence = calendar_over(
        {"items": [], "nextPageToken": "p2"},
        {"items": [{"id": "a"}, {"id": "b", "status": "cancelled"}], "nextPageToken": "p3"},
        {"items": [{"id": "c"}, {"id": "c_20261201T090000Z", "recurringEventId": "c", "status": "cancelled"}]},
    )

    found = calendar.find(USER, ROOM, "uid@google.com")
    assert [event.id for event in found] == ["a", "c", "c_20261201T090000Z"]
    assert [asked.query.get("pageToken") for asked in sequence.asked] == [None, ["p2"], ["p3"]]
    assert {asked.query["iCalUID"][0] for asked in sequence.asked} == {"uid@google.com"}


def test_find_does_not_take_the_unreadable_for_absent() -> None:
    """A caller may delete on absence, so an event that cannot be read must not look absent."""
    calendar, _ = calendar_over({"items": [{"id": "a", "start": 5}]})
    with pytest.raises(Poison):
        calendar.find(USER, ROOM, "uid")


@pytest.mark.parametrize("tokens", [["p", "p", "p"], [f"p{n}" for n in range(60)]], ids=["repeated", "endless"])
def test_short_lists_end(tokens: list[str]) -> None:
    """Pages that repeat themselves, or never end, end in an error after a bounded number of calls."""
    calendar, sequence = calendar_over(*({"items": [], "nextPageToken": token} for token in tokens))
    with pytest.raises(Refused):
        calendar.find(USER, ROOM, "uid")

    assert len(sequence.asked) <= 50


def test_upcoming() -> None:
    """What a person sees: occurrences in order of start, within the window, at most 250, only what can be read."""
    first = [{"id": f"a{n}"} for n in range(200)]
    second = [{"id": "bad", "start": 1}, *({"id": f"b{n}"} for n in range(100))]
    calendar, sequence = calendar_over({"items": first, "nextPageToken": "p2"}, {"items": second})
    found = calendar.upcoming(USER, ROOM, since=NOON, until=NOON + timedelta(hours=1))

    assert [event.id for event in found] == [f"a{n}" for n in range(200)] + [f"b{n}" for n in range(50)]
    assert sequence.asked[0].query == {
        "singleEvents": ["true"],
        "orderBy": ["startTime"],
        "timeMin": ["2026-11-20T11:00:00+00:00"],
        "timeMax": ["2026-11-20T12:00:00+00:00"],
        "maxResults": ["250"],
        "prettyPrint": ["false"],
    }


def test_instants_need_an_offset() -> None:
    """An instant without offset would be read in the machine's zone: it is not sent."""
    calendar, sequence = calendar_over()
    with pytest.raises(ValueError, match="offset"):
        calendar.changes(USER, ROOM, ends_after=datetime(2026, 11, 20))  # noqa: DTZ001 - the mistake under test

    assert sequence.asked == []


# ---- One event ------------------------------------------------------------------------------


def test_get() -> None:
    """One event is asked for by its id, with the mask of an event."""
    calendar, sequence = calendar_over({**EVENT, "status": "cancelled"})

    assert calendar.get(USER, ROOM, "a/b").cancelled
    assert unquote(sequence.asked[0].path).endswith("/events/a/b")
    assert "a%2Fb" in sequence.asked[0].path
    assert sequence.asked[0].fields == EVENT_FIELDS


def test_an_event_that_cannot_be_read() -> None:
    """An event that is none is Poison, with the place and without the value."""
    calendar, _ = calendar_over({"id": "e1", "start": "a secret"})
    with pytest.raises(Poison, match=r"\$\.start") as caught:
        calendar.get(USER, ROOM, "e1")

    assert "secret" not in str(caught.value)


QUIETLY = {"conferenceDataVersion": ["1"], "sendUpdates": ["none"]}


def test_insert() -> None:
    """An insert carries the conference and mails nobody."""
    calendar, sequence = calendar_over(EVENT)
    event = calendar.insert(USER, ROOM, {"summary": "x", "conferenceData": None})

    asked = sequence.asked[0]
    assert event == Event("e1", etag='"1"')
    assert (asked.method, asked.query, asked.etag) == ("POST", QUIETLY, None)
    assert asked.body == {"summary": "x", "conferenceData": None}


def test_patch() -> None:
    """A patch is conditional, carries the conference, nulls included, and mails nobody."""
    calendar, sequence = calendar_over({**EVENT, "etag": '"2"'})
    event = calendar.patch(USER, ROOM, "e1", {"conferenceData": None}, etag='"1"')

    asked = sequence.asked[0]
    assert event.etag == '"2"'
    assert (asked.method, asked.query, asked.etag) == ("PATCH", QUIETLY, '"1"')
    assert asked.body == {"conferenceData": None}


@pytest.mark.parametrize("etag", [None, '"1"'])
def test_delete(etag: str | None) -> None:
    """A delete is conditional if asked to be, and mails nobody."""
    calendar, sequence = calendar_over(b"")
    calendar.delete(USER, ROOM, "e1", etag=etag)

    asked = sequence.asked[0]
    assert (asked.method, asked.query, asked.etag) == ("DELETE", {"sendUpdates": ["none"]}, etag)


def test_no_write_without_a_version() -> None:
    """An empty version is no condition: the write is not sent, for it could overwrite anything."""
    calendar, sequence = calendar_over()
    with pytest.raises(Stale):
        calendar.patch(USER, ROOM, "e1", {}, etag="")
    with pytest.raises(Stale):
        calendar.delete(USER, ROOM, "e1", etag="")

    assert sequence.asked == []


@pytest.mark.parametrize("event_id", ["\ud800", "ok\udfff"])
def test_ids_that_are_no_text(event_id: str) -> None:
    """An id that cannot be written into an address is refused, not a crash."""
    calendar, sequence = calendar_over()
    with pytest.raises(Refused):
        calendar.get(USER, ROOM, event_id)

    assert sequence.asked == []


# ---- Calendars and channels -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "answered", "primary"),
    [
        ("primary", USER, True),
        (USER, USER, True),
        ("Alice@Example.com", "Alice@Example.com", True),
        (ROOM, ROOM, False),
    ],
)
def test_calendar(asked: str, answered: str, primary: bool) -> None:
    """A calendar is known by its own id, never as "primary"."""
    calendar, sequence = calendar_over({"id": answered, "timeZone": "Europe/Zurich", "summary": "x"})

    assert calendar.calendar(USER, asked) == CalendarInfo(answered, "Europe/Zurich", "x", primary)
    assert sequence.asked[0].fields == "id,timeZone,summary"


@pytest.mark.parametrize("expiration", ["1795000000000", 1795000000000])
def test_watch(expiration: object) -> None:
    """A channel is asked for by its length of life; Google's expiry counts, as text or as a number."""
    calendar, sequence = calendar_over({"id": "c1", "resourceId": "r1", "expiration": expiration})
    watched = calendar.watch(USER, ROOM, channel="c1", secret="s", address="https://x.example/n", life=3600.7)

    assert watched == Watched("r1", datetime.fromtimestamp(1795000000, UTC))
    assert sequence.asked[0].path.endswith("/events/watch")
    assert sequence.asked[0].body == {
        "id": "c1",
        "type": "web_hook",
        "address": "https://x.example/n",
        "token": "s",
        "params": {"ttl": "3600"},
    }


@pytest.mark.parametrize(
    "answer", [{"resourceId": "r"}, {"expiration": "1"}, {"resourceId": "r", "expiration": 10**30}]
)
def test_a_watch_that_may_stand(answer: object) -> None:
    """A channel whose resource or expiry is not told may stand nevertheless: the outcome is unknown."""
    calendar, _ = calendar_over(answer)
    with pytest.raises(OutcomeUnknown):
        calendar.watch(USER, ROOM, channel="c1", secret="s", address="https://x.example", life=60)


def test_stop() -> None:
    """A channel is stopped by its id and its resource."""
    calendar, sequence = calendar_over(b"")
    calendar.stop(USER, channel="c1", resource_id="r1")

    assert sequence.asked[0].path.endswith("/channels/stop")
    assert sequence.asked[0].body == {"id": "c1", "resourceId": "r1"}


def test_credentials_speak_for_the_user_named() -> None:
    """Each call is signed by the user it names; what the credentials' source raises reaches the caller as it is."""
    asked: list[str] = []

    def credentials(user: str) -> DevCredentials:
        asked.append(user)
        if user == "gone@example.com":
            raise Gone("no such account")
        return DevCredentials(user)

    calendar = GoogleCalendar(credentials, http=lambda signer: Sequence({**EVENT, "summary": signer.token}))

    assert calendar.get("bob@example.com", ROOM, "e1").summary == "dev:bob@example.com"
    with pytest.raises(Gone):
        calendar.get("gone@example.com", ROOM, "e1")
    assert asked == ["bob@example.com", "gone@example.com"]
