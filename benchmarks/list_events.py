"""How fast a calendar is listed: this project's client beside the plain official one, and beside bare HTTP and JSON.

Run: .venv/bin/python -m benchmarks.list_events [--events 10000] [--rounds 5]
The local Calendar server runs in a process of its own, so that its work is not counted as the client's; each client
lists the whole calendar in every round, in turn, and its median counts. On a loopback the round trips are nearly free:
what is compared is the work of each client.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import google_auth_httplib2
import httplib2
import httpx
from googleapiclient.discovery import build

from infra.google.calendar import GoogleCalendar
from infra.google.credentials import DevCredentials
from infra.google.pages import PAGE_FIELDS

USER = "alice@example.com"
PASS = {"singleEvents": False, "showDeleted": True, "maxResults": 2500}
Lister = Callable[[], int]
"""Lists the whole calendar and says how many events there were."""


def event(number: int) -> dict[str, Any]:
    """An event as a company's calendar holds them: five people and a conference."""
    people = [{"email": f"person{n}@example.com", "displayName": f"Person {n}"} for n in range(number, number + 5)]
    return {
        "kind": "calendar#event",
        "id": f"event{number}",
        "etag": f'"{3_285_116_233_130_000 + number}"',
        "status": "confirmed",
        "htmlLink": f"https://calendar.example.com/event?eid=event{number}",
        "created": "2026-11-01T08:00:00.000Z",
        "updated": "2026-11-20T08:00:00.000Z",
        "summary": f"Planning {number}",
        "description": "What we want to decide, and what everybody should have read before.",
        "creator": {"email": USER, "self": True},
        "organizer": {"email": USER, "self": True},
        "start": {"dateTime": "2026-11-23T10:00:00+01:00", "timeZone": "Europe/Zurich"},
        "end": {"dateTime": "2026-11-23T11:00:00+01:00", "timeZone": "Europe/Zurich"},
        "iCalUID": f"event{number}@example.com",
        "sequence": 1,
        "attendees": [{**person, "responseStatus": "needsAction"} for person in people],
        "conferenceData": {
            "conferenceId": f"m{number}",
            "conferenceSolution": {"key": {"type": "addOn"}, "name": "Meet Here"},
            "entryPoints": [{"entryPointType": "video", "uri": f"https://meet.example.com/m{number}"}],
        },
        "reminders": {"useDefault": True},
        "eventType": "default",
    }


@contextmanager
def serving(events: int) -> Iterator[str]:
    """The Calendar server in a process of its own, filled."""
    command = [sys.executable, "-m", "infra.local.calendar", "--port", "0"]
    root = Path(__file__).parent.parent
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own server
        try:
            base = _address(process)
            _fill(base, events)
            yield base
        finally:
            process.terminate()


def _address(process: subprocess.Popen[str]) -> str:
    for line in process.stdout or ():
        found = [word for word in line.split() if word.startswith("http://")]
        if found:
            return found[0].rstrip("/").removesuffix("/calendar/v3")
    raise SystemExit("the Calendar server did not start")


def _fill(base: str, events: int) -> None:
    with httpx.Client(base_url=base) as client:
        signed = {"authorization": f"Bearer dev:{USER}"}
        client.get(f"/calendar/v3/calendars/{USER}", headers=signed).raise_for_status()
        for number in range(events):
            client.post("/control/events", json={"calendarId": USER, "event": event(number)}).raise_for_status()


# ---- The clients ----------------------------------------------------------------------------


def ours(base: str, closing: ExitStack) -> Lister:
    """This project's client: every event typed, every page judged."""
    signer = DevCredentials(USER)
    calendar = closing.enter_context(GoogleCalendar(lambda _: signer, f"{base}/calendar/v3/"))

    def listed() -> int:
        events, page = 0, calendar.changes(USER, USER)
        while page.next_page is not None:
            events += len(page.items)
            page = calendar.changes(USER, USER, page=page.next_page)
        return events + len(page.items)

    return listed


def official(base: str, closing: ExitStack, **more: Any) -> Lister:
    """The official client as its guide shows it: dictionaries, paged by hand."""
    http = google_auth_httplib2.AuthorizedHttp(DevCredentials(USER), httplib2.Http())
    closing.callback(http.close)
    service = build("calendar", "v3", http=http, client_options={"api_endpoint": f"{base}/calendar/v3/"})

    def listed() -> int:
        events, token = 0, None
        while True:
            page = service.events().list(calendarId=USER, pageToken=token, **PASS, **more).execute()
            events += len(page["items"])
            token = page.get("nextPageToken")
            if token is None:
                return events

    return listed


def official_masked(base: str, closing: ExitStack) -> Lister:
    """The official client with the fields mask that this project sends."""
    return official(base, closing, fields=PAGE_FIELDS, prettyPrint=False)


def bare(base: str, closing: ExitStack) -> Lister:
    """No client at all: httpx and the standard library's JSON, with the same mask."""
    client = closing.enter_context(httpx.Client(headers={"authorization": f"Bearer dev:{USER}"}))
    address = f"{base}/calendar/v3/calendars/{USER}/events"
    asked = {name: str(value).lower() for name, value in PASS.items()} | {"fields": PAGE_FIELDS}

    def listed() -> int:
        events, more = 0, dict[str, str]()
        while True:
            page = json.loads(client.get(address, params=asked | more).raise_for_status().content)
            events += len(page["items"])
            if "nextPageToken" not in page:
                return events
            more = {"pageToken": page["nextPageToken"]}

    return listed


CLIENTS: dict[str, Callable[[str, ExitStack], Lister]] = {
    "official client, plain": official,
    "official client, masked": official_masked,
    "httpx and json, masked": bare,
    "this project, typed": ours,
}


# ---- The measuring --------------------------------------------------------------------------


def measure(listers: dict[str, Lister], events: int, rounds: int) -> dict[str, tuple[float, float]]:
    """Median seconds of wall and of the client's own processor time, by client; each is warmed up once."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in listers}
    for number in range(rounds + 1):
        for name, listed in listers.items():
            wall, own = time.perf_counter(), time.process_time()
            count = listed()
            spent = time.perf_counter() - wall, time.process_time() - own
            assert count == events, f"{name} listed {count} events"
            if number:
                taken[name].append(spent)
    return {
        name: (statistics.median(wall for wall, _ in spent), statistics.median(own for _, own in spent))
        for name, spent in taken.items()
    }


def table(title: str, figures: dict[str, tuple[float, float]], events: int) -> None:
    """Print events a second, by the clock and by the client's own work."""
    slowest = max(own for _, own in figures.values())
    print(f"\n{title}\n{'client':<26}{'events/s':>12}{'events/s of own CPU':>22}{'work':>8}")
    for name, (wall, own) in figures.items():
        print(f"{name:<26}{events / wall:>12,.0f}{events / own:>22,.0f}{own / slowest:>8.0%}")


def main() -> None:
    """Measure at 2500 and at 250 events a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with serving(given.events) as base, ExitStack() as closing:
        listers = {name: make(base, closing) for name, make in CLIENTS.items()}
        for size in (2500, 250):
            httpx.post(f"{base}/control/knobs", json={"pageLimit": size}).raise_for_status()
            title = f"{given.events:,} events, {size} a page, median of {given.rounds} rounds"
            table(title, measure(listers, given.events, given.rounds), given.events)


if __name__ == "__main__":
    main()
