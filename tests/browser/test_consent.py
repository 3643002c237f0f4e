"""The consent pages in a real browser, driven by the flow that Google's own library offers to installed clients."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from infra.local.calendar.server import CalendarServer
from infra.local.calendar.serving import running
from tests.browser.chromium import needs_chromium, without_a_window

ARGUMENTS = without_a_window(900, 900)
REPOSITORY = Path(__file__).parents[2]
PREFIX = "https://www.googleapis.com/auth/"
EVENTS, LISTS = f"{PREFIX}calendar.events", f"{PREFIX}calendar.calendarlist.readonly"
ALICE, BOB = "alice@example.com", "bob@example.com"

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture
def base() -> Iterator[str]:
    """A Calendar server that Alice and Bob have used before."""
    server = CalendarServer(lambda: datetime.now(UTC), Random(1))  # noqa: S311 - seeded on purpose
    with running(server) as address:
        for user in (ALICE, BOB):
            headers = {"authorization": f"Bearer dev:{user}"}
            httpx.get(f"{address}/calendar/v3/calendars/primary", headers=headers, trust_env=False).raise_for_status()
        yield address


@contextmanager
def client(base: str, *scopes: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The installed client in a process of its own, and where it sends the user."""
    command = [sys.executable, "-u", "-m", "tests.browser.installed_client", base, *scopes]
    # oauthlib takes plain http only when it is told to, also on loopback; a narrowed scope likewise.
    settings = {**os.environ, "OAUTHLIB_INSECURE_TRANSPORT": "1", "OAUTHLIB_RELAX_TOKEN_SCOPE": "1"}
    with subprocess.Popen(command, cwd=REPOSITORY, env=settings, stdout=subprocess.PIPE, text=True) as child:  # noqa: S603 - our own module
        try:
            assert child.stdout is not None
            yield child.stdout.readline().strip(), child
        finally:
            child.kill()


def outcome(child: subprocess.Popen[str]) -> dict[str, Any]:
    """What the client has told at its end."""
    out, _ = child.communicate(timeout=60)
    told: dict[str, Any] = json.loads(out)
    return told


def press(browser: Chrome, label: str) -> None:
    """Press the button or the link of this text."""
    found = f"//button[normalize-space()='{label}'] | //a[contains(normalize-space(), '{label}')]"
    WebDriverWait(browser, 20, poll_frequency=0.05).until(lambda _: browser.find_elements(By.XPATH, found))
    browser.find_element(By.XPATH, found).click()


def heading(browser: Chrome) -> str:
    """What the page is about."""
    return browser.find_element(By.TAG_NAME, "h1").text


def test_a_user_chooses_grants_and_is_sent_back(browser: Chrome, base: str) -> None:
    """Account, consent with one box unticked, back to the client: its tokens and the API hold to what was granted."""
    with client(base, EVENTS, LISTS) as (address, child):
        browser.get_log("browser")  # type: ignore[no-untyped-call]  # what other tests have left
        browser.get(address)
        asked = heading(browser)
        press(browser, BOB)
        consent = heading(browser)
        browser.find_element(By.XPATH, f"//label[.//input[@value='{EVENTS}']]").click()
        ticked = [box.is_selected() for box in browser.find_elements(By.CSS_SELECTOR, "input[type=checkbox]")]
        press(browser, "Allow")
        told = outcome(child)

    assert (asked, consent) == ("Choose an account", "Lockstep development wants access to your account")
    assert ticked == [False, True]
    assert told == {"granted": [LISTS], "calendars": [BOB], "refreshes": True}
    assert "authentication flow has completed" in browser.page_source
    complaints = browser.get_log("browser")  # type: ignore[no-untyped-call]  # selenium
    assert [entry["message"] for entry in complaints if base in entry["message"]] == []


def test_a_user_can_type_an_address_change_their_mind_and_refuse(browser: Chrome, base: str) -> None:
    """Another account than those shown, back to the choice, then Cancel: the client is told access_denied."""
    with client(base, LISTS) as (address, child):
        browser.get(address)
        browser.find_element(By.ID, "account").send_keys("Carol@Example.com")
        press(browser, "Next")
        typed = browser.find_element(By.CSS_SELECTOR, ".who").text
        press(browser, "Use another account")
        press(browser, ALICE)
        chosen = browser.find_element(By.CSS_SELECTOR, ".who").text
        press(browser, "Cancel")
        told = outcome(child)

    assert (typed.split()[-1], chosen.split()[-1]) == ("carol@example.com", ALICE)
    assert told == {"error": "access_denied"}


def test_the_page_fits_a_phone_and_works_by_keyboard(browser: Chrome, base: str) -> None:
    """No sideways scrolling at 360 pixels; every box has a label, and the style is applied under its own policy."""
    with client(base, EVENTS, LISTS, "openid") as (address, _):
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True},
        )
        browser.get(f"{address}&login_hint={ALICE}")
        wide = browser.execute_script("return document.documentElement.scrollWidth")
        labelled = browser.execute_script(
            "return [...document.querySelectorAll('input:not([type=hidden])')].every((box) => box.labels.length == 1)"
        )
        radius = browser.execute_script("return getComputedStyle(document.querySelector('main')).borderRadius")
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    assert wide <= 360
    assert labelled is True
    assert radius == "16px"
