"""The consent pages as a browser meets them: methods, forms, cookies, and what each page says."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from conference.errors import Later
from functions.consent.offer import CALENDARS, EVENTS
from functions.http.consent import consent
from functions.http.door import Door
from functions.ports import Put
from tests.flow.consent.browsing import Browser
from tests.flow.consent.desk import BOB, HERE, Desk
from tests.world import ALICE


@pytest.fixture
def browser(desk: Desk) -> Browser:
    """A browser that has been nowhere."""
    return Browser(desk)


def fault(desk: Desk, path: str, times: int = 1) -> None:
    """These calls fail so often."""
    desk.http.post("/control/faults", json={"path": path, "status": 503, "times": times}).raise_for_status()


def test_the_whole_way(browser: Browser) -> None:
    """Welcome, on to Google, back, away from the code's address, the account with what is followed."""
    assert browser.connect() == 303
    assert browser.answer.headers["Location"] == f"{HERE}/consent"
    assert browser.get() == 200
    assert "connected" in browser.text()
    assert ALICE in browser.text()
    assert "Your calendar followed" in browser.text()


def test_every_answer_keeps_itself_to_itself(browser: Browser) -> None:
    """No cache, no frame, no script but our own; nothing of it in a search engine."""
    browser.connect()
    for path in ("", "disconnect", "callback?state=x", "callback"):
        browser.get(path)
        headers = browser.answer.headers
        assert headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert (headers["X-Content-Type-Options"], headers["X-Robots-Tag"]) == ("nosniff", "noindex")


def test_the_cookie_is_the_browsers_alone(browser: Browser) -> None:
    """Out of reach for scripts, for other paths and for other sites' forms; here over http, so not only https."""
    browser.get()
    line = browser.answer.headers["Set-Cookie"]

    assert {"HttpOnly", "SameSite=Lax", "Path=/consent"} <= {part.strip() for part in line.split(";")}
    assert "Secure" not in line


def test_over_https_the_cookie_goes_over_https_only(browser: Browser) -> None:
    """And people come back to the public address, letter by letter (S14)."""
    public = "https://region-project.cloudfunctions.net"
    browser.desk.consent = dataclasses.replace(browser.desk.consent, address=public)
    browser.get()
    secure = browser.answer.headers["Set-Cookie"]
    browser.post("start", account=ALICE, headers={"Origin": public})

    assert "Secure" in secure
    assert "redirect_uri=https%3A%2F%2Fregion-project.cloudfunctions.net%2Fconsent%2Fcallback&" in browser.going()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["", "start", "callback", "check", "disconnect"])
def test_other_methods_are_refused(browser: Browser, method: str, path: str) -> None:
    """Whatever the page."""
    assert browser.send(method, path) == 405


@pytest.mark.parametrize(
    ("path", "method"), [("start", "GET"), ("sign-out", "GET"), ("", "POST"), ("callback", "POST")]
)
def test_pages_are_read_and_forms_are_sent(browser: Browser, path: str, method: str) -> None:
    """Nothing changes by opening an address."""
    assert browser.send(method, path, headers={"Origin": HERE}) == 405


@pytest.mark.parametrize("path", ["admin", "consentx", "start/x", "../users", "style.css/x", "templates/frame.html"])
def test_there_is_nothing_else(browser: Browser, path: str) -> None:
    """No other path."""
    assert browser.get(path) == 404


@pytest.mark.parametrize("path", ["consent", "consent/", "/"])
def test_the_functions_name_may_stand_in_the_path(browser: Browser, path: str) -> None:
    """Some addresses of the platform keep it."""
    assert browser.get(path) == 200


@pytest.mark.parametrize("path", ["style.css", "icon.svg"])
def test_files_are_served(browser: Browser, path: str) -> None:
    """As what they are."""
    assert browser.get(path) == 200
    assert browser.answer.mimetype in {"text/css", "image/svg+xml"}
    assert len(browser.page) > 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://127.0.0.1:8901"},
    ],
)
@pytest.mark.parametrize("path", ["start", "check", "follow", "unfollow", "disconnect", "sign-out"])
def test_another_sites_forms_are_refused(browser: Browser, path: str, headers: dict[str, str]) -> None:
    """Even with the right token."""
    browser.connect()
    browser.get()

    assert browser.post(path, headers=headers) == 403
    assert browser.desk.kept() is not None


@pytest.mark.parametrize("path", ["start", "check", "follow", "unfollow", "disconnect", "sign-out"])
@pytest.mark.parametrize("token", ["", "0" * 64, "é"])
def test_forms_need_their_pages_token(browser: Browser, path: str, token: str) -> None:
    """One made up, or none."""
    browser.connect()
    browser.get()

    assert browser.post(path, token) == 403
    assert browser.desk.kept() is not None


def test_a_form_that_names_no_sender_is_refused(browser: Browser) -> None:
    """Every browser of this decade says which page sent it."""
    browser.get()

    assert browser.send("POST", "start", data=f"token={browser.token()}&account={ALICE}") == 403


def test_another_browsers_token_is_no_good(browser: Browser) -> None:
    """Nor is one without the cookie."""
    browser.get()
    token = browser.token()
    other = Browser(browser.desk)
    other.get()

    assert other.post("start", token, account=ALICE) == 403
    other.cookies.clear()
    assert other.post("start", token, account=ALICE) == 403


def test_large_and_odd_forms_are_refused(browser: Browser) -> None:
    """By size, by kind, and without a length."""
    browser.get()
    assert browser.post("start", account="a" * 5000) == 413
    assert browser.send("POST", "start", headers={"Origin": HERE, "Content-Type": "text/plain"}, data="x") in {403, 415}
    assert browser.send("GET", "", data="x") == 413
    assert browser.send("GET", "style.css", data="x") == 413


@pytest.mark.parametrize("account", ["alice", "@", "a@b@c", "alice@exa mple.com", "a" * 70 + "@x.com", 'a"<b>@x.com'])
def test_what_is_no_address_is_asked_again(browser: Browser, account: str) -> None:
    """Shown as it was typed, as text."""
    browser.get()

    assert browser.post("start", account=account) == 400
    assert "That is no e-mail address." in browser.text()
    assert "<b>" not in browser.page


def test_an_address_is_taken_in_any_case(browser: Browser) -> None:
    """As people type it."""
    browser.get()
    browser.post("start", account="  Alice@Example.COM ")

    assert browser.come_back(browser.desk.agree(browser.going())) == 303


def test_refusing_is_told_plainly(browser: Browser) -> None:
    """And may be taken back."""
    browser.get()
    browser.post("start", account=ALICE)
    status = browser.come_back(browser.desk.refuse(browser.going()))

    assert status == 200
    assert "You pressed Cancel on Google's page, so nothing is connected and nothing was kept." in browser.text()
    assert browser.post("start", account=ALICE) == 200
    assert browser.come_back(browser.desk.agree(browser.going())) == 303


def test_narrower_scopes_are_told_with_what_to_do(browser: Browser) -> None:
    """What is missing, by what it is for, and one button that asks again for the same account (S16)."""
    status = browser.connect(scopes=[CALENDARS])

    assert status == 403
    assert "Without the right to see and change the events of your calendars" in browser.text()
    assert "leave every box ticked" in browser.text()
    assert f'name="account" value="{ALICE}"' in browser.page
    browser.post("start", account=ALICE)
    assert browser.come_back(browser.desk.agree(browser.going())) == 303


def test_another_account_is_told(browser: Browser) -> None:
    """Both addresses, and that nothing was changed (S17)."""
    assert browser.connect(chosen=BOB) == 409
    assert f"You wanted to connect {ALICE}, and chose {BOB}" in browser.text()


def test_an_old_link_is_told(browser: Browser) -> None:
    """Loading the address a second time."""
    browser.get()
    browser.post("start", account=ALICE)
    told = browser.desk.agree(browser.going())
    browser.come_back(told)

    assert browser.come_back(told) == 400
    assert "This link cannot be used" in browser.text()


@pytest.mark.parametrize("query", ["", "?state=%ff", "?" + "a=1&" * 50, "?state=a&state=b&code=c", "?code=%00"])
def test_a_broken_way_back_is_told(browser: Browser, query: str) -> None:
    """Whatever stands in the address."""
    assert browser.get(f"callback{query}") == 400


def test_a_look_ahead_uses_nothing_up(browser: Browser) -> None:
    """Whoever asks for the headers only, as some programs do with every link: the person still comes back."""
    browser.get()
    browser.post("start", account=ALICE)
    told = browser.desk.agree(browser.going())

    assert browser.send("HEAD", f"callback?{urlencode(told)}") == 405
    assert browser.come_back(told) == 303


def test_an_address_without_end_is_refused(browser: Browser) -> None:
    """Before it is looked at."""
    assert browser.get("callback?state=" + "a" * 9000) == 414


def test_signing_in_shows_what_there_is(browser: Browser) -> None:
    """In another browser: connected, with all its buttons."""
    browser.connect()
    other = Browser(browser.desk)
    assert other.sign_in() == 303
    other.get()

    assert "connected" in other.text()
    assert "Check account" in other.text()


def test_nobody_else_may_check_or_disconnect(browser: Browser) -> None:
    """A browser in which nobody has shown who they are learns nothing of anybody (S18)."""
    browser.connect()
    stranger = Browser(browser.desk)
    stranger.get()

    assert stranger.post("check", account=ALICE) == 403
    assert stranger.post("disconnect", account=ALICE) == 403
    assert stranger.get("disconnect") == 403
    assert ALICE not in stranger.page
    assert browser.desk.kept() is not None


def test_who_is_known_acts_for_themselves_only(browser: Browser) -> None:
    """Bob's browser, whatever it sends, checks and disconnects Bob."""
    browser.connect()
    bobs = Browser(browser.desk)
    bobs.connect(BOB)
    bobs.get()
    bobs.post("disconnect", account=ALICE, user=ALICE)

    assert browser.desk.kept(BOB) is None
    assert browser.desk.kept(ALICE) is not None


def test_checking_is_told_to_people_and_to_programs(browser: Browser) -> None:
    """The same answer as a page and as JSON."""
    browser.connect()
    browser.get()
    page = browser.post("check")
    said = browser.text()
    told = browser.post("check", headers={"Accept": "application/json"})
    read: dict[str, Any] = json.loads(browser.page)

    assert (page, told) == (200, 200)
    assert "works" in said
    assert read["works"] is True
    assert all(finding["says"] in said for finding in read["findings"])


def test_programs_are_told_that_nobody_is_known(browser: Browser) -> None:
    """As JSON too."""
    browser.get()

    assert browser.post("check", headers={"Accept": "application/json"}) == 403
    assert json.loads(browser.page) == {"error": "sign in first"}


def test_a_withdrawn_consent_is_shown_with_its_remedy(browser: Browser) -> None:
    """The cause, what to do, and the button; afterwards the account's page says it too."""
    browser.connect()
    browser.desk.withdraw()
    browser.get()
    browser.post("check")
    checked = browser.text()
    browser.get()

    assert "does not work" in checked
    assert "Your consent is no longer valid" in checked
    assert "Connect again" in checked
    assert "consent ended" in browser.text()


def test_disconnecting_is_asked_first_and_told_after(browser: Browser) -> None:
    """What happens, then that it has; the browser is known to nobody afterwards (S18)."""
    browser.connect()
    browser.get("disconnect")
    asked = browser.text()
    browser.post("disconnect")
    left = browser.text()
    browser.get()

    assert "so do the conferences in them" in asked
    assert "Your consent is revoked, and everything kept of this account is deleted." in left
    assert "Connect your Google Calendar" in browser.text()
    assert browser.desk.traces(ALICE) == []


def test_a_disconnecting_that_goes_on_by_itself_is_told(browser: Browser) -> None:
    """Google does not answer just now."""
    browser.connect()
    fault(browser.desk, "^/revoke$")
    browser.get("disconnect")
    browser.post("disconnect")

    assert "goes on by itself" in browser.text()


def test_a_former_owners_account_may_be_deleted(browser: Browser) -> None:
    """The address has come to be another's: told so, deleted on their wish, and then connected (S17)."""
    desk = browser.desk
    browser.connect()
    (document,) = desk.world.store.query("users")
    desk.world.store.commit(Put(document.key, {**document.data, "sub": "the-former-owner"}, document.version))
    other = Browser(desk)
    status = other.connect()
    told = other.text()
    other.get()
    shown = other.text()
    other.get("disconnect")
    other.post("disconnect")

    assert (status, "Have it deleted" in told, "another account" in shown) == (409, True, True)
    assert other.connect() == 303


def test_signing_out_forgets_the_browser(browser: Browser) -> None:
    """The account stays connected."""
    browser.connect()
    browser.get()
    browser.post("sign-out")
    gone = browser.cookies
    browser.get()

    assert gone == {} or "Connect your Google Calendar" in browser.text()
    assert browser.desk.kept() is not None
    assert browser.desk.world.store.query("sessions") == []


def test_what_is_not_connected_yet_is_told(browser: Browser) -> None:
    """The calendar could not be reached; two minutes later it is followed."""
    browser.get()
    browser.post("start", account=ALICE)
    told = browser.desk.agree(browser.going())
    fault(browser.desk, "/calendars/")
    browser.come_back(told)
    browser.get()
    early = browser.text()
    browser.desk.world.settle()
    browser.get()

    assert "No calendar is followed yet" in early
    assert "Your calendar followed" in browser.text()


TEAM = "team@group.calendar.google.com"


def team(desk: Desk, role: str = "writer") -> None:
    """A calendar of Bob's, shared with Alice."""
    body = {"id": TEAM, "owner": BOB, "timeZone": "Europe/Zurich", "summary": "Team", "roles": {ALICE: role}}
    desk.http.post("/control/calendars", json=body).raise_for_status()


def test_another_calendar_is_followed_and_no_more(browser: Browser) -> None:
    """By its address: its events get their conferences; stopped, they keep them and nothing else is left."""
    desk = browser.desk
    team(desk)
    browser.connect()
    browser.get()
    status = browser.post("follow", calendar=f" {TEAM} ")
    browser.get()
    shown = browser.text()
    desk.world.insert(TEAM)
    desk.world.settle()
    (feed,) = [one for one in desk.world.store.query("feeds") if one.data["calendar"] == TEAM]
    stopped = browser.post("unfollow", feed=feed.key.partition("/")[2])
    browser.get()

    assert (status, stopped) == (303, 303)
    assert f"{TEAM} followed" in shown
    assert TEAM not in browser.text()
    assert len(desk.world.meetings()) == 1
    assert desk.traces(TEAM) == []
    assert len([it for it in desk.world.google.world.channels.newest() if it.live(desk.world.google.now())]) == 1


@pytest.mark.parametrize(
    ("calendar", "status", "says"),
    [
        ("", 400, "That is no calendar's address."),
        ("primary", 400, "That is no calendar's address."),
        ("a b", 400, "That is no calendar's address."),
        ("<script>x</script>", 400, "That is no calendar's address."),
        ("nobody@group.calendar.google.com", 409, "not there any more, or it is no longer shared with you"),
    ],
)
def test_what_cannot_be_followed_is_told(browser: Browser, calendar: str, status: int, says: str) -> None:
    """With the cause, and what was typed as text."""
    browser.connect()
    browser.get()

    assert browser.post("follow", calendar=calendar) == status
    assert says in browser.text()
    assert "<script>" not in browser.page


def test_a_calendar_that_google_does_not_show_just_now_is_asked_for_again(browser: Browser) -> None:
    """Nothing was begun, so nothing goes on by itself: the person is told to try again, and may."""
    team(browser.desk)
    browser.connect()
    browser.get()
    fault(browser.desk, "/calendars/team[^/]*$")
    status = browser.post("follow", calendar=TEAM)
    told = browser.text()

    assert status == 409
    assert "It is not followed: Google did not answer as it should. Try again later." in told
    assert browser.post("follow", calendar=TEAM) == 303


def test_a_calendar_whose_first_pass_is_not_done_is_shown_as_being_connected(browser: Browser) -> None:
    """Its events do not come just now: that goes on by itself, so nobody is told that it is not followed."""
    desk = browser.desk
    team(desk)
    browser.connect()
    browser.get()
    fault(desk, "/calendars/team[^/]*/events$")
    status = browser.post("follow", calendar=TEAM)
    browser.get()
    early = browser.text()
    for _ in range(6):
        desk.world.clock.advance(timedelta(minutes=1))
        desk.world.tick()
        desk.world.settle()
    browser.get()

    assert (status, f"{TEAM} being connected" in early) == (303, True)
    assert f"{TEAM} followed" in browser.text()


def test_only_ones_own_calendars_are_stopped(browser: Browser) -> None:
    """Bob's feed is none of Alice's; one that is not there is none of anybody's."""
    desk = browser.desk
    Browser(desk).connect(BOB)
    (bobs,) = desk.world.store.query("feeds")
    browser.connect()
    browser.get()
    browser.post("unfollow", feed=bobs.key.partition("/")[2])
    browser.get()
    browser.post("unfollow", feed="../users")

    assert len(desk.world.store.query("feeds")) == 2
    assert not any(feed.data.get("stopped") for feed in desk.world.store.query("feeds"))


def test_a_calendar_that_a_script_follows_is_not_stopped(browser: Browser) -> None:
    """Its triggers would be left without their calendar."""
    desk = browser.desk
    browser.connect()
    (feed,) = desk.world.store.query("feeds")
    followers = ["lockstep.conferences", "1234567890123456789"]
    desk.world.store.commit(Put(feed.key, {**feed.data, "followers": followers}, feed.version))
    browser.get()

    assert browser.post("unfollow", feed=feed.key.partition("/")[2]) == 409
    assert "A script's triggers follow this calendar" in browser.text()


def test_a_former_owners_calendars_are_out_of_reach(browser: Browser) -> None:
    """Whoever has the address now acts by no consent of the other's: nothing is checked, followed or stopped (S17)."""
    desk = browser.desk
    team(desk)
    browser.connect()
    (document,) = desk.world.store.query("users")
    desk.world.store.commit(Put(document.key, {**document.data, "sub": "the-former-owner"}, document.version))
    (feed,) = desk.world.store.query("feeds")
    other = Browser(desk)
    other.sign_in()
    other.get()
    asked = [
        other.post("check"),
        other.post("check", headers={"Accept": "application/json"}, token=other.token()),
        other.get(),
        other.post("follow", calendar=TEAM),
        other.post("unfollow", feed=feed.key.partition("/")[2]),
    ]

    assert asked == [409, 409, 200, 409, 409]
    assert [one.data["calendar"] for one in desk.world.store.query("feeds")] == [ALICE]


def test_stopped_calendars_are_shown(browser: Browser) -> None:
    """With what stopped them."""
    browser.connect()
    (feed,) = browser.desk.world.store.query("feeds")
    stopped = {**feed.data, "stopped": True, "trouble": "<b>12 of 14 gone</b>"}
    browser.desk.world.store.commit(Put(feed.key, stopped, feed.version))
    browser.get()

    assert "stopped: <b>12 of 14 gone</b>" in browser.text()
    assert "<b>" not in browser.page


def test_a_store_that_is_down_is_a_page(browser: Browser) -> None:
    """503 with a sentence, and no word of what is wrong inside."""
    browser.get()

    class Down:
        def __getattr__(self, name: str) -> Any:
            raise Later("canary")

    browser.desk.world.change_ground(store=Down())

    assert browser.get() == 503
    assert "Try again in a moment." in browser.text()
    assert "canary" not in browser.page


def test_a_silent_authorization_server_is_told(browser: Browser) -> None:
    """503, and starting again works."""
    browser.get()
    browser.post("start", account=ALICE)
    told = browser.desk.agree(browser.going())
    fault(browser.desk, "^/token$")

    assert browser.come_back(told) == 503
    assert browser.connect() == 303


def test_the_other_name_of_this_machine_leads_here(browser: Browser) -> None:
    """People are sent back to one name, and cookies are kept by name."""
    assert browser.get("", Host="localhost:8900") == 302
    assert browser.answer.headers["Location"] == f"{HERE}/consent"


def test_a_deployment_without_consent_has_no_pages(browser: Browser) -> None:
    """Where an administrator has allowed it for all."""
    door = Door(browser.desk.world.ground, HERE, "t@x.test", "s@x.test")

    assert consent(door, Request(EnvironBuilder(path="/").get_environ())).status_code == 404


def test_a_session_that_ended_is_nobody(browser: Browser) -> None:
    """An hour later one shows anew who one is."""
    browser.connect()
    browser.desk.world.clock.advance(timedelta(hours=1))
    browser.get()

    assert "Connect your Google Calendar" in browser.text()


def test_scopes_in_words_are_those_that_are_needed(browser: Browser) -> None:
    """The page that asks names what Google's page will."""
    browser.get()

    assert "see and change the events of your calendars" in browser.text()
    assert EVENTS not in browser.page
