"""A page of the console as a browser reads it, the pressing of its buttons, and the one event they are about."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.world import World

LOCAL = {"Host": "localhost:8080"}
OURS = {**LOCAL, "Origin": "http://localhost:8080", "Sec-Fetch-Site": "same-origin"}
PART = {**OURS, "Lockstep-Part": "1"}
POSTS = ["move", "rename", "cancel", "new"]


class Page(HTMLParser):
    """The forms of a page by the path they post to, the fields of each one, and every element's attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the element down."""
        found = dict(attrs)
        self.elements.append((tag, found))
        if tag == "form":
            self.forms.append((found.get("action") or "", {}))
        if tag == "input" and self.forms and found.get("type") == "hidden":
            self.forms[-1][1][found["name"] or ""] = found.get("value") or ""

    def fields(self, path: str) -> dict[str, str]:
        """What the first form for this path carries."""
        return next(fields for action, fields in self.forms if action.endswith(path))


def page(browser: FlaskClient) -> Page:
    """The page as it stands."""
    return Page(browser.get("/", headers=LOCAL).text)


def press(browser: FlaskClient, button: str, headers: Mapping[str, str] = PART, /, **changes: str) -> TestResponse:
    """Send the first form of that kind as its page would, with some fields otherwise."""
    fields = {**page(browser).fields(f"/events/{button}"), **changes}
    return browser.post(f"/events/{button}", data=fields, headers=dict(headers))


def only(world: World) -> dict[str, Any]:
    """The one event as Google has it."""
    (event,) = world.user.events().list(calendarId="primary").execute()["items"]
    return dict(event)
