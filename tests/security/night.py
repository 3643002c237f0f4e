"""A whole night of trouble, told through the doors: everything that goes wrong quotes what nobody may see."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx

from functions.ports import Document, Task
from tests.security.doors import House
from tests.world import ALICE, SECRET, TOKEN, event_body


class Told:
    """A port that notes the text of every exception that comes out of it, the whole chain of each."""

    def __init__(self, port: Any, into: list[str]) -> None:
        self._port, self._into = port, into

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return self._noting(found) if callable(found) else found

    def _noting(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*arguments: Any, **named: Any) -> Any:
            try:
                return call(*arguments, **named)
            except Exception as error:
                self._into += [*traceback.format_exception(error), *_links(error)]
                raise

        return noting


def _links(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield f"{error} {error!r} {error.args}"
        error = error.__cause__ or error.__context__


class Broken:
    """A provider with a bug in one of its methods, which quotes what it was given."""

    def __init__(self, provider: Any, method: str) -> None:
        self._provider, self._method = provider, method

    def __getattr__(self, name: str) -> Any:
        return self._fail if name == self._method else getattr(self._provider, name)

    def _fail(self, *arguments: Any, **named: Any) -> Any:
        raise RuntimeError(f"a bug that quotes {arguments} and {named}")


class Quoting(httpx.BaseTransport):
    """The way to the provider; while `answers` has some they come instead, and they quote the request."""

    def __init__(self, true: httpx.BaseTransport) -> None:
        self._true = true
        self.answers: list[int] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The provider's answer, or the next one of those waiting."""
        if not self.answers:
            return self._true.handle_request(request)
        status = self.answers.pop(0)
        said = f"{request.headers} {request.url} {request.read().decode()}"
        body = json.dumps({"error": {"code": said, "message": said}, "id": said, "version": said}).encode()
        headers = {"Retry-After": "5", "X-Quote": "\x1b[31m", "Date": "x"}
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))


class Tasks:
    """A queue that remembers the bodies of all tasks."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self.bodies: list[str] = []

    def add(self, task: Task, *, name: str | None = None, at: datetime | None = None) -> bool:
        """Note it and take it."""
        self.bodies.append(f"{task.function} {json.dumps(dict(task.body))} {name}")
        taken: bool = self._queue.add(task, name=name, at=at)
        return taken


class Night:
    """What happened and what was left, once `through` has run; `words` is what people write."""

    def __init__(self, house: House, words: str) -> None:
        self.house, self.words = house, words
        world = house.world
        self.errors: list[str] = []
        self.tasks = Tasks(world.queue)
        self.way = Quoting(world.http._transport_for_url(httpx.URL("http://vendor.test")))  # noqa: SLF001 - wraps it
        world.http._mounts.clear()  # noqa: SLF001 - so that nothing goes past it
        world.http._transport = self.way  # noqa: SLF001 - the one way there is
        self.provider = Told(world.provider, self.errors)
        world.change_ground(
            queue=self.tasks,
            calendar=Told(world.ground.calendar, self.errors),
            providers={"http": self.provider},
        )

    def through(self) -> None:
        """Everything once: each fault hits a change of its own."""
        for fault in FAULTS:
            fault(self)
            self.house.settle(timedelta(hours=2))
            self.house.world.google.faults.clear()
            self.way.answers.clear()
        self.house.world.clock.advance(timedelta(hours=25))
        for _ in range(3):
            self.house.call("tick", self.house.bearer("tick"))
            self.house.settle(timedelta(hours=2))

    def event(self, **more: Any) -> dict[str, Any]:
        """A person makes an event full of words."""
        person = {"email": "guest@example.org", "displayName": self.words, "comment": self.words}
        body = {"summary": self.words, "description": self.words, "location": self.words, "attendees": [person]}
        return self.house.world.insert(**{**body, **more})

    def secrets(self) -> dict[str, str]:
        """What nobody may see, by what it is."""
        world = self.house.world
        links = [row.link for row in world.rows() if row.link]
        doors = {f"join link {n}": link.meeting.join_url for n, link in enumerate(links) if link.meeting}
        keys = {f"creation key {n}": link.key for n, link in enumerate(links) if link.key}
        heard = {notice.get("X-Goog-Channel-Token", "") for notice in world.heard}
        feeds = world.store.query("feeds")
        return {
            **doors,
            **keys,
            **{f"channel secret {n}": secret for n, secret in enumerate(sorted(heard))},
            **{f"sync token {n}": str(feed.data["token"]) for n, feed in enumerate(feeds) if feed.data.get("token")},
            "what people wrote": self.words,
            "a guest": "guest@example.org",
            "the provider's token": TOKEN,
            "the webhooks' secret": SECRET,
            "the creation keys' secret": "kkkkkkkk",
            "the identity token": self.house.bearer("tick")["Authorization"][-60:],
            "Calendar's token": f"dev:{ALICE}",
        }

    def notes(self) -> list[Document]:
        """The documents that operators look at."""
        names = ("runs", "dead", "sweeps", "spares", "channels")
        return [document for name in names for document in self.house.world.store.query(name, limit=400)]


Fault = Callable[[Night], object]


def _calendar(**fault: Any) -> Fault:
    def spoil(night: Night) -> None:
        night.house.world.google_control("faults", **fault)
        night.event()

    return spoil


def _vendor(**fault: Any) -> Fault:
    def spoil(night: Night) -> None:
        night.house.world.vendor_control("faults", **fault)
        night.event()

    return spoil


def _quoted(*statuses: int) -> Fault:
    def spoil(night: Night) -> None:
        night.event()
        night.way.answers = list(statuses)

    return spoil


def _bug(method: str) -> Fault:
    def spoil(night: Night) -> None:
        world = night.house.world
        world.change_ground(providers={"http": Broken(night.provider, method)})
        made = night.event()
        night.house.settle(timedelta(minutes=1))
        world.patch(made["id"], description=night.words + "!")
        night.house.settle(timedelta(minutes=1))
        world.cancel(made["id"])
        night.house.settle(timedelta(minutes=1))
        world.change_ground(providers={"http": night.provider})

    return spoil


def _unreadable(night: Night) -> None:
    bad: list[Mapping[str, Any]] = [
        {"id": "bad1", "start": night.words, "summary": night.words},
        {"id": "bad2", "recurrence": [night.words], "summary": night.words},
        {"id": "bad3", "start": {"dateTime": night.words}, "end": {"date": night.words}},
        {"id": "bad4", "attendees": {night.words: night.words}},
        {"id": "bad5", "conferenceData": {"entryPoints": [{"uri": {night.words: 1}}]}},
        {"id": "bad6", "conferenceData": {"parameters": {"addOnParameters": {"parameters": {night.words: 7}}}}},
    ]
    for event in bad:
        body = {**event_body(), "status": "confirmed", **event}
        night.house.world.google_control("events", calendarId=ALICE, event=body)


def _edited(night: Night) -> None:
    made = night.event()
    night.house.settle()
    (meeting, *_) = night.house.world.meetings()
    night.house.world.vendor_control(f"meetings/{meeting['id']}", title=f"{night.words}?")
    night.house.settle()
    night.house.world.patch(made["id"], summary=f"{night.words}.")
    night.house.world.vendor_control(f"meetings/{meeting['id']}", delete=True)


def _strangers(night: Night) -> None:
    odd = {"X-Goog-Channel-ID": night.words[:40], "X-Goog-Channel-Token": TOKEN, "traceparent": "x"}
    plain = {
        name: value.encode("ascii", "ignore").decode().translate({10: " ", 13: " "}) for name, value in odd.items()
    }
    night.house.call("calendar_notification", plain)
    night.house.call("provider_webhook", {"X-Lockstep-Signature": TOKEN}, night.words.encode(), path="/http")
    night.house.call("tick", {"Authorization": f"Bearer {TOKEN}"})
    for body in ({"feed": night.words}, {night.words: 1}, {"feed": "x", "number": night.words}):
        night.house.task("sync_calendar", json.dumps(body).encode())
    night.house.task("reconcile_event", night.words.encode())


FAULTS: list[Fault] = [
    Night.event,
    *(_calendar(method="GET", path="/events", status=status, reason=reason, times=1) for status, reason in [
        (500, "backendError"), (403, "rateLimitExceeded"), (410, "fullSyncRequired"), (429, "quotaExceeded"),
    ]),
    *(_calendar(method="PATCH", path="/events/", status=status, times=1) for status in (412, 400, 500)),
    _calendar(method="PATCH", path="/events/", status=503, after_apply=True, times=1),
    *(_vendor(method="POST", path="^/meetings", status=status, times=1) for status in (400, 401, 409, 429, 500)),
    _vendor(method="POST", path="^/meetings", drop=True, after_apply=True, times=1),
    _vendor(method="POST", path="^/meetings", status=502, html=True, times=1),
    *(_quoted(status) for status in (200, 201, 302, 400, 401, 404, 412, 429, 500)),
    *(_bug(method) for method in ("create", "update", "delete", "expected_digest")),
    _unreadable,
    _edited,
    _strangers,
]  # fmt: skip
