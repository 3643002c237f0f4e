"""From the button to the followed calendar, and each way in which a person may come back otherwise."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from conference.errors import Later
from functions.consent import granting, session
from functions.consent.granting import Outcome
from functions.consent.offer import CALENDARS, EVENTS, WHO
from functions.consent.state import LIFE
from functions.initialise import initialise
from functions.ports import Put
from tests.flow.consent.desk import BOB, HERE, Desk
from tests.world import ALICE


def test_consent_connects_the_primary_calendar(desk: Desk) -> None:
    """The credential is kept, the calendar is followed, and an event gets its conference by nothing else."""
    ended = desk.connect()
    made = desk.world.insert()["id"]
    desk.world.settle()

    assert ended.outcome is Outcome.CONNECTED
    assert [feed.data["calendar"] for feed in desk.world.store.query("feeds")] == [ALICE]
    assert desk.world.event(made)["conferenceData"]["entryPoints"][0]["uri"].startswith("http://vendor.test/")


def test_what_is_asked_for(desk: Desk) -> None:
    """Offline, the narrowest scopes, S256, our registered address, whom they say they are, and a state (S14)."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(desk.start()).query).items()}

    assert asked["redirect_uri"] == f"{HERE}/consent/callback"
    assert (asked["access_type"], asked["include_granted_scopes"]) == ("offline", "true")
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert asked["scope"].split() == [*WHO, EVENTS, CALENDARS]
    assert (asked["login_hint"], asked["prompt"], asked["response_type"]) == (ALICE, "consent", "code")
    assert len(asked["state"]) >= 22


def test_signing_in_asks_for_nothing_but_who_they_are(desk: Desk) -> None:
    """And leaves nothing but the session: no token, no calendar."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(desk.start(purpose="sign-in")).query).items()}
    ended = desk.come_back(desk.agree(desk.start(purpose="sign-in")))
    known = session.find(desk.world.ground, desk.browser)

    assert (asked["scope"].split(), asked["access_type"]) == ([*WHO], "online")
    assert ended.outcome is Outcome.SIGNED_IN
    assert known is not None
    assert known.user == ALICE
    assert (desk.kept(), desk.world.store.query("feeds")) == (None, [])


def test_states_are_never_the_same(desk: Desk) -> None:
    """Nor are their challenges."""
    asked = [parse_qs(urlsplit(desk.start()).query) for _ in range(50)]

    assert len({one["state"][0] for one in asked}) == len({one["code_challenge"][0] for one in asked}) == 50


def test_a_state_is_good_once(desk: Desk) -> None:
    """The same answer again, with its code: nothing (S14, S15)."""
    told = desk.agree(desk.start())
    browser = desk.browser
    first = desk.come_back(told)
    desk.browser = browser
    kept = desk.kept()
    again = desk.come_back(told)

    assert (first.outcome, again.outcome) == (Outcome.CONNECTED, Outcome.STRANGE)
    assert desk.kept() == kept


def test_of_two_at_one_moment_one_is_let_in(desk: Desk) -> None:
    """Both have read the state before either has used it up: the other finds nothing (S14)."""
    told = desk.agree(desk.start())
    seen: list[Outcome] = []
    store, browser = desk.world.ground.store, desk.browser

    class Slow:
        query = store.query

        def get(self, key: str) -> Any:
            found = store.get(key)
            if key.startswith("consent_states/") and not seen:
                desk.world.change_ground(store=store)
                seen.append(granting.come_back(desk.world.ground, desk.consent, browser, told).outcome)
            return found

        def commit(self, *writes: Any) -> Any:
            return store.commit(*writes)

    desk.world.change_ground(store=Slow())
    slow = granting.come_back(desk.world.ground, desk.consent, browser, told).outcome

    assert (seen, slow) == ([Outcome.CONNECTED], Outcome.STRANGE)


def test_a_state_is_bound_to_its_browser(desk: Desk) -> None:
    """A stranger who sends somebody their own answer connects nothing; the right browser still may (S14)."""
    told = desk.agree(desk.start())
    desk.browser = "another-browser"
    strange = desk.come_back(told)
    nothing = desk.kept()
    desk.browser = "the-secret-of-a-browser"

    assert (strange.outcome, nothing) == (Outcome.STRANGE, None)
    assert desk.come_back(told).outcome is Outcome.CONNECTED


def test_a_state_gets_old(desk: Desk) -> None:
    """Ten minutes, by our own clock (S14)."""
    told = desk.agree(desk.start())
    desk.world.clock.advance(timedelta(seconds=LIFE))

    assert desk.come_back(told).outcome is Outcome.STRANGE


@pytest.mark.parametrize("state", ["", "x", "../users/1", "a" * 43, "\x00" * 20, "é" * 20])
def test_an_invented_state_is_strange(desk: Desk, state: str) -> None:
    """Whatever it is, and without any; no call is made."""
    told = desk.agree(desk.start())

    assert desk.come_back({**told, "state": state}).outcome is Outcome.STRANGE
    assert desk.kept() is None


def test_another_browsers_code_is_no_good(desk: Desk) -> None:
    """A code that was put into another's way back: the proof (PKCE) is the browser's own."""
    stolen = desk.agree(desk.start())["code"]
    desk.browser = "the-thief"
    told = desk.agree(desk.start(), account=ALICE)

    assert desk.come_back({**told, "code": stolen}).outcome is Outcome.CODE
    assert desk.kept() is None


def test_a_replayed_code_is_no_good(desk: Desk) -> None:
    """Under a fresh state too; what the first exchange gave stays (S15)."""
    told = desk.agree(desk.start())
    desk.come_back(told)
    kept = desk.kept()
    fresh = desk.agree(desk.start())

    assert desk.come_back({**fresh, "code": told["code"]}).outcome is Outcome.CODE
    assert desk.kept() == kept


def test_another_servers_answer_is_refused(desk: Desk) -> None:
    """Its name says so (RFC 9207), and the code is shown to nobody (S14)."""
    told = desk.agree(desk.start())
    ended = desk.come_back({**told, "iss": "https://accounts.attacker.example"})

    assert ended.outcome is Outcome.MIXED
    assert desk.kept() is None


def test_our_servers_name_is_admitted(desk: Desk) -> None:
    """Where it tells its name."""
    told = desk.agree(desk.start())

    assert desk.come_back({**told, "iss": desk.oauth.issuer}).outcome is Outcome.CONNECTED


def test_a_person_may_refuse(desk: Desk) -> None:
    """Nothing is kept, and the state is used up."""
    told = desk.refuse(desk.start())

    assert desk.come_back(told).outcome is Outcome.DENIED
    assert desk.come_back(told).outcome is Outcome.STRANGE
    assert desk.kept() is None


@pytest.mark.parametrize("error", ["server_error", "admin_policy_enforced", "", "access_denied2"])
def test_the_servers_own_errors_are_told(desk: Desk, error: str) -> None:
    """They are no refusal by the person."""
    told = desk.agree(desk.start())

    assert desk.come_back({"state": told["state"], "error": error}).outcome is Outcome.FAILED


@pytest.mark.parametrize(("left", "lacking"), [([CALENDARS], (EVENTS,)), ([EVENTS], (CALENDARS,))])
def test_narrower_scopes_are_not_enough(desk: Desk, left: list[str], lacking: tuple[str, ...]) -> None:
    """What is missing is named, nothing is kept, and asking again mends it (S16)."""
    ended = desk.connect(scopes=left)
    nothing = desk.kept()

    assert (ended.outcome, ended.missing) == (Outcome.NARROW, lacking)
    assert nothing is None
    assert desk.connect().outcome is Outcome.CONNECTED


def test_narrower_scopes_spoil_no_earlier_consent(desk: Desk) -> None:
    """What was granted before counts on, and is not overwritten by less."""
    desk.connect()
    kept = desk.kept()
    told = desk.agree(
        desk.start().replace("include_granted_scopes=true", "include_granted_scopes=false"), scopes=[EVENTS]
    )

    assert desk.come_back(told).outcome is Outcome.NARROW
    assert desk.kept() == kept


def test_another_account_chosen_there_is_not_taken(desk: Desk) -> None:
    """Alice is asked for, Bob is chosen: neither is connected, and Bob's grant is given back (S17)."""
    ended = desk.come_back(desk.agree(desk.start(ALICE), BOB))

    assert (ended.outcome, ended.user, ended.chosen) == (Outcome.OTHER, ALICE, BOB)
    assert (desk.kept(ALICE), desk.kept(BOB)) == (None, None)
    assert desk.http.get("/tokeninfo", params={"access_token": "x"}).status_code == 400
    assert desk.http.post("/control/tokens", json={"user": BOB}).json() == {"access": 0, "refresh": 0}


def test_another_account_that_is_connected_loses_nothing_by_it(desk: Desk) -> None:
    """Bob is connected. Chosen by mistake for Alice, his consent stands as it did (S17)."""
    desk.connect(BOB)
    kept = desk.kept(BOB)
    desk.browser = "another-browser"

    assert desk.come_back(desk.agree(desk.start(ALICE), BOB)).outcome is Outcome.OTHER
    assert desk.kept(BOB) == kept
    assert desk.calendar.calendar(BOB, "primary").id == BOB


def test_an_address_that_became_anothers_is_not_overwritten(desk: Desk) -> None:
    """The same address with another number: what is kept stays, until it is disconnected (S17)."""
    desk.connect()
    (found,) = desk.world.store.query("users")
    desk.world.store.commit(Put(found.key, {**found.data, "sub": "the-former-owner"}, found.version))
    kept = desk.kept()
    ended = desk.connect()

    assert ended.outcome is Outcome.TAKEN
    assert desk.kept() == kept


def test_a_consent_that_does_not_last_is_given_back(desk: Desk) -> None:
    """Without a refresh token, where there is none from before: the next consent is a first one, and lasts."""
    address = desk.start().replace("access_type=offline", "access_type=online")
    ended = desk.come_back(desk.agree(address))

    assert ended.outcome is Outcome.BRIEF
    assert desk.http.post("/control/tokens", json={"user": ALICE}).json() == {"access": 0, "refresh": 0}
    assert desk.connect().outcome is Outcome.CONNECTED


def test_chosen_there_without_being_named_here(desk: Desk) -> None:
    """Who names nobody chooses there; any account will do."""
    ended = desk.come_back(desk.agree(desk.start(""), BOB))

    assert (ended.outcome, ended.user) == (Outcome.CONNECTED, BOB)


def test_the_browsers_secret_changes_when_they_are_known(desk: Desk) -> None:
    """Whoever planted the one before knows nothing after."""
    planted = desk.browser
    desk.connect()

    assert desk.browser != planted
    assert session.find(desk.world.ground, planted) is None
    assert session.find(desk.world.ground, desk.browser) is not None


def test_a_session_ends(desk: Desk) -> None:
    """After an hour."""
    desk.connect()
    desk.world.clock.advance(timedelta(hours=1))

    assert session.find(desk.world.ground, desk.browser) is None


def test_nothing_that_opens_doors_is_stored(desk: Desk) -> None:
    """Neither the browser's secret nor state, code, verifier or tokens stand in any document or task."""
    address = desk.start()
    state = parse_qs(urlsplit(address).query)["state"][0]
    before = desk.traces(state, desk.browser)
    told = desk.agree(address)
    desk.come_back(told)

    assert before == []
    assert desk.traces(told["code"], desk.browser, "ya29.", "1//0") == []


def test_a_silent_server_costs_only_the_try(desk: Desk) -> None:
    """No usable answer to the exchange: told so, and starting again works."""
    told = desk.agree(desk.start())
    desk.fault("^/token$")
    ended = desk.come_back(told)

    assert ended.outcome is Outcome.SILENT
    assert desk.connect().outcome is Outcome.CONNECTED


def test_a_calendar_that_cannot_be_connected_now_is_connected_by_a_task(desk: Desk) -> None:
    """The consent is kept; what failed goes on by itself."""
    told = desk.agree(desk.start())
    desk.fault("/calendars/")
    ended = desk.come_back(told)
    before = desk.world.store.query("feeds")
    desk.world.settle()

    assert (ended.outcome, before) == (Outcome.CONNECTED, [])
    assert [feed.data["calendar"] for feed in desk.world.store.query("feeds")] == [ALICE]


def test_a_withdrawn_consent_stops_the_calendar_and_a_new_one_starts_it(desk: Desk) -> None:
    """Told once, quiet meanwhile; after consenting again what was made meanwhile is followed too."""
    desk.connect()
    desk.world.settle()
    desk.withdraw()
    desk.world.insert()
    desk.world.settle()
    (stopped,) = desk.world.store.query("feeds")
    ended_at = desk.kept()
    desk.connect()
    desk.world.settle()
    (again,) = desk.world.store.query("feeds")

    assert (stopped.data["stopped"], stopped.data["trouble"][:12]) == (True, "the consent ")
    assert ended_at is not None
    assert ended_at.ended_at is not None
    assert "stopped" not in again.data or again.data["stopped"] is False
    assert len(desk.world.meetings()) == 1


def test_every_stopped_calendar_goes_on(desk: Desk) -> None:
    """The primary one and the others, each with its channel, on the strength of the new consent."""
    team = "team@group.calendar.google.com"
    body = {"id": team, "owner": ALICE, "timeZone": "Europe/Zurich", "summary": "Team"}
    desk.http.post("/control/calendars", json=body).raise_for_status()
    desk.connect()
    initialise(desk.world.ground, ALICE, team)
    desk.world.settle()
    desk.withdraw()
    desk.world.insert()
    desk.world.insert(team)
    desk.world.settle()
    stopped = [feed.data["stopped"] for feed in desk.world.store.query("feeds")]
    desk.connect()
    desk.world.settle()

    assert stopped == [True, True]
    assert [feed.data.get("stopped", False) for feed in desk.world.store.query("feeds")] == [False, False]
    assert len(desk.world.meetings()) == 2


def test_expired_access_is_renewed_without_anybody(desk: Desk) -> None:
    """A day later the calendar is read by the refresh token alone."""
    desk.connect()
    desk.world.settle()
    desk.world.clock.advance(timedelta(days=1))

    assert desk.calendar.calendar(ALICE, "primary").id == ALICE


def test_the_store_being_down_keeps_the_state(desk: Desk) -> None:
    """What could not be asked is not used up."""
    told = desk.agree(desk.start())
    ground = desk.world.ground

    class Down:
        def get(self, key: str) -> None:
            raise Later(f"no {key[:0]}store")

    desk.world.change_ground(store=Down())
    with pytest.raises(Later):
        desk.come_back(told)
    desk.world.change_ground(store=ground.store)

    assert desk.come_back(told).outcome is Outcome.CONNECTED
