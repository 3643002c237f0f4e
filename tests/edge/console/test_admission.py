"""The console's doors: which names are admitted, and whose forms are taken; nobody else sees or changes anything."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from flask.testing import FlaskClient

from functions.console.page import console
from tests.edge.console.pressing import LOCAL, OURS, PART, POSTS, only, page, press
from tests.world import World


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:65535", "[::1]:8080", "LOCALHOST"])
@pytest.mark.parametrize("path", ["/", "/state", "/console.js"])
def test_this_machines_names_are_admitted(door: FlaskClient, host: str, path: str) -> None:
    """Whatever the port."""
    assert door.get(path, headers={"Host": host}, buffered=True).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "lockstep.example.com",
        "localhost.example.com",
        "127.0.0.1.nip.io",
        "localhost@evil.example",
        "evil.example#localhost",
        "127.0.0.2",
        "0.0.0.0",
        "localhost:",
        "localhost:123456",
        "localhost, evil.example",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/", "/state", "/console.js", "/nothing"])
def test_no_other_name_is_admitted(door: FlaskClient, host: str, path: str) -> None:
    """A foreign name that leads to this machine shows nothing."""
    answer = door.get(path, headers={"Host": host}, buffered=True)

    assert answer.status_code == 403
    assert "Planning" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        LOCAL,
        {**OURS, "Origin": "null"},
        {**OURS, "Origin": "http://evil.example"},
        {**OURS, "Origin": "http://localhost:9999"},
        {**OURS, "Origin": "https://localhost:8080"},
        {**OURS, "Origin": "http://localhost:8080.evil.example"},
        {**OURS, "Sec-Fetch-Site": "cross-site"},
        {**OURS, "Sec-Fetch-Site": "same-site"},
        {**OURS, "Sec-Fetch-Site": "none"},
        {**LOCAL, "Sec-Fetch-Site": "cross-site"},
        {**OURS, "Host": "evil.example"},
    ],
)
@pytest.mark.parametrize("button", POSTS)
def test_only_our_own_page_may_press(quiet: World, door: FlaskClient, button: str, headers: Mapping[str, str]) -> None:
    """Another site cannot send a form, even one with the right token."""
    before = only(quiet)

    assert press(door, button, headers, by="+30", title="x", start="2026-11-24T10:00", minutes="60").status_code == 403
    assert only(quiet) == before


@pytest.mark.parametrize(
    "headers", [{**LOCAL, "Origin": "http://localhost:8080"}, {**LOCAL, "Sec-Fetch-Site": "same-origin"}]
)
def test_either_sign_of_the_same_origin_will_do(browser: FlaskClient, headers: Mapping[str, str]) -> None:
    """Not every browser sends both."""
    assert press(browser, "move", headers, by="+30").status_code == 200


@pytest.mark.parametrize("token", ["", "wrong", "ü", "0" * 43])
@pytest.mark.parametrize("button", POSTS)
def test_the_token_must_be_ours(quiet: World, door: FlaskClient, button: str, token: str) -> None:
    """A form without the token of this process does nothing."""
    before = only(quiet)

    assert press(door, button, token=token, by="+30", title="x").status_code == 403
    assert only(quiet) == before


def test_a_restart_makes_new_tokens(quiet: World, door: FlaskClient) -> None:
    """A token is worth nothing to another process."""
    fields = page(door).fields("/events/move")
    restarted = console(quiet.ground).test_client()

    answer = restarted.post("/events/move", data={**fields, "by": "+30"}, headers=PART)

    assert (answer.status_code, "before a restart" in answer.text) == (403, True)


@pytest.mark.parametrize("path", [f"/events/{button}" for button in POSTS])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE"])
def test_buttons_are_posts(door: FlaskClient, path: str, method: str) -> None:
    """Nothing changes by a link."""
    assert door.open(path, method=method, headers=OURS).status_code in {403, 404, 405}


@pytest.mark.parametrize("path", ["/", "/state", "/console.css"])
def test_pages_are_only_read(door: FlaskClient, path: str) -> None:
    """What shows does not take."""
    token = page(door).fields("/events/move")["token"]
    assert door.post(path, data={"token": token}, headers=OURS).status_code in {404, 405}


@pytest.mark.parametrize(
    "path", ["/nothing", "/../page.py", "/%2e%2e/page.py", "/..%2fpage.py", "/templates/page.html"]
)
def test_nothing_else_is_served(door: FlaskClient, path: str) -> None:
    """Neither sources nor templates."""
    assert door.get(path, headers=LOCAL, buffered=True).status_code == 404


@pytest.mark.parametrize("title", ["x" * 20_000, "é" * 9_000])
def test_large_bodies_are_refused(quiet: World, door: FlaskClient, title: str) -> None:
    """A form has no use for more than a few thousand bytes."""
    assert press(door, "rename", title=title).status_code == 413
    assert only(quiet)["summary"] == "Planning"
