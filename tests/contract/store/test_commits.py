"""What every Store promises of commits: all or none, on the versions that are there, one winner among many writers."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from conference.errors import Conflict, Refused
from functions.ports import Delete, Document, Put, Where
from tests.contract.grounds import PurgingStore
from tests.contract.store.filing import keys, put


def test_a_put_replaces_the_whole_document(store: PurgingStore) -> None:
    """Fields that the new data lacks are gone, for queries too."""
    first = put(store, "feeds/a", poll_at=1.0, user="u")

    store.commit(Put("feeds/a", {"user": "v"}, first.version))

    found = store.get("feeds/a")
    assert found is not None
    assert found.data == {"user": "v"}
    assert store.query("feeds", order_by="poll_at") == []
    assert keys(store.query("feeds", [Where("user", "==", "v")])) == ["a"]
    assert store.query("feeds", [Where("user", "==", "u")]) == []


@pytest.mark.parametrize("stale", ["absent", "older", "other"])
def test_a_put_on_another_version_conflicts(store: PurgingStore, stale: str) -> None:
    """Only the version that is there is replaced; the document keeps what it had."""
    first = put(store, "feeds/a", n=1)
    other = put(store, "feeds/b", n=1)
    (second,) = store.commit(Put("feeds/a", {"n": 2}, first.version))
    version = {"absent": None, "older": first.version, "other": other.version}[stale]

    with pytest.raises(Conflict):
        store.commit(Put("feeds/a", {"n": 3}, version))

    assert store.get("feeds/a") == Document("feeds/a", {"n": 2}, str(second))


@pytest.mark.parametrize("make", [lambda v: Put("feeds/a", {}, v), lambda v: Delete("feeds/a", v)])
def test_a_write_on_an_absent_document_conflicts(store: PurgingStore, make: Callable[[str], Put | Delete]) -> None:
    """A version of a document that was deleted does not bring it back, nor delete it twice."""
    first = put(store, "feeds/a")
    store.commit(Delete("feeds/a", first.version))

    with pytest.raises(Conflict):
        store.commit(make(first.version))

    assert store.get("feeds/a") is None


def test_a_deleted_document_is_gone_everywhere(store: PurgingStore) -> None:
    """After a deletion neither get nor query shows it; the commit answers None for it."""
    first = put(store, "feeds/a", poll_at=1.0)

    versions = store.commit(Delete("feeds/a", first.version))

    assert versions == (None,)
    assert store.get("feeds/a") is None
    assert store.query("feeds") == store.query("feeds", order_by="poll_at") == []


def test_versions_never_repeat(store: PurgingStore) -> None:
    """A document deleted and made anew, with the same data, has a version it never had before."""
    seen = set()
    for _ in range(20):
        document = put(store, "feeds/a", n=1)
        seen.add(document.version)
        store.commit(Delete("feeds/a", document.version))

    assert len(seen) == 20


def test_a_commit_is_all_or_none(store: PurgingStore) -> None:
    """One failed condition among many, even the last, leaves every document as it was."""
    first = put(store, "feeds/a", n=1)
    second = put(store, "feeds/b", n=1)

    with pytest.raises(Conflict):
        store.commit(
            Put("feeds/a", {"n": 2}, first.version),
            Put("feeds/c", {"n": 2}, None),
            Delete("feeds/b", second.version),
            Put("feeds/d", {"n": 2}, "no such version"),
        )

    assert store.query("feeds") == [first, second]


def test_a_commit_answers_each_new_version_in_order(store: PurgingStore) -> None:
    """The versions a commit answers are those that reads show afterwards."""
    first = put(store, "feeds/a")

    versions = store.commit(Put("feeds/z", {}, None), Delete("feeds/a", first.version), Put("feeds/b", {}, None))

    assert versions[1] is None
    assert {d.key: d.version for d in store.query("feeds")} == {"feeds/z": versions[0], "feeds/b": versions[2]}


def test_the_largest_commit_is_taken(store: PurgingStore) -> None:
    """400 writes are one commit, 401 are none; an empty one is done at once."""
    assert len(store.commit(*(Put(f"marks/{n}", {"n": n}, None) for n in range(400)))) == 400
    with pytest.raises(ValueError, match="400"):
        store.commit(*(Put(f"more/{n}", {}, None) for n in range(401)))

    assert store.commit() == ()
    assert len(store.query("marks", limit=1000)) == 400
    assert store.query("more") == []


def test_an_oversized_commit_is_refused(store: PurgingStore) -> None:
    """What some ground could not take in one request is refused by all, and nothing is written."""
    with pytest.raises(Refused):
        store.commit(*(Put(f"feeds/{n}", {"text": "x" * 370_000}, None) for n in range(10)))

    assert store.query("feeds") == []


def test_naming_a_document_twice_is_refused(store: PurgingStore) -> None:
    """Which of two writes of one document should win is not guessed."""
    with pytest.raises(ValueError, match="once"):
        store.commit(Put("feeds/a", {}, None), Put("feeds/a", {"n": 1}, None))


# ---- Side by side -----------------------------------------------------------------------------


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Threads that take turns a thousand times as often as usual, so that races are met."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 1000)
    yield
    sys.setswitchinterval(usual)


def side_by_side(*calls: Callable[[], None]) -> None:
    """Start every call at the same moment and wait for all."""
    gate = threading.Barrier(len(calls))

    def start(call: Callable[[], None]) -> None:
        gate.wait()
        call()

    threads = [threading.Thread(target=start, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.usefixtures("eager_threads")
def test_one_writer_wins_each_version(store: PurgingStore) -> None:
    """Of eight threads that write on the same version one succeeds, and the others are told so."""
    document = put(store, "feeds/a", winner=None)
    for _ in range(10):
        outcomes: list[str] = []

        def write(version: str = document.version, outcomes: list[str] = outcomes) -> None:
            try:
                store.commit(Put("feeds/a", {"by": threading.get_ident()}, version))
                outcomes.append("won")
            except Conflict:
                outcomes.append("lost")

        side_by_side(*[write] * 8)
        found = store.get("feeds/a")
        assert found is not None
        document = found

        assert sorted(outcomes) == ["lost"] * 7 + ["won"]


@pytest.mark.usefixtures("eager_threads")
def test_no_increment_is_lost(store: PurgingStore) -> None:
    """Threads that read, add one and commit on what they read, until it succeeds, add up."""
    put(store, "feeds/a", n=0)
    put(store, "feeds/b", n=0)

    def add() -> None:
        for _ in range(50):
            while True:
                one, two = store.get("feeds/a"), store.get("feeds/b")
                assert one is not None
                assert two is not None
                try:
                    store.commit(
                        Put("feeds/a", {"n": one.data["n"] + 1}, one.version),
                        Put("feeds/b", {"n": two.data["n"] + 1}, two.version),
                    )
                    break
                except Conflict:
                    continue

    side_by_side(*[add] * 4)

    assert [document.data["n"] for document in store.query("feeds")] == [200, 200]
