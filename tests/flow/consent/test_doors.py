"""What the doors of the consent pages take from a browser: methods, addresses, cookies and forms."""

from __future__ import annotations

import dataclasses
from urllib.parse import urlencode

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from functions.http.consent import consent
from functions.http.door import Door
from tests.flow.consent.browsing import Browser
from tests.flow.consent.desk import HERE
from tests.world import ALICE


def test_every_answer_keeps_itself_to_itself(browser: Browser) -> None:
    """No cache, no frame, no script but our own; nothing of it in a search engine."""
    browser.connect()
    for path in ("", "disconnect", "callback?state=x", "callback"):
        browser.get(path)
        headers = browser.answer.headers
        assert headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert (headers["X-Content-Type-Options"], headers["X-Robots-Tag"]) == ("nosniff", "noindex")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["", "start", "callback", "check", "disconnect"])
def test_other_methods_are_refused(browser: Browser, method: str, path: str) -> None:
    """Whatever the page."""
    assert browser.send(method, path) == 405


@pytest.mark.parametrize(
    ("path", "method"), [("start", "GET"), ("sign-out", "GET"), ("", "POST"), ("callback", "POST")]
)
def test_pages_are_read_and_forms_are_sent(browser: Browser, path: str, method: str) -> None:
    """Nothing changes by opening an address."""
    assert browser.send(method, path, headers={"Origin": HERE}) == 405


@pytest.mark.parametrize("path", ["admin", "consentx", "start/x", "../users", "style.css/x", "templates/frame.html"])
def test_there_is_nothing_else(browser: Browser, path: str) -> None:
    """No other path."""
    assert browser.get(path) == 404


@pytest.mark.parametrize("path", ["consent", "consent/", "/"])
def test_the_functions_name_may_stand_in_the_path(browser: Browser, path: str) -> None:
    """Some addresses of the platform keep it."""
    assert browser.get(path) == 200


def test_the_other_name_of_this_machine_leads_here(browser: Browser) -> None:
    """People are sent back to one name, and cookies are kept by name."""
    assert browser.get("", Host="localhost:8900") == 302
    assert browser.answer.headers["Location"] == f"{HERE}/consent"


@pytest.mark.parametrize("path", ["style.css", "icon.svg"])
def test_files_are_served(browser: Browser, path: str) -> None:
    """As what they are."""
    assert browser.get(path) == 200
    assert browser.answer.mimetype in {"text/css", "image/svg+xml"}
    assert len(browser.page) > 200


def test_an_address_without_end_is_refused(browser: Browser) -> None:
    """Before it is looked at."""
    assert browser.get("callback?state=" + "a" * 9000) == 414


def test_a_look_ahead_uses_nothing_up(browser: Browser) -> None:
    """Whoever asks for the headers only, as some programs do with every link: the person still comes back."""
    browser.get()
    browser.post("start", account=ALICE)
    told = browser.desk.agree(browser.going())

    assert browser.send("HEAD", f"callback?{urlencode(told)}") == 405
    assert browser.come_back(told) == 303


def test_a_deployment_without_consent_has_no_pages(browser: Browser) -> None:
    """Where an administrator has allowed it for all."""
    door = Door(browser.desk.world.ground, HERE, "t@x.test", "s@x.test")

    assert consent(door, Request(EnvironBuilder(path="/").get_environ())).status_code == 404


def test_the_cookie_is_the_browsers_alone(browser: Browser) -> None:
    """Out of reach for scripts, for other paths and for other sites' forms; here over http, so not only https."""
    browser.get()
    line = browser.answer.headers["Set-Cookie"]

    assert {"HttpOnly", "SameSite=Lax", "Path=/consent"} <= {part.strip() for part in line.split(";")}
    assert "Secure" not in line


def test_over_https_the_cookie_goes_over_https_only(browser: Browser) -> None:
    """And people come back to the public address, letter by letter (S14)."""
    public = "https://region-project.cloudfunctions.net"
    browser.desk.consent = dataclasses.replace(browser.desk.consent, address=public)
    browser.get()
    secure = browser.answer.headers["Set-Cookie"]
    browser.post("start", account=ALICE, headers={"Origin": public})

    assert "Secure" in secure
    assert "redirect_uri=https%3A%2F%2Fregion-project.cloudfunctions.net%2Fconsent%2Fcallback&" in browser.going()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://127.0.0.1:8901"},
    ],
)
@pytest.mark.parametrize("path", ["start", "check", "follow", "unfollow", "disconnect", "sign-out"])
def test_another_sites_forms_are_refused(browser: Browser, path: str, headers: dict[str, str]) -> None:
    """Even with the right token."""
    browser.connect()
    browser.get()

    assert browser.post(path, headers=headers) == 403
    assert browser.desk.kept() is not None


@pytest.mark.parametrize("path", ["start", "check", "follow", "unfollow", "disconnect", "sign-out"])
@pytest.mark.parametrize("token", ["", "0" * 64, "é"])
def test_forms_need_their_pages_token(browser: Browser, path: str, token: str) -> None:
    """One made up, or none."""
    browser.connect()
    browser.get()

    assert browser.post(path, token) == 403
    assert browser.desk.kept() is not None


def test_a_form_that_names_no_sender_is_refused(browser: Browser) -> None:
    """Every browser of this decade says which page sent it."""
    browser.get()

    assert browser.send("POST", "start", data=f"token={browser.token()}&account={ALICE}") == 403


def test_another_browsers_token_is_no_good(browser: Browser) -> None:
    """Nor is one without the cookie."""
    browser.get()
    token = browser.token()
    other = Browser(browser.desk)
    other.get()

    assert other.post("start", token, account=ALICE) == 403
    other.cookies.clear()
    assert other.post("start", token, account=ALICE) == 403


def test_large_and_odd_forms_are_refused(browser: Browser) -> None:
    """By size, by kind, and without a length."""
    browser.get()
    assert browser.post("start", account="a" * 5000) == 413
    assert browser.send("POST", "start", headers={"Origin": HERE, "Content-Type": "text/plain"}, data="x") in {403, 415}
    assert browser.send("GET", "", data="x") == 413
    assert browser.send("GET", "style.css", data="x") == 413
