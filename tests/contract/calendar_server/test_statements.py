"""Statements of the contract that belong to no other file here, each row named by its number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.calendar_server.desk import (
    ALICE,
    BOB,
    CAROL,
    Desk,
    add_on,
    hours,
    ids,
    plain,
    read,
    refused,
    run,
    with_header,
)

EVENTS = "/calendar/v3/calendars/primary/events"
BLOCK = "-::~:~::~:~:~:~:~:~:~::~:~::-\nJoin with Google Meet\n-::~:~::~:~:~:~:~:~:~::~:~::-"


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("alt", "json", 200),
        ("alt", "media", 400),
        ("alt", "atom", 400),
        ("key", "AIza-anything", 200),
        ("prettyPrint", "false", 200),
        ("prettyPrint", "perhaps", 400),
        ("quotaUser", "u" * 40, 200),
        ("userIp", "192.0.2.1", 200),
        ("nobodyKnows", "1", 200),
    ],
)
def test_standard_parameters(desk: Desk, name: str, value: str, status: int) -> None:
    """1.1.2: alt is json only; the others are taken and change nothing."""
    assert desk.raw("GET", EVENTS, query={name: [value]}).status == status


@pytest.mark.parametrize(("token", "status"), [(f"dev:{ALICE}", 200), ("nonsense", 401), ("", 401)])
def test_a_token_may_stand_in_the_query(desk: Desk, token: str, status: int) -> None:
    """1.1.2: oauth_token; what the server notes of the request does not repeat it."""
    answer = desk.raw("GET", EVENTS, query={"oauth_token": [token], "maxResults": ["1"]}, headers={})

    assert answer.status == status
    assert desk.server.requests[-1]["query"] == {"maxResults": ["1"]}


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({}, 1),
        ({"showHiddenInvitations": True}, 1),
        ({"alwaysIncludeEmail": True}, 1),
        ({"alwaysIncludeEmail": False}, 1),
    ],
)
def test_parameters_that_change_nothing_here(desk: Desk, options: dict[str, Any], count: int) -> None:
    """2.1: there are no hidden invitations, and an e-mail address always comes back."""
    desk.insert(attendees=[{"email": BOB}])
    items = desk.page(**options)["items"]

    assert len(items) == count
    assert [row["email"] for row in items[0]["attendees"]] == [BOB]
    assert (items[0]["organizer"]["email"], items[0]["creator"]["email"]) == (ALICE, ALICE)


@pytest.mark.parametrize(
    ("first", "later"),
    [
        ({}, {"showDeleted": True}),
        ({"maxResults": 3}, {"maxResults": 1}),
        ({"eventTypes": ["default"]}, {"eventTypes": ["default"]}),
        ({}, {"timeZone": "UTC"}),
        ({}, {"maxAttendees": 1}),
    ],
)
def test_other_parameters_beside_the_token(desk: Desk, first: dict[str, Any], later: dict[str, Any]) -> None:
    """3.1.9: undefined by the letter; what running engines do, such as showDeleted with the token only, is answered."""
    gone = desk.insert()["id"]
    token = desk.all(**first)[1]
    made = desk.insert()["id"]
    desk.delete(gone)
    items, newer = desk.all(syncToken=token, **later)

    assert sorted(ids(items)) == sorted([gone, made])
    assert newer is not None


@pytest.mark.parametrize("richness", ["bare", "minimum", "full"])
def test_a_deleted_event_is_still_got(desk: Desk, richness: str) -> None:
    """4.2: events.get returns cancelled events while they exist, whole, however bare they are in lists."""
    desk.control("knobs", tombstones=richness)
    event = desk.insert(summary="kept")["id"]
    desk.delete(event)
    found = desk.get(event)

    assert (found["status"], found["summary"], found["start"]["dateTime"][:10]) == ("cancelled", "kept", "2026-12-01")


@pytest.mark.parametrize("field", ["summary", "start", "organizer", "conferenceData", "updated", "recurringEventId"])
def test_a_bare_tombstone_has_none_of_the_details(desk: Desk, field: str) -> None:
    """4.2: never index one of these on a cancelled item."""
    desk.control("knobs", tombstones="bare")
    token = desk.token()
    desk.delete(desk.insert(conferenceData=add_on(), summary="x")["id"])

    assert all(field not in item for item in desk.changes(token))


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ({"locked": True}, {}),
        ({"hangoutLink": "https://meet.google.com/x"}, {}),
        ({"htmlLink": "https://example.com/"}, {}),
        ({"creator": {"email": CAROL}}, {"creator": {"email": ALICE, "self": True}}),
        ({"organizer": {"email": CAROL}}, {"organizer": {"email": ALICE, "self": True}}),
        ({"kind": "calendar#acl", "etag": '"1"'}, {"kind": "calendar#event"}),
    ],
)
def test_read_only_fields_are_not_taken_from_a_body(desk: Desk, sent: dict[str, Any], shown: dict[str, Any]) -> None:
    """4.4: locked, hangoutLink and the rest of what the server says."""
    event = desk.insert(**sent)

    assert {name: event[name] for name in shown} == shown
    assert not [name for name in sent if name not in shown and event.get(name) == sent[name]]


def test_a_zone_may_be_an_offset(desk: Desk) -> None:
    """4.4: names like GMT-07:00 occur."""
    start = {"dateTime": "2026-12-01T10:00:00-07:00", "timeZone": "GMT-07:00"}
    event = desk.insert(start=start, end={**start, "dateTime": "2026-12-01T11:00:00-07:00"})

    assert event["start"] == {"dateTime": "2026-12-01T18:00:00+01:00", "timeZone": "GMT-07:00"}


def test_only_the_creator_sees_the_source(desk: Desk) -> None:
    """4.4: title and address of where an event came from; neither guests nor other writers see it."""
    source = {"title": "Ticket", "url": "https://tickets.example.com/1"}
    desk.page(BOB)
    event = desk.insert(source=source, attendees=[{"email": BOB}])["id"]
    rule = {"role": "writer", "scope": {"type": "user", "value": CAROL}}
    desk.client().acl().insert(calendarId="primary", body=rule).execute()

    assert desk.get(event)["source"] == source
    assert "source" not in desk.get(event, BOB)
    assert "source" not in desk.page(BOB)["items"][0]
    assert "source" not in desk.page(CAROL, ALICE)["items"][0]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"before\n{BLOCK}\nafter", "before\n\nafter"),
        (BLOCK, None),
        (f"{BLOCK} and {BLOCK}", " and "),
        ("-::~:~:: alone", "-::~:~:: alone"),
        ("plain", "plain"),
    ],
    ids=["within", "nothing-else", "two", "one-delimiter", "none"],
)
def test_googles_own_conference_block_is_taken_out(desk: Desk, text: str, kept: str | None) -> None:
    """7.13: what stands between its delimiters in a description does not survive a write."""
    event = desk.insert(description=text)
    patched = desk.patch(desk.insert()["id"], description=text)

    assert (event.get("description"), patched.get("description")) == (kept, kept)


@pytest.mark.parametrize("method", ["insert", "patch", "update", "delete"])
@pytest.mark.parametrize(("wish", "status"), [("all", 200), ("externalOnly", 200), ("none", 200), ("some", 400)])
def test_send_updates(desk: Desk, method: str, wish: str, status: int) -> None:
    """7.10: one of three words; sendNotifications, its forerunner, is still taken."""
    event = desk.insert()["id"]
    http_method, path, body = {
        "insert": ("POST", EVENTS, plain()),
        "patch": ("PATCH", f"{EVENTS}/{event}", {"summary": "x"}),
        "update": ("PUT", f"{EVENTS}/{event}", plain()),
        "delete": ("DELETE", f"{EVENTS}/{event}", None),
    }[method]
    answer = desk.raw(http_method, path, body, query={"sendUpdates": [wish], "sendNotifications": ["true"]})

    assert answer.status == (204 if (method, status) == ("delete", 200) else status)


@pytest.mark.parametrize("method", ["insert", "patch", "update", "delete", "instance"])
def test_every_own_write_comes_back(desk: Desk, method: str) -> None:
    """7.12, 14.10: as a message, and as an item of the next incremental list with the etag that the write answered."""
    event = desk.insert(**hours("2026-12-01", 10, 11), recurrence=["RRULE:FREQ=DAILY;COUNT=3"])["id"]
    desk.watch()
    token = desk.token()
    desk.pushes()
    events, where = desk.events(), {"calendarId": "primary", "eventId": event}
    answer = {
        "insert": lambda: events.insert(calendarId="primary", body=plain()),
        "patch": lambda: events.patch(body={"summary": "x"}, **where),
        "update": lambda: events.update(body={**plain(), "summary": "x"}, **where),
        "delete": lambda: events.delete(**where),
        "instance": lambda: events.patch(
            calendarId="primary", eventId=f"{event}_20261202T090000Z", body={"summary": "x"}
        ),
    }[method]().execute()
    items = desk.changes(token)

    assert [push.state for push in desk.pushes()] == ["exists"]
    assert [item["etag"] for item in items] == [answer["etag"]] if answer else items[0]["status"] == "cancelled"


def test_a_patch_is_counted_thrice(desk: Desk) -> None:
    """7.7: of a quota of ten a minute three patches leave one call, and no fourth patch."""
    event = desk.insert()["id"]
    desk.advance(60)
    desk.control("knobs", perMinute=10)
    for number in range(3):
        desk.patch(event, summary=str(number))
    fourth = desk.events().patch(calendarId="primary", eventId=event, body={"summary": "x"})

    assert refused(fourth) == (403, "rateLimitExceeded")
    assert desk.get(event)["summary"] == "2"
    assert refused(desk.events().get(calendarId="primary", eventId=event)) == (403, "rateLimitExceeded")


def test_a_message_says_nothing_of_what_changed(desk: Desk) -> None:
    """9.2.3: every change of every kind has the same words, but for the number."""
    desk.watch()
    desk.pushes()
    event = desk.insert(summary="secret plan")["id"]
    desk.patch(event, location="secret room")
    desk.delete(event)
    messages = [{**push.headers, "X-Goog-Message-Number": ""} for push in desk.pushes()]

    assert len(messages) == 3
    assert all(message == messages[0] for message in messages)
    assert not [text for text in messages[0].values() if "secret" in text or event in text]


@pytest.mark.parametrize(
    ("watched", "told"),
    [
        ("events", {"event"}),
        ("acl", {"rule"}),
        ("calendarList", {"entry"}),
        ("settings", {"setting"}),
    ],
)
def test_a_channel_is_told_of_its_own_collection(desk: Desk, watched: str, told: set[str]) -> None:
    """9.2.9: events and rules of one calendar, the list and the settings of one user."""
    client = desk.client()
    body = {"id": "c1", "type": "web_hook", "address": "http://127.0.0.1:9/notify"}
    options: dict[str, Any] = {"calendarId": "primary"} if watched in {"events", "acl"} else {}
    run(getattr(client, watched)().watch(body=body, **options))
    desk.insert(BOB)
    desk.pushes()
    rule = {"role": "reader", "scope": {"type": "user", "value": BOB}}
    changes: dict[str, Callable[[], object]] = {
        "event": desk.insert,
        "rule": lambda: run(client.acl().insert(calendarId="primary", body=rule)),
        "entry": lambda: run(client.calendarList().patch(calendarId="primary", body={"colorId": "7"})),
        "setting": lambda: desk.control("settings", user=ALICE, setting="locale", value="de"),
        "others": lambda: desk.insert(BOB),
    }
    heard = set()
    for name, change in changes.items():
        change()
        heard |= {name} if desk.pushes() else set()

    assert heard == told


@pytest.mark.parametrize("method", ["patch", "update", "delete", "move"])
@pytest.mark.parametrize(("condition", "status"), [("present", 200), ("*", 200), ("older", 412)])
def test_conditions_on_every_write(desk: Desk, method: str, condition: str, status: int) -> None:
    """14.6, 7.1: If-Match on update, patch, delete and move."""
    target = run(desk.client().calendars().insert(body={"summary": "Team"}))["id"]
    event = desk.insert()
    newer = desk.patch(event["id"], summary="newer")
    where = {"calendarId": "primary", "eventId": event["id"]}
    request = {
        "patch": lambda: desk.events().patch(body={"summary": "x"}, **where),
        "update": lambda: desk.events().update(body=plain(), **where),
        "delete": lambda: desk.events().delete(**where),
        "move": lambda: desk.events().move(destination=target, **where),
    }[method]()
    etag = {"present": newer["etag"], "older": event["etag"]}.get(condition, condition)

    if status == 412:
        assert refused(with_header(request, "If-Match", etag)) == (412, "conditionNotMet")
        assert desk.get(event["id"])["etag"] == newer["etag"]
    else:
        with_header(request, "If-Match", etag).execute()
        assert desk.get(event["id"])["etag"] != newer["etag"]


@pytest.mark.parametrize("resource", ["calendars", "acl"])
def test_conditions_beyond_events(desk: Desk, resource: str) -> None:
    """7.1: observed honoured by calendars.patch and acl.patch too."""
    client = desk.client()
    rule = {"role": "reader", "scope": {"type": "user", "value": BOB}}
    run(client.acl().insert(calendarId="primary", body=rule))

    def patch(etag: str) -> Any:
        request = {
            "calendars": lambda: client.calendars().patch(calendarId="primary", body={"description": "x"}),
            "acl": lambda: client.acl().patch(calendarId="primary", ruleId=f"user:{BOB}", body={"role": "writer"}),
        }[resource]()
        return with_header(request, "If-Match", etag)

    assert refused(patch('"1"')) == (412, "conditionNotMet")
    assert run(patch("*"))["etag"] != '"1"'


def test_both_reasons_of_410_and_the_400s(desk: Desk) -> None:
    """14.2, 3.3, 3.4: each of the five refusals of a list has its own reason."""
    token = desk.token()

    def why(**options: Any) -> tuple[int, str]:
        return refused(desk.events().list(calendarId="primary", **options))

    assert why(syncToken="garbage") == (400, "invalid")
    assert why(syncToken=token, q="x") == (400, "syncTokenWithRequestRestrictions")
    assert why(updatedMin="2020-01-01T00:00:00Z") == (410, "updatedMinTooLongAgo")
    desk.control("expire-tokens", calendarId=ALICE)
    assert why(syncToken=token) == (410, "fullSyncRequired")
    desk.control("expire-tokens", calendarId=ALICE, forever=True)
    assert {why(syncToken=desk.token()) for _ in range(5)} == {(410, "fullSyncRequired")}


def test_a_guest_sees_their_own_self(desk: Desk) -> None:
    """14.8: the same event, told to each calendar from its own side; the answer flows back."""
    desk.page(BOB)
    event = desk.insert(attendees=[{"email": ALICE}, {"email": BOB}])["id"]
    rows = [{"email": BOB, "responseStatus": "tentative"}, {"email": ALICE}]
    desk.patch(event, BOB, attendees=rows)

    def told(user: str) -> tuple[bool, list[str]]:
        found = desk.get(event, user)
        return "self" in found["organizer"], [row["email"] for row in found["attendees"] if row.get("self")]

    assert (told(ALICE), told(BOB)) == ((True, [ALICE]), (False, [BOB]))
    answers = {row["email"]: row["responseStatus"] for row in desk.get(event)["attendees"]}
    assert answers[BOB] == "tentative"


@pytest.mark.parametrize("status", ["success", "failure"])
def test_outcomes_of_a_create_request(desk: Desk, status: str) -> None:
    """14.7, 8.2: the status code of the answer, and a solution only with success."""
    desk.control("knobs", createRequest=status)
    wish = {"requestId": "r1", "conferenceSolutionKey": {"type": "hangoutsMeet"}}
    data = desk.insert(conferenceData={"createRequest": wish})["conferenceData"]

    assert data["createRequest"]["status"] == {"statusCode": status}
    assert ("conferenceSolution" in data) is (status == "success")


def test_a_batch_answers_in_order(desk: Desk) -> None:
    """1.2.3: parts without a Content-ID too, each with a status line of its own."""
    part = "--b\r\nContent-Type: application/http\r\n\r\nGET {path}\r\n\r\n"
    paths = ["/calendar/v3/colors", f"{EVENTS}/nosuchevent", "/calendar/v3/colors"]
    body = "".join(part.format(path=path) for path in paths) + "--b--\r\n"
    named = {"authorization": f"Bearer dev:{ALICE}", "content-type": "multipart/mixed; boundary=b"}
    answer = desk.raw("POST", "/batch/calendar/v3", body.encode(), headers=named)

    lines = [line for line in answer.body.decode().splitlines() if line.startswith("HTTP/1.1 ")]
    assert answer.status == 200
    assert [line.split()[1] for line in lines] == ["200", "404", "200"]


def test_a_list_names_its_calendar_and_role(desk: Desk) -> None:
    """14.1, 2.3: what a page says beside its items is the same on every page of a pass but for the tokens."""
    for _ in range(3):
        desk.insert()
    first = read(desk.raw("GET", EVENTS, query={"maxResults": ["2"]}))
    second = read(desk.raw("GET", EVENTS, query={"maxResults": ["2"], "pageToken": [first["nextPageToken"]]}))

    aside = {"items", "etag", "updated", "nextPageToken", "nextSyncToken"}
    assert {k: v for k, v in first.items() if k not in aside} == {k: v for k, v in second.items() if k not in aside}
    assert (len(second["items"]), "nextSyncToken" in second) == (1, True)
