"""Scopes hold per method, as the discovery document lists them (contract 10.1, 12)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from infra.local.calendar.discovery import Method, discovery
from infra.local.calendar.messages import Response
from tests.contract.calendar_server.desk import ALICE, read
from tests.contract.oauth.office import EMAIL, EVENTS, LISTS, Office

METHODS = {method.id: method for found in discovery().methods.values() for method in found}
_VALUES = {"calendarId": "primary", "eventId": "event1", "ruleId": "default", "setting": "timezone"}


def call(office: Office, method: Method, headers: dict[str, str]) -> Response:
    """Call the method with some path and no body."""
    path = re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda found: _VALUES[found[1]], method.pattern.pattern)
    return office.send(method.http_method, f"/calendar/v3/{path}", headers=headers)


def is_scope_refusal(answer: Response) -> bool:
    """True for 403 because of the token's scopes."""
    details = read(answer)["error"].get("details", []) if answer.status == 403 else []
    return any(detail.get("reason") == "ACCESS_TOKEN_SCOPE_INSUFFICIENT" for detail in details)


def test_there_are_methods_to_walk_over() -> None:
    """The document has 38, and each names its scopes."""
    assert len(METHODS) == 38
    assert all(method.scopes for method in METHODS.values())


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_method_admits_its_scopes_and_no_other(office: Office, name: str) -> None:
    """With none of them 403; with any single one of them the call gets past this gate, with all others together not."""
    method = METHODS[name]
    others = " ".join(scope for scope in discovery().scopes if scope not in method.scopes)
    refused = call(office, method, _token(office, f"openid {others}"))

    assert is_scope_refusal(refused)
    for scope in method.scopes:
        answer = call(office, method, _token(office, scope))
        assert not is_scope_refusal(answer)
        assert answer.status != 401


def _token(office: Office, scope: str) -> dict[str, str]:
    told: dict[str, Any] = office.tokens(*scope.split(), scope=scope)
    return {"authorization": f"Bearer {told['access_token']}"}


def test_the_refusal_is_googles(office: Office) -> None:
    """Reason, details and challenge, by which clients know that they must ask the user for more."""
    answer = office.send("GET", "/calendar/v3/calendars/primary/events", headers=office.bearer(LISTS))
    told = read(answer)["error"]

    assert (answer.status, told["code"], told["status"]) == (403, 403, "PERMISSION_DENIED")
    assert told["message"] == "Request had insufficient authentication scopes."
    assert told["errors"] == [
        {"domain": "global", "reason": "insufficientPermissions", "message": "Insufficient Permission"}
    ]
    assert told["details"][0]["metadata"] == {
        "service": "calendar-json.googleapis.com",
        "method": "calendar.v3.Events.List",
    }
    assert answer.headers["www-authenticate"].startswith(
        'Bearer realm="https://accounts.google.com/", error="insufficient_scope", scope="https://www.googleapis.com/'
    )
    assert EVENTS in answer.headers["www-authenticate"]


def test_the_development_shortcut_has_every_scope(office: Office) -> None:
    """Bearer dev:<email> needs no consent and passes every gate."""
    headers = {"authorization": f"Bearer dev:{ALICE}"}

    assert not [name for name, method in METHODS.items() if is_scope_refusal(call(office, method, headers))]


def test_a_refused_call_changes_nothing(office: Office) -> None:
    """Neither does the user come into being."""
    office.send("GET", "/calendar/v3/calendars/primary/events", headers=office.bearer(EMAIL))

    assert ALICE not in office.server.world.calendars
