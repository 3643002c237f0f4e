"""The doors: who may call which function, how large a request may be, and which status an error becomes.

Authority for the callers' tokens: https://cloud.google.com/run/docs/authenticating/service-to-service
The framework hands every path, method and size to the function; what does not belong is refused here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qs

import msgspec
import structlog
from flask import Request, Response
from werkzeug.exceptions import ClientDisconnected

from conference.decoding import from_json, from_plain
from conference.errors import UNDECODABLE, Forged, Gone, Later, LockstepError, OutcomeUnknown, Poison, Refused, Stale
from functions import clock, notification, patch, reconcile, sync, webhook
from functions.addon import entry
from functions.addon.offer import AddOn
from functions.ground import Ground
from functions.initialise import initialise
from functions.script import failures, firing, handing
from functions.script.project import Project

TASK_BYTES = 10_000
WEBHOOK_BYTES = 256 * 1024
ADDON_BYTES = 256 * 1024
"""An event's two hundred guests take about 40 kB."""

T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Door:
    """What the entry points need: the ground, our public address, and the accounts whose calls are admitted."""

    ground: Ground
    base_url: str
    tasks_account: str
    scheduler_account: str
    addon: AddOn | None = None
    project: Project | None = None
    """The script whose triggers this deployment runs."""


class Refusal(Exception):
    """A request that is turned away with this status, unread."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def calendar_notification(door: Door, request: Request) -> Response:
    """Google's push: anyone may call; the channel's secret decides."""

    def take() -> Response:
        _check_shape(request, most=0)
        notification.calendar_notification(door.ground, _headers(request))
        return Response(status=204)

    return _answer("calendar_notification", take)


def sync_calendar(door: Door, request: Request) -> Response:
    """A task: run a feed."""

    def run(body: dict[str, Any]) -> None:
        task = _as(_sync_task, body)
        sync.sync_calendar(door.ground, task.feed, task.number)

    return _task(door, request, "sync_calendar", door.tasks_account, run)


def reconcile_event(door: Door, request: Request) -> Response:
    """A task: work off one event's mark, or look at one meeting that a provider told of."""

    def run(body: dict[str, Any]) -> None:
        if "meeting" in body:
            look = _as(_look_task, body)
            webhook.look_at_meeting(door.ground, look.meeting, look.version)
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
    """A task: connect a calendar, as its user asked from inside the add-on."""

    def run(body: dict[str, Any]) -> None:
        task = _as(_connect_task, body)
        initialise(door.ground, task.user, task.calendar)

    return _task(door, request, "connect_calendar", door.tasks_account, run)


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
        clock.tick(door.ground)
        if door.project is not None:
            failures.summarise_due(door.project)

    return _task(door, request, "tick", door.scheduler_account, run)


def provider_webhook(door: Door, request: Request) -> Response:
    """A vendor's push, on the path of its name: anyone may call; the vendor's signature decides."""

    def take() -> Response:
        _check_shape(request, most=WEBHOOK_BYTES, path=None)
        reply = webhook.provider_webhook(door.ground, request.path.strip("/"), _headers(request), _data(request))
        return Response(reply, status=200, content_type="application/json") if reply else Response(status=204)

    return _answer("provider_webhook", take)


def addon(door: Door, request: Request) -> Response:
    """Google Workspace, on the path of what it wants: its identity token for our add-on's account decides."""

    def take() -> Response:
        _check_shape(request, most=ADDON_BYTES, path=None)
        endpoint = request.path.strip("/").removeprefix("addon/")
        if door.addon is None or endpoint not in entry.ENDPOINTS:
            raise Refusal(404, "there is nothing at this path")
        _check_host(door.addon, request)
        try:
            told = entry.serve(door.ground, door.addon, endpoint, _data(request), _solution(request))
        except Poison:
            raise Refusal(400, "the request cannot be read") from None
        except Gone:
            raise Refusal(404, "there is nothing at this path") from None
        return Response(msgspec.json.encode(told), content_type="application/json")

    return _answer("addon", take)


def _solution(request: Request) -> str:
    # Flask would read a query only if it is UTF-8, and fail otherwise.
    return parse_qs(request.query_string.decode("utf-8", "replace")).get("solution", [""])[0]


_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
"""An id of our own making; a longer one is nobody's, and no store could be asked for it."""


class SyncTask(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a task for `sync_calendar`."""

    feed: _Id
    number: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class EventTask(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a task for `reconcile_event` or `patch_event`."""

    feed: _Id
    event: str
    fence: Annotated[int, msgspec.Meta(ge=-1, lt=2**53)] = -1


class ConnectTask(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a task for `connect_calendar`."""

    user: Annotated[str, msgspec.Meta(min_length=1, max_length=320)]
    calendar: Annotated[str, msgspec.Meta(min_length=1, max_length=320)]


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


_sync_task, _event_task, _look_task = from_plain(SyncTask), from_plain(EventTask), from_plain(LookTask)
_connect_task, _fire_task, _handing_task = from_plain(ConnectTask), from_plain(FireTask), from_plain(HandingTask)
_object = from_json(dict[str, Any])


def _task(door: Door, request: Request, name: str, account: str, run: Callable[[dict[str, Any]], None]) -> Response:
    def admitted() -> Response:
        _check_shape(request, most=TASK_BYTES)
        _check_caller(door, request, name, account)
        run(_body(request))
        return Response(status=200)

    return _answer(name, admitted)


def _check_shape(request: Request, *, most: int, path: str | None = "/") -> None:
    if request.method != "POST":
        raise Refusal(405, "only POST is admitted here")
    if path is not None and request.path not in ("", path):
        raise Refusal(404, "there is nothing at this path")
    if request.content_length is None and request.headers.get("Transfer-Encoding"):
        raise Refusal(411, "a request must say how long it is")
    if (request.content_length or 0) > most:
        raise Refusal(413, f"a request may have at most {most} bytes here")


def _check_caller(door: Door, request: Request, name: str, account: str) -> None:
    token = _bearer(request)
    try:
        door.ground.identity.check(token, audience=f"{door.base_url}/{name}", account=account)
    except Forged:
        raise Refusal(403, "this identity may not call this function") from None


def _check_host(addon: AddOn, request: Request) -> None:
    token = _bearer(request)
    try:
        entry.check_host(addon, token)
    except Forged:
        raise Refusal(403, "this identity may not call this function") from None


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refusal(401, "an identity token is needed")
    return token


def _headers(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _data(request: Request) -> bytes:
    try:
        return request.get_data()
    except ClientDisconnected:
        raise Refusal(400, "the request breaks off") from None


def _body(request: Request) -> dict[str, Any]:
    data = _data(request)
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


def _answer(name: str, call: Callable[[], Response]) -> Response:
    """The one table from errors to statuses: 5xx asks the other side to come again, everything else does not."""
    try:
        return call()
    except Refusal as refusal:
        return _unread(refusal)
    except Forged:
        return _text(403, "refused")
    except (Later, OutcomeUnknown, Stale) as error:
        log.warning("asked to come again", function=name, error=str(error))
        return _text(503, "not now, come again")
    except (LockstepError, msgspec.ValidationError) as error:
        # Coming again would not help: what it concerns has been noted where it is shown.
        log.exception("given up", function=name, error=str(error))
        return _text(200, "given up, see the log")
    except Exception:
        log.exception("failed", function=name)
        return _text(500, "failed, see the log")


def _unread(refusal: Refusal) -> Response:
    """An answer that leaves the request's body where it is.

    Before any other answer the framework reads the body to its end, however long it is, and fails with 500 if its
    chunks are none; an answer that streams is sent at once.
    """
    answer = _text(refusal.status, refusal.text)
    answer.response = iter((answer.get_data(),))
    return answer


def _text(status: int, text: str) -> Response:
    return Response(text + "\n", status=status, content_type="text/plain; charset=utf-8")
