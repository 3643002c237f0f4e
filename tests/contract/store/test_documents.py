"""What every Store promises of its documents: kept as written, refused if some ground could not, gone once expired."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from conference.errors import Conflict, Refused
from functions.ports import Delete, Put, Where
from infra.local.memory import ManualClock
from tests.contract.grounds import NOON, PurgingStore
from tests.contract.store.filing import keys, put


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


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), "1" * 19, "[{" * 20, [[]] * 20, {"": {"": []}}, 1.5, -0.0])
def test_what_is_plain_json_is_kept(store: PurgingStore, value: Any) -> None:
    """What only looks like too much is kept: the greatest numbers, long digits, many brackets, many lists in a row."""
    put(store, "feeds/a", value=value)

    assert [document.data for document in store.query("feeds")] == [{"value": value}]


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
