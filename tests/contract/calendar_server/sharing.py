"""Rules as the tests of the Calendar server give them."""

from __future__ import annotations

from typing import Any

from tests.contract.calendar_server.desk import ALICE, BOB, Desk, run

ROLES = ("none", "freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")


def rule(role: str, kind: str = "user", value: str = BOB) -> dict[str, Any]:
    """A rule as it is inserted."""
    scope = {"type": kind} if kind == "default" else {"type": kind, "value": value}
    return {"role": role, "scope": scope}


def share(desk: Desk, role: str, kind: str = "user", value: str = BOB) -> dict[str, Any]:
    """Give a role on Alice's primary calendar."""
    return run(desk.client().acl().insert(calendarId="primary", body=rule(role, kind, value)))


def rules(desk: Desk, **options: Any) -> dict[str, str]:
    """The rules of Alice's primary calendar: role by id."""
    return {item["id"]: item["role"] for item in run(desk.client().acl().list(calendarId=ALICE, **options))["items"]}
