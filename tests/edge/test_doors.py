"""The functions behind the real framework: methods, paths, sizes, callers and statuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from flask import Request
from flask.testing import FlaskClient
from functions_framework import create_app
from werkzeug.test import EnvironBuilder

from conference.errors import Conflict, Forged, Gone, Later, OutcomeUnknown, Poison, Refused, Revoked
from functions.http.door import Door
from functions.http.notices import calendar_notification
from functions.http.tasks import sync_calendar
from infra import wiring
from infra.wiring import SCHEDULER_ACCOUNT, TASKS_ACCOUNT
from tests.world import World

MAIN = str(Path(__file__).parents[2] / "main.py")
TASKS = ["sync_calendar", "reconcile_event", "patch_event", "connect_calendar", "run_trigger"]
INTERNAL = [*TASKS, "tick"]
PUBLIC = ["calendar_notification", "provider_webhook", "addon"]


def client(function: str) -> FlaskClient:
    """A client of one function, as the framework serves it."""
    made: FlaskClient = create_app(function, MAIN).test_client()  # type: ignore[no-untyped-call]  # annotates nothing
    return made


def token(local: wiring.Local, function: str, *, account: str | None = None, life: float = 3600) -> dict[str, str]:
    """The header of a caller whom the function admits, unless told otherwise."""
    right = SCHEDULER_ACCOUNT if function == "tick" else TASKS_ACCOUNT
    minted = local.issuer.mint(f"{local.door.base_url}/{function}", account or right, life)
    return {"Authorization": f"Bearer {minted}"}


@pytest.mark.usefixtures("local")
@pytest.mark.parametrize("function", [*INTERNAL, *PUBLIC])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_only_post_is_admitted(function: str, method: str) -> None:
    """The framework hands every method to the function; all but POST are turned away."""
    assert client(function).open("/", method=method).status_code == 405


@pytest.mark.usefixtures("local")
@pytest.mark.parametrize("function", [*INTERNAL, "calendar_notification"])
def test_other_paths_do_not_exist(function: str) -> None:
    """The framework hands every path to the function."""
    assert client(function).post("/admin").status_code == 404


@pytest.mark.usefixtures("local")
@pytest.mark.parametrize(
    ("function", "size"),
    [
        ("calendar_notification", 1),
        *((name, 10_001) for name in INTERNAL),
        ("provider_webhook", 256 * 1024 + 1),
        ("addon", 256 * 1024 + 1),
    ],
)
def test_oversized_requests_are_refused_unread(function: str, size: int) -> None:
    """413 and not 500, which Google would repeat; a genuine notice has no body at all."""
    assert client(function).post("/", data=b"x" * size).status_code == 413


@pytest.mark.usefixtures("local")
@pytest.mark.parametrize("function", INTERNAL)
@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic x"}, {"X-CloudTasks-QueueName": "q"}])
def test_no_token_is_401(function: str, header: dict[str, str]) -> None:
    """The headers of Cloud Tasks alone never suffice."""
    assert client(function).post("/", json={}, headers=header).status_code == 401


@pytest.mark.parametrize("function", INTERNAL)
def test_a_wrong_identity_is_403(local: wiring.Local, function: str) -> None:
    """Garbage, expired, for another function, of another account, from another issuer: refused alike."""
    audience = f"{local.door.base_url}/{function}"
    other = type(local.issuer).from_folder(local.settings.state / "other", local.issuer.url, local.clock)
    wrong = [
        {"Authorization": "Bearer garbage"},
        {"Authorization": "Bearer a.b.c"},
        token(local, function, life=-3600),
        token(local, function, account="mallory@example.com"),
        token(local, "other_function"),
        {"Authorization": f"Bearer {other.mint(audience, TASKS_ACCOUNT)}"},
    ]
    answers = {(answer.status_code, answer.text) for h in wrong for answer in [client(function).post("/", headers=h)]}

    assert len(answers) == 1
    assert answers.pop()[0] == 403


@pytest.mark.parametrize("function", TASKS)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"feed": 1}', b'{"feed": "x", "more": 1}', b"\xff\xfe"])
def test_an_unreadable_task_is_given_up(local: wiring.Local, function: str, body: bytes) -> None:
    """Coming again would not help, so the queue is told that it is done."""
    assert client(function).post("/", data=body, headers=token(local, function)).status_code == 200


@pytest.mark.parametrize(
    ("function", "body"),
    [
        ("sync_calendar", {"feed": "nobody", "number": 1}),
        ("reconcile_event", {"feed": "nobody", "event": "none", "fence": 1}),
        ("patch_event", {"feed": "nobody", "event": "none", "fence": 1}),
        ("reconcile_event", {"meeting": "none", "version": "1"}),
        ("run_trigger", {"trigger": "4034124084959907503", "turn": "1.1"}),
        ("run_trigger", {"trigger": "4034124084959907503", "turn": "1.1", "delivery": "../feeds/x"}),
        ("run_trigger", {"trigger": "4034124084959907503", "scheduled": 1.5}),
    ],
)
def test_a_task_for_what_is_not_ours_changes_nothing(
    local: wiring.Local, function: str, body: dict[str, object]
) -> None:
    """Ids from a task are looked up, never trusted."""
    answer = client(function).post("/", json=body, headers=token(local, function))

    assert answer.status_code == 200
    assert local.store.query("feeds") == []
    assert local.store.query("ledger") == []
    assert local.tasks.counts().open == 0


@pytest.mark.usefixtures("local")
def test_forged_notices_and_pushes_get_one_answer() -> None:
    """The answer does not tell which channels exist."""
    notices = [{}, {"X-Goog-Channel-ID": "x"}, {"X-Goog-Channel-ID": "x", "X-Goog-Channel-Token": "y" * 5000}]
    answers = {(a.status_code, a.text) for h in notices for a in [client("calendar_notification").post("/", headers=h)]}
    pushes = {client("provider_webhook").post(path, data=b"{}").status_code for path in ("/", "/http", "/x", "/a/b")}

    assert answers == {(403, "refused\n")}
    assert pushes == {403}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Later("the store is down"), 503),
        (OutcomeUnknown("no answer from the store"), 503),
        (Conflict("somebody else was faster"), 503),
        (Gone("no such thing"), 200),
        (Refused("never"), 200),
        (Revoked("a person must act"), 200),
        (Poison("it cannot be read"), 200),
        (Forged("not authentic"), 403),
        (KeyError("a bug"), 500),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_each_error_has_its_answer(world: World, error: Exception, status: int) -> None:
    """5xx asks the queue to come again; where that would not help it is told that the task is done."""

    class Failing:
        """A store that answers nothing."""

        def get(self, _: str) -> NoReturn:
            raise error

    answer = sync_calendar(open_door(world, store=Failing()), task({"feed": "feed", "number": 1}))

    assert answer.status_code == status
    assert str(error) not in answer.get_data(as_text=True)


def test_a_request_that_does_not_say_how_long_it_is_is_refused(world: World) -> None:
    """It might go on without end: it is not read."""
    asked = task({"feed": "feed", "number": 1})
    asked.environ.pop("CONTENT_LENGTH")
    asked.environ["HTTP_TRANSFER_ENCODING"] = "chunked"

    assert sync_calendar(open_door(world), Request(asked.environ)).status_code == 411


def test_a_notice_of_a_channel_of_ours_is_taken(world: World) -> None:
    """204, and a run is on its way; a vendor's push is answered as the vendor wishes."""
    world.connect()
    world.insert()
    world.deliver()
    headers = [*world.heard[-1].items()]
    notice = Request(EnvironBuilder(method="POST", path="/", headers=headers).get_environ())

    assert calendar_notification(open_door(world).ground, notice).status_code == 204


@pytest.fixture
def world() -> Iterator[World]:
    """One user, nothing connected."""
    made = World()
    yield made
    made.close()


class Anybody:
    """An identity check that admits all."""

    def check(self, token: str, *, audience: str, account: str) -> None:
        """Admit."""


def open_door(world: World, **ports: Any) -> Door:
    """The functions' door over a world, some of whose ports are others; every caller is admitted."""
    ground = replace(world.ground, identity=Anybody(), **ports)
    return Door(ground, "https://functions.example", "tasks@example.com", "ticks@example.com")


def task(body: dict[str, object]) -> Request:
    """A task as the queue hands it over."""
    headers = [("Authorization", "Bearer token")]
    return Request(EnvironBuilder(method="POST", path="/", json=body, headers=headers).get_environ())


def test_a_tick_on_an_empty_ground_is_200(local: wiring.Local) -> None:
    """With nothing connected there is nothing to do."""
    local.clock.advance(timedelta(hours=1))

    assert client("tick").post("/", headers=token(local, "tick")).status_code == 200
