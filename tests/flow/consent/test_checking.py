"""Check account: it works, or why not and what to do, for each way in which an account may fail."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conference.errors import Gone, Later, LockstepError, Missing, OutcomeUnknown, Refused, Revoked, Where
from functions import credentials
from functions.consent import causes
from functions.consent.causes import Act, Cause, cause_of
from functions.consent.check import Checked, check
from functions.consent.offer import CALENDARS, EVENTS, NEEDED
from functions.initialise import initialise
from functions.ports import Put
from functions.script.errors import CalendarApiError
from infra.google.api import GoogleApi
from infra.google.credentials import DevCredentials, StoredCredentials
from infra.local.memory import ManualClock
from tests.flow.consent.desk import BOB, Desk
from tests.world import ALICE


def checked(desk: Desk, user: str = ALICE) -> Checked:
    """The answer."""
    return check(desk.world.ground, desk.consent, user)


def cause(told: Checked) -> str:
    """The first hindrance; "" if it works."""
    return next((one.cause for one in told.findings if one.state == "bad"), "")


def notes(told: Checked) -> list[str]:
    """What is said without being a hindrance."""
    return [one.cause for one in told.findings if one.state == "note"]


def change(desk: Desk, **fields: Any) -> None:
    """Change what is kept of Alice."""
    (document,) = [one for one in desk.world.store.query("users") if one.data["user"] == ALICE]
    desk.world.store.commit(Put(document.key, {**document.data, **fields}, document.version))


def test_a_connected_account_works(desk: Desk) -> None:
    """Every step is in order."""
    desk.connect()
    told = checked(desk)

    assert (told.works, told.says) == (True, "The account works.")
    assert [(one.step, one.state) for one in told.findings] == [
        ("consent", "good"),
        ("clock", "good"),
        ("calendar", "good"),
        ("notices", "good"),
        ("following", "good"),
    ]


def test_it_asks_little(desk: Desk) -> None:
    """A calendar, one line of its list, and the token: where a channel is open, none is opened."""
    desk.connect()
    desk.world.settle()
    desk.http.get("/control/requests", params={"clear": "1"})
    checked(desk)
    asked = [(one["method"], one["path"]) for one in desk.http.get("/control/requests").json()["requests"]]

    assert asked == [("POST", "/token"), ("GET", "/calendars/primary"), ("GET", "/calendars/primary/events")]


def test_without_a_channel_one_is_tried_and_closed(desk: Desk) -> None:
    """Nothing of the trial is left."""
    desk.connect()
    desk.world.settle()
    google = desk.world.google
    (feed,) = desk.world.store.query("feeds")
    desk.world.store.commit(Put(feed.key, {**feed.data, "channel": None}, feed.version))
    before = [it.id for it in google.world.channels.newest() if it.live(google.now())]
    told = checked(desk)

    assert "can tell this deployment" in " ".join(one.says for one in told.findings)
    assert [it.id for it in google.world.channels.newest() if it.live(google.now())] == before


def test_who_never_consented(desk: Desk) -> None:
    """Is told to connect, and nothing else is asked."""
    told = checked(desk)

    assert (cause(told), told.consent_helps, len(told.findings)) == ("no-consent", True, 1)


def test_where_there_is_another_way_no_consent_is_needed(desk: Desk) -> None:
    """Delegation, or the local Calendar server's own credentials."""
    stored = StoredCredentials(desk.wallet, otherwise=DevCredentials)
    desk.consent = dataclasses.replace(desk.consent, api=GoogleApi(stored, http=desk.door_of))
    told = checked(desk, BOB)

    assert told.findings[0].says == "This deployment may act for you without a consent of your own."
    assert (told.works, notes(told)) == (True, ["not-followed"])


def test_a_withdrawn_consent(desk: Desk) -> None:
    """Found out by asking for a token, however good the old one looks; told the same the second time."""
    desk.connect()
    desk.withdraw()
    first, second = checked(desk), checked(desk)

    assert (cause(first), cause(second)) == ("consent-withdrawn", "consent-withdrawn")
    assert first.consent_helps
    assert len(first.findings) == 1


def test_a_consent_that_cannot_be_opened(desk: Desk) -> None:
    """The vault's key is gone."""
    desk.connect()
    change(desk, sealed="v1.garbage")

    assert cause(checked(desk)) == "consent-unreadable"


@pytest.mark.parametrize("scope", [EVENTS, CALENDARS])
def test_a_missing_scope(desk: Desk, scope: str) -> None:
    """Named by what it is for."""
    desk.connect()
    change(desk, scopes=[one for one in (EVENTS, CALENDARS) if one != scope])
    told = checked(desk)

    assert cause(told) == "scope-missing"
    assert NEEDED[scope] in told.says


def test_an_account_that_leaves(desk: Desk) -> None:
    """It is to wait."""
    desk.connect()
    change(desk, leaving=True)

    assert cause(checked(desk)) == "being-disconnected"


@pytest.mark.parametrize("apart", [-90, 90])
def test_a_clock_that_goes_wrong(desk: Desk, apart: int) -> None:
    """By the authorization server's own, and which way; what else works is told too."""
    desk.connect()
    here = ManualClock(desk.world.clock.now() + timedelta(seconds=apart))
    desk.consent = dataclasses.replace(desk.consent, wallet=dataclasses.replace(desk.wallet, clock=here))
    told = checked(desk)

    assert cause(told) == "clock-skew"
    assert f"90 s {'ahead of' if apart > 0 else 'behind'} Google's" in told.says
    assert len(told.findings) > 3


@pytest.mark.parametrize(
    ("status", "reason", "wanted"),
    [
        (404, "notFound", "calendar-not-found"),
        (403, "accessNotConfigured", "api-not-enabled"),
        (403, "rateLimitExceeded", "quota"),
        (403, "userRateLimitExceeded", "quota"),
        (429, "rateLimitExceeded", "quota"),
        (403, "quotaExceeded", "daily-quota"),
        (403, "dailyLimitExceeded", "daily-quota"),
        (403, "notACalendarUser", "no-calendar-service"),
        (403, "domainPolicy", "administrator-forbids"),
        (403, "insufficientPermissions", "scope-missing"),
        (403, "forbiddenForServiceAccounts", "delegation-missing"),
        (403, "requiredAccessLevel", "read-only"),
        (403, "somethingNew", "refused"),
        (401, "authError", "consent-withdrawn"),
        (500, "backendError", "google-fails"),
        (503, None, "google-fails"),
    ],
)
@pytest.mark.parametrize("path", ["/calendars/[^/]*$", "/events$"])
def test_a_calendar_that_does_not_answer(desk: Desk, path: str, status: int, reason: str | None, wanted: str) -> None:
    """Each of Google's reasons, at either call, becomes a cause and a remedy."""
    desk.connect()
    desk.world.settle()
    desk.fault(path, status, reason=reason, forever=True)
    told = checked(desk)

    assert cause(told) == wanted
    assert not told.works
    assert all(one.todo for one in told.findings if one.state == "bad")


@pytest.mark.parametrize(
    ("status", "reason", "wanted"),
    [
        (401, "push.webhookUrlUnauthorized", "push-address-refused"),
        (400, "push.webhookUrlNotHttps", "push-address-not-https"),
        (400, "pushNotSupportedForRequestedResource", "push-not-offered"),
        (503, None, "google-fails"),
    ],
)
def test_notices_that_cannot_be_had_are_no_hindrance(desk: Desk, status: int, reason: str | None, wanted: str) -> None:
    """The calendar is polled: the account works, and the cause is told."""
    desk.connect()
    desk.world.settle()
    (feed,) = desk.world.store.query("feeds")
    desk.world.store.commit(Put(feed.key, {**feed.data, "channel": None}, feed.version))
    desk.fault("/events/watch", status, reason=reason, forever=True)
    told = checked(desk)

    assert (told.works, notes(told)) == (True, [wanted])


def test_a_deployment_without_notices(desk: Desk) -> None:
    """It says so."""
    desk.connect()
    desk.world.change_ground(notice_address=None)

    assert notes(checked(desk)) == ["polling-only"]


def test_a_calendar_that_may_only_be_read(desk: Desk) -> None:
    """Another's calendar that is followed, shared for reading: nothing can be written into its events."""
    team = "team@group.calendar.google.com"
    body = {"id": team, "owner": BOB, "timeZone": "Europe/Zurich", "summary": "Team", "roles": {ALICE: "reader"}}
    desk.http.post("/control/calendars", json=body).raise_for_status()
    desk.connect()
    initialise(desk.world.ground, ALICE, team)
    told = checked(desk)

    assert cause(told) == "read-only"
    assert team in told.says


def test_a_stopped_calendar(desk: Desk) -> None:
    """What stopped it is told, and connecting again is the remedy."""
    desk.connect()
    (feed,) = desk.world.store.query("feeds")
    desk.world.store.commit(Put(feed.key, {**feed.data, "stopped": True, "trouble": "12 of 14 gone"}, feed.version))
    told = checked(desk)

    assert (cause(told), told.consent_helps) == ("calendar-stopped", True)
    assert "12 of 14 gone" in told.says


def test_a_calendar_in_trouble_works(desk: Desk) -> None:
    """It is tried again by itself."""
    desk.connect()
    (feed,) = desk.world.store.query("feeds")
    desk.world.store.commit(Put(feed.key, {**feed.data, "trouble": "Calendar is busy"}, feed.version))
    told = checked(desk)

    assert (told.works, notes(told)) == (True, ["trouble"])


def test_a_store_that_is_down(desk: Desk) -> None:
    """It is said, and nothing is raised."""
    desk.connect()

    class Down:
        def __getattr__(self, name: str) -> Any:
            raise Later("no store")

    desk.world.change_ground(store=Down())

    assert cause(checked(desk)) == "store-fails"


def test_the_operators_client_is_no_fault_of_the_users(desk: Desk) -> None:
    """Google does not know the application: nobody is told to consent again."""
    desk.connect()
    registered = {"clientId": "lockstep-development.apps.googleusercontent.com", "clientSecret": "another", "name": "x"}
    desk.http.post("/control/clients", json={**registered, "redirectUris": []}).raise_for_status()
    told = checked(desk)

    assert (cause(told), told.consent_helps) == ("application-unknown", False)


ERRORS: list[tuple[Exception, Cause]] = [
    (Revoked("x", Where("oauth", "refresh", 400, "invalid_grant")), causes.WITHDRAWN),
    (Revoked("x"), causes.WITHDRAWN),
    (Gone("x", what=Missing.CALENDAR), causes.NOT_FOUND),
    (Later("x", Where("calendar", "events.list")), causes.GOOGLE_FAILS),
    (Later("x", Where("oauth", "refresh", 503)), causes.GOOGLE_FAILS),
    (Later("x", Where("firestore", "get", 503, "ServiceUnavailable")), causes.STORE_FAILS),
    (OutcomeUnknown("x", Where("firestore", "commit", 504, "DeadlineExceeded")), causes.STORE_FAILS),
    (Later("x", Where("kms", "Decrypt", None, "UNAVAILABLE")), causes.STORE_FAILS),
    (Later("x"), causes.STORE_FAILS),
    (OutcomeUnknown("x", Where("calendar", "events.watch")), causes.GOOGLE_FAILS),
    (Refused("x"), causes.REFUSED),
    (LockstepError("x"), causes.REFUSED),
    (CalendarApiError("events.list", 410, "x"), causes.NOT_FOUND),
    (CalendarApiError("events.list", 418, "x"), causes.REFUSED),
    (ValueError("x"), causes.REFUSED),
]


@pytest.mark.parametrize(("error", "wanted"), ERRORS)
def test_whatever_fails_has_a_cause(error: Exception, wanted: Cause) -> None:
    """Also what names no reason."""
    assert cause_of(error) is wanted


def test_every_cause_says_what_to_do() -> None:
    """In whole sentences, under a name of its own; where nobody can do anything, it says that too."""
    found = [it for it in vars(causes).values() if isinstance(it, Cause)]

    assert len({it.name for it in found}) == len(found) > 20
    assert all(it.says.endswith(".") and it.todo.endswith(".") for it in found)
    assert all(it.todo.startswith("Nothing") for it in found if it.act is Act.NOBODY)


def test_the_guide_names_every_cause() -> None:
    """docs/consent.md lists them all, and no other."""
    guide = (Path(__file__).parents[3] / "docs" / "consent.md").read_text(encoding="utf-8")
    table = guide.partition("| cause | when |")[2].partition("\n\n")[0]
    listed = re.findall(r"`([a-z-]+)`", "".join(line.split("|")[1] for line in table.splitlines() if line))

    assert sorted(listed) == sorted([*(it.name for it in vars(causes).values() if isinstance(it, Cause)), "trouble"])


def test_nothing_secret_is_told(desk: Desk) -> None:
    """Neither a token nor a channel's secret stands in the answer."""
    desk.connect()
    token = credentials.access(desk.wallet, ALICE).token

    assert token not in str(msgspec.to_builtins(checked(desk)))
