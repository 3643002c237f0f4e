"""A real account on one's own machine: consent in a real browser, at a server that plays Google; polling, no push."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from infra.local.demo.story import demo_settings
from infra.local.following import POLL, STATE, following, prepared
from infra.local.stack import Stack, plans
from infra.settings import BadSettings, Settings, settings_of
from tests.browser.chromium import needs_chromium, without_a_window
from tests.world import event_body

ARGUMENTS = without_a_window(900, 900)
ROOT = Path(__file__).parents[2]
ERIN = "erin@example.com"
HANDLER = """
from functions.script.declared import on_event_updated


@on_event_updated(calendar="primary")
def noted(event):
    print("something changed in", event.calendar_id, flush=True)
"""


def client_file(folder: Path, kind: str = "installed") -> Path:
    """The client's file, as the Cloud console gives it."""
    told = {"client_id": "lockstep-development.apps.googleusercontent.com", "client_secret": "lockstep-development"}
    file = folder / "client_secret.json"
    file.write_text(json.dumps({kind: told}))
    return file


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """As make run CALENDAR=google starts it, but for the server that plays Google, and shorter waits."""
    (tmp_path / "noting.py").write_text(HANDLER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    settings = replace(
        demo_settings(tmp_path / "state"),
        calendar_api="google",
        services="local",
        client_file=str(client_file(tmp_path)),
        scripts="noting",
        janus="off",
        ticks=True,
        tick=0.3,
        poll=0.5,
    )
    with Stack(prepared(settings)) as running:
        yield running


@pytest.mark.browser
@needs_chromium
@pytest.mark.timeout(180)
def test_ones_own_calendar_is_followed(stack: Stack, browser: Chrome) -> None:
    """Connected in the browser, an event gets its meeting and a handler runs, without push; then all of it is ended."""
    settings = stack.settings
    google = f"http://127.0.0.1:{settings.calendar_port}"
    with httpx.Client(timeout=30, follow_redirects=False, trust_env=False) as client:

        def person(method: str, path: str = "", body: Any = None) -> Any:
            url = f"{google}/calendar/v3/calendars/primary/events{path}"
            headers = {"authorization": f"Bearer dev:{ERIN}"}
            answer = client.request(method, url, json=body, headers=headers, params={"conferenceDataVersion": "1"})
            return answer.raise_for_status().json()

        def link(event: str) -> str:
            found = person("GET", f"/{event}").get("conferenceData", {}).get("entryPoints", [{}])
            return str(found[0].get("uri", ""))

        browser.get(f"{settings.base_url}/consent")
        browser.find_element(By.ID, "account").send_keys(ERIN)
        press(browser, "Connect")
        press(browser, "Allow")
        until(lambda: any("connected" in one.text for one in browser.find_elements(By.ID, "state")))
        event = person("POST", "", event_body())["id"]
        until(lambda: link(event).startswith(settings.vendor_url))
        until(lambda: f"something changed in {ERIN}" in stack.log_of("functions").read_text())

        told = client.get(f"{google}/control/state").raise_for_status().json()
        assert told["channels"] == []
        browser.get(f"{settings.base_url}/console/")
        until(lambda: ERIN in browser.find_element(By.TAG_NAME, "body").text)

        browser.get(f"{settings.base_url}/consent")
        press(browser, "Disconnect")
        press(browser, "Disconnect and delete")
        until(lambda: any("disconnected" in one.text for one in browser.find_elements(By.ID, "state")))
        assert client.post(f"{google}/control/tokens", json={"user": ERIN}).json() == {"access": 0, "refresh": 0}


def press(browser: Chrome, label: str) -> None:
    """Press the button or the link of this text, once it is there."""
    found = f"//button[normalize-space()='{label}'] | //a[normalize-space()='{label}']"
    until(lambda: browser.find_elements(By.XPATH, found))
    browser.find_element(By.XPATH, found).click()


def until(condition: Callable[[], object], within: float = 60.0) -> None:
    """Wait until it holds."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.05)


# ---- Without a browser ------------------------------------------------------------------------


def real(file: Path) -> Settings:
    """The settings of make run CALENDAR=google."""
    return settings_of({"LOCKSTEP_CALENDAR_API": "google", "LOCKSTEP_CLIENT_FILE": str(file)})


def test_at_google_no_calendar_server_is_started_and_nobody_is_followed_unasked(tmp_path: Path) -> None:
    """Google's addresses, no push, nobody but who consents; looked at often, in a state folder of its own."""
    settings = prepared(real(client_file(tmp_path)))
    found = following(settings)

    assert "calendar" not in {plan.name for plan in plans(settings, janus=False)}
    assert found.calendar == "https://www.googleapis.com/calendar/v3/"
    assert found.endpoints.token == "https://oauth2.googleapis.com/token"
    assert (found.otherwise, found.notice_address) == (None, None)
    assert (settings.state, settings.poll) == (STATE, POLL)
    assert prepared(replace(settings, state=tmp_path, poll=5.0)).poll == 5.0


def test_the_local_server_is_followed_as_ever(tmp_path: Path) -> None:
    """Without a word of a real account nothing changes."""
    settings = Settings(state=tmp_path)

    assert prepared(settings) == settings
    assert following(settings).notice_address == f"{settings.base_url}/calendar_notification"
    assert "calendar" in {plan.name for plan in plans(settings, janus=False)}


@pytest.mark.parametrize("kind", ["installed", "web"])
def test_either_kind_of_client_will_do(tmp_path: Path, kind: str) -> None:
    """A desktop client, which may come back to any port of this machine, or a web client that names ours."""
    assert following(real(client_file(tmp_path, kind))).client.secret == "lockstep-development"


@pytest.mark.parametrize(
    ("text", "why"), [(None, "no such file"), ("{}", "neither a web nor an installed client"), ("x", "no client file")]
)
def test_a_client_file_that_is_none_is_named(tmp_path: Path, text: str | None, why: str) -> None:
    """Before anything starts, with the setting; what the file holds is not repeated."""
    file = tmp_path / "client_secret.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(BadSettings, match=why) as caught:
        following(real(file))
    assert str(caught.value).startswith(f"setting LOCKSTEP_CLIENT_FILE: '{file}' was given, but ")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"LOCKSTEP_CALENDAR_API": "google"}, "setting LOCKSTEP_CLIENT_FILE: a real account is followed by an OAuth"),
        ({"LOCKSTEP_CALENDAR": "google"}, "setting LOCKSTEP_CALENDAR: no calendar is called google"),
        ({"LOCKSTEP_CALENDAR_API": "google", "LOCKSTEP_CLIENT_FILE": "/none"}, "setting LOCKSTEP_CLIENT_FILE: '/none'"),
    ],
)
def test_a_start_that_cannot_be_says_why(tmp_path: Path, given: dict[str, str], line: str) -> None:
    """One line, and exit code 2."""
    done = subprocess.run(
        [sys.executable, "-m", "infra.local.run"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), **given},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stderr.startswith(line), len(done.stderr.splitlines())) == (2, True, 1), done.stderr


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("CALENDAR=google", "LOCKSTEP_CALENDAR_API=google"),
        ("CALENDAR=primary", "LOCKSTEP_CALENDAR=primary"),
        ("CALENDAR=team@group.calendar.google.com", "LOCKSTEP_CALENDAR=team@group.calendar.google.com"),
    ],
)
def test_make_run_knows_what_is_meant(typed: str, told: str) -> None:
    """CALENDAR=google is a real account; any other value is a calendar to follow."""
    done = subprocess.run(  # noqa: S603 - the same command for everybody
        ["make", "-n", "-o", ".venv/ready", "run", typed],  # noqa: S607 - wherever it is installed
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )

    assert f"exec env {told} " in done.stdout
