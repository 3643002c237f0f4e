"""The add-on's words: what it reads from Google's requests, what it answers, and its manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.errors import (
    Gone,
    Later,
    LockstepError,
    OutcomeUnknown,
    Poison,
    Refused,
    Revoked,
    Stale,
    Where,
)
from conference.meeting import Meeting, MeetingId, MeetingRef
from functions.addon import answer, request
from functions.addon.offer import SCOPES, Forbidden, Offer
from functions.addon.request import Ask
from functions.script.enums import ConferenceErrorType
from infra import addon
from infra.google import manifest
from infra.settings import Settings, settings_of

OFFER = Offer(id="1", provider="http", name="My Web Conference")
MEETING = Meeting(
    MeetingRef("http", "acme", MeetingId("vendor-123")),
    "https://meet.example.com/123",
    passcode="42",
    dial_in={"US": "+1 234 567 8900"},
)


def asked(**told: Any) -> Ask:
    """What is read from a request that says this."""
    return request.read(json.dumps(told).encode())


# ---- requests ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, Ask()),
        ({"calendar": {"calendarId": "a@x", "id": "e1"}}, Ask("a@x", "e1")),
        ({"eventData": {"calendarId": "a@x", "eventId": "e1"}}, Ask("a@x", "e1")),
        ({"calendar": {"calendarId": "a@x"}, "eventData": {"calendarId": "b@x", "eventId": "e1"}}, Ask("a@x", "e1")),
        ({"calendar": {"id": "e1_20261124T090000Z", "recurringEventId": "e1"}}, Ask(None, "e1")),
        ({"calendar": {"capabilities": {"canSetConferenceData": False}}}, Ask(writable=False)),
        ({"calendar": {"capabilities": {"canSetConferenceData": "no"}}}, Ask()),
        ({"calendar": [], "eventData": "x", "commonEventObject": 7, "authorizationEventObject": None}, Ask()),
        ({"calendar": {"calendarId": "", "id": 7}}, Ask()),
        ({"calendar": {"calendarId": "a" * 321, "id": "e" * 1025}}, Ask()),
        ({"calendar": {"calendarId": "a" * 320, "id": "e" * 1024}}, Ask("a" * 320, "e" * 1024)),
        ({"authorizationEventObject": {"userIdToken": "t" * 8193}}, Ask()),
        ({"authorizationEventObject": {"userIdToken": "t", "userOAuthToken": "ya29"}}, Ask(user_token="t")),
        ({"authorizationEventObject": {"authorizedScopes": ["a", 7, "b"]}}, Ask(scopes=frozenset({"a", "b"}))),
        ({"authorizationEventObject": {"authorizedScopes": []}}, Ask(scopes=frozenset())),
        ({"authorizationEventObject": {"authorizedScopes": "a"}}, Ask()),
    ],
)
def test_requests_are_read_leniently(told: dict[str, Any], expected: Ask) -> None:
    """Each field from where one of Google's pages has it; what is absent, wrong or too long was not sent."""
    assert asked(**told) == expected


@pytest.mark.parametrize(
    ("parameters", "provider"),
    [
        ({"addOnParameters": {"parameters": {"lockstep": "http"}}}, "http"),
        ({"addOnParameters": {"lockstep": "http"}}, "http"),
        ({"addOnParameters": {"parameters": {"other": "http"}}}, None),
        ({"addOnParameters": {"parameters": "http", "lockstep": 7}}, None),
        ({"lockstep": "http"}, None),
    ],
)
def test_parameters_in_both_shapes(parameters: dict[str, Any], provider: str | None) -> None:
    """The API puts the map one level deeper than the add-ons' pages."""
    assert asked(calendar={"conferenceData": {"parameters": parameters}}).provider == provider


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ({"id": "Europe/Zurich", "offset": "3600000"}, "Europe/Zurich"),
        ({"id": "Mars/Base", "offset": "7200000"}, "Etc/GMT-2"),
        ({"offset": 7200000}, "Etc/GMT-2"),
        ({"offset": "-18000000"}, "Etc/GMT+5"),
        ({"offset": -18000000}, "Etc/GMT+5"),
        ({"offset": 19800000}, "UTC"),
        ({"offset": 0}, "UTC"),
        ({"offset": True}, "UTC"),
        ({"offset": "²"}, "UTC"),
        ({"offset": "9" * 40}, "UTC"),
        ({"offset": 99 * 3600000}, "UTC"),
        ({"id": "../etc/passwd"}, "UTC"),
        ({"id": "Europe"}, "UTC"),
        ({"id": "\u0000"}, "UTC"),
        ({}, "UTC"),
    ],
)
def test_zones(zone: dict[str, Any], name: str) -> None:
    """By name, else by whole hours from Greenwich, written as text or as a number."""
    assert asked(commonEventObject={"timeZone": zone}).zone == name


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
parts = st.dictionaries(
    st.sampled_from(["calendarId", "id", "conferenceData", "timeZone", "userIdToken", "authorizedScopes", "eventId"]),
    json_values,
)
names = st.sampled_from(["calendar", "eventData", "commonEventObject", "authorizationEventObject"])


@given(st.dictionaries(names, parts | json_values))
def test_any_object_can_be_read(told: dict[str, Any]) -> None:
    """Whatever stands in a field, what is read has its type."""
    ask = asked(**told)

    assert ask.calendar is None or 0 < len(ask.calendar) <= request.MAX_CALENDAR
    assert ask.event is None or 0 < len(ask.event) <= request.MAX_EVENT
    assert ask.scopes is None or all(isinstance(one, str) for one in ask.scopes)


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b'{"a":', b"\xff", b"[" * 10_000])
def test_what_is_no_object(body: bytes) -> None:
    """Poison, which quotes nothing of it."""
    with pytest.raises(Poison, match=r"^the request's body is no JSON object$"):
        request.read(body)


def test_a_token_is_not_shown() -> None:
    """What is read can be logged."""
    assert "secret" not in repr(asked(authorizationEventObject={"userIdToken": "secret"}))


# ---- answers -----------------------------------------------------------------------------------------------------


def test_the_conference() -> None:
    """A meeting's ways to join as Google's markup has them, with the parameter by which the sync knows it again."""
    assert answer.created(MEETING, OFFER) == {
        "hostAppAction": {
            "calendarAction": {
                "createConferenceDataActionMarkup": {
                    "createConferenceData": {
                        "conferenceId": "vendor-123",
                        "conferenceSolutionId": "1",
                        "entryPoints": [
                            {
                                "type": "VIDEO",
                                "uri": "https://meet.example.com/123",
                                "label": "meet.example.com/123",
                                "passcode": "42",
                            },
                            {"type": "PHONE", "uri": "tel:+12345678900", "label": "US"},
                        ],
                        "parameters": [{"key": "lockstep", "value": "http"}],
                    }
                }
            }
        }
    }


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Later("busy", Where("http", "create", 429)), "TEMPORARY"),
        (Later("down", Where("http", "create", 503)), "TEMPORARY"),
        (OutcomeUnknown("no answer"), "TEMPORARY"),
        (Stale("overtaken"), "TEMPORARY"),
        (Revoked("sign in", Where("http", "create", 401)), "AUTHENTICATION"),
        (Revoked("sign in"), "AUTHENTICATION"),
        (Revoked("not this account", Where("http", "create", 403)), "PERMISSION_DENIED"),
        (Refused("not this plan", Where("http", "create", 402)), "PERMISSION_DENIED"),
        (Forbidden("not this user"), "CONFERENCE_SOLUTION_FORBIDDEN"),
        (Refused("never", Where("http", "create", 400)), "PERMANENT"),
        (Gone("no such calendar"), "PERMANENT"),
        (Poison("unreadable"), "PERMANENT"),
    ],
)
def test_errors_have_googles_types(error: LockstepError, kind: str) -> None:
    """The table of apps-script's conference errors; where users cannot sign in they are denied."""
    told = answer.failed(error, "https://vendor.example/login")
    markup = told["hostAppAction"]["calendarAction"]["createConferenceDataActionMarkup"]["createConferenceData"]
    url = {"authenticationUrl": "https://vendor.example/login"} if kind == "AUTHENTICATION" else {}

    assert markup == {"error": {"type": kind, **url}}
    denied = {"AUTHENTICATION": "PERMISSION_DENIED"}.get(kind, kind)
    assert answer.type_of(error, can_sign_in=False) is ConferenceErrorType(denied)


def test_scopes_are_asked_for_one_by_one_or_all() -> None:
    """In the manifest's order; all of them in Google's short form."""
    assert answer.scopes({SCOPES[3], SCOPES[0]}, SCOPES) == {
        "requesting_google_scopes": {"scopes": [SCOPES[0], SCOPES[3]]}
    }
    assert answer.scopes({*SCOPES}, SCOPES) == {"requesting_google_scopes": {"all_scopes": True}}


def test_cards_hold_text() -> None:
    """What comes from elsewhere is shown as it is, not as markup."""
    told = json.dumps(answer.card("<b>x</b>", ["a & <i>b</i>"], "https://x.example/?a&b"))

    assert "<b>" not in told
    assert "<i>" not in told
    assert "https://x.example/?a&b" in told


# ---- manifest ----------------------------------------------------------------------------------------------------

PUBLIC = settings_of(
    {
        "LOCKSTEP_PUBLIC_URL": "https://fn.example.com/",
        "LOCKSTEP_ADDON_LOGO": "https://www.example.com/logo.png",
        "LOCKSTEP_ADDON_SOLUTIONS": "http=My Web Conference,janus",
        "LOCKSTEP_ADDON_SETTINGS_URL": "https://www.example.com/settings",
        "LOCKSTEP_ADDON_SUBSCRIBE": "True",
    }
)


def test_the_manifest_names_our_addresses() -> None:
    """Each entry point of ours is one that the function serves, and an audience that it accepts."""
    told = manifest.manifest(PUBLIC)
    calendar = told["addOns"]["calendar"]

    assert manifest.wrong(told) == []
    assert calendar["conferenceSolution"] == [
        {
            "id": "http",
            "name": "My Web Conference",
            "logoUrl": "https://www.example.com/logo.png",
            "onCreateFunction": "https://fn.example.com/addon/create?solution=http",
        },
        {
            "id": "janus",
            "name": "janus",
            "logoUrl": "https://www.example.com/logo.png",
            "onCreateFunction": "https://fn.example.com/addon/create?solution=janus",
        },
    ]
    assert calendar["createSettingsUrlFunction"] == "https://fn.example.com/addon/settings"
    assert calendar["calendarNotificationTrigger"] == {"runFunction": "https://fn.example.com/addon/changed"}
    assert told["addOns"]["common"]["homepageTrigger"] == {"runFunction": "https://fn.example.com/addon/home"}
    accepted = addon.audiences(PUBLIC)
    assert {one["onCreateFunction"] for one in calendar["conferenceSolution"]} <= accepted
    assert {"https://fn.example.com/addon", "https://fn.example.com/addon/create"} <= accepted
    assert not any("127.0.0.1" in one for one in accepted)


def test_what_is_not_set_is_not_in_the_manifest() -> None:
    """No settings page and no subscription unless they are chosen; further audiences are accepted as given."""
    plain = Settings(addon_audiences="https://a.example, https://b.example/")
    calendar = manifest.manifest(plain)["addOns"]["calendar"]

    assert "createSettingsUrlFunction" not in calendar
    assert "calendarNotificationTrigger" not in calendar
    assert {"https://a.example", "https://b.example/"} < addon.audiences(plain)


SOLUTION = "addOns.calendar.conferenceSolution"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("addOns.httpOptions.authorizationHeader", "NONE", "NONE would let anybody call"),
        ("addOns.httpOptions.authorizationHeader", "USER_ID_TOKEN", "must be SYSTEM_ID_TOKEN"),
        (f"{SOLUTION}.0.id", 1, f"{SOLUTION}[0].id: it must be text"),
        (f"{SOLUTION}.0.id", "", f"{SOLUTION}[0].id: it must be text"),
        (f"{SOLUTION}.1.id", "http", f"{SOLUTION}[1].id: each solution needs one of its own"),
        (f"{SOLUTION}.0.name", "", f"{SOLUTION}[0].name: it is required"),
        (f"{SOLUTION}.0.onCreateFunction", "create", f"{SOLUTION}[0].onCreateFunction: it must be a public https"),
        (SOLUTION, [], f"{SOLUTION}: there must be one"),
        (SOLUTION, {}, f"{SOLUTION}: there must be one"),
        (SOLUTION, ["x"], f"{SOLUTION}[0].id"),
        ("addOns.common.logoUrl", "http://www.example.com/logo.png", "addOns.common.logoUrl: it must be a public"),
        ("addOns.common.homepageTrigger.runFunction", "https://", "runFunction: it must be a public https"),
        ("addOns.common.name", "", "addOns.common.name: the add-on needs a name"),
        ("addOns.calendar.currentEventAccess", "ALL", "currentEventAccess: it must be one of"),
        ("oauthScopes", [*SCOPES[:2]], "READ_WRITE"),
    ],
)
def test_wrong_manifests_are_refused(tmp_path: Path, capsys: Any, path: str, value: object, said: str) -> None:
    """Each with its place; the command says so and ends with 2."""
    told = manifest.manifest(PUBLIC)
    *way, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    inner: Any = told
    for part in way:
        inner = inner[part]
    inner[last] = value
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(told))

    assert manifest.main(["--check", str(file)]) == 2
    shown = capsys.readouterr()
    assert said in shown.err or (path == "oauthScopes" and "current.event.write" in shown.err)
    assert shown.out == ""


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '{"addOns": 7}', '{"addOns": {"calendar": []}}'])
def test_what_is_no_manifest(tmp_path: Path, capsys: Any, text: str) -> None:
    """A file that holds something else is refused, never passed over."""
    file = tmp_path / "manifest.json"
    file.write_text(text)

    assert manifest.main(["--check", str(file)]) == 2
    assert capsys.readouterr().err


def test_a_good_manifest_is_printed_as_it_is(tmp_path: Path, capsys: Any) -> None:
    """What was edited by hand and is right is printed for the deployment; a missing header means Google's default."""
    told = manifest.manifest(PUBLIC)
    del told["addOns"]["httpOptions"]["authorizationHeader"]
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(told))

    assert manifest.main(["--check", str(file)]) == 0
    assert json.loads(capsys.readouterr().out) == told


def test_settings_alone_name_no_public_address(capsys: Any) -> None:
    """Out of the box there is none, and the command says which settings name one."""
    assert manifest.main([]) == 2
    assert "LOCKSTEP_PUBLIC_URL" in capsys.readouterr().err
