"""A visitor in a real browser, with made-up camera and microphone, in a room of a real Janus."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Response

from conference.door import BEFORE
from conference.providers.janus import JanusProvider
from conference.solution import Solution
from functions.join.page import PACKAGES, join_page
from functions.join.room import Rooms
from infra.local.janus import Janus, find_binary, running
from infra.local.janus_browser import browser_library
from tests.browser.chromium import needs_chromium, without_a_window
from tests.browser.serving import serving
from tests.world import World, asked

ARGUMENTS = [*without_a_window(1100, 760), "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
PLAIN = ssl.create_default_context()
HALF_AN_HOUR = timedelta(minutes=30)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.janus,
    needs_chromium,
    pytest.mark.skipif(find_binary() is None, reason="janus is not installed (Debian package janus)"),
    pytest.mark.skipif(not browser_library(), reason=f"not installed: Debian packages {' and '.join(PACKAGES)}"),
]


@dataclass(frozen=True, slots=True)
class Scene:
    """A world with rooms on Janus, and the server's own view of who is in them."""

    world: World
    server: Janus
    client: httpx.Client

    def insert(self, title: str, after: timedelta = -timedelta(minutes=5)) -> tuple[str, str]:
        """An event of half an hour, and the join link that it comes to carry."""
        start = self.world.clock.now() + after
        times: dict[str, Any] = {
            "start": {"dateTime": start.isoformat()},
            "end": {"dateTime": (start + HALF_AN_HOUR).isoformat()},
        }
        made = self.world.insert(summary=title, **times, conferenceData=asked("janus"))["id"]
        self.world.settle()
        return made, self.link(made)

    def link(self, event: str) -> str:
        """The join link of an event."""
        uri: str = self.world.event(event)["conferenceData"]["entryPoints"][0]["uri"]
        return uri

    def inside(self, link: str) -> list[dict[str, Any]]:
        """Who is in the room, as Janus tells."""
        asked_for = {"request": "listparticipants", "room": link.rpartition("/")[2]}
        body = {
            "janus": "message_plugin",
            "plugin": "janus.plugin.videoroom",
            "transaction": "t",
            "admin_secret": self.server.secrets.admin,
            "request": asked_for,
        }
        told = self.client.post(self.server.admin_url, json=body).raise_for_status().json()["response"]
        people: list[dict[str, Any]] = told.get("participants", [])
        return people


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One user's connected calendar, Janus, and the join page on loopback; Janus reckons with the true time."""
    world = World()
    world.clock.set(datetime.now(UTC))
    with (
        running(tmp_path_factory.mktemp("janus")) as server,
        httpx.Client(trust_env=False, verify=PLAIN) as client,
    ):
        rooms = Rooms("janus", "local", server.api_url, server.secrets.token)
        page = join_page(world.ground, rooms, browser_library())
        with serving(DispatcherMiddleware(Response(status=404), {"/j": page})) as address:
            janus = JanusProvider(
                server.admin_url,
                admin_secret=server.secrets.admin,
                admin_key=server.secrets.room,
                room_secret_seed=server.secrets.seed.encode(),
                join_base=address,
                account="local",
                client=client,
            )
            world.change_ground(
                providers={"http": world.provider, "janus": janus}, solutions=(Solution("http"), Solution("janus"))
            )
            world.connect()
            yield Scene(world, server, client)
    world.close()


def until(browser: Chrome, condition: Any) -> None:
    """Wait for it, some seconds at most."""
    WebDriverWait(browser, 30, poll_frequency=0.1).until(lambda _: condition())


def says(browser: Chrome) -> str:
    """What stands on the page."""
    return browser.find_element(By.TAG_NAME, "body").text


def join(browser: Chrome, link: str, name: str) -> None:
    """Go there and come in."""
    browser.get(link)
    browser.find_element(By.ID, "display").send_keys(name + "\n")
    until(browser, lambda: browser.find_element(By.ID, "call").is_displayed())


def playing(browser: Chrome) -> int:
    """How many videos show moving pictures."""
    script = "return [...document.querySelectorAll('video')].filter(v => v.videoWidth > 0 && v.currentTime > 0).length"
    return int(browser.execute_script(script))


def test_two_visitors_meet(scene: Scene, browser: Chrome) -> None:
    """They join by the event's link under their names, see each other, and are gone when they leave."""
    _, link = scene.insert("<b>Plan</b>ning")
    browser.get_log("browser")  # type: ignore[no-untyped-call]  # what other tests have left
    join(browser, link, "Ann")
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    join(browser, link, "Bob")

    until(browser, lambda: playing(browser) == 2)
    both = [("Ann", True), ("Bob", True)]
    until(browser, lambda: sorted((one["display"], one["publisher"]) for one in scene.inside(link)) == both)
    assert "2 people" in says(browser)
    assert "Ann" in says(browser)
    assert browser.find_element(By.ID, "name").text == "<b>Plan</b>ning"
    assert browser.find_element(By.ID, "name").find_elements(By.TAG_NAME, "b") == []

    browser.find_element(By.ID, "leave").click()
    until(browser, lambda: [one["display"] for one in scene.inside(link)] == ["Ann"])
    assert "You have left." in says(browser)
    browser.close()
    browser.switch_to.window(first)
    until(browser, lambda: "You are alone here" in says(browser))
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []  # type: ignore[no-untyped-call]  # selenium


def test_the_event_is_cancelled_meanwhile(scene: Scene, browser: Chrome) -> None:
    """Those inside are told at once, and the link goes on saying so."""
    event, link = scene.insert("Short lived")
    join(browser, link, "Ann")
    scene.world.cancel(event)
    scene.world.settle()

    until(browser, lambda: "The meeting was cancelled, and its room is no more." in says(browser))
    browser.get(link)
    assert "It was cancelled." in says(browser)
    assert browser.find_elements(By.ID, "enter") == []


def test_too_early(scene: Scene, browser: Chrome) -> None:
    """Before its time the page says when it opens, and opens by itself."""
    opens = scene.world.clock.now() + HALF_AN_HOUR
    _, link = scene.insert("Later", after=HALF_AN_HOUR + BEFORE)
    scene.world.clock.set(opens - timedelta(seconds=1))
    browser.get(link)
    assert "The room opens at" in says(browser)
    assert browser.find_elements(By.ID, "enter") == []

    scene.world.clock.set(opens)
    until(browser, lambda: browser.find_elements(By.ID, "enter"))
    assert "open now" in says(browser)
