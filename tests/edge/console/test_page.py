"""The console's page: what is sent along with it, what it never holds, and that any question has one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import NoReturn

import pytest
from flask.testing import FlaskClient
from markupsafe import escape
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client
from werkzeug.wrappers import Response

from functions.console.guard import HEADERS
from functions.console.page import console
from infra.local.memory import MemoryStore
from tests.edge.console.pressing import LOCAL, Page, only, page
from tests.world import World


@pytest.mark.parametrize("path", ["/", "/state", "/console.js", "/nothing", "/events/move"])
@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_every_answer_keeps_to_itself(door: FlaskClient, path: str, host: str) -> None:
    """Refusals and errors too have the headers that forbid framing, caching, and foreign scripts."""
    answer = door.get(path, headers={"Host": host}, buffered=True)

    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.headers["Cache-Control"] == "no-store"
    assert "'unsafe" not in answer.headers["Content-Security-Policy"]


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(door: FlaskClient) -> None:
    """The policy would forbid it, and the page has none of it."""
    shown = page(door)
    loaded = [
        attrs.get("src") or attrs.get("href") for tag, attrs in shown.elements if tag in {"script", "link", "img"}
    ]

    assert set(loaded) == {"/console.svg", "/console.css", "/console.js"}
    assert not [attrs for _, attrs in shown.elements if any(name.startswith("on") or name == "style" for name in attrs)]
    assert all(door.get(path, headers=LOCAL, buffered=True).status_code == 200 for path in loaded if path)


@pytest.mark.parametrize(
    "title",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' autofocus onfocus='alert(1)",
        "{{ 7 * 7 }}{% raw %}",
        "</main><form action=//evil.example>",
    ],
)
def test_titles_are_text(world: World, browser: FlaskClient, title: str) -> None:
    """What people write never becomes part of the page's structure, on either side."""
    before = weighty(page(browser))
    world.patch(only(world)["id"], summary=title)
    world.settle()
    shown = browser.get("/", headers=LOCAL).text

    assert weighty(Page(shown)) == before
    assert f'<h3 dir="auto">{escape(title)}</h3>' in shown
    assert world.meetings()[0]["title"] == title


def weighty(shown: Page) -> Counter[str]:
    """How many elements a page has of the kinds that matter, and how many attributes that act."""
    kinds = {"script", "img", "form", "input", "main", "button"}
    acting = [name for _, attrs in shown.elements for name in attrs if name.startswith("on") or name == "autofocus"]
    return Counter([tag for tag, _ in shown.elements if tag in kinds] + acting)


def test_the_page_names_its_addresses_where_it_is_mounted(world: World) -> None:
    """Mounted under a path, every address lies under that path."""
    mounted = Client(DispatcherMiddleware(Response(status=404), {"/console": console(world.ground)}))
    shown = Page(mounted.get("/console/", headers=LOCAL).text)
    addresses = [attrs.get(name) for _, attrs in shown.elements for name in ("src", "href", "action") if name in attrs]

    assert [each for each in addresses if each and not each.startswith(("/console/", "http://vendor.test/"))] == []
    assert mounted.get("/console/console.js", headers=LOCAL, buffered=True).status_code == 200
    assert mounted.get("/console", headers=LOCAL).status_code in {200, 308}


@pytest.mark.parametrize("query", ["feed=", "feed=%00", "feed=" + "a" * 3000, "feed=1&feed=2", "feed=%3Cscript%3E"])
@pytest.mark.parametrize("path", ["/", "/state"])
def test_any_question_has_a_page(door: FlaskClient, path: str, query: str) -> None:
    """A feed that is none is told of, and its name is not repeated as markup."""
    answer = door.get(f"{path}?{query}", headers=LOCAL)

    assert answer.status_code == 200
    assert "not connected any more" in answer.text
    assert "<script>" not in answer.text


class Broken(MemoryStore):
    """A store with a bug."""

    def query(self, *_: object, **__: object) -> NoReturn:
        """Fail as no store may."""
        raise RuntimeError("internals")


@pytest.mark.parametrize("path", ["/", "/state"])
def test_a_bug_shows_nothing_of_itself(world: World, path: str) -> None:
    """It is a 500 with one plain sentence; its words go to the log."""
    broken = console(replace(world.ground, store=Broken(world.clock))).test_client()

    answer = broken.get(path, headers=LOCAL)

    assert (answer.status_code, answer.text) == (500, "Something is wrong here, the log tells what.\n")
    assert answer.headers["X-Frame-Options"] == "DENY"
