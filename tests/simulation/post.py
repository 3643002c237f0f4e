"""The post: Google's notices and the vendors' pushes on their way to us, lost, doubled, late, forged or replayed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions import notification, webhook
from infra.local.calendar.server import CalendarServer
from infra.local.memory import MemoryStore
from tests.simulation.course import FROM_OUTSIDE, Course
from tests.simulation.faults import Fault
from tests.simulation.hub import Worker
from tests.simulation.judge import Broken
from tests.simulation.vendor import VendorModel


class Post:
    """Carries what Google and the vendors have sent; `look` finds it."""

    def __init__(
        self, course: Course, google: CalendarServer, vendors: Mapping[str, VendorModel], store: MemoryStore
    ) -> None:
        self._course, self._google, self._vendors, self._store = course, google, vendors, store
        self._hub, self._chance, self._faults = course.hub, course.chance, course.faults
        self._seen: dict[str, Mapping[str, str]] = {}
        """The first notice of each channel."""

    def look(self) -> None:
        """Send on its way whatever has been sent by now."""
        for push in self._google.due_pushes(self._hub.now()):
            self._notice_on_its_way(push)
        later = self._google.next_push()
        if later is not None:
            self._hub.at(later.timestamp(), self.look)
        for name, model in self._vendors.items():
            for sent in model.due_pushes(self._hub.now()):
                self._push_on_its_way(name, sent.headers, sent.body)

    # ---- Google's notices -------------------------------------------------------------------

    def _notice_on_its_way(self, push: Any) -> None:
        headers = {name.lower(): value for name, value in push.headers.items()}
        name = self._course.named("notice")
        way, _, drawn, extra = self._chance.numbers(name)
        fault = self._faults.strike("notice", name, drawn)
        arrives = self._hub.seconds + 0.2 + 2 * way
        if fault is Fault.NOTICE_LOST:
            self._google.push_answered(push, 204, self._hub.now())
            return
        if fault is Fault.NOTICE_DELAYED:
            arrives += 3600 * extra**3
        if fault is Fault.NOTICE_DOUBLED:
            self._hub.at(arrives + 30 * extra, lambda: self._notice(f"{name} again", headers, None))
        if fault is Fault.NOTICE_FORGED:
            self._hub.at(arrives, lambda: self._notice(f"{name} forged", _forged(headers, extra), None, forged=True))
        if fault is Fault.NOTICE_REPLAYED and self._seen:
            old = [*self._seen.values()][int(extra * len(self._seen))]
            self._hub.at(arrives + 100 * extra, lambda: self._notice(f"{name} replayed", old, None))
        self._seen.setdefault(headers["x-goog-channel-id"], headers)
        self._hub.at(arrives, lambda: self._notice(name, headers, push))

    def _notice(self, name: str, headers: Mapping[str, str], push: Any, *, forged: bool = False) -> None:
        def ended(worker: Worker) -> None:
            status = self._course.status(worker, FROM_OUTSIDE)
            if forged and worker.error is None:
                self._course.note_broken(Broken("S1", "a forged notice was taken"))
            self._answer(push, status)

        if self._hub.seconds < self._course.down_until:
            self._answer(push, None)
            return
        channel = self._store.look(f"channels/{headers['x-goog-channel-id']}")
        if channel is not None:
            self._course.judge.noticed(str(channel["feed"]))
            if headers.get("x-goog-resource-state") != "sync":
                self._course.judge.care.noticed(name, str(channel["feed"]))
        self._hub.spawn(name, lambda: notification.calendar_notification(self._course.ground, headers), ended)

    def _answer(self, push: Any, status: int | None) -> None:
        """Tell Google what became of its notice; None for one that it has not sent itself."""
        if push is not None:
            self._google.push_answered(push, status, self._hub.now())
            self.look()

    # ---- vendors' pushes --------------------------------------------------------------------

    def _push_on_its_way(self, vendor: str, headers: Mapping[str, str], body: bytes) -> None:
        name = self._course.named(f"push {vendor}")
        way, _, drawn, extra = self._chance.numbers(name)
        fault = self._faults.strike("push", name, drawn)
        arrives = self._hub.seconds + 0.2 + 2 * way
        if fault is Fault.PUSH_LOST:
            return
        if fault is Fault.PUSH_DELAYED:
            arrives += 250 * extra
        if fault is Fault.PUSH_DOUBLED:
            self._hub.at(arrives + 30 * extra, lambda: self._push(f"{name} again", vendor, headers, body))
        self._hub.at(arrives, lambda: self._push(name, vendor, headers, body))

    def _push(self, name: str, vendor: str, headers: Mapping[str, str], body: bytes) -> None:
        def again() -> None:
            self._push(self._course.named("push again"), vendor, headers, body)

        def ended(worker: Worker) -> None:
            status = self._course.status(worker, FROM_OUTSIDE)
            if status is None or status >= 500:
                self._hub.at(self._hub.seconds + 20, again)

        if self._hub.seconds < self._course.down_until:
            self._hub.at(self._course.down_until, lambda: self._push(name, vendor, headers, body))
            return
        self._hub.spawn(name, lambda: webhook.provider_webhook(self._course.ground, vendor, headers, body), ended)


def _forged(headers: Mapping[str, str], extra: float) -> dict[str, str]:
    # A resource id is no secret, and is not known yet of a channel whose watch was not answered.
    name = ("x-goog-channel-token", "x-goog-channel-id")[int(extra * 2)]
    return {**headers, name: headers.get(name, "")[:-1] + "~"}
