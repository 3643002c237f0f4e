"""The Calendar server's page in a real browser: it makes, moves, lengthens, renames and cancels as any client would."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from googleapiclient.discovery import build
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from infra.local.calendar.inprocess import InProcessHttp
from infra.local.calendar.messages import Request
from infra.local.calendar.server import CalendarServer
from infra.local.calendar.serving import running
from tests.browser.chromium import needs_chromium, without_a_window

ARGUMENTS = without_a_window(1440, 1000)
ALICE, BOB = "alice@example.com", "bob@example.com"
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)  # a Tuesday
HOUR = 48  # px

pytestmark = [pytest.mark.browser, needs_chromium]


class Desk:
    """The server behind the page, looked at by Google's client, and the browser before it."""

    def __init__(self, server: CalendarServer, browser: Chrome) -> None:
        self.server = server
        self.browser = browser

    def events(self, user: str = ALICE) -> Any:
        """The events of Google's client."""
        return build("calendar", "v3", http=InProcessHttp(self.server, user), static_discovery=True).events()

    def listed(self, user: str = ALICE, **options: Any) -> list[dict[str, Any]]:
        """What the API lists."""
        items: list[dict[str, Any]] = self.events(user).list(calendarId="primary", **options).execute()["items"]
        return items

    def insert(self, summary: str, hour: int, user: str = ALICE, **fields: Any) -> dict[str, Any]:
        """An hour on Tuesday."""
        times = {
            name: {"dateTime": f"2026-11-24T{hour + more:02}:00:00", "timeZone": "Europe/Zurich"}
            for name, more in (("start", 0), ("end", 1))
        }
        made: dict[str, Any] = (
            self.events(user).insert(calendarId="primary", body={"summary": summary, **times, **fields}).execute()
        )
        return made

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for it, a few seconds at most."""
        WebDriverWait(self.browser, 20, 0.05, [StaleElementReferenceException, NoSuchElementException]).until(
            lambda _: condition()
        )

    def shown(self, title: str) -> list[WebElement]:
        """The blocks of the week with this title."""
        blocks = self.browser.find_elements(By.CSS_SELECTOR, "#week [data-key]")
        return [block for block in blocks if block.find_element(By.TAG_NAME, "b").text == title]

    def block(self, title: str) -> WebElement:
        """The only one, once it is there."""
        self.until(lambda: len(self.shown(title)) == 1)
        return self.shown(title)[0]

    def find(self, selector: str) -> WebElement:
        """An element of the page."""
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def drag(self, what: WebElement, x: int, y: int, down: int | None = None) -> None:
        """Press `down` pixels below the top (else in the middle), go in steps as a hand does, release."""
        box = self.browser.execute_script("return arguments[0].getBoundingClientRect().toJSON()", what)
        left = int(box["left"] + box["width"] / 2)
        top = int(box["top"] + (box["height"] / 2 if down is None else down))
        actions = ActionChains(self.browser, duration=20)
        actions.w3c_actions.pointer_action.move_to_location(left, top)  # type: ignore[no-untyped-call]  # selenium
        actions.click_and_hold().move_by_offset(x // 2, y // 2).move_by_offset(x - x // 2, y - y // 2)
        actions.release().perform()

    def width(self) -> int:
        """Pixels a day."""
        return int(self.find("#grid .day").size["width"])

    def times(self, number: int = 0) -> tuple[str, str]:
        """Start and end of an event, as the API tells them."""
        event = self.listed()[number]
        return event["start"]["dateTime"], event["end"]["dateTime"]

    def until_hours(self, wanted: tuple[str, str]) -> None:
        """Wait until the first event starts and ends at these hours of these days of the month."""
        self.until(lambda: tuple(text[8:16] for text in self.times()) == wanted)


@pytest.fixture
def desk(browser: Chrome) -> Iterator[Desk]:
    """Alice looks at her calendar, which is empty; at the end, the browser must have complained of nothing."""
    server = CalendarServer(lambda: NOW, Random(1))  # noqa: S311 - seeded on purpose
    browser.get_log("browser")  # type: ignore[no-untyped-call]  # what other tests have left
    with running(server) as base:
        made = Desk(server, browser)
        made.listed()
        browser.get(base)
        made.until(lambda: made.find("#title").text == "November 2026")
        yield made
        browser.get("about:blank")  # so that nothing polls a server that is gone
    complaints = [entry["message"] for entry in browser.get_log("browser")]  # type: ignore[no-untyped-call]  # selenium
    assert [text for text in complaints if "412" not in text] == []


def test_an_event_is_made_dragged_and_cancelled(desk: Desk) -> None:
    """Drawn over empty time, named, dragged to another day and hour, lengthened, cancelled: the API tells each step."""
    tuesday = desk.browser.find_elements(By.CSS_SELECTOR, "#grid .day")[1]
    desk.browser.execute_script("document.getElementById('week').scrollTop = 400")
    desk.drag(tuesday, 0, HOUR * 3 // 2, down=10 * HOUR + 2)
    title = desk.find("#panel [name=title]")
    desk.until(lambda: title == desk.browser.switch_to.active_element)
    title.send_keys("Plan <b>it</b>", Keys.ENTER)
    block = desk.block("Plan <b>it</b>")
    assert desk.times() == ("2026-11-24T10:00:00+01:00", "2026-11-24T11:30:00+01:00")

    desk.drag(block, 2 * desk.width(), 2 * HOUR)
    desk.until(lambda: desk.times() == ("2026-11-26T12:00:00+01:00", "2026-11-26T13:30:00+01:00"))

    desk.until(lambda: desk.find("#said").text == "Moved.")
    desk.drag(desk.block("Plan <b>it</b>"), 0, HOUR, down=HOUR * 3 // 2 - 5)
    desk.until(lambda: desk.times() == ("2026-11-26T12:00:00+01:00", "2026-11-26T14:30:00+01:00"))

    desk.until(lambda: "14:30" in desk.block("Plan <b>it</b>").text)
    desk.block("Plan <b>it</b>").click()
    desk.find("#panel [name=cancel]").click()
    desk.until(lambda: desk.listed() == [])
    desk.until(lambda: desk.shown("Plan <b>it</b>") == [])
    asked = [(one["method"], one["status"]) for one in desk.server.requests if one["method"] != "GET"]
    assert asked == [("POST", 200), ("PATCH", 200), ("PATCH", 200), ("DELETE", 204)]
    assert all(one["if_match"] for one in desk.server.requests if one["method"] in {"PATCH", "DELETE"})


def test_it_renews_by_itself_and_refuses_what_is_stale(desk: Desk) -> None:
    """What others change appears without a reload; saving over their change is refused and says so."""
    event = desk.insert("Lunch", 12)
    desk.block("Lunch").click()
    title = desk.find("#panel [name=title]")
    title.send_keys(" with Bob")
    desk.events().patch(calendarId="primary", eventId=event["id"], body={"summary": "Long lunch"}).execute()
    desk.until(lambda: "Changed meanwhile" in desk.find("#panel .stale").text)
    assert title.get_attribute("value") == "Lunch with Bob"

    title.send_keys(Keys.ENTER)
    desk.until(lambda: desk.find("#said").text.startswith("Somebody else changed it"))
    assert desk.listed()[0]["summary"] == "Long lunch"

    desk.find("#panel .stale button").click()
    title = desk.find("#panel [name=title]")
    title.send_keys("!", Keys.ENTER)
    desk.block("Long lunch!")
    assert desk.listed()[0]["summary"] == "Long lunch!"


def test_guests_are_invited_and_answer(desk: Desk) -> None:
    """Invited in the form, Bob sees it as himself, accepts, and Alice's copy tells."""
    desk.insert("Review", 14)
    desk.block("Review").click()
    desk.find("#panel [name=guests]").send_keys(f"{BOB} carol@example.com")
    desk.find("#panel [name=conference]").click()
    desk.find("#panel [name=save]").click()
    desk.until(lambda: len(desk.listed()[0].get("attendees", [])) == 2)
    assert desk.listed()[0]["conferenceData"]["conferenceSolution"]["key"] == {"type": "hangoutsMeet"}

    desk.find("#another [name=email]").send_keys(BOB, Keys.ENTER)
    desk.until(lambda: desk.find("#user").get_attribute("value") == BOB)
    desk.block("Review").click()
    accept = [
        button for button in desk.browser.find_elements(By.CSS_SELECTOR, ".choice button") if button.text == "Accept"
    ]
    accept[0].click()
    answers = {BOB: "accepted", "carol@example.com": "needsAction"}
    desk.until(lambda: {guest["email"]: guest["responseStatus"] for guest in desk.listed()[0]["attendees"]} == answers)


def test_everything_is_done_by_keyboard(desk: Desk) -> None:
    """Moved, lengthened and cancelled by keys, the focus staying on it; weeks turned; a new event begun and let go."""
    desk.insert("Standing", 9)
    desk.block("Standing")
    desk.browser.execute_script("document.querySelector('#week [data-key]').focus()")
    for held, pressed, times in [
        (Keys.ALT, Keys.ARROW_DOWN * 3, ("24T09:45", "24T10:45")),  # faster than the server answers
        (Keys.ALT, Keys.ARROW_RIGHT, ("25T09:45", "25T10:45")),
        (Keys.SHIFT, Keys.ARROW_DOWN * 2, ("25T09:45", "25T11:15")),
        (Keys.SHIFT, Keys.ARROW_UP, ("25T09:45", "25T11:00")),
    ]:
        ActionChains(desk.browser, duration=0).key_down(held).send_keys(pressed).key_up(held).perform()
        desk.until_hours(times)
    desk.until(lambda: desk.find("#week [data-key]") == desk.browser.switch_to.active_element)
    assert {one["status"] for one in desk.server.requests} == {200}
    ActionChains(desk.browser).send_keys(Keys.DELETE).perform()
    desk.until(lambda: desk.listed() == [])

    keyboard = desk.find("body")
    keyboard.send_keys(Keys.ARROW_RIGHT)
    desk.until(lambda: desk.find("#title").text == "Nov – Dec 2026")  # noqa: RUF001 - an en dash
    keyboard.send_keys("t")
    desk.until(lambda: desk.find("#title").text == "November 2026")
    keyboard.send_keys("n")
    desk.until(lambda: desk.find("#panel").is_displayed())
    desk.find("#panel [name=title]").send_keys("Never", Keys.ESCAPE)
    assert not desk.find("#panel").is_displayed()
    assert desk.listed() == []


def test_one_occurrence_or_the_whole_series(desk: Desk) -> None:
    """A series is shown in its occurrences; one of them is cancelled alone, then all are."""
    desk.insert("Daily", 8, recurrence=["RRULE:FREQ=DAILY;COUNT=4"])
    desk.until(lambda: len(desk.shown("Daily")) == 4)
    desk.shown("Daily")[1].click()
    desk.find("#panel [name=cancel]").click()
    desk.until(lambda: len(desk.shown("Daily")) == 3)
    assert len(desk.listed(singleEvents=True)) == 3

    desk.shown("Daily")[0].click()
    whole = desk.browser.find_element(By.XPATH, "//button[text()='Whole series']")
    whole.click()
    desk.until(lambda: desk.find("#panel [name=cancel]").text == "Cancel series")
    desk.find("#panel [name=cancel]").click()
    desk.until(lambda: desk.shown("Daily") == [])
    assert desk.listed(singleEvents=True) == []


def test_days_are_dragged_above_the_hours_and_the_cancelled_shown_on_demand(desk: Desk) -> None:
    """An all-day event moves by days and stays one; once cancelled it is only shown when asked for."""
    body = {"summary": "Fair", "start": {"date": "2026-11-24"}, "end": {"date": "2026-11-26"}}
    event = desk.events().insert(calendarId="primary", body=body).execute()
    desk.drag(desk.block("Fair"), desk.width(), 0)
    desk.until(
        lambda: (desk.listed()[0]["start"], desk.listed()[0]["end"]) == ({"date": "2026-11-25"}, {"date": "2026-11-27"})
    )

    desk.events().delete(calendarId="primary", eventId=event["id"]).execute()
    desk.until(lambda: desk.shown("Fair") == [])
    desk.find("#cancelled").click()
    assert "cancelled" in str(desk.block("Fair").get_attribute("class"))


def test_the_inside_tells_what_programs_ask_and_what_they_are_told(desk: Desk) -> None:
    """Channels, deliveries and requests appear as they come, the page's own requests only on demand."""
    desk.find("#tab-requests").click()
    inside = desk.find("#inside")
    desk.until(lambda: "/calendars/primary/events" in inside.text)
    assert f"/calendars/{ALICE}/events" not in inside.text
    desk.find("#inside input").click()
    desk.until(lambda: f"/calendars/{ALICE}/events" in inside.text)

    desk.find("#tab-channels").click()
    body = {"id": "channel-1", "type": "web_hook", "address": "http://127.0.0.1:9/notify", "token": "never shown"}
    desk.events().watch(calendarId="primary", body=body).execute()
    desk.until(lambda: "channel-1" in inside.text and "http://127.0.0.1:9/notify" in inside.text)
    assert "never shown" not in desk.browser.page_source


def test_a_server_that_goes_is_waited_for(desk: Desk) -> None:
    """While no answer comes the page says so, and goes on by itself afterwards."""
    desk.browser.execute_script(
        "window.realFetch = window.fetch; window.fetch = () => Promise.reject(new TypeError('gone'))"
    )
    desk.until(lambda: desk.find("#reach").text == "not reachable, trying again")
    desk.insert("Back again", 15)
    desk.browser.execute_script("window.fetch = window.realFetch")
    desk.block("Back again")
    assert desk.find("#reach").text == ""


def test_events_that_make_no_sense_are_counted_not_tripped_over(desk: Desk) -> None:
    """Put in raw, they neither break the page nor hide the others."""
    desk.insert("Sound", 10)
    span: dict[str, Any] = {"start": {"dateTime": "2026-11-24T10:00:00Z"}, "end": {"dateTime": "2026-11-24T11:00:00Z"}}
    for number, broken in enumerate([
        {"start": {"dateTime": "not a time"}, "end": {}},
        {**span, "attendees": "nobody"},
        {**span, "attendees": [None]},
        {**span, "summary": {"a": 1}},
        {**span, "conferenceData": {"entryPoints": [{"uri": 7}]}},
        {**span, "organizer": [], "status": "%%%"},
    ]):  # fmt: skip
        event = {"id": f"broken{number}", "status": "confirmed", **broken}
        body = json.dumps({"calendarId": ALICE, "event": event}).encode()
        assert desk.server.handle(Request("POST", "/control/events", body=body)).status == 200
    desk.until(lambda: desk.find("#unreadable").text == "6 not readable")
    desk.block("Sound").click()
    assert desk.find("#panel h2").text == "Sound"
