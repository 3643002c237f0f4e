"""Whatever is sent to calendars, lists, rules and free/busy is taken or refused with a reason (contract 10)."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.contract.calendar_server.desk import ALICE, BOB, Desk, read

TEAM = "team@example.com"
BASE = "/calendar/v3"
ENTRY = f"{BASE}/users/me/calendarList"
TARGETS = [
    ("POST", f"{BASE}/calendars"),
    *((method, f"{BASE}/calendars/{TEAM}") for method in ("PATCH", "PUT")),
    ("POST", f"{BASE}/calendars/{TEAM}/acl"),
    *((method, f"{BASE}/calendars/{TEAM}/acl/user:{BOB}") for method in ("PATCH", "PUT")),
    ("POST", ENTRY),
    *((method, f"{ENTRY}/{TEAM}") for method in ("PATCH", "PUT")),
    ("POST", f"{BASE}/freeBusy"),
    ("POST", f"{BASE}/users/me/settings/watch"),
]
GETS = (
    f"{BASE}/calendars/{TEAM}",
    f"{BASE}/calendars/{TEAM}/acl",
    f"{BASE}/calendars/{TEAM}/events",
    ENTRY,
    f"{BASE}/users/me/settings",
)

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
scopes = st.fixed_dictionaries(
    {}, optional={"type": st.sampled_from(["user", "domain", "default", "group", "x"]), "value": st.text(max_size=9)}
)
reminders = st.fixed_dictionaries({}, optional={"method": st.text(max_size=5), "minutes": st.integers() | st.none()})
NAMES = (
    *("id", "summary", "description", "location", "timeZone", "labelProperties", "workingHours", "role", "scope"),
    *("colorId", "backgroundColor", "foregroundColor", "hidden", "selected", "summaryOverride", "defaultReminders"),
    *("notificationSettings", "timeMin", "timeMax", "items", "groupExpansionMax", "calendarExpansionMax", "type"),
    *("address", "token", "params", "expiration"),
)
notice = st.dictionaries(st.sampled_from(["type", "method"]), junk, max_size=2)
values = st.one_of(
    junk,
    scopes,
    st.lists(reminders, max_size=2),
    st.fixed_dictionaries(
        {"notifications": st.lists(st.dictionaries(st.text(max_size=6), junk, max_size=2), max_size=2)}
    ),
    st.lists(st.fixed_dictionaries({"id": st.sampled_from([ALICE, TEAM, "x"])}), max_size=3),
    st.builds(lambda at: at.isoformat() + "Z", st.datetimes()),
    st.sampled_from(["none", "reader", "owner", "UTC", "#ffffff", "3", "default"]),
)
bodies = st.dictionaries(st.sampled_from(NAMES), values, max_size=6)


@given(st.sampled_from(TARGETS), bodies, st.sampled_from(["true", "false"]))
def test_no_body_breaks_the_server(target: tuple[str, str], body: dict[str, Any], rgb: str) -> None:
    """10.1: 400, 403, 404 or the resource; and what was taken can be read in every way."""
    desk = Desk()
    desk.control("calendars", id=TEAM, owner=ALICE, timeZone="UTC", roles={BOB: "reader"})
    answer = desk.raw(*target, body, query={"colorRgbFormat": [rgb]})

    assert answer.status in {200, 400, 403, 404}
    assert ("error" in read(answer)) is (answer.status != 200)
    for path in GETS:
        assert desk.raw("GET", path).status == 200
