"""The list of Firestore's indexes: what it answers, and that it is neither short nor long."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from functions.ports import Where
from infra.google.firestore_indexes import Indexes, declared, listed

FUNCTIONS = Path(__file__).parents[2] / "functions"
SAMPLE = Indexes({"rows": frozenset({("feed", "due"), ("kind", "due"), ("a", "b", "at")})})


def where(*conditions: str) -> list[Where]:
    """Conditions written as "field==" or "field<"."""
    parts = [re.fullmatch(r"(\w+)(\W+)", condition) for condition in conditions]
    return [Where(part[1], part[2], 1.0) for part in parts if part]  # type: ignore[arg-type]  # one of the five


@pytest.mark.parametrize(
    ("conditions", "order_by"),
    [
        ([], None),
        ([], "due"),
        (["due<="], "due"),
        (["due>", "due<="], "due"),
        (["feed=="], None),
        (["feed==", "other=="], None),
        (["feed=="], "due"),
        (["feed==", "due>"], "due"),
        (["feed==", "kind=="], "due"),
        (["a==", "b=="], "at"),
        (["due=="], "due"),
    ],
)
def test_what_indexes_answer(conditions: list[str], order_by: str | None) -> None:
    """One field, many equal values, or equal values in one order, joined from several indexes."""
    SAMPLE.check("rows", where(*conditions), order_by)


@pytest.mark.parametrize(
    ("conditions", "order_by"),
    [
        (["due<="], None),
        (["due<="], "at"),
        (["feed==", "at>"], "due"),
        (["other=="], "due"),
        (["feed==", "other=="], "due"),
        (["feed=="], "at"),
        (["a=="], "at"),
    ],
)
def test_what_no_index_answers(conditions: list[str], order_by: str | None) -> None:
    """Whatever would read documents that it does not answer with, or be turned down by Firestore, is refused."""
    with pytest.raises(ValueError, match=r"index|order"):
        SAMPLE.check("rows", where(*conditions), order_by)


@cache
def trees() -> list[ast.Module]:
    """Every file of functions/."""
    return [ast.parse(path.read_text()) for path in sorted(FUNCTIONS.rglob("*.py"))]


def collections() -> set[str]:
    """The collections that functions/ names."""
    return {
        str(node.value.value)
        for tree in trees()
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and [name.id for name in node.targets if isinstance(name, ast.Name)] == ["COLLECTION"]
    }


def fields() -> set[str]:
    """The texts of functions/, among them every field's name."""
    nodes = [node for tree in trees() for node in ast.walk(tree)]
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_every_collection_spares_what_needs_no_index() -> None:
    """For each collection, and for no other, the JSON and the mark have no index, and documents may expire."""
    overrides = {(one.collection_group, one.field_path, one.ttl) for one in listed().field_overrides}

    assert {name for name, _, _ in overrides} == collections()
    assert overrides == {
        (name, field, field == "_expires") for name in collections() for field in ("_data", "_commit", "_expires")
    }
    assert not any(one.indexes for one in listed().field_overrides)


def test_no_index_is_left_over() -> None:
    """Each index is of a collection and of fields that functions/ knows."""
    assert set(declared().along) <= collections()
    assert {field for some in declared().along.values() for along in some for field in along} <= fields()


def test_every_index_ascends_in_one_collection() -> None:
    """As the port's queries do."""
    assert {index.query_scope for index in listed().indexes} == {"COLLECTION"}
    assert {field.order for index in listed().indexes for field in index.fields} == {"ASCENDING"}


def test_nobody_pays_for_a_client_that_is_not_used() -> None:
    """Where documents are in a file and tasks too, neither Firestore's client nor grpc is imported."""
    heavy = ("grpc", "google.cloud.firestore_v1", "google.cloud.tasks_v2")
    script = f"import sys, infra.wiring; print([name for name in {heavy} if name in sys.modules])"
    told = subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", script], cwd=FUNCTIONS.parent, capture_output=True, text=True, check=True
    )

    assert told.stdout.strip() == "[]"
