"""What every Store promises of queries: what is found, in which order, page by page."""

from __future__ import annotations

from typing import Any

import pytest

from functions.ports import Delete, Document, Put, Where
from tests.contract.grounds import PurgingStore
from tests.contract.store.filing import keys, put


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
