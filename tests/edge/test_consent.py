"""The consent pages behind the real framework: what a stranger's browser, or worse, may send."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from functions_framework import create_app

from infra import wiring

MAIN = str(Path(__file__).parents[2] / "main.py")


@pytest.fixture
def client(local: wiring.Local) -> FlaskClient:
    """The function as the framework serves it, at the address that people are sent back to."""
    made: FlaskClient = create_app("consent", MAIN).test_client()  # type: ignore[no-untyped-call]  # annotates nothing
    made.environ_base["HTTP_HOST"] = local.settings.base_url.removeprefix("http://")
    return made


def test_the_page_is_served(client: FlaskClient) -> None:
    """With its style, its form and its cookie."""
    answer = client.get("/")

    assert answer.status_code == 200
    assert "Connect your Google Calendar" in answer.text
    assert client.get("/style.css").status_code == 200
    assert "HttpOnly" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(client: FlaskClient, method: str) -> None:
    """The framework hands every method to the function."""
    assert client.open("/", method=method).status_code == 405


def test_a_head_has_no_body(client: FlaskClient) -> None:
    """Only the headers of the page."""
    answer = client.head("/")

    assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.parametrize("path", ["/start", "/check", "/disconnect", "/sign-out"])
def test_oversized_forms_are_refused_unread(client: FlaskClient, path: str) -> None:
    """413, or 403 before it comes to that; never 500."""
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "http://127.0.0.1:8900"}

    assert client.post(path, data=b"x" * 100_000, headers=form).status_code == 413


def test_a_form_without_length_is_refused(client: FlaskClient) -> None:
    """Chunks may never end."""
    sent = {"Transfer-Encoding": "chunked", "Origin": "http://127.0.0.1:8900"}

    assert client.post("/start", headers=sent, data=None).status_code in {403, 411, 415}


def test_a_broken_query_is_answered(client: FlaskClient) -> None:
    """Whatever it is, it leads nowhere."""
    assert client.get("/callback?state=%FF%FE&code=%00").status_code == 400


def test_nobody_is_known_to_a_stranger(client: FlaskClient) -> None:
    """A cookie that was made up is nobody's."""
    client.set_cookie("lockstep_consent", "a" * 43, path="/")

    assert "Connect your Google Calendar" in client.get("/").text
