"""Queues, as Google's client sees them; https://cloud.google.com/tasks/docs/creating-queues."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2
from google.protobuf import field_mask_pb2

from tests.contract.cloudtasks.place import LOCATION, QUEUE, Place, refused
from tests.contract.grounds import NOON

OTHER = f"{LOCATION}/queues/other"
State = tasks_v2.Queue.State


def test_what_is_left_open_is_filled_in(place: Place) -> None:
    """A queue made without limits has the defaults of Cloud Tasks, and runs."""
    queue = place.client.get_queue(name=QUEUE)

    assert tasks_v2.Queue.to_dict(queue) == tasks_v2.Queue.to_dict(
        tasks_v2.Queue(
            name=QUEUE,
            state=State.RUNNING,
            rate_limits={"max_dispatches_per_second": 500, "max_burst_size": 100, "max_concurrent_dispatches": 1000},
            retry_config={
                "max_attempts": 100,
                "min_backoff": timedelta(seconds=0.1),
                "max_backoff": timedelta(hours=1),
                "max_doublings": 16,
            },
        )
    )


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        ({"rate_limits": {"max_dispatches_per_second": 501}}, exceptions.InvalidArgument),
        ({"rate_limits": {"max_dispatches_per_second": -1}}, exceptions.InvalidArgument),
        ({"rate_limits": {"max_concurrent_dispatches": 5001}}, exceptions.InvalidArgument),
        ({"retry_config": {"max_attempts": -2}}, exceptions.InvalidArgument),
        ({"retry_config": {"max_doublings": -1}}, exceptions.InvalidArgument),
        (
            {"retry_config": {"min_backoff": timedelta(seconds=9), "max_backoff": timedelta(seconds=8)}},
            exceptions.InvalidArgument,
        ),
        ({"retry_config": {"max_retry_duration": timedelta(seconds=-1)}}, exceptions.InvalidArgument),
        ({"http_target": {"http_method": 1}}, exceptions.MethodNotImplemented),
        ({"app_engine_routing_override": {"service": "x"}}, exceptions.MethodNotImplemented),
    ],
)
def test_limits_out_of_bounds_are_refused(place: Place, limits: dict[str, Any], error: Any) -> None:
    """The queue is not made."""
    with refused(error):
        place.make(OTHER, **limits)

    assert [queue.name for queue in place.client.list_queues(parent=LOCATION)] == [QUEUE]


@pytest.mark.parametrize("name", ["", "lockstep", f"{LOCATION}/queues/", f"{LOCATION}/queues/a_b", f"{OTHER}/tasks/x"])
def test_a_bad_name_is_refused(place: Place, name: str) -> None:
    """A queue's name says where it stands."""
    with refused(exceptions.InvalidArgument):
        place.client.create_queue(request=tasks_v2.CreateQueueRequest(parent=LOCATION, queue=tasks_v2.Queue(name=name)))


def test_a_queue_stands_in_the_location_it_is_made_in(place: Place) -> None:
    """A name of another location is refused."""
    with refused(exceptions.InvalidArgument):
        place.client.create_queue(parent="projects/b/locations/c", queue=tasks_v2.Queue(name=OTHER))


def test_a_name_is_had_once(place: Place) -> None:
    """A second queue of the name is refused."""
    with refused(exceptions.AlreadyExists):
        place.make()


def test_a_missing_queue_is_not_found(place: Place) -> None:
    """Whatever is asked of it."""
    for ask in (
        lambda: place.client.get_queue(name=OTHER),
        lambda: place.client.delete_queue(name=OTHER),
        lambda: place.client.purge_queue(name=OTHER),
        lambda: place.client.pause_queue(name=OTHER),
        lambda: place.client.resume_queue(name=OTHER),
        lambda: place.client.list_tasks(parent=OTHER),
        lambda: place.client.create_task(parent=OTHER, task=place.message()),
        lambda: place.client.get_task(name=f"{OTHER}/tasks/x"),
        lambda: place.client.delete_task(name=f"{OTHER}/tasks/x"),
        lambda: place.client.run_task(name=f"{OTHER}/tasks/x"),
    ):
        with refused(exceptions.NotFound):
            ask()


def test_an_update_changes_what_its_mask_names(place: Place) -> None:
    """The rest stays, the state too; without a mask all limits are set anew."""
    place.client.pause_queue(name=QUEUE)
    wanted = tasks_v2.Queue(name=QUEUE, retry_config={"max_attempts": 7, "max_doublings": 3}, state=State.RUNNING)
    mask = field_mask_pb2.FieldMask(paths=["retry_config.max_attempts"])
    after = place.client.update_queue(queue=wanted, update_mask=mask)

    assert (after.retry_config.max_attempts, after.retry_config.max_doublings) == (7, 16)
    assert after.state == State.PAUSED
    whole = place.client.update_queue(queue=tasks_v2.Queue(name=QUEUE, rate_limits={"max_dispatches_per_second": 5}))
    assert (whole.retry_config.max_attempts, whole.rate_limits.max_dispatches_per_second) == (100, 5)
    assert whole.rate_limits.max_burst_size == 10
    assert place.client.get_queue(name=QUEUE) == whole


@pytest.mark.parametrize("path", ["state", "name", "retry_config.colour"])
def test_an_update_of_what_cannot_be_set_is_refused(place: Place, path: str) -> None:
    """Output only fields and unknown ones are named in vain."""
    with refused(exceptions.InvalidArgument):
        place.client.update_queue(queue=tasks_v2.Queue(name=QUEUE), update_mask=field_mask_pb2.FieldMask(paths=[path]))


def test_an_update_of_a_missing_queue_makes_it(place: Place) -> None:
    """As the service does."""
    place.client.update_queue(queue=tasks_v2.Queue(name=OTHER, retry_config={"max_attempts": 3}))

    assert place.client.get_queue(name=OTHER).retry_config.max_attempts == 3


def test_queues_are_listed_by_page_and_by_state(place: Place) -> None:
    """Pages hold together, another location's queues are not among them, and paused ones can be asked for."""
    names = [f"{LOCATION}/queues/q{n}" for n in range(5)]
    for name in names:
        place.make(name)
    elsewhere = "projects/a-project/locations/europe-west1"
    place.client.create_queue(parent=elsewhere, queue=tasks_v2.Queue(name=f"{elsewhere}/queues/far"))
    place.client.pause_queue(name=names[3])

    paged = place.client.list_queues(request={"parent": LOCATION, "page_size": 2})
    assert [queue.name for queue in paged] == [QUEUE, *names]
    paused = place.client.list_queues(request={"parent": LOCATION, "filter": "state: PAUSED"})
    assert [queue.name for queue in paused] == [names[3]]
    with refused(exceptions.InvalidArgument):
        place.client.list_queues(request={"parent": LOCATION, "filter": "name: x"})
    with refused(exceptions.InvalidArgument):
        place.client.list_queues(request={"parent": LOCATION, "page_size": -1})


def test_a_deleted_queue_takes_its_tasks_along_and_its_name_rests(place: Place) -> None:
    """For seven days no queue can have the name; after them the new one is empty."""
    place.add("a", schedule_time=NOON + timedelta(days=1))
    place.client.delete_queue(name=QUEUE)
    place.clock.advance(timedelta(days=7) - timedelta(seconds=1))
    with pytest.raises(exceptions.FailedPrecondition, match="too recently"):
        place.make()
    place.clock.advance(timedelta(seconds=1))
    place.make()

    assert place.names() == []
    assert place.add("a", schedule_time=NOON + timedelta(days=20))


def test_a_purge_takes_the_tasks_and_tells_when(place: Place) -> None:
    """Tasks that were there are gone, their names rest, and new ones are taken."""
    assert "purge_time" not in place.client.get_queue(name=QUEUE)
    for name in "ab":
        place.add(name, schedule_time=NOON + timedelta(days=1))
    place.clock.advance(timedelta(hours=1))
    purged = place.client.purge_queue(name=QUEUE)

    assert purged.purge_time == NOON + timedelta(hours=1)
    assert place.names() == []
    with refused(exceptions.AlreadyExists):
        place.add("a")
    place.add("c", schedule_time=NOON + timedelta(days=1))
    assert place.names() == ["c"]
    assert place.client.update_queue(queue=tasks_v2.Queue(name=QUEUE)).purge_time == purged.purge_time


def test_a_paused_queue_takes_tasks_and_calls_none(place: Place) -> None:
    """Once it is resumed, all that is due is called."""
    assert place.client.pause_queue(name=QUEUE).state == State.PAUSED
    place.make(OTHER)
    place.add("a")
    place.client.create_task(parent=OTHER, task=place.message())
    place.receiver.wait_for(1)
    assert place.names() == ["a"]

    assert place.client.resume_queue(name=QUEUE).state == State.RUNNING

    calls = place.receiver.wait_for(2)
    assert [call.headers["X-CloudTasks-QueueName"] for call in calls] == ["other", "lockstep"]
