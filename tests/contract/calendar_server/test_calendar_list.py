"""calendarList.*: what is a user's own about calendars, and the lists of it (contract 11)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from googleapiclient.errors import HttpError
from hypothesis import given
from hypothesis import strategies as st

from infra.local.calendar.persistence import SqliteState
from tests.contract.calendar_server.desk import ALICE, BOB, CAROL, Desk, ids, refused, run, with_header
from tests.contract.calendar_server.sharing import rule

TEAM = "team@example.com"
CHANNEL = {"id": "c", "type": "web_hook", "address": "http://127.0.0.1:9/"}


@pytest.fixture
def team(desk: Desk) -> Desk:
    """Alice has a secondary calendar, and Bob may read it."""
    desk.control("calendars", id=TEAM, owner=ALICE, timeZone="UTC", summary="Team")
    run(desk.client().acl().insert(calendarId=TEAM, body=rule("reader")))
    return desk


def listing(desk: Desk, user: str = BOB, **options: Any) -> list[dict[str, Any]]:
    """The entries of the user's list."""
    items: list[dict[str, Any]] = run(desk.client(user).calendarList().list(**options))["items"]
    return items


def token_of(desk: Desk, user: str = BOB) -> str:
    """A sync token of the user's list."""
    token: str = run(desk.client(user).calendarList().list())["nextSyncToken"]
    return token


def subscribe(desk: Desk, user: str = BOB, **fields: Any) -> dict[str, Any]:
    """Put the team's calendar onto a user's list."""
    return run(desk.client(user).calendarList().insert(body={"id": TEAM, **fields}))


def test_a_grant_lets_a_user_put_the_calendar_onto_their_list(team: Desk) -> None:
    """11: sharing alone does not; insert answers the whole entry."""
    before = ids(listing(team))
    entry = subscribe(team)

    assert before == [BOB]
    assert entry.pop("etag").startswith('"')
    assert entry == {
        "kind": "calendar#calendarListEntry",
        "id": TEAM,
        "summary": "Team",
        "timeZone": "UTC",
        "colorId": "14",
        "backgroundColor": "#9fe1e7",
        "foregroundColor": "#000000",
        "selected": True,
        "accessRole": "reader",
        "defaultReminders": [],
        "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
        "dataOwner": ALICE,
    }
    assert ids(listing(team)) == [BOB, TEAM]


def test_without_access_or_name_nothing_is_listed(team: Desk) -> None:
    """10.1, 11: 404, and 400 without an id; get finds only what stands on the list."""
    lists = team.client(CAROL).calendarList()

    assert refused(lists.insert(body={"id": TEAM})) == (404, "notFound")
    assert refused(lists.insert(body={})) == (400, "required")
    assert refused(lists.get(calendarId=TEAM)) == (404, "notFound")
    assert refused(team.client(BOB).calendarList().get(calendarId=TEAM)) == (404, "notFound")


def test_what_is_the_users_own_stays_theirs(team: Desk) -> None:
    """11: per-user fields; the calendar's title, zone and description are not changed here."""
    subscribe(team)
    own = {
        "summaryOverride": "my team",
        "hidden": True,
        "selected": False,
        "defaultReminders": [{"method": "email", "minutes": 30}],
        "notificationSettings": {"notifications": [{"type": "eventChange", "method": "email"}]},
    }
    wish = {**own, "summary": "taken", "timeZone": "Asia/Tokyo", "accessRole": "owner"}
    entry = run(team.client(BOB).calendarList().patch(calendarId=TEAM, body=wish))

    assert {name: entry.get(name, False) for name in own} == own
    assert (entry["summary"], entry["timeZone"], entry["accessRole"]) == ("Team", "UTC", "reader")
    assert not {"summaryOverride", "hidden"} & set(run(team.client().calendarList().get(calendarId=TEAM)))


def test_a_patch_merges_and_a_put_replaces(team: Desk) -> None:
    """7.4: null removes; what a put does not send is emptied, but for the colour."""
    subscribe(team, colorId="3", summaryOverride="x")
    lists = team.client(BOB).calendarList()
    patched = run(lists.patch(calendarId=TEAM, body={"selected": None}))
    put = run(lists.update(calendarId=TEAM, body={"hidden": True}))

    assert (patched["summaryOverride"], "selected" in patched, patched["colorId"]) == ("x", False, "3")
    assert ("summaryOverride" in put, put["hidden"], put["colorId"]) == (False, True, "3")


def test_colours_come_by_number_or_by_value(team: Desk) -> None:
    """11: colorRgbFormat decides which of the two is read; the nearest number follows a value."""
    subscribe(team)
    lists = team.client(BOB).calendarList()
    ignored = run(lists.patch(calendarId=TEAM, body={"backgroundColor": "#123456", "colorId": "2"}))
    rgb = {"backgroundColor": "#F83A23", "foregroundColor": "#ffffff"}
    by_value = run(lists.patch(calendarId=TEAM, body=rgb, colorRgbFormat=True))
    by_number = run(lists.patch(calendarId=TEAM, body={"colorId": "9"}))

    assert (ignored["colorId"], ignored["backgroundColor"]) == ("2", "#d06b64")
    assert (by_value["colorId"], by_value["backgroundColor"], by_value["foregroundColor"]) == (
        "3",
        "#f83a23",
        "#ffffff",
    )
    assert (by_number["backgroundColor"], by_number["foregroundColor"]) == ("#7bd148", "#000000")


@pytest.mark.parametrize(
    ("body", "options"),
    [
        ({"colorId": "25"}, {}),
        ({"colorId": "red"}, {}),
        ({"backgroundColor": "red"}, {"colorRgbFormat": True}),
        ({"foregroundColor": "#12345"}, {"colorRgbFormat": True}),
        ({"defaultReminders": [{"method": "pigeon", "minutes": 1}]}, {}),
        ({"defaultReminders": [{"method": "popup", "minutes": -1}]}, {}),
        ({"defaultReminders": [{"method": "popup", "minutes": None}]}, {}),
        ({"defaultReminders": [{"method": "popup", "minutes": 1}] * 6}, {}),
        ({"notificationSettings": {"notifications": [{"type": "birth", "method": "email"}]}}, {}),
        ({"selected": "yes"}, {}),
    ],
)
def test_what_cannot_be_kept_is_refused(team: Desk, body: dict[str, Any], options: dict[str, Any]) -> None:
    """11: 400, and the entry stays as it was."""
    before = subscribe(team)
    lists = team.client(BOB).calendarList()

    assert refused(lists.patch(calendarId=TEAM, body=body, **options)) == (400, "invalid")
    assert run(lists.get(calendarId=TEAM)) == before


def test_nobody_leaves_their_primary_calendar_nor_one_they_own(team: Desk) -> None:
    """11: the data owner's 403 with Google's words (O MM 55); another owner may."""
    run(team.client().acl().insert(calendarId=TEAM, body=rule("owner")))
    subscribe(team)
    error = team.raw("DELETE", f"/calendar/v3/users/me/calendarList/{TEAM}")

    assert error.status == 403
    assert b"The data owner of a calendar cannot remove such a calendar from their calendar list." in error.body
    assert refused(team.client().calendarList().delete(calendarId="primary"))[0] == 403
    team.client(BOB).calendarList().delete(calendarId=TEAM).execute()
    assert ids(listing(team)) == [BOB]
    assert team.page(BOB, TEAM)["accessRole"] == "owner"


def test_writes_are_conditional_and_one_without_effect_moves_no_etag(team: Desk) -> None:
    """7.1, 7.9."""
    first = subscribe(team)
    token = token_of(team)
    lists = team.client(BOB).calendarList()
    same = run(lists.patch(calendarId=TEAM, body={"selected": True}))
    untold = listing(team, syncToken=token)
    second = run(lists.patch(calendarId=TEAM, body={"hidden": True}))

    assert same == first
    assert untold == []
    assert second["etag"] != first["etag"]
    for request in (lists.patch(calendarId=TEAM, body={}), lists.delete(calendarId=TEAM)):
        assert refused(with_header(request, "If-Match", first["etag"])) == (412, "conditionNotMet")


def test_hidden_and_deleted_entries_are_shown_on_demand_and_always_told(team: Desk) -> None:
    """11: with a token both come in any case; a deleted one says so."""
    subscribe(team)
    token = token_of(team)
    lists = team.client(BOB).calendarList()
    run(lists.patch(calendarId=TEAM, body={"hidden": True}))
    hidden = [ids(listing(team)), ids(listing(team, showHidden=True)), ids(listing(team, syncToken=token))]
    lists.delete(calendarId=TEAM).execute()
    (told,) = listing(team, syncToken=token)

    assert hidden == [[BOB], [BOB, TEAM], [TEAM]]
    assert (told["id"], told["deleted"], told["summary"]) == (TEAM, True, "Team")
    assert ids(listing(team, showHidden=True)) == [BOB]
    assert [item.get("deleted", False) for item in listing(team, showDeleted=True, showHidden=True)] == [False, True]
    assert "deleted" not in subscribe(team)


@pytest.mark.parametrize(
    "options",
    [
        {"minAccessRole": "reader"},
        {"showOwnOrganizationOnly": True},
        {"showOwnOrganizationOnly": False},
        {"showDeleted": False},
        {"showHidden": False},
    ],
)
def test_some_parameters_are_refused_beside_a_token(team: Desk, options: dict[str, Any]) -> None:
    """11: minAccessRole and showOwnOrganizationOnly at all, showDeleted and showHidden if false."""
    request = team.client(BOB).calendarList().list(syncToken=token_of(team), **options)

    assert refused(request) == (400, "syncTokenWithRequestRestrictions")


def test_a_list_can_be_narrowed(team: Desk) -> None:
    """11: by role, and to the user's organization."""
    team.control("calendars", id="far@elsewhere.org", owner="eve@elsewhere.org", timeZone="UTC", roles={BOB: "writer"})
    subscribe(team)

    assert ids(listing(team)) == [BOB, "far@elsewhere.org", TEAM]
    assert ids(listing(team, minAccessRole="writer")) == [BOB, "far@elsewhere.org"]
    assert ids(listing(team, minAccessRole="owner")) == [BOB]
    assert ids(listing(team, showOwnOrganizationOnly=True)) == [BOB, TEAM]
    assert team.raw("GET", "/calendar/v3/users/me/calendarList", query={"minAccessRole": ["none"]}).status == 400


def test_changes_of_read_only_fields_are_not_told(team: Desk) -> None:
    """11: neither a role nor a title; but the entry and its etag show them."""
    first = subscribe(team)
    token = token_of(team)
    run(team.client().acl().patch(calendarId=TEAM, ruleId=f"user:{BOB}", body={"role": "writer"}))
    run(team.client().calendars().patch(calendarId=TEAM, body={"summary": "Crew"}))
    entry = run(team.client(BOB).calendarList().get(calendarId=TEAM))

    assert listing(team, syncToken=token) == []
    assert (entry["accessRole"], entry["summary"]) == ("writer", "Crew")
    assert entry["etag"] != first["etag"]


def test_lost_access_takes_the_calendar_from_the_list(team: Desk) -> None:
    """11, 10.1: told as deleted, without a word about the calendar."""
    subscribe(team)
    token = token_of(team)
    team.client().acl().delete(calendarId=TEAM, ruleId=f"user:{BOB}").execute()
    run(team.client().calendars().patch(calendarId=TEAM, body={"summary": "Crew"}))
    (told,) = listing(team, syncToken=token)

    assert set(told) == {"kind", "etag", "id", "deleted"}
    assert ids(listing(team)) == [BOB]


def test_a_group_that_loses_a_member_takes_their_calendar(team: Desk) -> None:
    """11: access by a group ends with the membership."""
    team.control("groups", id="crew@example.com", members=[CAROL])
    run(team.client().acl().insert(calendarId=TEAM, body=rule("reader", "group", "crew@example.com")))
    subscribe(team, CAROL)
    joined = ids(listing(team, CAROL))
    team.control("groups", id="crew@example.com", members=[])

    assert (joined, ids(listing(team, CAROL))) == ([CAROL, TEAM], [CAROL])


def test_a_token_belongs_to_one_users_list(team: Desk) -> None:
    """3.1.8, 3.4: another's, an expired or another list's is 410."""
    token = token_of(team)
    alices = token_of(team, ALICE)
    lists = team.client(BOB).calendarList()

    assert refused(lists.list(syncToken=alices)) == (410, "fullSyncRequired")
    team.control("expire-tokens", calendarId=BOB, collection="calendarList")
    assert refused(lists.list(syncToken=token)) == (410, "fullSyncRequired")
    assert listing(team, syncToken=token_of(team)) == []
    assert listing(team, ALICE, syncToken=alices) == []


def test_a_calendar_list_is_watched_per_user(team: Desk) -> None:
    """9.2.9: a calendar that becomes accessible is told only once it enters the list."""
    answer = run(team.client(BOB).calendarList().watch(body=CHANNEL))
    team.pushes()
    run(team.client().acl().patch(calendarId=TEAM, ruleId=f"user:{BOB}", body={"role": "writer"}))
    by_grant = team.pushes()
    subscribe(team)
    (push,) = team.pushes()
    subscribe(team, ALICE, hidden=True)

    assert answer["resourceUri"] == "https://www.googleapis.com/calendar/v3/users/me/calendarList?alt=json"
    assert by_grant == []
    assert (push.channel, push.state) == ("c", "exists")
    assert team.pushes() == []


STEP = st.tuples(
    st.sampled_from(["subscribe", "hide", "show", "leave", "grant", "revoke", "page"]),
    st.sampled_from([f"c{n}@e" for n in range(4)]),
)


@given(st.lists(STEP, max_size=25), st.integers(1, 3))
def test_following_tokens_ends_with_the_list(steps: list[tuple[str, str]], size: int) -> None:
    """3.1: whatever happens between and during the passes, a follower ends with the list as it is."""
    desk = Desk()
    for number in range(4):
        desk.control("calendars", id=f"c{number}@e", owner=ALICE, timeZone="UTC")
    follower = Follower(desk, size)
    for act, calendar in steps:
        take(desk, follower, act, calendar)
    follower.finish()

    assert follower.seen == {item["id"]: item.get("hidden", False) for item in listing(desk, showHidden=True)}


class Follower:
    """Reads Bob's list by tokens, page by page."""

    def __init__(self, desk: Desk, size: int) -> None:
        self.desk = desk
        self.size = size
        self.seen: dict[str, bool] = {}
        self.options: dict[str, Any] = {"showHidden": True, "showDeleted": True, "maxResults": size}

    def page(self) -> bool:
        """Read one page; True if it was the last."""
        page = run(self.desk.client(BOB).calendarList().list(**self.options))
        for item in page["items"]:
            self.seen.pop(item["id"], None)
            if not item.get("deleted"):
                self.seen[item["id"]] = item.get("hidden", False)
        self.options.pop("pageToken", None)
        if "nextPageToken" in page:
            self.options["pageToken"] = page["nextPageToken"]
            return False
        self.options["syncToken"] = page["nextSyncToken"]
        return True

    def finish(self) -> None:
        """Read to the end of this pass, then one pass more."""
        for _ in range(2):
            while not self.page():
                pass


def take(desk: Desk, follower: Follower, act: str, calendar: str) -> None:
    """One step of a history; what Google refuses changes nothing."""
    lists, acl = desk.client(BOB).calendarList(), desk.client().acl()
    requests = {
        "subscribe": lambda: lists.insert(body={"id": calendar}),
        "hide": lambda: lists.patch(calendarId=calendar, body={"hidden": True}),
        "show": lambda: lists.patch(calendarId=calendar, body={"hidden": None}),
        "leave": lambda: lists.delete(calendarId=calendar),
        "grant": lambda: acl.insert(calendarId=calendar, body=rule("reader")),
        "revoke": lambda: acl.delete(calendarId=calendar, ruleId=f"user:{BOB}"),
    }
    if act == "page":
        follower.page()
        return
    try:
        requests[act]().execute()
    except HttpError as error:
        assert error.resp.status == 404  # noqa: PT017 - what else could go wrong is a failure


def test_lists_outlive_the_process(tmp_path: Path) -> None:
    """Entries, deletions, expiries and tokens are found again."""
    with closing(SqliteState(tmp_path / "state")) as state:
        first = Desk(state)
        first.control("calendars", id=TEAM, owner=ALICE, timeZone="UTC", roles={BOB: "reader"})
        token = token_of(first)
        alices = token_of(first, ALICE)
        run(first.client(BOB).calendarList().patch(calendarId=TEAM, body={"summaryOverride": "x"}))
        first.control("expire-tokens", calendarId=ALICE, collection="calendarList", forever=True)
        second = Desk(state)

        assert [item["summaryOverride"] for item in listing(second, syncToken=token)] == ["x"]
        for given_token in (alices, token_of(second, ALICE)):
            expired = second.client().calendarList().list(syncToken=given_token)
            assert refused(expired) == (410, "fullSyncRequired")
