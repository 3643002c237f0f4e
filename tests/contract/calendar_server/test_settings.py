"""settings.*, which a control route changes, and colors.get (contract 11)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from infra.local.calendar.persistence import SqliteState
from tests.contract.calendar_server.desk import ALICE, BOB, Desk, read, refused, run

CHANNEL = {"id": "s", "type": "web_hook", "address": "http://127.0.0.1:9/"}


def values(desk: Desk, **options: Any) -> dict[str, str]:
    """Alice's settings."""
    return {item["id"]: item["value"] for item in run(desk.client().settings().list(**options))["items"]}


def put(desk: Desk, setting: str, value: str, user: str = ALICE) -> None:
    """Change a setting as its user would."""
    desk.control("settings", user=user, setting=setting, value=value)


def test_the_settings_are_listed_and_read_singly(desk: Desk) -> None:
    """11: the zone is the primary calendar's; every value is a string."""
    listed = run(desk.client().settings().list())
    (zone,) = [item for item in listed["items"] if item["id"] == "timezone"]

    assert listed["kind"] == "calendar#settings"
    assert zone == run(desk.client().settings().get(setting="timezone"))
    assert (zone["kind"], zone["value"]) == ("calendar#setting", "Europe/Zurich")
    assert {"locale", "weekStart", "format24HourTime", "defaultEventLength"} <= set(values(desk))
    assert refused(desk.client().settings().get(setting="colour")) == (404, "notFound")


def test_a_changed_setting_is_told_with_a_token(desk: Desk) -> None:
    """3.1: pages, tokens, and nothing for a change to the same value."""
    settings = desk.client().settings()
    first = run(settings.list(maxResults=5))
    second = run(settings.list(maxResults=5, pageToken=first["nextPageToken"]))
    last = run(settings.list(maxResults=5, pageToken=second["nextPageToken"]))
    put(desk, "locale", "de")
    put(desk, "weekStart", "0")

    assert len({item["id"] for page in (first, second, last) for item in page["items"]}) == 12
    assert values(desk, syncToken=last["nextSyncToken"]) == {"locale": "de"}


def test_tokens_of_settings_fail_as_every_token_does(desk: Desk) -> None:
    """3.4: garbage 400, expired 410, another user's 410."""
    settings = desk.client().settings()
    token = run(settings.list())["nextSyncToken"]

    assert refused(settings.list(syncToken="garbage")) == (400, "invalid")
    assert refused(desk.client(BOB).settings().list(syncToken=token)) == (410, "fullSyncRequired")
    desk.control("expire-tokens", calendarId=ALICE, collection="settings")
    assert refused(settings.list(syncToken=token)) == (410, "fullSyncRequired")


def test_settings_are_watched_per_user(desk: Desk) -> None:
    """9.2.9: another user's change is not told; the first look at settings is no change."""
    desk.token(BOB)
    answer = run(desk.client().settings().watch(body=CHANNEL))
    desk.pushes()
    values(desk)
    looked = desk.pushes()
    put(desk, "locale", "fr", user=BOB)
    put(desk, "locale", "de")

    assert answer["resourceUri"] == "https://www.googleapis.com/calendar/v3/users/me/settings?alt=json"
    assert looked == []
    assert [(push.channel, push.state) for push in desk.pushes()] == [("s", "exists")]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"user": ALICE, "setting": "colour", "value": "x"}, "settings are"),
        ({"user": "nobody@example.com", "setting": "locale", "value": "x"}, "user"),
        ({"user": ALICE, "setting": "locale", "value": "x" * 1025}, "1024"),
        ({"user": ALICE, "setting": "locale"}, "value"),
    ],
)
def test_a_bad_change_of_a_setting_is_refused_with_the_cause(desk: Desk, body: dict[str, Any], says: str) -> None:
    """The control route checks what it is given."""
    desk.token()
    answer = desk.raw("POST", "/control/settings", body)

    assert answer.status == 400
    assert says in read(answer)["error"]


@pytest.mark.parametrize("body", [{"id": "team", "members": []}, {"id": "t@e", "members": ["bob"]}, {"id": "t@e"}])
def test_a_bad_group_is_refused_with_the_cause(desk: Desk, body: dict[str, Any]) -> None:
    """Groups and members are addresses."""
    answer = desk.raw("POST", "/control/groups", body)

    assert (answer.status, "members" in read(answer)["error"]) == (400, True)


def test_settings_outlive_the_process(tmp_path: Path) -> None:
    """And a version that is known is answered 304."""
    with closing(SqliteState(tmp_path / "state")) as state:
        first = Desk(state)
        token = run(first.client().settings().list())["nextSyncToken"]
        put(first, "locale", "de")
        second = Desk(state)
        etag = run(second.client().settings().get(setting="locale"))["etag"]

        assert values(second, syncToken=token) == {"locale": "de"}
        headers = {"authorization": f"Bearer dev:{ALICE}", "if-none-match": etag}
        assert second.raw("GET", "/calendar/v3/users/me/settings/locale", headers=headers).status == 304


def test_the_palette_is_the_same_for_everyone(desk: Desk) -> None:
    """DISC: 24 colours for calendars, 11 for events; the usual one of a calendar list is among them."""
    colors = run(desk.client().colors().get())
    entry = run(desk.client().calendarList().get(calendarId="primary"))

    assert (colors["kind"], len(colors["calendar"]), len(colors["event"])) == ("calendar#colors", 24, 11)
    assert colors == run(desk.client(BOB).colors().get())
    assert colors["calendar"][entry["colorId"]]["background"] == entry["backgroundColor"]
    assert run(desk.client().colors().get(fields="event/11/background"))["event"] == {"11": {"background": "#dc2127"}}
