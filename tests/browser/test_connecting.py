"""The consent pages in a real browser, before the whole local stack: connect, check, take back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from infra.local.demo.story import demo_settings
from infra.local.stack import Stack
from tests.browser.chromium import needs_chromium, without_a_window
from tests.world import event_body

ARGUMENTS = without_a_window(900, 900)
EVENTS = "https://www.googleapis.com/auth/calendar.events"

pytestmark = [pytest.mark.browser, needs_chromium]


@dataclass(frozen=True, slots=True)
class Place:
    """The stack, the browser before it, and a client of the Calendar server's control routes."""

    stack: Stack
    browser: Chrome
    client: httpx.Client

    @property
    def pages(self) -> str:
        """Where the consent pages are."""
        return f"{self.stack.settings.base_url}/consent"

    @property
    def calendar(self) -> str:
        """Where the Calendar server is."""
        return f"http://127.0.0.1:{self.stack.settings.calendar_port}"

    def press(self, label: str) -> None:
        """Press the button or the link of this text, once it is there."""
        found = f"//button[normalize-space()='{label}'] | //a[normalize-space()='{label}']"
        self.wait(lambda: self._click(found))

    def _click(self, found: str) -> bool:
        there = self.browser.find_elements(By.XPATH, found)
        for one in there[:1]:
            one.click()
        return bool(there)

    def heading(self, text: str) -> None:
        """Wait until the page is about this."""
        self.wait(lambda: any(text in it.text for it in self.browser.find_elements(By.TAG_NAME, "h1")))

    def check(self) -> str:
        """Press the button that checks the account; the whole answer."""
        self.press("Check account")
        self.mark("verdict", "work")
        return self.says()

    def mark(self, name: str, text: str) -> None:
        """Wait until the page has this mark, saying this."""
        self.wait(lambda: any(text in it.text for it in self.browser.find_elements(By.ID, name)))

    def says(self) -> str:
        """What the page says."""
        return self.browser.find_element(By.TAG_NAME, "main").text

    def begin(self, account: str) -> None:
        """Enter an account, and go to Google's page."""
        self.browser.delete_all_cookies()
        self.browser.get(self.pages)
        self.browser.find_element(By.ID, "account").send_keys(account)
        self.press("Connect")
        self.heading("wants access to your account")

    def connect(self, account: str) -> None:
        """Enter an account, allow everything, and come back."""
        self.begin(account)
        self.allow()

    def allow(self) -> None:
        """Allow everything on Google's page, and come back."""
        self.heading("wants access to your account")
        self.press("Allow")
        self.mark("state", "connected")

    def act(self, user: str, method: str, path: str, body: Any = None) -> Any:
        """One request of a person to their calendar."""
        headers = {"authorization": f"Bearer dev:{user}"}
        url = f"{self.calendar}/calendar/v3/calendars/primary/events{path}"
        answer = self.client.request(method, url, json=body, headers=headers, params={"conferenceDataVersion": "1"})
        return answer.raise_for_status().json()

    def channels(self, user: str) -> list[Any]:
        """The live push channels on the user's calendar."""
        told = self.client.get(f"{self.calendar}/control/state").raise_for_status().json()
        return [one for one in told["channels"] if one["live"] and user in json.dumps(one)]

    def complaints(self) -> list[str]:
        """What the browser found wrong with our pages."""
        logged = self.browser.get_log("browser")  # type: ignore[no-untyped-call]  # selenium
        ours = [entry["message"] for entry in logged if self.pages in entry["message"]]
        # The browser notes every status of 400 and above.
        return [one for one in ours if "Failed to load resource" not in one]

    def wide(self) -> bool:
        """True if the page has to be scrolled sideways."""
        wide = "return document.documentElement.scrollWidth > document.documentElement.clientWidth"
        return bool(self.browser.execute_script(wide))

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait until it holds."""
        moving = [StaleElementReferenceException]  # the page goes, and with it what was found on it
        WebDriverWait(self.browser, 30, 0.05, ignored_exceptions=moving).until(lambda _: condition())


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole stack, as `make run` starts it, on ports of its own."""
    settings = replace(demo_settings(tmp_path_factory.mktemp("stack")), janus="off")
    with Stack(settings) as running:
        yield running


@pytest.fixture
def place(stack: Stack, browser: Chrome) -> Iterator[Place]:
    """The browser at the stack's door."""
    with httpx.Client(timeout=30, follow_redirects=False, trust_env=False) as client:
        made = Place(stack, browser, client)
        made.complaints()
        yield made


def until(condition: Callable[[], object], within: float = 30.0) -> None:
    """Wait until it holds."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.05)


def test_connected_checked_and_disconnected(place: Place) -> None:
    """The whole way of one person: their events are followed by their own consent, until they take it back."""
    user = "carol@example.com"
    place.connect(user)
    connected = place.says()
    made = place.act(user, "POST", "", event_body())["id"]
    until(lambda: _link(place, user, made))
    checked = place.check()
    place.press("Back")
    place.press("Disconnect")
    place.heading("Disconnect carol@example.com?")
    asked = place.says()
    place.press("Disconnect and delete")
    place.mark("state", "disconnected")
    left = place.says()
    link = _link(place, user, made)
    tokens = place.client.post(f"{place.calendar}/control/tokens", json={"user": user}).json()
    place.press("Back to the start")
    place.heading("Connect your Google Calendar")

    assert "connected" in connected
    assert "Your calendar\nfollowed" in connected
    assert "The account works." in checked
    assert "people may still meet there" in asked
    assert "everything kept of this account is deleted" in left
    assert link
    assert tokens == {"access": 0, "refresh": 0}
    assert place.channels(user) == []
    assert place.complaints() == []


def _link(place: Place, user: str, event: str) -> str:
    """The event's join link, if it has its conference."""
    found = place.act(user, "GET", f"/{event}").get("conferenceData", {}).get("entryPoints", [{}])
    uri: str = found[0].get("uri", "")
    return uri if uri.startswith(place.stack.settings.vendor_url) else ""


def test_a_box_left_out_is_asked_for_again(place: Place) -> None:
    """Told what is missing and for what; one press asks again, and then it works."""
    user = "dave@example.com"
    place.begin(user)
    place.browser.find_element(By.XPATH, f"//label[.//input[@value='{EVENTS}']]").click()
    place.press("Allow")
    place.heading("Something was left out")
    told = place.says()
    place.press("Ask again")
    place.allow()

    assert "Without the right to see and change the events of your calendars" in told
    assert "Your calendar\nfollowed" in place.says()
    assert place.complaints() == []


def test_refusing_is_told_and_may_be_taken_back(place: Place) -> None:
    """Cancel on Google's page, then once more."""
    user = "erin@example.com"
    place.begin(user)
    place.press("Cancel")
    place.heading("You have not consented")
    told = place.says()
    place.press("Connect again")
    place.allow()

    assert "You pressed Cancel on Google's page, so nothing is connected and nothing was kept." in told
    assert place.complaints() == []


def test_another_account_chosen_there_is_not_taken(place: Place) -> None:
    """Frank is asked for, Grace is chosen on Google's page: neither is connected."""
    place.begin("frank@example.com")
    place.press("Use another account")
    place.heading("Choose an account")
    place.browser.find_element(By.ID, "account").clear()
    place.browser.find_element(By.ID, "account").send_keys("grace@example.com")
    place.press("Next")
    place.heading("wants access to your account")
    place.press("Allow")
    place.heading("You chose another account")

    assert "You wanted to connect frank@example.com, and chose grace@example.com" in place.says()
    ended = place.client.post(f"{place.calendar}/control/tokens", json={"user": "grace@example.com"}).json()
    assert ended == {"access": 0, "refresh": 0}
    assert place.complaints() == []


def test_a_withdrawn_consent_is_found_and_mended(place: Place) -> None:
    """Withdrawn on the account's own page at Google: the check says so, and connecting again mends it."""
    user = "heidi@example.com"
    place.connect(user)
    place.client.post(f"{place.calendar}/control/tokens", json={"user": user}).raise_for_status()
    told = place.check()
    place.press("Connect again")
    place.allow()
    mended = place.check()

    assert "Your consent is no longer valid" in told
    assert "The account works." in mended
    assert place.complaints() == []


def test_whose_account_it_is_can_be_shown_in_another_browser(place: Place) -> None:
    """Signing in shows the account; signing out forgets it."""
    user = "ivan@example.com"
    place.connect(user)
    place.browser.delete_all_cookies()
    place.browser.get(place.pages)
    place.press("Sign in with Google")
    place.heading("Choose an account")
    _choose(place, user)
    place.mark("state", "connected")
    known = place.says()
    place.press("Sign out")
    place.heading("Connect your Google Calendar")

    assert "connected" in known
    assert place.complaints() == []


def _choose(place: Place, user: str) -> None:
    place.browser.find_element(By.ID, "account").send_keys(user)
    place.press("Next")
    if "wants access" in place.browser.find_element(By.TAG_NAME, "h1").text:
        place.press("Allow")


def test_every_page_fits_a_phone(place: Place) -> None:
    """No sideways scrolling at 360 pixels, every field has a label, and the style is applied."""
    metrics = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    place.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        place.browser.delete_all_cookies()
        place.browser.get(place.pages)
        labels = (
            "return [...document.querySelectorAll('input:not([type=hidden])')].every((it) => it.labels.length == 1)"
        )
        seen = {"welcome": (place.wide(), place.browser.execute_script(labels))}
        place.connect("a-rather-long-name.of-somebody@a-rather-long-domain.example.com")
        seen["account"] = (place.wide(), True)
        place.check()
        seen["checked"] = (place.wide(), True)
        place.browser.get(f"{place.pages}/disconnect")
        seen["disconnect"] = (place.wide(), True)
        radius = place.browser.execute_script("return getComputedStyle(document.querySelector('main')).borderRadius")
    finally:
        place.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    assert set(seen.values()) == {(False, True)}
    assert radius == "16px"
