"""The Store against the plainest model there is: a dict, judged step by step over random histories."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from conference.errors import Conflict
from functions.ports import Delete, Document, Put, Version, Where
from infra.local.memory import ManualClock
from tests.contract.grounds import NOON, STORES, PurgingStore

KEYS = [f"{collection}/{name}" for collection in ("feeds", "ledger") for name in ("a", "b", "ä/c", "A")]
FIELDS = ["due", "feed", "expire_at"]
numbers = st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.1, 0.3, -0.0])
texts = st.text(st.sampled_from("aAä😀\x00\uffff"), max_size=3)
soon = st.integers(-60, 600).map(lambda seconds: NOON.timestamp() + seconds)
scalars = numbers | texts | st.booleans()
values = scalars | st.none() | st.lists(scalars, max_size=2) | st.dictionaries(st.just("due"), scalars)
documents = st.fixed_dictionaries({}, optional={"due": values, "feed": values, "expire_at": soon | st.just("never")})
conditions = st.builds(Where, st.sampled_from(FIELDS), st.sampled_from(["==", "<", "<=", ">", ">="]), scalars)
Step = tuple[Literal["put", "delete"], str, dict[str, Any], Literal["right", "old", "none"]]
steps = st.tuples(
    st.sampled_from(["put", "put", "delete"]),
    st.sampled_from(KEYS),
    documents,
    st.sampled_from(["right", "right", "right", "right", "old", "none"]),
)


def rank(value: Any) -> tuple[int, Any] | None:
    """Where a value stands among all that can be ordered; None if it cannot."""
    if isinstance(value, bool):
        return 0, value
    if isinstance(value, int | float):
        return 1, value
    return (2, value) if isinstance(value, str) else None


class StoreMachine(RuleBasedStateMachine):
    """Random commits, waits, purges and restarts; after each, reads and queries must show what the dict shows."""

    ground = "memory"

    @initialize()
    def begin(self) -> None:
        """An empty store."""
        self.close = ExitStack()
        self.folder = self.close.enter_context(tempfile.TemporaryDirectory())
        self.clock = ManualClock(NOON)
        self.store: PurgingStore = STORES[self.ground](Path(self.folder), self.clock, self.close)
        self.model: dict[str, Document] = {}
        self.used: dict[str, list[Version]] = {key: [] for key in KEYS}

    def teardown(self) -> None:
        """Close it."""
        self.close.close()

    def alive(self) -> dict[str, Document]:
        """What has not expired."""
        now = self.clock.now().timestamp()
        expires = {key: document.data.get("expire_at") for key, document in self.model.items()}
        return {k: self.model[k] for k, at in expires.items() if not isinstance(at, float) or at > now}

    @rule(commit=st.lists(steps, min_size=1, max_size=4, unique_by=lambda step: step[1]))
    def commit(self, commit: list[Step]) -> None:
        """A commit is done if every condition holds in the dict, else nothing is."""
        alive = self.alive()
        writes: list[Put | Delete] = []
        holds = True
        for kind, key, data, guess in commit:
            actual = alive[key].version if key in alive else None
            version = {"right": actual, "none": None, "old": (self.used[key] or ["none such"])[0]}[guess]
            if kind == "delete" and version is None:
                version = "none such"
            writes.append(Put(key, data, version) if kind == "put" else Delete(key, str(version)))
            holds = holds and version == actual
        if not holds:
            with pytest.raises(Conflict):
                self.store.commit(*writes)
            return
        for write, version in zip(writes, self.store.commit(*writes), strict=True):
            self.apply(write, version)

    def apply(self, write: Put | Delete, version: Version | None) -> None:
        """Do one write in the dict; its version must be one this document never had."""
        if isinstance(write, Delete):
            assert version is None
            del self.model[write.key]
            return
        assert version is not None
        assert version not in self.used[write.key]
        self.used[write.key].append(version)
        self.model[write.key] = Document(write.key, dict(write.data), version)

    @rule(seconds=st.integers(1, 200))
    def wait(self, seconds: int) -> None:
        """Time goes on, and documents expire."""
        self.clock.advance(timedelta(seconds=seconds))

    @rule()
    def purge(self) -> None:
        """What has expired is deleted, and counted once."""
        gone = set(self.model) - set(self.alive())

        assert self.store.purge(self.clock.now()) == len(gone)
        for key in gone:
            del self.model[key]

    @rule(
        collection=st.sampled_from(["feeds", "ledger", "other"]),
        where=st.lists(conditions, max_size=3),
        order_by=st.none() | st.sampled_from(FIELDS),
        limit=st.integers(1, 4),
    )
    def query(self, collection: str, where: list[Where], order_by: str | None, limit: int) -> None:
        """An answer, read page by page, is the dict's documents that meet the conditions, in order."""
        expected = self.expected(collection, where, order_by)
        found: list[Document] = []
        after = None
        while page := self.store.query(collection, where, order_by=order_by, limit=limit, after=after):
            assert len(page) == min(limit, len(expected) - len(found))
            found += page
            after = page[-1]

        assert found == expected

    def expected(self, collection: str, where: list[Where], order_by: str | None) -> list[Document]:
        """The answer by the words of the port."""

        def meets(document: Document, condition: Where) -> bool:
            mine, asked = rank(document.data.get(condition.field)), rank(condition.value)
            if mine is None or asked is None or mine[0] != asked[0]:
                return False
            a, b = mine[1], asked[1]
            return bool({"==": a == b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[condition.op])

        chosen = [d for d in self.alive().values() if d.key.startswith(f"{collection}/")]
        chosen = [d for d in chosen if all(meets(d, condition) for condition in where)]
        if order_by is not None:
            chosen = [d for d in chosen if rank(d.data.get(order_by)) is not None]
        return sorted(chosen, key=lambda d: (rank(d.data[order_by]) if order_by else None or (), d.key))

    @invariant()
    def same(self) -> None:
        """Each document is what the dict holds."""
        alive = self.alive()
        assert {key: document for key in KEYS if (document := self.store.get(key))} == alive


@pytest.mark.parametrize("ground", sorted(STORES))
def test_any_history_leaves_what_a_dict_would_hold(ground: str) -> None:
    """Over random histories the store answers every read, query, condition and purge as the model does."""

    class Machine(StoreMachine):
        pass

    Machine.ground = ground
    examples = 8 if ground.startswith("firestore") else 30  # over a socket each takes a second
    run_state_machine_as_test(Machine, settings=settings(max_examples=examples, stateful_step_count=20, deadline=None))
