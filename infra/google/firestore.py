"""The Store in Firestore; the port is functions.ports.Store, the layout of a document is in firestore_wire.

Authority: https://cloud.google.com/firestore/docs/reference/rpc/google.firestore.v1#commitrequest

A commit is one request whose writes each carry a precondition: absent, or at the instant of change that its version
tells. There are no transactions, and nothing is locked between reading and writing. Firestore's instants of change
grow with each commit of a document and do not return when it is deleted and made anew.

Which documents are hot: a feed's own, written once for a burst of notices and a few times by each run, all within the
one write a second that Firestore advises for a document; nothing is written by all users at once. Keys of runs and the
values of due, poll_at and the like grow with time, which bounds a collection to about 500 writes a second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from google.api_core.exceptions import AlreadyExists
from google.cloud.firestore_v1.types import Cursor, Precondition, StructuredQuery, Value, Write
from google.protobuf.timestamp_pb2 import Timestamp

from conference.errors import Conflict, LockstepError, OutcomeUnknown
from conference.errors import Where as Told
from functions.ports import Clock, Delete, Document, Put, Version, Where
from infra.documents import check_key, check_query, check_writes, expired, meets
from infra.google.firestore_commit import Commit, Verdict
from infra.google.firestore_errors import CONDITION_FAILED, CROWDED, FAILURES, of_commit, of_read
from infra.google.firestore_indexes import Indexes
from infra.google.firestore_layout import UNTIL
from infra.google.firestore_wire import Read, Wire, value_of

MOST = 2**31 - 1
"""The largest limit of a query that Firestore takes."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)

T = TypeVar("T")


class FirestoreStore:
    """The Store in the database at the other end of `wire`; close it when the process is done with it.

    `new_mark` yields a text that no other commit has. `pause` waits a moment at random, before a writer is told that
    it met others. With `indexes`, a query that production has no index for raises ValueError; the emulator, which
    needs none, would answer it.
    """

    def __init__(
        self,
        wire: Wire,
        clock: Clock,
        *,
        new_mark: Callable[[], str],
        pause: Callable[[], None],
        indexes: Indexes | None = None,
    ) -> None:
        self._wire = wire
        self._clock = clock
        self._new_mark = new_mark
        self._pause = pause
        self._indexes = indexes

    def close(self) -> None:
        """Close the connection; calls after that raise Later."""
        self._wire.close()

    def get(self, key: str) -> Document | None:
        """The document, as the last commit left it. Raises Later when Firestore gives no answer."""
        check_key(key)
        read = _asked("get", lambda: self._wire.read([key])).get(key)
        return None if read is None or expired(read.document.data, self._clock.now()) else read.document

    # ---- Commits

    def commit(self, *writes: Put | Delete) -> tuple[Version | None, ...]:
        """Do all writes or none; raises Conflict, Later or OutcomeUnknown as the port says."""
        check_writes(writes)
        commit = Commit.of(writes, self._new_mark(), self._clock.now())
        return commit.versions(self._send(commit)) if writes else ()

    def _send(self, commit: Commit) -> Timestamp:
        try:
            return self._wire.commit(commit.request(self._wire))
        except FAILURES as failure:
            error = self._error(failure)
            if isinstance(failure, AlreadyExists):
                return self._replace_expired(commit, error)
            if isinstance(error, OutcomeUnknown):
                return self._look_and_repeat(commit, error)
            raise error from failure

    def _error(self, failure: Exception) -> LockstepError:
        if isinstance(failure, CROWDED):
            # Nothing was written, but each who comes back at once meets the same crowd.
            self._pause()
        if isinstance(failure, CROWDED + CONDITION_FAILED):
            return Conflict("The document has changed meanwhile")
        return of_commit(failure)

    def _replace_expired(self, commit: Commit, error: LockstepError) -> Timestamp:
        """Firestore deletes what has expired within a day; until then it is replaced instead of made."""
        found = _asked("get", lambda: self._wire.read([key for key, needed in commit.needs.items() if needed is None]))
        replacing = commit.in_place_of(found, self._clock.now())
        if replacing is None:
            raise error
        try:
            return self._wire.commit(replacing.request(self._wire))
        except FAILURES as failure:
            again = self._error(failure)
            if isinstance(again, OutcomeUnknown):
                return self._look_and_repeat(replacing, again)
            raise again from failure

    def _look_and_repeat(self, commit: Commit, error: LockstepError) -> Timestamp:
        """The answer was lost: look what became of it, and ask once more if the documents prove that to be safe."""
        done = self._look(commit, error)
        if done is not None:
            return done
        try:
            return self._wire.commit(commit.request(self._wire))
        except FAILURES:
            # Whatever this one says, the first may have come through after the look.
            done = self._look(commit, error)
        if done is None:
            raise error
        return done

    def _look(self, commit: Commit, error: LockstepError) -> Timestamp | None:
        """When the commit was done, None if it was not done and may be repeated; else raises what is to be told."""
        try:
            found = self._wire.read(list(commit.needs))
        except FAILURES:
            raise error from None
        verdict = commit.verdict(found)
        if verdict is Verdict.NEVER:
            raise Conflict("The document has changed meanwhile")
        if verdict is Verdict.UNKNOWN:
            raise error
        return commit.done_at(found)

    def settle(self, writes: Sequence[Put | Delete], mark: str) -> tuple[Version | None, ...]:
        """End a commit that was sent with this mark and whose answer was lost; raises as `commit`."""
        # Versions were judged when it was sent: what has expired since then is no sign that nothing was written.
        commit = Commit.of(writes, mark, _LONG_AGO)
        lost = OutcomeUnknown("Firestore did not confirm the commit", Told("firestore", "commit"))
        return commit.versions(self._look_and_repeat(commit, lost))

    # ---- Queries

    def query(
        self,
        collection: str,
        where: Sequence[Where] = (),
        *,
        order_by: str | None = None,
        limit: int = 100,
        after: Document | None = None,
    ) -> list[Document]:
        """Documents that meet every condition, ascending by `order_by` and then by key, behind `after`."""
        check_query(collection, where, order_by, limit, after)
        if self._indexes is not None:
            self._indexes.check(collection, where, order_by)
        found: list[Document] = []
        while len(found) < limit:
            asked = min(limit - len(found), MOST)
            page = self._page(collection, where, order_by, asked, after)
            now = self._clock.now()
            found += [one for one in page if meets(one.data, where) and not expired(one.data, now)]
            if len(page) < asked:
                break
            after = page[-1]
        return found

    def _page(
        self, collection: str, where: Sequence[Where], order_by: str | None, limit: int, after: Document | None
    ) -> list[Document]:
        """A superset of the answer: conditions that would need another order are left to be judged here."""
        asked = [condition for condition in where if condition.op == "==" or condition.field == order_by]
        query = StructuredQuery(
            from_=[StructuredQuery.CollectionSelector(collection_id=collection)],
            where=_all_of(asked),
            order_by=[_ascending(name) for name in (order_by, "__name__") if name is not None],
            start_at=None if after is None else self._behind(after, order_by),
            limit=limit,
        )
        reads = _asked("query", lambda: self._wire.query(query))
        return [read.document for read in reads]

    def _behind(self, document: Document, order_by: str | None) -> Cursor:
        name = Value(reference_value=self._wire.name(document.key))
        values = [name] if order_by is None else [value_of(document.data[order_by]), name]
        return Cursor(values=values, before=False)

    # ---- Expiry

    def purge(self, now: datetime) -> int:
        """Delete what has expired by `now` and return how many documents that were: what Google's servers do alone."""
        return sum(self._purge(collection, now) for collection in _asked("list", self._wire.collections))

    def _purge(self, collection: str, now: datetime) -> int:
        until = Value(timestamp_value=now)
        query = StructuredQuery(
            from_=[StructuredQuery.CollectionSelector(collection_id=collection)],
            where=_filter(UNTIL, "<=", until),
        )
        reads = _asked("query", lambda: self._wire.query(query))
        return sum(self._delete(read) for read in reads if expired(read.document.data, now))

    def _delete(self, read: Read) -> bool:
        write = Write(
            delete=self._wire.name(read.document.key), current_document=Precondition(update_time=read.changed)
        )
        try:
            self._wire.commit([write])
        except CONDITION_FAILED:
            return False
        except FAILURES as failure:
            raise of_read("purge", failure) from failure
        return True


def _asked(operation: str, call: Callable[[], T]) -> T:
    try:
        return call()
    except FAILURES as failure:
        raise of_read(operation, failure) from failure


_OPERATORS = {
    "==": StructuredQuery.FieldFilter.Operator.EQUAL,
    "<": StructuredQuery.FieldFilter.Operator.LESS_THAN,
    "<=": StructuredQuery.FieldFilter.Operator.LESS_THAN_OR_EQUAL,
    ">": StructuredQuery.FieldFilter.Operator.GREATER_THAN,
    ">=": StructuredQuery.FieldFilter.Operator.GREATER_THAN_OR_EQUAL,
}


def _filter(field: str, operator: str, value: Value) -> StructuredQuery.Filter:
    return StructuredQuery.Filter(
        field_filter=StructuredQuery.FieldFilter(
            field=StructuredQuery.FieldReference(field_path=field),
            op=_OPERATORS[operator],
            value=value,
        )
    )


def _all_of(where: Sequence[Where]) -> StructuredQuery.Filter | None:
    filters = [_filter(condition.field, condition.op, value_of(condition.value)) for condition in where]
    if len(filters) < 2:
        return filters[0] if filters else None
    every = StructuredQuery.CompositeFilter.Operator.AND
    return StructuredQuery.Filter(composite_filter=StructuredQuery.CompositeFilter(op=every, filters=filters))


def _ascending(name: str) -> StructuredQuery.Order:
    return StructuredQuery.Order(
        field=StructuredQuery.FieldReference(field_path=name), direction=StructuredQuery.Direction.ASCENDING
    )
