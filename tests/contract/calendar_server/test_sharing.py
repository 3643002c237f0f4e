"""What access rules open and close everywhere else (contract 6.7, 10.1, 11, 14.12)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.calendar_server.desk import ALICE, BOB, CAROL, Desk, hours, ids, plain, refused, run, with_header
from tests.contract.calendar_server.sharing import ROLES, share

READERS = ROLES[2:]
WRITERS = ROLES[3:]


@pytest.mark.parametrize(
    ("kind", "value", "who", "role"),
    [
        ("user", BOB, BOB, "reader"),
        ("user", BOB, CAROL, None),
        ("domain", "example.com", CAROL, "reader"),
        ("domain", "example.com", "eve@evil-example.com", None),
        ("default", "", "eve@elsewhere.org", "reader"),
        ("group", "team@example.com", BOB, "reader"),
        ("group", "team@example.com", CAROL, None),
    ],
)
def test_a_scope_says_whom_a_rule_is_for(desk: Desk, kind: str, value: str, who: str, role: str | None) -> None:
    """11: a user, the members of a group, everyone of a domain, everyone."""
    desk.control("groups", id="team@example.com", members=[BOB])
    share(desk, "reader", kind, value)

    if role is None:
        assert refused(desk.events(who).list(calendarId=ALICE)) == (404, "notFound")
    else:
        assert desk.page(who, ALICE)["accessRole"] == role


@given(
    st.lists(st.tuples(st.sampled_from(["user", "domain", "default", "group"]), st.sampled_from(ROLES[1:])), max_size=6)
)
def test_the_highest_rule_counts(given_rules: list[tuple[str, str]]) -> None:
    """11: whatever the order in which rules were given, the user has the most that any of them gives."""
    desk = Desk()
    desk.control("groups", id="team@example.com", members=[BOB])
    values = {"user": BOB, "domain": "example.com", "default": "", "group": "team@example.com"}
    for kind, role in given_rules:
        share(desk, role, kind, values[kind])
    best = max(dict(given_rules).values(), key=ROLES.index, default="none")

    if best == "none":
        assert refused(desk.events(BOB).list(calendarId=ALICE)) == (404, "notFound")
    else:
        assert desk.page(BOB, ALICE)["accessRole"] == best


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_may_do_with_events(desk: Desk, role: str) -> None:
    """10.1, 14.12: 404 without access, 403 requiredAccessLevel for readers who write."""
    event = desk.insert()["id"]
    if role != "none":
        share(desk, role)
    events = desk.events(BOB)
    writes = [
        events.insert(calendarId=ALICE, body=plain()),
        events.patch(calendarId=ALICE, eventId=event, body={"summary": "x"}),
        events.update(calendarId=ALICE, eventId=event, body=plain()),
        events.delete(calendarId=ALICE, eventId=event),
    ]

    if role in WRITERS:
        assert [run(request)["status"] for request in writes[:3]] == ["confirmed"] * 3
        writes[3].execute()
        assert desk.get(event)["status"] == "cancelled"
    else:
        expected = (404, "notFound") if role == "none" else (403, "requiredAccessLevel")
        assert {refused(request) for request in writes} == {expected}
        assert desk.page()["items"][0]["status"] == "confirmed"


@pytest.mark.parametrize("role", READERS)
@pytest.mark.parametrize("visibility", ["private", "confidential", "default", "public"])
def test_private_events_show_their_time_only(desk: Desk, role: str, visibility: str) -> None:
    """6.7: neither read singly, nor listed, nor found by their words below the role writer."""
    event = desk.insert(summary="the secret", visibility=visibility, description="x", attendees=[{"email": CAROL}])[
        "id"
    ]
    share(desk, role)
    single = run(desk.events(BOB).get(calendarId=ALICE, eventId=event))
    (item,) = desk.page(BOB, ALICE)["items"]
    hidden = visibility in {"private", "confidential"} and role in {"reader", "writerWithoutPrivateAccess"}

    assert single == item
    assert (set(item) == {"kind", "etag", "id", "status", "start", "end", "visibility"}) is hidden
    assert ids(desk.page(BOB, ALICE, q="secret")["items"]) == ([] if hidden else [event])
    assert ids(desk.page(BOB, ALICE, iCalUID=f"{event}@google.com")["items"]) == ([] if hidden else [event])


def test_a_writer_without_private_access_makes_but_does_not_change_private_events(desk: Desk) -> None:
    """6.7: else a change of the visibility would open what is hidden."""
    event = desk.insert(summary="secret", visibility="private")["id"]
    share(desk, "writerWithoutPrivateAccess")
    events = desk.events(BOB)
    made = run(events.insert(calendarId=ALICE, body={**plain(), "visibility": "private", "summary": "mine"}))
    opened = events.patch(calendarId=ALICE, eventId=event, body={"visibility": "default"})

    assert made["visibility"] == "private"
    assert refused(opened) == refused(events.delete(calendarId=ALICE, eventId=event)) == (403, "requiredAccessLevel")
    assert desk.get(event)["visibility"] == "private"


def test_who_sees_busy_spans_only_gets_the_expanded_blocks(desk: Desk) -> None:
    """14.12: occurrences singly, no transparent or declined event, no word of what they are."""
    series = desk.insert(**hours("2026-12-01", 10, 11), summary="s", recurrence=["RRULE:FREQ=DAILY;COUNT=2"])["id"]
    free = desk.insert(transparency="transparent", summary="free")["id"]
    declined = desk.insert(BOB, attendees=[{"email": ALICE, "responseStatus": "declined"}])["id"]
    share(desk, "freeBusyReader", value=CAROL)
    page = desk.page(CAROL, ALICE)
    first, second = page["items"]
    events = desk.events(CAROL)

    assert page["accessRole"] == "freeBusyReader"
    assert [first["id"], second["id"]] == [f"{series}_20261201T090000Z", f"{series}_20261202T090000Z"]
    assert set(first) == {"kind", "etag", "id", "status", "start", "end", "visibility"}
    assert run(events.get(calendarId=ALICE, eventId=first["id"])) == first
    for hidden in (series, free, declined):
        assert refused(events.get(calendarId=ALICE, eventId=hidden)) == (404, "notFound")
    assert desk.page(CAROL, ALICE, q="s")["items"] == []


def test_an_event_that_stops_to_block_is_told_as_gone(desk: Desk) -> None:
    """14.12, 3.1.4: a follower of busy blocks ends with the blocks of a fresh list."""
    event = desk.insert(summary="x")["id"]
    share(desk, "freeBusyReader")
    token = desk.page(BOB, ALICE)["nextSyncToken"]
    desk.patch(event, transparency="transparent")
    gone = desk.page(BOB, ALICE, syncToken=token)
    desk.patch(event, transparency="opaque")
    back = desk.page(BOB, ALICE, syncToken=gone["nextSyncToken"])

    assert [(item["id"], item["status"]) for item in gone["items"]] == [(event, "cancelled")]
    assert [(item["id"], item["status"]) for item in back["items"]] == [(event, "confirmed")]


def test_more_access_needs_a_fresh_pass_where_less_was_seen(desk: Desk) -> None:
    """3.4: ACL changes may end a token; blocks and events are different lists."""
    share(desk, "freeBusyReader")
    token = desk.page(BOB, ALICE)["nextSyncToken"]
    share(desk, "reader")
    reader = desk.page(BOB, ALICE)["nextSyncToken"]
    share(desk, "writer")

    assert refused(desk.events(BOB).list(calendarId=ALICE, syncToken=token)) == (410, "fullSyncRequired")
    assert desk.page(BOB, ALICE, syncToken=reader)["items"] == []
    desk.control("knobs", roleChangeExpiresTokens=True)
    assert refused(desk.events(BOB).list(calendarId=ALICE, syncToken=reader)) == (410, "fullSyncRequired")


def test_access_revoked_and_regained(desk: Desk) -> None:
    """14 (scenarios): 404 meanwhile; the token then tells what happened in between."""
    share(desk, "reader")
    token = desk.page(BOB, ALICE)["nextSyncToken"]
    desk.client().acl().delete(calendarId="primary", ruleId=f"user:{BOB}").execute()
    meanwhile = refused(desk.events(BOB).list(calendarId=ALICE, syncToken=token))
    event = desk.insert()["id"]
    share(desk, "reader")

    assert meanwhile == (404, "notFound")
    assert ids(desk.page(BOB, ALICE, syncToken=token)["items"]) == [event]


def test_a_lists_version_is_another_for_another_role(desk: Desk) -> None:
    """7.3: no 304 where the same events would now be shown otherwise."""
    desk.insert(visibility="private", summary="x")
    share(desk, "reader")
    seen = desk.page(BOB, ALICE)["etag"]
    share(desk, "writer")
    again = run(with_header(desk.events(BOB).list(calendarId=ALICE), "If-None-Match", seen))

    assert again["items"][0]["summary"] == "x"


def test_a_channel_falls_silent_when_access_is_lost(desk: Desk) -> None:
    """9.1: who may watch is who has access."""
    share(desk, "reader")
    run(
        desk.events(BOB).watch(calendarId=ALICE, body={"id": "b", "type": "web_hook", "address": "http://127.0.0.1:9/"})
    )
    desk.pushes()
    desk.insert()
    told = len(desk.pushes())
    desk.client().acl().delete(calendarId="primary", ruleId=f"user:{BOB}").execute()
    desk.insert()

    assert (told, desk.pushes()) == (1, [])
