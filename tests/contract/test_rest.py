"""Over REST: what is plain is done there, what is not is left to the whole client, and nothing is done twice."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conference.errors import Conflict, OutcomeUnknown
from functions.ports import Delete, Document, Put, Queue, Task, Version
from functions.tracing import Trace, following
from infra.google.firestore import FirestoreStore
from infra.google.firestore_rest import RestStore
from infra.google.firestore_wire import Wire
from infra.google.rest import Metadata, Rest, Unanswered
from infra.google.task_address import Address
from infra.google.tasks_rest import RestQueue
from infra.local.cloudtasks.control import HeldClock, application
from infra.local.cloudtasks.server import CloudTasksServer
from infra.local.issuer import LocalIssuer, new_key
from infra.local.listening import bound, listening
from infra.local.memory import ManualClock, MemoryQueue, MemoryStore
from tests.contract.cloudtasks.place import LOCATION
from tests.contract.firestore_ground import emulator, new_mark, new_project, pause
from tests.contract.grounds import NOON
from tests.contract.played import HANG_UP, Cut, playing

DATABASE = "projects/p/databases/(default)"


def refused() -> str:
    """Where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def opened() -> Iterator[Callable[[str], Rest]]:
    """Makes the client of a service; closed at the end."""
    with ExitStack() as stack:
        yield lambda origin: stack.enter_context(closing(Rest(origin, token=lambda: "t", timeout=5.0)))


# ---- Documents -------------------------------------------------------------------------------


class Whole(MemoryStore):
    """The store with the whole client, as far as it can be seen from here: which commits it was to settle."""

    def __init__(self) -> None:
        super().__init__(ManualClock(NOON))
        self.settled: list[str] = []
        self.committed = 0

    def commit(self, *writes: Put | Delete) -> tuple[Version | None, ...]:
        """As the store, counted."""
        self.committed += 1
        return super().commit(*writes)

    def settle(self, writes: Any, mark: str) -> tuple[Version | None, ...]:
        """As if it had not come through."""
        self.settled.append(mark)
        return super().commit(*writes)

    def close(self) -> None:
        """There is nothing to be closed."""


@dataclass(slots=True)
class Case:
    """A store over REST, and the whole one, if it was made."""

    store: RestStore
    made: list[Whole] = field(default_factory=list)


def case(rest: Rest) -> Case:
    """At this service."""
    made: list[Whole] = []

    def whole() -> Whole:
        made.append(Whole())
        return made[-1]

    store = RestStore(rest, DATABASE, ManualClock(NOON), new_mark=lambda: "mark", whole=whole)
    return Case(store, made)


PUT = Put("feeds/a", {"n": 1}, None)
DONE = {"commitTime": "2026-03-02T12:00:00.5Z"}


def told(status: str) -> dict[str, Any]:
    """An error as Google words it."""
    return {"error": {"code": 400, "message": "no", "status": status}}


def test_what_is_plain_needs_no_more(opened: Callable[[str], Rest]) -> None:
    """A commit that is done and a document that is read: the whole client is not even made."""
    found = {"fields": {"_data": {"stringValue": '{"n":1}'}}, "updateTime": "2026-03-02T12:00:00.5Z"}
    with playing((200, DONE), (200, [{"found": found}]), (200, [{"missing": "x"}])) as played:
        it = case(opened(played.origin))
        assert it.store.commit(PUT) == ("1772452800.500000000",)
        assert it.store.get("feeds/a") == Document("feeds/a", {"n": 1}, "1772452800.500000000")
        assert it.store.get("feeds/b") is None
        assert it.made == []
        assert [path for path, _, _ in played.asked] == [f"/v1/{DATABASE}/documents:{call}" for call in CALLS]
        assert {headers["Authorization"] for _, _, headers in played.asked} == {"Bearer t"}
        assert len(played.connections) == 1


CALLS = ("commit", "batchGet", "batchGet")


def test_a_conflict_is_plain(opened: Callable[[str], Rest]) -> None:
    """The document has another version: whoever meets others is not made slower by it."""
    with playing((400, told("FAILED_PRECONDITION"))) as played:
        it = case(opened(played.origin))
        with pytest.raises(Conflict):
            it.store.commit(Put("feeds/a", {"n": 2}, "1772452800.500000000"))
        assert it.made == []
        assert played.asked[0][1]["writes"][0]["currentDocument"] == {"updateTime": "2026-03-02T12:00:00.500000000Z"}


CUT_OFF = (200, Cut(b"{}"))


@pytest.mark.parametrize(
    "answer",
    [
        (500, told("INTERNAL")),
        (503, b"<html>"),
        (HANG_UP, b""),
        (200, b"{"),
        (200, b""),
        (200, {}),
        (200, {"commitTime": "noon"}),
        CUT_OFF,
        (302, b""),
        (408, b""),
        (499, told("CANCELLED")),
    ],
)
def test_a_commit_whose_outcome_is_unknown_is_settled_under_its_mark(
    opened: Callable[[str], Rest], answer: tuple[int, Any]
) -> None:
    """It is not sent again as another commit: by its mark it is seen whether it was done."""
    with playing(answer) as played:
        it = case(opened(played.origin))
        it.store.commit(PUT)
        (whole,) = it.made
        assert (whole.settled, whole.committed, len(played.asked)) == (["mark"], 0, 1)
        assert played.asked[0][1]["writes"][0]["update"]["fields"]["_commit"] == {"stringValue": "mark"}


@pytest.mark.parametrize("reason", ["ALREADY_EXISTS", "ABORTED", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED", "?"])
def test_a_commit_that_was_not_done_is_asked_where_all_is_known(opened: Callable[[str], Rest], reason: str) -> None:
    """Nothing was written: there it comes out whether it is expired, crowded or forbidden."""
    with playing((409, told(reason))) as played:
        it = case(opened(played.origin))
        it.store.commit(PUT)
        (whole,) = it.made
        assert (whole.settled, whole.committed, len(played.asked)) == ([], 1, 1)


def test_a_commit_that_was_not_sent_is_no_riddle(opened: Callable[[str], Rest]) -> None:
    """Where nobody listens nothing can have been done."""
    it = case(opened(refused()))
    it.store.commit(PUT)

    assert [(whole.settled, whole.committed) for whole in it.made] == [([], 1)]


@pytest.mark.parametrize(
    "answer",
    [
        (500, told("INTERNAL")),
        (HANG_UP, b""),
        (404, b""),
        (200, b"["),
        (200, b""),
        (200, []),
        (200, [told("UNAVAILABLE")]),
        (200, [{"readTime": "2026-03-02T12:00:00Z"}]),
        CUT_OFF,
    ],
)
def test_a_read_that_fails_is_asked_where_all_is_known(opened: Callable[[str], Rest], answer: tuple[int, Any]) -> None:
    """Nothing is missing that is not said to be. From then on the whole client does everything: it is there."""
    with playing(answer) as played:
        it = case(opened(played.origin))
        assert it.store.get("feeds/a") is None
        it.store.commit(PUT)
        assert it.store.get("feeds/a") is not None
        assert (len(it.made), len(played.asked)) == (1, 1)


@pytest.mark.parametrize("sent", [True, False])
def test_a_commit_is_settled_in_firestore(tmp_path: Path, sent: bool) -> None:
    """Whether it had come through or not, it is there once, and its version is the document's."""
    assert tmp_path
    project, address, clock = new_project(), emulator().address, ManualClock(datetime.now().astimezone())
    database = f"projects/{project}/databases/(default)"
    whole = FirestoreStore(Wire(project, emulator=address), clock, new_mark=new_mark, pause=pause)
    with closing(whole), closing(Rest(f"http://{address}", token=lambda: "owner", timeout=10.0)) as rest:
        over = RestStore(rest, database, clock, new_mark=lambda: "mark", whole=lambda: whole)
        put = Put("feeds/a", {"n": 2}, whole.commit(PUT)[0])
        first = over.commit(put) if sent else ()
        (version,) = whole.settle([put], "mark")
        document = whole.get("feeds/a")
        assert document is not None
        assert document.version == version
        assert (version,) == (first or (version,))
        assert document.data == {"n": 2}


@pytest.mark.parametrize("sent", [True, False])
def test_what_expires_while_an_answer_is_waited_for_is_no_conflict(sent: bool) -> None:
    """The commit was sent while the document stood: it may have been done, so nobody is told that it was not."""
    project, address, clock = new_project(), emulator().address, ManualClock(datetime.now().astimezone())
    database = f"projects/{project}/databases/(default)"
    whole = FirestoreStore(Wire(project, emulator=address), clock, new_mark=new_mark, pause=pause)
    with closing(whole), closing(Rest(f"http://{address}", token=lambda: "owner", timeout=10.0)) as rest:
        over = RestStore(rest, database, clock, new_mark=lambda: "mark", whole=lambda: whole)
        until = (clock.now() + timedelta(hours=1)).timestamp()
        put = Put("feeds/a", {"n": 2}, whole.commit(Put("feeds/a", {"n": 1, "expire_at": until}, None))[0])
        if sent:
            over.commit(put)
        clock.advance(timedelta(hours=2))
        whole.settle([put], "mark")
        document = whole.get("feeds/a")
        assert document is not None
        assert document.data == {"n": 2}


# ---- Tasks -----------------------------------------------------------------------------------

ADDRESS = Address(LOCATION, "q", "https://functions.example", "tasks@example.com")


@pytest.fixture
def cloud_tasks(tmp_path: Path) -> Iterator[tuple[CloudTasksServer, str]]:
    """The local Cloud Tasks server with a queue of the name q, and where its REST is."""
    issuer = LocalIssuer(new_key(), "https://issuer.example", ManualClock(NOON))
    listener = bound(0)
    with (
        CloudTasksServer(tmp_path / "tasks.db", HeldClock().now, issuer.mint, dispatching=False) as server,
        listening(application(server, HeldClock()), listener, threads=2, largest_body=10**6),
    ):
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with closing(Rest(origin, token=None, timeout=5.0)) as rest:
            assert rest.post(f"/v2/{LOCATION}/queues", {"name": f"{LOCATION}/queues/q"}).status == 200
        yield server, origin


def queue_at(rest: Rest, whole: Queue | None = None) -> RestQueue:
    """A queue over REST; without a `whole` one it must not need it."""

    class Closing(MemoryQueue):
        def close(self) -> None:
            """There is nothing to be closed."""

    def made() -> Any:
        assert whole is not None, "the whole client is not needed"
        return whole

    return RestQueue(rest, ADDRESS, HeldClock(), whole=made)


def test_tasks_are_taken_over_rest(cloud_tasks: tuple[CloudTasksServer, str], opened: Callable[[str], Rest]) -> None:
    """As by the client with gRPC: under its name once, with its body, its time, its trace and whom to show a token."""
    server, origin = cloud_tasks
    queue = queue_at(opened(origin))
    at = HeldClock().now() + timedelta(hours=1)
    with following(Trace("a" * 32, "b" * 16, sampled=True)):
        task = Task("sync_calendar", {"feed": "f", "number": 7})

    assert queue.add(task, name="n", at=at)
    assert not queue.add(task, name="n", at=at)
    assert queue.add(task)
    (kept,) = [one for one in server.book.tasks(f"{LOCATION}/queues/q", after="", limit=10) if one.name.endswith("/n")]
    assert kept.http_request.url == "https://functions.example/sync_calendar"
    assert msgspec.json.decode(kept.http_request.body) == {"feed": "f", "number": 7}
    assert kept.http_request.headers["traceparent"] == f"00-{'a' * 32}-{'b' * 16}-01"
    assert kept.http_request.oidc_token.service_account_email == "tasks@example.com"
    assert kept.http_request.oidc_token.audience == kept.http_request.url
    assert kept.dispatch_deadline == timedelta(minutes=10)
    assert abs(kept.schedule_time - at) < timedelta(milliseconds=1)


@pytest.mark.parametrize("answer", [(500, told("INTERNAL")), (HANG_UP, b""), (429, told("RESOURCE_EXHAUSTED"))])
def test_a_task_that_was_not_taken_for_certain_is_added_again_under_its_name(
    opened: Callable[[str], Rest], answer: tuple[int, Any]
) -> None:
    """With the whole client, which knows what each failure means; under a name that is safe."""
    whole = MemoryQueue(ManualClock(NOON))
    with playing(answer) as played:
        assert queue_at(opened(played.origin), whole).add(Task("tick"), name="n")

    assert [held.task.function for held in whole.due(NOON)] == ["tick"]


@pytest.mark.parametrize("answer", [(500, told("INTERNAL")), (HANG_UP, b""), (302, b""), (499, told("CANCELLED"))])
def test_a_task_without_a_name_is_not_added_twice(opened: Callable[[str], Rest], answer: tuple[int, Any]) -> None:
    """Whoever adds it is told that nobody knows."""
    with playing(answer) as played, pytest.raises(OutcomeUnknown):
        queue_at(opened(played.origin)).add(Task("tick"))


def test_a_task_without_a_name_that_was_not_sent_is_added(opened: Callable[[str], Rest]) -> None:
    """Where nobody listens, there is none yet."""
    assert queue_at(opened(refused()), MemoryQueue(ManualClock(NOON))).add(Task("tick"))


# ---- Connections and tokens ------------------------------------------------------------------


def test_a_connection_that_was_hung_up_is_opened_anew(opened: Callable[[str], Rest]) -> None:
    """Google's servers end what is idle; the next request does not fail by it, and is sent once."""
    with playing((200, {}), idle=0.05) as played:
        rest = opened(played.origin)
        rest.post("/a", {})
        gone = threading.Event()
        for _ in range(200):
            if _hung_up(rest):
                break
            gone.wait(0.01)
        assert rest.post("/b", {}).status == 200
        assert [path for path, _, _ in played.asked] == ["/a", "/b"]


def _hung_up(rest: Rest) -> bool:
    from infra.google import rest as module  # noqa: PLC0415 - a private look, so that the test need not sleep

    return module._hung_up(rest._threads.kept.connection.sock)  # noqa: SLF001 - see above


def test_each_thread_has_a_connection_of_its_own(opened: Callable[[str], Rest]) -> None:
    """Answers cannot be mixed up."""
    with playing((200, {})) as played:
        rest = opened(played.origin)
        threads = [threading.Thread(target=rest.post, args=("/a", {})) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(played.connections) == 4


def test_a_token_is_fetched_once() -> None:
    """From the metadata server, by the header that a stranger's page could not send."""
    with playing((200, {"access_token": "abc", "expires_in": 3599, "token_type": "Bearer"})) as played:
        with closing(Metadata(timeout=5.0, origin=played.origin)) as token:
            assert [token(), token()] == ["abc", "abc"]
        ((path, _, headers),) = played.asked
    assert path == "/computeMetadata/v1/instance/service-accounts/default/token"
    assert headers["Metadata-Flavor"] == "Google"


def test_a_token_that_ends_soon_is_fetched_again() -> None:
    """One that would end on its way is not shown."""
    soon = [(200, {"access_token": text, "expires_in": 60}) for text in "ab"]
    with playing(*soon) as played, closing(Metadata(timeout=5.0, origin=played.origin)) as token:
        assert [token(), token()] == ["a", "b"]


@pytest.mark.parametrize("answer", [(404, {}), (200, {"no": 1}), (200, b"x"), (HANG_UP, b"")])
def test_without_a_token_nothing_was_sent(answer: tuple[int, Any]) -> None:
    """Whoever asks knows that it may ask again."""
    with (
        playing(answer) as no,
        playing((200, {})) as played,
        closing(Metadata(timeout=5.0, origin=no.origin)) as token,
        closing(Rest(played.origin, token=token, timeout=5.0)) as rest,
        pytest.raises(Unanswered) as raised,
    ):
        rest.post("/a", {})

    assert (raised.value.sent, played.asked) == (False, [])
