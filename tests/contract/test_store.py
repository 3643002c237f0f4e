"""The contract of functions.ports.Store, for every ground."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from conference.errors import Conflict, Refused
from functions.ports import Delete, Document, Put, Where
from infra.local.memory import ManualClock
from tests.contract.grounds import NOON, STORES, PurgingStore, opened_store


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at noon."""
    return ManualClock(NOON)


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[PurgingStore]:
    """Every store in turn, empty."""
    with opened_store(request.param, tmp_path, clock) as store:
        yield store


def put(store: PurgingStore, key: str, **data: Any) -> Document:
    """Write a document that must be absent."""
    (version,) = store.commit(Put(key, data, None))
    assert version is not None
    return Document(key, data, version)


def keys(documents: list[Document]) -> list[str]:
    """The ids of an answer, in order."""
    return [document.key.partition("/")[2] for document in documents]


def test_an_unknown_document_is_none(store: PurgingStore) -> None:
    """What was never written is absent."""
    assert store.get("feeds/a") is None


def test_a_document_is_read_back_as_written(store: PurgingStore) -> None:
    """Every kind of JSON value comes back equal and of the same type, and the id may be any text."""
    data = {
        "text": "Ä 😀 \u0000 \"'",
        "whole": 2**63 - 1,
        "float": 1772452800.1234567,
        "round": 3.0,
        "yes": True,
        "none": None,
        "list": [1, [2.5, {"a": []}]],
        "map": {"": {"x.y": False}},
    }
    written = put(store, "feeds/Ä b/c@group.v.calendar.google.com#1", **data)

    found = store.get(written.key)

    assert found == written
    assert found is not None
    assert {name: type(value) for name, value in found.data.items()} == {n: type(v) for n, v in data.items()}


def test_an_id_may_be_any_text(store: PurgingStore) -> None:
    """Ids that mean something elsewhere, or are long, are as good as others, and an answer has them in their order."""
    names = [".", "..", "__a__", "_", "_-", "-", "/", "//", "\x00", "\x01", "a/b", "a.b", "a-b", "a0b", "é" * 500, "1"]
    for name in names:
        put(store, f"feeds/{name}", name=name)

    assert keys(store.query("feeds")) == sorted(names)
    assert [found and found.data["name"] for found in map(store.get, [f"feeds/{name}" for name in names])] == names


def test_what_was_read_or_written_shares_nothing_with_the_store(store: PurgingStore) -> None:
    """Changing an object after it was written, or after it was read, changes no document."""
    inner: dict[str, Any] = {"n": 1}
    store.commit(Put("feeds/a", {"inner": inner}, None))
    inner["n"] = 2
    found = store.get("feeds/a")
    assert found is not None
    found.data["inner"]["n"] = 3
    store.query("feeds")[0].data["inner"]["n"] = 4

    again = store.get("feeds/a")

    assert again is not None
    assert again.data == {"inner": {"n": 1}}


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


@pytest.mark.parametrize(
    "key",
    [
        *("", "feeds", "feeds/", "/a", "Feeds/a", "f-e/a", "feeds\n/a"),
        *("feeds/" + "a" * 1001, "feeds/" + "./" * 400, "feeds/\ud800"),
    ],
)
def test_a_malformed_key_is_refused(store: PurgingStore, key: str) -> None:
    """A key is collection/id; anything else is a mistake of the caller, told at once."""
    with pytest.raises(ValueError, match=r".+"):
        store.get(key)
    with pytest.raises(ValueError, match=r".+"):
        store.commit(Put(key, {}, None))


@pytest.mark.parametrize(
    "value",
    [
        *(float("nan"), float("inf"), 2**63, -(2**63) - 1, 2**64 - 1, Decimal(1)),
        *(b"x", NOON, UUID(int=1), "\ud800", {"\udfff": 1}, {1: 2}, {1: 2, "1": 2}, object(), {1}),
    ],
)
def test_what_is_not_plain_json_is_refused(store: PurgingStore, value: Any) -> None:
    """A value that some ground could not keep is refused by all, and nothing is written."""
    with pytest.raises(ValueError, match=r".+"):
        store.commit(Put("feeds/b", {}, None), Put("feeds/a", {"value": [value]}, None))

    assert store.query("feeds") == []


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), "1" * 19, "[{" * 20, [[]] * 20, {"": {"": []}}, 1.5, -0.0])
def test_what_is_plain_json_is_kept(store: PurgingStore, value: Any) -> None:
    """What only looks like too much is kept: the greatest numbers, long digits, many brackets, many lists in a row."""
    put(store, "feeds/a", value=value)

    assert [document.data for document in store.query("feeds")] == [{"value": value}]


def test_a_document_nests_at_most_20_levels(store: PurgingStore) -> None:
    """The document itself counts for none of them."""
    value: Any = 1
    for _ in range(20):
        value = {"in": value}

    put(store, "feeds/a", value=value)
    with pytest.raises(ValueError, match="20"):
        put(store, "feeds/b", value={"in": value})


def test_endless_nesting_is_refused(store: PurgingStore) -> None:
    """A document nests at most 20 levels deep, and one that holds itself ends in an error too."""
    endless: dict[str, Any] = {}
    endless["self"] = [endless]

    with pytest.raises(ValueError, match="20"):
        store.commit(Put("feeds/a", endless, None))


def test_an_oversized_document_is_refused(store: PurgingStore) -> None:
    """A document near the grounds' limit is kept; a larger one is Refused, whoever filled it."""
    put(store, "feeds/a", text="x" * 370_000)

    with pytest.raises(Refused):
        put(store, "feeds/b", text="x" * 380_000)


def test_an_oversized_commit_is_refused(store: PurgingStore) -> None:
    """What some ground could not take in one request is refused by all, and nothing is written."""
    with pytest.raises(Refused):
        store.commit(*(Put(f"feeds/{n}", {"text": "x" * 370_000}, None) for n in range(10)))

    assert store.query("feeds") == []


def test_naming_a_document_twice_is_refused(store: PurgingStore) -> None:
    """Which of two writes of one document should win is not guessed."""
    with pytest.raises(ValueError, match="once"):
        store.commit(Put("feeds/a", {}, None), Put("feeds/a", {"n": 1}, None))


# ---- Queries ----------------------------------------------------------------------------------


def test_a_query_keeps_to_its_collection(store: PurgingStore) -> None:
    """Collections whose names begin alike are apart."""
    for key in ("feed/a", "feeds/b", "feeds_old/c", "feedz/d"):
        put(store, key, n=1)

    assert keys(store.query("feeds")) == ["b"]
    assert keys(store.query("feeds", [Where("n", "==", 1)])) == ["b"]
    assert store.query("feedss") == []


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("==", 2.0, ["c"]),
        ("<", 2.0, ["a", "b"]),
        ("<=", 2, ["a", "b", "c"]),
        (">", 2.0, ["d"]),
        (">=", 2.0, ["c", "d"]),
        ("==", "2", ["e"]),
        (">=", "", ["e", "f"]),
        ("==", True, ["g"]),
        ("<", True, ["h"]),
        ("==", 1.5, ["b"]),
        ("==", "zz", []),
    ],
)
def test_a_condition_compares_within_one_kind(store: PurgingStore, op: Any, value: Any, expected: list[str]) -> None:
    """A number is compared with numbers only, text with text, truth with truth; true is not 1."""
    values = [-1, 1.5, 2, 3.25, "2", "ä", True, False, None, [2], {"x": 2}]
    for name, stored in zip("abcdefghijk", values, strict=True):
        put(store, f"feeds/{name}", v=stored)
    put(store, "feeds/z", other=2)

    assert keys(store.query("feeds", [Where("v", op, value)])) == expected


def test_every_condition_must_hold(store: PurgingStore) -> None:
    """Conditions on several fields, in any order, are joined by and."""
    for n in range(12):
        put(store, f"ledger/{n:02}", feed=f"f{n % 2}", due=float(n), open=n % 3 == 0)
    where = [Where("due", "<=", 9.0), Where("feed", "==", "f1"), Where("due", ">", 1.0), Where("open", "==", True)]

    found = [keys(store.query("ledger", order)) for order in (where, where[::-1])]

    assert found == [["03", "09"]] * 2


def test_an_answer_is_ordered_by_the_field_and_then_by_key(store: PurgingStore) -> None:
    """Numbers ascend as numbers, equal ones by key, and documents without the field are left out."""
    for name, due in {"z": 10.0, "a": 9, "m": 10, "b": None, "q": -3.5}.items():
        put(store, f"ledger/{name}", due=due)
    put(store, "ledger/n")

    assert keys(store.query("ledger", order_by="due")) == ["q", "a", "m", "z"]
    assert keys(store.query("ledger", [Where("due", ">", 0)], order_by="due", limit=2)) == ["a", "m"]
    assert keys(store.query("ledger")) == ["a", "b", "m", "n", "q", "z"]


def test_text_is_ordered_by_code_point(store: PurgingStore) -> None:
    """Order is the same on every ground and in every locale."""
    for name in ("b", "B", "ä", "😀", "\uffff", "a"):
        put(store, f"feeds/{name}", user=name)

    expected = sorted(["b", "B", "ä", "😀", "\uffff", "a"])
    assert keys(store.query("feeds")) == keys(store.query("feeds", order_by="user")) == expected


@pytest.mark.parametrize("order_by", [None, "due", "feed"])
@pytest.mark.parametrize("where", [(), (Where("feed", "==", "f1"),), (Where("due", ">=", 2.5),)])
def test_pages_join_without_gap_or_repeat(store: PurgingStore, where: tuple[Where, ...], order_by: str | None) -> None:
    """Going on behind the last document of each page yields what one large page yields."""
    for n in range(23):
        put(store, f"ledger/{n * 7 % 23:02}", feed=f"f{n % 3}", due=n % 5 + 0.1)
    whole = store.query("ledger", where, order_by=order_by)

    pages, after = [], None
    while page := store.query("ledger", where, order_by=order_by, limit=4, after=after):
        pages += page
        after = page[-1]

    assert pages == whole
    assert len(whole) > 4


def test_a_page_goes_on_behind_a_document_that_is_gone(store: PurgingStore) -> None:
    """What was deleted or moved meanwhile does not disturb the rest of the walk."""
    documents = [put(store, f"ledger/{n}", due=n) for n in range(6)]
    page = store.query("ledger", order_by="due", limit=3)
    store.commit(Delete(page[-1].key, page[-1].version))
    store.commit(Put("ledger/0", {"due": 4.5}, documents[0].version))

    assert keys(store.query("ledger", order_by="due", after=page[-1])) == ["3", "4", "0", "5"]


@pytest.mark.parametrize(
    "query",
    [
        {"collection": "a/b"},
        {"collection": ""},
        {"collection": "feeds", "limit": 0},
        {"collection": "feeds", "where": [Where("a", "!=", 1)]},  # type: ignore[arg-type]  # the mistake under test
        {"collection": "feeds", "where": [Where("a", "==", None)]},  # type: ignore[arg-type]  # the mistake under test
        {"collection": "feeds", "where": [Where("a", "<", float("nan"))]},
        {"collection": "feeds", "where": [Where("a.b", "==", 1)]},
        {"collection": "feeds", "where": [Where("_data", "==", 1)]},
        {"collection": "feeds", "order_by": "Due"},
        {"collection": "feeds", "after": Document("ledger/a", {}, "1")},
        {"collection": "feeds", "order_by": "due", "after": Document("feeds/a", {}, "1")},
    ],
)
def test_a_question_no_ground_can_answer_is_refused(store: PurgingStore, query: dict[str, Any]) -> None:
    """A mistaken query is a clear error, never an empty answer."""
    with pytest.raises(ValueError, match=r".+"):
        store.query(**query)


# ---- Expiry -----------------------------------------------------------------------------------


def test_an_expired_document_is_absent(store: PurgingStore, clock: ManualClock) -> None:
    """From its `expire_at` on a document is shown by nothing, whether or not it has been purged."""
    put(store, "runs/a", expire_at=NOON.timestamp() + 60, at=1)
    put(store, "runs/b", expire_at="never", at=2)
    clock.advance(timedelta(seconds=59))
    assert keys(store.query("runs")) == ["a", "b"]

    clock.advance(timedelta(seconds=1))

    assert store.get("runs/a") is None
    for query in ({}, {"order_by": "at"}, {"where": [Where("at", "==", 1)]}):
        assert "a" not in keys(store.query("runs", **query))


def test_an_expired_document_can_be_made_anew(store: PurgingStore, clock: ManualClock) -> None:
    """Its old version is worth nothing, absence is what a writer must expect, and queries see the new one alone."""
    old = put(store, "runs/a", expire_at=NOON.timestamp() + 60, at=1)
    clock.advance(timedelta(minutes=2))
    with pytest.raises(Conflict):
        store.commit(Delete("runs/a", old.version))

    new = put(store, "runs/a", at=2)

    assert new.version != old.version
    assert store.query("runs", order_by="at") == [new]
    assert store.query("runs", [Where("at", "==", 1)]) == []


def test_purge_deletes_what_has_expired_and_nothing_else(store: PurgingStore, clock: ManualClock) -> None:
    """Purging counts what it deletes, over all collections, and a second time finds nothing."""
    kept = put(store, "runs/kept", expire_at=NOON.timestamp() + 61)
    for collection in ("runs", "dead", "users"):
        put(store, f"{collection}/old", expire_at=NOON.timestamp() + 60)
    now = clock.advance(timedelta(minutes=1))

    assert [store.purge(now), store.purge(now)] == [3, 0]
    assert store.query("runs") == [kept]


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
