"""The store and the queue as one caller at a time would know them: the plainest words for what they promise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tests.contract.linearizable import UNKNOWN, Call

CONFLICT = "conflict"

Document = tuple[str, str, Any]
"""A key, a value, and a version, or None while nobody has been told it."""
Documents = frozenset[Document]
Tasks = frozenset[tuple[str, int, str]]
"""Open tasks: what each is called, how often it failed, who holds it ("" while it waits)."""


class StoreModel:
    """Calls: ("get", key), ("query",), ("commit", (key, value or None to delete, if_version), ...).

    Every value is written once, so that a value tells which commit it came from.
    """

    start: Documents = frozenset()

    def after(self, state: Documents, call: Call) -> Iterable[Documents]:
        """As Model says."""
        kind, *asked = call.asked
        if kind == "commit":
            return self._commit(state, asked, call.answer)
        if call.answer == UNKNOWN:
            return [state]
        told = {(asked[0], *call.answer)} if kind == "get" and call.answer else set(call.answer or ())
        seen = {document for document in state if kind == "query" or document[0] == asked[0]}
        return [] if not _same(seen, told) else [state - seen | told]

    def _commit(self, state: Documents, writes: list[Any], answer: Any) -> Iterator[Documents]:
        versions = {key: version for key, _, version in state}
        fits = all(key in versions and versions[key] == v if v else key not in versions for key, _, v in writes)
        if answer == CONFLICT:
            if not fits:
                yield state
            return
        if fits:
            new = [None] * len(writes) if answer == UNKNOWN else answer
            kept = {document for document in state if document[0] not in {key for key, _, _ in writes}}
            put = {(key, value, version) for (key, value, _), version in zip(writes, new, strict=True) if value}
            yield frozenset(kept | put)


def _same(seen: set[Document], told: set[Document]) -> bool:
    """True if both are the same documents; a commit that was never answered has its version told by a look."""
    versions = {(key, value): version for key, value, version in told}
    return len(seen) == len(told) and all(
        (key, value) in versions and version in {None, versions[key, value]} for key, value, version in seen
    )


class QueueModel:
    """Calls: ("add", task, name or None), ("take",), ("done" or "again", task, failures), ("release", who).

    Time stands still: a name once used is refused for good, and what failed is due again at once.
    """

    start: tuple[Tasks, frozenset[str]] = (frozenset(), frozenset())

    def after(self, state: tuple[Tasks, frozenset[str]], call: Call) -> Iterator[tuple[Tasks, frozenset[str]]]:
        """As Model says."""
        tasks, names = state
        kind, *asked = call.asked
        if kind == "add":
            task, name = asked
            if name in names and call.answer in {UNKNOWN, False}:
                yield state
            if name not in names and call.answer in {UNKNOWN, True}:
                yield tasks | {(task, 0, "")}, names | ({name} if name else set())
        elif kind == "take":
            for tasks_then in _taken(tasks, call):
                yield tasks_then, names
        elif kind == "release":
            mine = {held for held in tasks if held[2] == asked[0]}
            yield tasks - mine | {(task, failures, "") for task, failures, _ in mine}, names
        else:
            held = (*asked, call.client)
            after = {(asked[0], asked[1] + 1, "")} if kind == "again" and held in tasks else set()
            yield tasks - {held} | after, names


def _taken(tasks: Tasks, call: Call) -> Iterator[Tasks]:
    waiting = [task for task in tasks if not task[2]]
    if call.answer is None and not waiting:
        yield tasks
    for task, failures, _ in waiting:
        if call.answer in {UNKNOWN, (task, failures)}:
            yield tasks - {(task, failures, "")} | {(task, failures, call.client)}
