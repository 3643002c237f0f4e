"""The doors for Cloud Tasks and Cloud Scheduler: an identity token of the right account decides.

Authority for the callers' tokens: https://cloud.google.com/run/docs/authenticating/service-to-service
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar

import msgspec
from flask import Request, Response

from conference.decoding import from_json, from_plain
from conference.errors import UNDECODABLE, Forged, Poison, Refused
from functions import clock, patch, reconcile, sync, webhook
from functions.consent import connecting, leaving
from functions.consent.offer import Consent
from functions.http.answers import Refusal, answer, bearer, check_shape, data_of
from functions.http.door import Door
from functions.initialise import initialise
from functions.rearming import put_back
from functions.script import declared, deploying, failures, firing, handing
from functions.script.project import Project

TASK_BYTES = 10_000

T = TypeVar("T")


def sync_calendar(door: Door, request: Request) -> Response:
    """A task: run a feed."""

    def run(body: dict[str, Any]) -> None:
        task = _as(_sync_task, body)
        sync.sync_calendar(door.ground, task.feed, task.number, task.turn)

    return _task(door, request, "sync_calendar", door.tasks_account, run)


def reconcile_event(door: Door, request: Request) -> Response:
    """A task: work off one event's mark, or look at one meeting that a provider told of."""

    def run(body: dict[str, Any]) -> None:
        if "meeting" in body:
            look = _as(_look_task, body)
            webhook.look_at_meeting(door.ground, look.meeting, look.version, resend=look.resend)
            return
        task = _as(_event_task, body)
        reconcile.reconcile_event(door.ground, task.feed, task.event, task.fence)

    return _task(door, request, "reconcile_event", door.tasks_account, run)


def patch_event(door: Door, request: Request) -> Response:
    """A task: write a meeting's ways to join into its event."""

    def run(body: dict[str, Any]) -> None:
        task = _as(_event_task, body)
        patch.patch_event(door.ground, task.feed, task.event)

    return _task(door, request, "patch_event", door.tasks_account, run)


def connect_calendar(door: Door, request: Request) -> Response:
    """A task: connect a calendar, as its user asked in the add-on or by consenting; or go on with their leaving."""

    def run(body: dict[str, Any]) -> None:
        if "leaving" in body:
            leaving.go_on(door.ground, _consent(door), _as(_leaving_task, body).leaving)
        elif "left" in body:
            leaving.forget_left(door.ground, _as(_left_task, body).left)
        elif "consented" in body:
            task = _as(_consented_task, body)
            _declare(door, connecting.go_on(door.ground, task.consented, task.consent, task.feed))
        else:
            wish = _as(_connect_task, body)
            initialise(door.ground, wish.user, wish.calendar)
            _declare(door, wish.user)

    return _task(door, request, "connect_calendar", door.tasks_account, run)


def _declare(door: Door, user: str | None) -> None:
    if user is not None and door.project is not None:
        declared.declare_for(door.project, user)


def _consent(door: Door) -> Consent:
    if door.consent is None:
        raise Refused("nobody consents at this deployment")
    return door.consent


def run_trigger(door: Door, request: Request) -> Response:
    """A task: hand a calendar trigger's changes to its handler, or run a clock trigger for one of its instants."""

    def run(body: dict[str, Any]) -> None:
        if "scheduled" in body:
            fire = _as(_fire_task, body)
            firing.run_due(_project(door), fire.trigger, fire.scheduled)
            return
        task = _as(_handing_task, body)
        handing.run_trigger(_project(door), task.trigger, task.turn, task.delivery)

    return _task(door, request, "run_trigger", door.tasks_account, run)


def _project(door: Door) -> Project:
    if door.project is None:
        raise Refused("this deployment runs no script")
    return door.project


def tick(door: Door, request: Request) -> Response:
    """The scheduler, every minute."""

    def run(_: dict[str, Any]) -> None:
        scripts: dict[str, Callable[[], int]] = {}
        if door.project is not None:
            scripts["declarations"] = partial(deploying.declare_due, door.project)
            scripts["summaries"] = partial(failures.summarise_due, door.project)
        clock.tick(door.ground, **scripts)

    return _task(door, request, "tick", door.scheduler_account, run)


_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
"""An id of our own making; a longer one is nobody's, and no store could be asked for it."""


class SyncTask(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a task for `sync_calendar`."""

    feed: _Id
    number: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    turn: Annotated[str, msgspec.Meta(max_length=64)] = ""


class EventTask(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a task for `reconcile_event` or `patch_event`."""

    feed: _Id
    event: str
    fence: Annotated[int, msgspec.Meta(ge=-1, lt=2**53)] = -1


class ConnectTask(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a task for `connect_calendar`."""

    user: Annotated[str, msgspec.Meta(min_length=1, max_length=320)]
    calendar: Annotated[str, msgspec.Meta(min_length=1, max_length=320)]


class ConsentedTask(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a task that connects what a user has consented to; without a feed their primary calendar."""

    consented: _Id
    consent: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    feed: _Id | None = None


class LeavingTask(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a task that goes on with a user's leaving."""

    leaving: _Id


class LeftTask(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a task that deletes what late writers left of a feed."""

    left: _Id


class FireTask(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a task that runs a clock trigger."""

    trigger: _Id
    scheduled: Annotated[float, msgspec.Meta(ge=0, lt=2**53)]


class HandingTask(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a task that hands over a trigger's deliveries, or one of them."""

    trigger: _Id
    turn: _Id
    delivery: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None


class LookTask(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a task that looks at one meeting."""

    meeting: _Id
    version: str = ""
    resend: bool = False


_sync_task, _event_task, _look_task = from_plain(SyncTask), from_plain(EventTask), from_plain(LookTask)
_connect_task, _fire_task, _handing_task = from_plain(ConnectTask), from_plain(FireTask), from_plain(HandingTask)
_consented_task = from_plain(ConsentedTask)
_leaving_task, _left_task = from_plain(LeavingTask), from_plain(LeftTask)
_object = from_json(dict[str, Any])


def _task(door: Door, request: Request, name: str, account: str, run: Callable[[dict[str, Any]], None]) -> Response:
    def admitted() -> Response:
        check_shape(request, most=TASK_BYTES)
        _check_caller(door, request, name, account)
        body = _body(request)
        if not put_back(door.ground.queue, door.ground.now(), name, body):
            run(body)
        return Response(status=200)

    return answer(door.ground, request, name, admitted)


def _check_caller(door: Door, request: Request, name: str, account: str) -> None:
    token = bearer(request)
    try:
        door.ground.identity.check(token, audience=f"{door.base_url}/{name}", account=account)
    except Forged:
        raise Refusal(403, "this identity may not call this function") from None


def _body(request: Request) -> dict[str, Any]:
    data = data_of(request)
    try:
        return _object(data) if data else {}
    except UNDECODABLE as error:
        raise Poison("a task whose body cannot be read") from error


def _as(read: Callable[[Any], T], body: dict[str, Any]) -> T:
    try:
        return read(body)
    except msgspec.ValidationError:
        # Its text may quote the name of a field; without cause, so that it is in no log.
        raise Poison("a task whose body is none of this function's") from None
