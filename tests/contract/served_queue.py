"""The queue of Cloud Tasks as the contract suites judge it: Google's client, a socket, the local server."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from functions.ports import Task
from functions.tracing import HEADER
from infra.google.queues import QueuePlan, stand
from infra.google.task_address import Address
from infra.google.tasks import CloudTasksQueue, local_client
from infra.local.cloudtasks.book import Book
from infra.local.cloudtasks.flight import Flight, Landing
from infra.local.cloudtasks.server import CloudTasksServer
from infra.local.held import Counts, Held
from infra.local.memory import ManualClock
from infra.tasks import decode_body

LOCATION = "projects/lockstep-test/locations/europe-west6"
PLAN = QueuePlan("lockstep")


class ServedQueue(CloudTasksQueue):
    """Cloud Tasks behind Google's client, with the book of the local server that keeps the tasks."""

    def __init__(self, server: CloudTasksServer, clock: ManualClock) -> None:
        address = Address(LOCATION, PLAN.id, "http://127.0.0.1:9", "tasks@lockstep.local")
        super().__init__(lambda: local_client(server.target), address, clock)
        self.book: Book = server.book
        self.now = clock.now


class ServedDrain:
    """Takes tasks from the book as the server's dispatcher does, so that a test says when."""

    def __init__(self, queue: ServedQueue) -> None:
        self._queue = queue
        self._flights: dict[tuple[int, int], Flight] = {}
        self._ids: dict[str, int] = {}

    def take(self, limit: int = 1000) -> list[Held]:
        """Up to `limit` tasks that are due, each now held."""
        flights = self._queue.book.claim(f"{LOCATION}/queues/{PLAN.id}", limit, self._queue.now())
        return [self._held(flight) for flight in flights]

    def done(self, held: Held) -> None:
        """The task was answered with success."""
        self._queue.book.done(self._flights[held.id, held.attempts], self._queue.now())

    def failed(self, held: Held, at: datetime) -> None:
        """The task was answered with 500; it is to come again at `at`."""
        flight = self._flights[held.id, held.attempts]
        self._queue.book.again(flight, Landing(500), at, self._queue.now())

    def counts(self) -> Counts:
        """How many tasks wait, are due and are held."""
        return Counts(**self._queue.book.counts(self._queue.now()))

    def _held(self, flight: Flight) -> Held:
        number = self._ids.setdefault(f"{flight.id} {flight.created}", len(self._ids))
        self._flights[number, flight.dispatch - 1] = flight
        request = flight.task.http_request
        return Held(
            number,
            Task(
                request.url.rpartition("/")[2],
                decode_body(request.body),
                trace=dict(request.headers).get("traceparent"),
            ),
            None if flight.id.isdecimal() else flight.id,
            flight.due,
            flight.created,
            attempts=flight.dispatch - 1,
            responses=flight.responses,
            last_status=flight.last_status,
            first_try=flight.first if flight.dispatch > 1 else None,
        )


def _trace(headers: Mapping[str, str]) -> str | None:
    return headers.get(HEADER)


def served_queue(folder: Path, clock: ManualClock, to_close: ExitStack) -> tuple[ServedQueue, ServedDrain]:
    """The queue, empty, and its other end."""
    server = CloudTasksServer(folder / "cloudtasks.db", clock.now, _no_token, dispatching=False)
    queue = ServedQueue(to_close.enter_context(server), clock)
    to_close.callback(queue.close)
    with local_client(server.target) as client:
        stand(client, LOCATION, [PLAN], within=10)
    return queue, ServedDrain(queue)


def _no_token(_audience: str, _account: str) -> str:
    raise AssertionError("nothing is called here")
