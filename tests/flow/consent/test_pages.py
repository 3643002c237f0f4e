"""What each consent page says: on the way to a consent and back, of an account, at its end, and in trouble."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from conference.errors import Later
from functions.consent.offer import CALENDARS, EVENTS
from functions.ports import Put
from tests.flow.consent.browsing import Browser
from tests.flow.consent.desk import BOB, HERE
from tests.world import ALICE


def test_the_whole_way(browser: Browser) -> None:
    """Welcome, on to Google, back, away from the code's address, the account with what is followed."""
    assert browser.connect() == 303
    assert browser.answer.headers["Location"] == f"{HERE}/consent"
    assert browser.get() == 200
    assert "connected" in browser.text()
    assert ALICE in browser.text()
    assert "Your calendar followed" in browser.text()


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
    browser.desk.fault("^/revoke$")
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
    browser.desk.fault("/calendars/")
    browser.come_back(told)
    browser.get()
    early = browser.text()
    browser.desk.world.settle()
    browser.get()

    assert "No calendar is followed yet" in early
    assert "Your calendar followed" in browser.text()


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
    browser.desk.fault("^/token$")

    assert browser.come_back(told) == 503
    assert browser.connect() == 303


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
