"""How fast the Calendar server is: pages out of memory, writes into a full calendar, one change beside many events.

Run: .venv/bin/python -m benchmarks.calendar_server [--events 50000] [--rounds 5]
The first three tables call the server without a socket, so that they count its own work; each figure is a median of
warm calls (an event is encoded once a version, and once for the mask asked for last).
The last one lists over a loopback socket, the server in a process of its own, by Google's client and by this project's.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.list_events import CLIENTS, USER, event, measure, serving, table
from infra.local.calendar.messages import Request, Response
from infra.local.calendar.persistence import SqliteState
from infra.local.calendar.server import CalendarServer

EVENTS = f"/calendar/v3/calendars/{USER}/events"
SIGNED = {"authorization": f"Bearer dev:{USER}"}
SIZES = (1_000, 10_000, 50_000)


@dataclass(frozen=True, slots=True)
class Bar:
    """What is promised: at least or at most so much."""

    limit: float
    least: bool = False

    def says(self, value: float) -> str:
        """Whether the figure keeps it."""
        kept = value >= self.limit if self.least else value <= self.limit
        return f"{'kept' if kept else 'MISSED'} ({'≥' if self.least else '≤'} {self.limit:,g})"


def call(server: CalendarServer, method: str, path: str, body: Any = None, **query: str) -> Response:
    """One request, which must succeed."""
    sent = b"" if body is None else json.dumps(body).encode()
    answer = server.handle(Request(method, path, {name: [value] for name, value in query.items()}, SIGNED, sent))
    assert answer.status < 300, answer.body
    return answer


def filled(events: int, state: SqliteState | None = None) -> CalendarServer:
    """A server whose calendar has so many events."""
    server = CalendarServer(lambda: datetime.now(UTC), Random(1), state)  # noqa: S311 - seeded on purpose
    call(server, "GET", f"/calendar/v3/calendars/{USER}")
    for number in range(events):
        call(server, "POST", "/control/events", {"calendarId": USER, "event": event(number)})
    return server


def median(rounds: int, work: Callable[[], object]) -> float:
    """Median seconds of one call, after one to warm up."""
    work()
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


# ---- Lists ----------------------------------------------------------------------------------

PAGE = 2500
_MORE = re.compile(rb'"nextPageToken":\s*"([^"]+)"')
_MASK = "nextPageToken,nextSyncToken,items(id,etag,status,summary,start,end,conferenceData)"
LISTS: dict[str, dict[str, str]] = {
    "plain, as by default": {},
    "not indented": {"prettyPrint": "false"},
    "with a fields mask": {"prettyPrint": "false", "fields": _MASK},
    "in another zone": {"prettyPrint": "false", "timeZone": "America/New_York"},
    "by a word": {"prettyPrint": "false", "q": "planning"},
    "in order of start": {"prettyPrint": "false", "singleEvents": "true", "orderBy": "startTime"},
}


def whole(server: CalendarServer, events: int, query: Mapping[str, str]) -> None:
    """List everything, page by page; none may be missing."""
    seen, more = 0, dict[str, str]()
    while True:
        body = call(server, "GET", EVENTS, maxResults=str(PAGE), **query, **more).body
        seen += body.count(b'"etag"') - ("fields" not in query)  # the list has one, too
        found = _MORE.search(body[:1000])
        if found is None:
            break
        more = {"pageToken": found[1].decode()}
    assert seen == events, f"{seen} of {events} events were listed"


def lists(server: CalendarServer, events: int, rounds: int) -> None:
    """Full lists, by what is asked for."""
    print(f"\nLists of {events:,} events, {PAGE} a page\n{'list':<24}{'events/s':>12}   bar")
    for name, query in LISTS.items():
        rate = events / median(rounds, partial(whole, server, events, query))
        says = Bar(100_000, least=True).says(rate) if name in {"plain, as by default", "not indented"} else ""
        print(f"{name:<24}{rate:>12,.0f}   {says}")


# ---- Writes ---------------------------------------------------------------------------------

_TIMES = {name: event(0)[name] for name in ("start", "end")}


def insert(server: CalendarServer) -> Response:
    """A new event with its conference."""
    body = {"summary": "New", **_TIMES, "conferenceData": event(0)["conferenceData"]}
    return call(server, "POST", EVENTS, body, conferenceDataVersion="1")


def patch(server: CalendarServer, numbers: Iterator[int]) -> Response:
    """Another title for an event that is there."""
    number = next(numbers)
    return call(server, "PATCH", f"{EVENTS}/event{number % 1000}", {"summary": f"Title {number}"})


def writes(servers: Mapping[str, CalendarServer], rounds: int) -> None:
    """One write at a time into a full calendar, in memory and with a state file."""
    print(f"\nWrites into the same calendar\n{'write':<34}{'median ms':>12}   bar")
    for place, server in servers.items():
        numbers = itertools.count()
        works = {"insert": partial(insert, server), "patch of a title": partial(patch, server, numbers)}
        for name, work in works.items():
            spent = median(100 * rounds, work) * 1000
            print(f"{f'{name}, {place}':<34}{spent:>12.3f}   {Bar(1).says(spent)}")


# ---- Changes --------------------------------------------------------------------------------


def changes(sizes: Iterable[int], rounds: int) -> None:
    """A list of one change since a token, by how much else the calendar holds."""
    print(f"\nOne change since a sync token\n{'events in the calendar':<24}{'median ms':>12}   bar")
    first = 0.0
    for size in sizes:
        server = filled(size)
        token = _token(server)
        patch(server, itertools.count(1))
        spent = median(100 * rounds, partial(_changed, server, token)) * 1000
        first = first or spent
        print(f"{size:<24,}{spent:>12.3f}   {Bar(round(2 * first, 3)).says(spent)}")


def _token(server: CalendarServer) -> str:
    page = json.loads(call(server, "GET", EVENTS, maxResults=str(PAGE)).body)
    while "nextPageToken" in page:
        page = json.loads(call(server, "GET", EVENTS, maxResults=str(PAGE), pageToken=page["nextPageToken"]).body)
    return str(page["nextSyncToken"])


def _changed(server: CalendarServer, token: str) -> None:
    assert len(json.loads(call(server, "GET", EVENTS, syncToken=token, maxResults=str(PAGE)).body)["items"]) == 1


# ---- The socket -----------------------------------------------------------------------------


def over_a_socket(events: int, rounds: int) -> None:
    """Full lists by clients of today, the server in a process of its own."""
    with serving(events) as base, ExitStack() as ending:
        listers = {name: make(base, ending) for name, make in CLIENTS.items()}
        table(f"Lists of {events:,} events over a socket, 2500 a page", measure(listers, events, rounds), events)


def into_a_full_calendar(events: int, rounds: int) -> None:
    """The tables of one calendar with so many events, kept in memory and in a file."""
    with TemporaryDirectory() as folder, closing(SqliteState(Path(folder) / "calendar.db")) as state:
        servers = {"in memory": filled(events), "with a state file": filled(events, state)}
        lists(servers["in memory"], events, rounds)
        writes(servers, rounds)


def main() -> None:
    """Print the four tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    into_a_full_calendar(given.events, given.rounds)
    changes(SIZES, given.rounds)
    gc.collect()  # what is left of the servers must not be swept on the clients' time
    over_a_socket(min(given.events, 10_000), given.rounds)


if __name__ == "__main__":
    main()
