"""Tasks, as Google's client sees them; https://cloud.google.com/tasks/docs/creating-http-target-tasks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2

from tests.contract.cloudtasks.place import ACCOUNT, FULL, LOCATION, QUEUE, Place, at, refused
from tests.contract.grounds import NOON

DAY = timedelta(days=1)
Method = tasks_v2.HttpMethod


def test_a_task_is_told_back_as_it_stands(place: Place) -> None:
    """Defaults are filled in, what only the service sets is its own, and the body is in the full view only."""
    made = place.add(
        "a",
        body=b'{"n": 1}',
        schedule_time=NOON + DAY,
        create_time=NOON - DAY,
        dispatch_count=9,
        request={
            "headers": {"Content-Type": "application/json", "user-agent": "me", "X-Google-x": "y", "Host": "z"},
            "oidc_token": {"service_account_email": ACCOUNT},
        },
    )
    full = place.client.get_task(request={"name": f"{QUEUE}/tasks/a", "response_view": FULL})

    assert made.http_request.body == b""
    assert (made.view, full.view) == (tasks_v2.Task.View.BASIC, FULL)
    assert full.http_request.body == b'{"n": 1}'
    assert dict(full.http_request.headers) == {"Content-Type": "application/json"}
    assert full.http_request.http_method == Method.POST
    assert full.dispatch_deadline == timedelta(minutes=10)
    assert (full.create_time, at(full)) == (NOON, NOON + DAY)
    assert (full.dispatch_count, full.response_count) == (0, 0)
    assert "first_attempt" not in full
    assert "last_attempt" not in full


def test_unnamed_tasks_get_names(place: Place) -> None:
    """Each its own, in the queue."""
    names = {place.add(schedule_time=NOON + DAY).name for _ in range(3)}

    assert len(names) == 3
    assert all(name.startswith(f"{QUEUE}/tasks/") for name in names)


@pytest.mark.parametrize("due", [NOON - DAY, NOON - timedelta(days=4000)])
def test_a_time_gone_by_means_now(place: Place, due: datetime) -> None:
    """It is set to the present."""
    place.client.pause_queue(name=QUEUE)

    assert at(place.add("a", schedule_time=due)) == NOON
    assert at(place.add("b")) == NOON


OVERSIZED = {"body": b"x" * 100 * 1024}
BAD_REQUESTS: list[dict[str, Any]] = [
    {"schedule_time": NOON + timedelta(days=30, seconds=1)},
    OVERSIZED,
    {"dispatch_deadline": timedelta(seconds=14.9)},
    {"dispatch_deadline": timedelta(minutes=30, seconds=1)},
    {"request": {"http_method": Method.GET}},
    {"request": {"http_method": Method.DELETE}},
    {"request": {"headers": {"a": "x" * 80 * 1024}}},
    {"request": {"headers": {"a b": "x"}}},
    {"request": {"headers": {"a": "x\r\nb: c"}}},
    {"request": {"oidc_token": {"service_account_email": "nobody"}}},
    {"request": {"oidc_token": {"audience": "https://a.example"}}},
    {"retry_config": {"max_attempts": -2}},
]


@pytest.mark.parametrize("fields", BAD_REQUESTS)
def test_a_task_that_can_never_be_called_is_refused(place: Place, fields: dict[str, Any]) -> None:
    """The name stays free."""
    with refused(exceptions.InvalidArgument):
        place.add("a", **fields)

    assert place.add("a", schedule_time=NOON + DAY)


@pytest.mark.parametrize(
    "url",
    ["", "a.example", "ftp://a.example/", "https://", "https://a b/", "http://[", "https://a.example/" + "x" * 2083],
)
def test_a_bad_address_is_refused(place: Place, url: str) -> None:
    """A target is an http or https address of at most 2083 characters."""
    with refused(exceptions.InvalidArgument):
        place.client.create_task(parent=QUEUE, task=tasks_v2.Task(http_request={"url": url}))


def test_what_this_server_does_not_do_says_so(place: Place) -> None:
    """App Engine targets and OAuth tokens are not served; nothing is taken."""
    for task in (
        tasks_v2.Task(app_engine_http_request={"relative_uri": "/x"}),
        place.message(request={"oauth_token": {"service_account_email": ACCOUNT}}),
    ):
        with refused(exceptions.MethodNotImplemented):
            place.client.create_task(parent=QUEUE, task=task)

    assert place.names() == []


@pytest.mark.parametrize("name", ["a", f"{QUEUE}/tasks/", f"{QUEUE}/tasks/a b", f"{LOCATION}/queues/x/tasks/a"])
def test_a_name_of_no_task_of_this_queue_is_refused(place: Place, name: str) -> None:
    """Names that are none, and names of other queues."""
    task = place.message()
    task.name = name
    with refused(exceptions.InvalidArgument):
        place.client.create_task(parent=QUEUE, task=task)


def test_a_name_is_taken_while_its_task_is_there_and_for_a_day_after(place: Place) -> None:
    """After success as after deletion; who asks for the task learns that it was here."""
    place.add("a", schedule_time=NOON + DAY)
    place.add("b")
    place.receiver.wait_for(1)
    place.settled(waiting=1)
    place.client.delete_task(name=f"{QUEUE}/tasks/a")
    for name in "ab":
        with refused(exceptions.AlreadyExists):
            place.add(name)
        with pytest.raises(exceptions.NotFound, match="recently"):
            place.client.get_task(name=f"{QUEUE}/tasks/{name}")
    place.clock.advance(DAY - timedelta(microseconds=1))
    with refused(exceptions.AlreadyExists):
        place.add("a")
    place.clock.advance(timedelta(microseconds=1))

    with pytest.raises(exceptions.NotFound, match="not found"):
        place.client.get_task(name=f"{QUEUE}/tasks/a")
    assert place.add("a", schedule_time=NOON + 3 * DAY)


def test_names_of_other_queues_are_others(place: Place) -> None:
    """Two queues may each have a task of one id."""
    other = f"{LOCATION}/queues/other"
    place.make(other)
    place.add("a", schedule_time=NOON + DAY)
    task = place.message(schedule_time=NOON + DAY)
    task.name = f"{other}/tasks/a"

    assert place.client.create_task(parent=other, task=task).name == task.name


def test_a_deleted_task_is_not_called(place: Place) -> None:
    """And cannot be deleted twice."""
    name = place.add("a", schedule_time=NOON + DAY).name
    place.client.delete_task(name=name)
    place.wait(2 * DAY)
    place.add("b")
    place.receiver.wait_for(1)
    place.settled()

    assert [call.headers["X-CloudTasks-TaskName"] for call in place.receiver.calls] == ["b"]
    with refused(exceptions.NotFound):
        place.client.delete_task(name=name)


def test_tasks_are_listed_by_page(place: Place) -> None:
    """Every task once, bodies in the full view only."""
    names = [f"t{n}" for n in range(7)]
    for name in names:
        place.add(name, body=b"[]", schedule_time=NOON + DAY)
    basic = place.client.list_tasks(request={"parent": QUEUE, "page_size": 3})
    full = place.client.list_tasks(request={"parent": QUEUE, "page_size": 7, "response_view": FULL})

    assert [task.name.rpartition("/")[2] for task in basic] == names
    assert {task.http_request.body for task in full} == {b"[]"}
    with refused(exceptions.InvalidArgument):
        place.client.list_tasks(request={"parent": QUEUE, "page_size": -1})


def test_a_task_can_be_run_before_its_time(place: Place) -> None:
    """Though the queue is paused; a failure then sets its time by the retries."""
    place.receiver.answer = lambda _call: (500, {})
    place.client.pause_queue(name=QUEUE)
    name = place.add("a", schedule_time=NOON + DAY).name
    told = place.client.run_task(name=name)
    place.receiver.wait_for(1)
    place.settled(waiting=1)
    after = place.client.get_task(name=name)

    assert (told.dispatch_count, after.dispatch_count, after.response_count) == (1, 1, 1)
    assert at(after) == NOON + timedelta(seconds=0.1)
    place.receiver.answer = lambda _call: (200, {})
    place.client.run_task(name=name)
    place.settled()
    for gone in (name, f"{QUEUE}/tasks/never"):
        with refused(exceptions.NotFound):
            place.client.run_task(name=gone)
