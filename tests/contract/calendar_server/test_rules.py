"""Access rules: their ids, who may see and change them, their lists and tokens (contract 11)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from infra.local.calendar.persistence import SqliteState
from tests.contract.calendar_server.desk import ALICE, BOB, CAROL, Desk, refused, run, with_header
from tests.contract.calendar_server.sharing import ROLES, rule, rules, share


def test_a_calendar_begins_with_its_owners_rule(desk: Desk) -> None:
    """11: kind, id and scope as documented; nobody else has access."""
    answer = run(desk.client().acl().list(calendarId="primary"))
    (item,) = answer["items"]

    assert answer["kind"] == "calendar#acl"
    assert item.pop("etag").startswith('"')
    assert item == {
        "kind": "calendar#aclRule",
        "id": f"user:{ALICE}",
        "scope": {"type": "user", "value": ALICE},
        "role": "owner",
    }


@pytest.mark.parametrize(
    ("kind", "value", "rule_id"),
    [
        ("user", "Bob@Example.com", f"user:{BOB}"),
        ("group", "team@example.com", "group:team@example.com"),
        ("domain", "Example.com", "domain:example.com"),
        ("default", "", "default"),
    ],
)
def test_a_rules_id_is_its_scope(desk: Desk, kind: str, value: str, rule_id: str) -> None:
    """11: the four scope types; get finds the rule under its id, with the etag that insert answered."""
    made = share(desk, "reader", kind, value)
    found = run(desk.client().acl().get(calendarId="primary", ruleId=made["id"]))

    assert made["id"] == rule_id
    assert found == made
    assert ("value" in found["scope"]) is (kind != "default")


@pytest.mark.parametrize("role", ROLES[1:])
def test_every_role_can_be_given_and_taken(desk: Desk, role: str) -> None:
    """11: a rule that is deleted is not listed, then with showDeleted as role none."""
    share(desk, role)
    given_rules = rules(desk)
    desk.client().acl().delete(calendarId="primary", ruleId=f"user:{BOB}").execute()

    assert given_rules == {f"user:{ALICE}": "owner", f"user:{BOB}": role}
    assert rules(desk) == {f"user:{ALICE}": "owner"}
    assert rules(desk, showDeleted=True) == {f"user:{ALICE}": "owner", f"user:{BOB}": "none"}
    assert refused(desk.client().acl().get(calendarId="primary", ruleId=f"user:{BOB}")) == (404, "notFound")


def test_a_patch_and_a_put_change_the_role(desk: Desk) -> None:
    """O MM 57: If-Match is honoured; a write that changes nothing moves no etag (O MM 58)."""
    first = share(desk, "reader")
    acl = desk.client().acl()
    same = run(acl.patch(calendarId="primary", ruleId=first["id"], body={"role": "reader"}))
    second = run(acl.patch(calendarId="primary", ruleId=first["id"], body={"role": "writer"}))
    third = run(acl.update(calendarId="primary", ruleId=first["id"], body=rule("freeBusyReader")))
    stale = with_header(
        acl.patch(calendarId="primary", ruleId=first["id"], body={"role": "owner"}), "If-Match", first["etag"]
    )
    gone = with_header(acl.delete(calendarId="primary", ruleId=first["id"]), "If-Match", first["etag"])

    assert same == first
    assert [second["role"], third["role"]] == ["writer", "freeBusyReader"]
    assert len({first["etag"], second["etag"], third["etag"]}) == 3
    assert refused(stale) == refused(gone) == (412, "conditionNotMet")


def test_role_none_takes_a_rule_away(desk: Desk) -> None:
    """11: the same as deleting it."""
    share(desk, "reader")
    run(desk.client().acl().patch(calendarId="primary", ruleId=f"user:{BOB}", body={"role": "none"}))

    assert rules(desk) == {f"user:{ALICE}": "owner"}
    assert refused(desk.events(BOB).list(calendarId=ALICE)) == (404, "notFound")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "required"),
        ({"role": "reader"}, "required"),
        ({"scope": {"type": "default"}}, "required"),
        ({"role": "king", "scope": {"type": "default"}}, "invalid"),
        ({"role": "none", "scope": {"type": "default"}}, "invalid"),
        ({"role": "reader", "scope": {"type": "planet", "value": "mars"}}, "invalid"),
        ({"role": "reader", "scope": {"type": "user"}}, "required"),
        ({"role": "reader", "scope": {"type": "user", "value": "bob"}}, "invalidScopeValue"),
        ({"role": "reader", "scope": {"type": "user", "value": "b/o@b"}}, "invalidScopeValue"),
        ({"role": "reader", "scope": {"type": "domain", "value": "a@b"}}, "invalidScopeValue"),
        ({"role": 7, "scope": {"type": "default"}}, "invalid"),
    ],
)
def test_what_is_no_rule_is_refused(desk: Desk, body: dict[str, Any], reason: str) -> None:
    """11: 400 with the reason, and nothing is changed."""
    assert refused(desk.client().acl().insert(calendarId="primary", body=body)) == (400, reason)
    assert rules(desk, showDeleted=True) == {f"user:{ALICE}": "owner"}


def test_a_put_needs_the_whole_rule_and_the_scope_stays(desk: Desk) -> None:
    """11: the scope of a rule cannot be changed."""
    made = share(desk, "reader")
    put, patch = desk.client().acl().update, desk.client().acl().patch

    assert refused(put(calendarId="primary", ruleId=made["id"], body={"role": "writer"})) == (400, "required")
    assert refused(put(calendarId="primary", ruleId=made["id"], body=rule("writer", value=CAROL)))[0] == 400
    assert refused(patch(calendarId="primary", ruleId=made["id"], body={"scope": {"type": "default"}}))[0] == 400
    assert rules(desk)[made["id"]] == "reader"


def test_nobody_changes_their_own_access_nor_lowers_the_data_owner(desk: Desk) -> None:
    """11: the data owner's level cannot be lowered, not even by another owner."""
    share(desk, "owner")
    own = desk.client().acl().delete(calendarId="primary", ruleId=f"user:{ALICE}")
    others = desk.client(BOB).acl().patch(calendarId=ALICE, ruleId=f"user:{ALICE}", body={"role": "reader"})
    again = desk.client(BOB).acl().insert(calendarId=ALICE, body=rule("reader", value=ALICE))

    assert refused(own) == (403, "cannotChangeOwnAcl")
    assert refused(others) == refused(again) == (403, "cannotChangeOwnerAcl")
    assert rules(desk)[f"user:{ALICE}"] == "owner"


@pytest.mark.parametrize("role", ["freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer"])
def test_only_owners_see_and_change_the_rules(desk: Desk, role: str) -> None:
    """11: what the role owner adds; 403 requiredAccessLevel names it."""
    share(desk, role)
    acl = desk.client(BOB).acl()
    channel = {"id": "c", "type": "web_hook", "address": "http://127.0.0.1:9/"}
    requests = [
        acl.list(calendarId=ALICE),
        acl.get(calendarId=ALICE, ruleId=f"user:{BOB}"),
        acl.insert(calendarId=ALICE, body=rule("owner", value=CAROL)),
        acl.patch(calendarId=ALICE, ruleId=f"user:{BOB}", body={"role": "owner"}),
        acl.update(calendarId=ALICE, ruleId=f"user:{BOB}", body=rule("owner")),
        acl.delete(calendarId=ALICE, ruleId=f"user:{BOB}"),
        acl.watch(calendarId=ALICE, body=channel),
    ]

    assert {refused(request) for request in requests} == {(403, "requiredAccessLevel")}


def test_an_owner_by_rule_manages_access(desk: Desk) -> None:
    """11: the role owner is not the data owner, and yet may share."""
    share(desk, "owner")
    run(desk.client(BOB).acl().insert(calendarId=ALICE, body=rule("reader", value=CAROL)))

    assert desk.page(CAROL, ALICE)["accessRole"] == "reader"


# ---- listing rules


def test_rules_come_in_pages_and_with_tokens(desk: Desk) -> None:
    """11, 3.1: deleted ones as role none; each changed rule once; an old token still works."""
    for number in range(6):
        share(desk, "reader", value=f"user{number}@example.com")
    acl = desk.client().acl()
    first = run(acl.list(calendarId="primary", maxResults=4))
    second = run(acl.list(calendarId="primary", maxResults=4, pageToken=first["nextPageToken"]))
    token = second["nextSyncToken"]
    share(desk, "writer", value="user0@example.com")
    share(desk, "owner", value="user0@example.com")
    acl.delete(calendarId="primary", ruleId="user:user3@example.com").execute()

    assert (len(first["items"]), len(second["items"])) == (4, 3)
    assert "nextSyncToken" not in first
    told = {"user:user0@example.com": "owner", "user:user3@example.com": "none"}
    assert rules(desk, syncToken=token) == told
    assert rules(desk, syncToken=token, showDeleted=True) == told


def test_a_change_between_pages_comes_with_the_token(desk: Desk) -> None:
    """3.1.2: the page-token chain fixes the token."""
    for number in range(4):
        share(desk, "reader", value=f"user{number}@example.com")
    acl = desk.client().acl()
    first = run(acl.list(calendarId="primary", maxResults=2))
    share(desk, "writer", value="user0@example.com")
    rest = run(acl.list(calendarId="primary", maxResults=2, pageToken=first["nextPageToken"]))
    last = run(acl.list(calendarId="primary", maxResults=2, pageToken=rest["nextPageToken"]))

    assert rules(desk, syncToken=last["nextSyncToken"]) == {"user:user0@example.com": "writer"}


def test_a_rule_token_fails_as_every_token_does(desk: Desk) -> None:
    """3.3, 3.4: 400 for garbage and for showDeleted=false, 410 for another list's or an expired one."""
    acl = desk.client().acl()
    token = run(acl.list(calendarId="primary"))["nextSyncToken"]
    beside = acl.list(calendarId="primary", syncToken=token, showDeleted=False)
    events = desk.token()

    assert refused(acl.list(calendarId="primary", syncToken="garbage")) == (400, "invalid")
    assert refused(beside) == (400, "syncTokenWithRequestRestrictions")
    assert refused(acl.list(calendarId="primary", syncToken=events)) == (410, "fullSyncRequired")
    desk.control("expire-tokens", calendarId=ALICE, collection="acl", times=1)
    assert refused(acl.list(calendarId="primary", syncToken=token)) == (410, "fullSyncRequired")
    fresh = run(acl.list(calendarId="primary"))["nextSyncToken"]
    assert refused(acl.list(calendarId="primary", syncToken=fresh)) == (410, "fullSyncRequired")
    assert rules(desk, syncToken=fresh) == {}
    assert desk.changes(events) == []


def test_rules_can_be_watched(desk: Desk) -> None:
    """9.1, 9.2.9: per calendar, with a resource of its own; changes of events are not told there."""
    body = {"id": "r", "type": "web_hook", "address": "http://127.0.0.1:9/"}
    answer = run(desk.client().acl().watch(calendarId="primary", body=body))
    events = desk.watch(id="e")
    desk.pushes()
    share(desk, "reader")
    told = [(push.channel, push.state) for push in desk.pushes()]
    desk.insert()

    assert answer["resourceUri"].endswith("/calendars/alice%40example.com/acl?alt=json")
    assert answer["resourceId"] != events["resourceId"]
    assert told == [("r", "exists")]
    assert [push.channel for push in desk.pushes()] == ["e"]
    desk.client().channels().stop(body={"id": "r", "resourceId": answer["resourceId"]}).execute()
    share(desk, "writer")
    assert desk.pushes() == []


def test_rules_outlive_the_process(tmp_path: Path) -> None:
    """A restart loses neither rule nor token, nor a deleted rule's tombstone; etags go on growing."""
    with closing(SqliteState(tmp_path / "state")) as state:
        first = Desk(state)
        share(first, "reader")
        token = run(first.client().acl().list(calendarId="primary"))["nextSyncToken"]
        share(first, "writer", value=CAROL)
        first.client().acl().delete(calendarId="primary", ruleId=f"user:{BOB}").execute()
        first.control("groups", id="team@example.com", members=[BOB])
        last = share(first, "reader", "group", "team@example.com")
        second = Desk(state)

        told = {f"user:{CAROL}": "writer", f"user:{BOB}": "none", "group:team@example.com": "reader"}
        assert rules(second, syncToken=token) == told
        assert second.page(BOB, ALICE)["accessRole"] == "reader"
        assert int(share(second, "owner")["etag"].strip('"')) > int(last["etag"].strip('"'))
