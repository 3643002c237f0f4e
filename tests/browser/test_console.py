"""The console in a real browser: pressed, it changes by itself, and leaves alone whoever is typing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from functions.console.page import console
from tests.browser.chromium import needs_chromium, without_a_window
from tests.browser.serving import serving
from tests.world import World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

ARGUMENTS = without_a_window(1280, 800)

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture
def world() -> Iterator[World]:
    """One user with a connected calendar and an event of ours."""
    made = World()
    made.connect()
    made.insert(summary="<b>Plan</b>ning")
    made.settle()
    yield made
    made.close()


@pytest.fixture
def address(world: World) -> Iterator[str]:
    """The console on loopback; whenever its page looks, what was due by then has happened."""
    app, turn = console(world.ground), threading.Lock()

    def one_at_a_time(environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        with turn:
            if environ["PATH_INFO"] == "/state":
                world.clock.advance(timedelta(seconds=1))
                world.settle(timedelta())
            return app(environ, start)

    with serving(one_at_a_time) as url:
        yield url


def until(browser: Chrome, condition: Callable[[], object]) -> None:
    """Wait for it, a few seconds at most."""
    WebDriverWait(browser, 20, poll_frequency=0.05).until(lambda _: condition())


def row(browser: Chrome) -> WebElement:
    """The first row."""
    return browser.find_element(By.CSS_SELECTOR, "#rows > li")


def said(browser: Chrome) -> str:
    """What the page last told."""
    return browser.find_element(By.ID, "said").text


def test_a_press_is_followed_by_itself(world: World, browser: Chrome, address: str) -> None:
    """Moved by a button, the event shows its new hour, then the meeting does, without a reload."""
    browser.get_log("browser")  # type: ignore[no-untyped-call]  # what other tests have left
    browser.get(address)
    browser.execute_script("window.sameDocument = true")
    shown = row(browser)
    shown.find_element(By.CSS_SELECTOR, "button[value='+30']").click()
    until(browser, lambda: shown.text.count("10:30 – 11:30") == 2)  # noqa: RUF001 - an en dash
    until(browser, lambda: shown.find_element(By.CSS_SELECTOR, ".word").text == "in step")

    assert said(browser) == "Moved. Its meeting follows."
    assert shown.text.count("<b>Plan</b>ning") == 2
    assert browser.execute_script("return window.sameDocument") is True
    assert world.meetings()[0]["start"].startswith("2026-11-24T09:30")
    assert [entry["message"] for entry in browser.get_log("browser")] == []  # type: ignore[no-untyped-call]  # selenium


def test_typing_is_not_disturbed(world: World, browser: Chrome, address: str) -> None:
    """While somebody fills in a new title, the rest goes on renewing; an outdated press is told, the text is kept."""
    browser.get(address)
    shown = row(browser)
    shown.find_element(By.XPATH, ".//summary[text()='Rename']").click()
    field = browser.switch_to.active_element
    field.send_keys("A new name")
    event = world.user.events().list(calendarId="primary").execute()["items"][0]["id"]
    world.patch(event, summary="Somebody else's name")
    until(browser, lambda: shown.text.count("Somebody else's name") == 2)
    assert field.get_attribute("value") == "A new name"
    assert browser.switch_to.active_element == field

    field.send_keys("\n")
    until(browser, lambda: said(browser).startswith("Somebody else changed it just now."))
    assert field.get_attribute("value") == "A new name"

    etag = shown.find_element(By.CSS_SELECTOR, "form[action$='/rename'] [name=etag]")
    until(browser, lambda: etag.get_attribute("value") == world.event(event)["etag"])
    field.send_keys("\n")
    until(browser, lambda: shown.text.count("A new name") == 2)


def test_the_focus_stays_when_rows_change_places(world: World, browser: Chrome, address: str) -> None:
    """Whoever works by keyboard goes on where they were, although the moved event now stands elsewhere."""
    noon = {"dateTime": "2026-11-24T10:15:00", "timeZone": "Europe/Zurich"}
    world.insert(summary="Second", start=noon, end={**noon, "dateTime": "2026-11-24T12:00:00"})
    world.settle()
    browser.get(address)
    moving = row(browser)
    button = moving.find_element(By.CSS_SELECTOR, "button[value='+60']")
    button.send_keys("\n")
    until(browser, lambda: "Second" in row(browser).text)

    assert "ning" in moving.text
    assert browser.switch_to.active_element == button


def test_a_server_that_goes_is_waited_for(world: World, browser: Chrome) -> None:
    """The page says that it is alone, keeps what it shows, and goes on when the server is back."""
    with serving(console(world.ground)) as url:
        port = int(url.rpartition(":")[2].strip("/"))
        browser.get(url)
    reach = browser.find_element(By.ID, "reach")
    until(browser, lambda: reach.text == "not reachable, trying again")
    assert "ning" in row(browser).text

    world.cancel(world.user.events().list(calendarId="primary").execute()["items"][0]["id"])
    world.settle()
    with serving(console(world.ground), port):
        until(browser, lambda: reach.text == "" and not browser.find_elements(By.CSS_SELECTOR, "#rows > li"))
