"""Documents as Firestore keeps them, and the calls that carry them.

Authority: https://cloud.google.com/firestore/docs/reference/rpc/google.firestore.v1

How a document is laid out is told by infra.google.firestore_layout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import grpc
from google.api_core.retry import Retry, if_exception_type
from google.auth.credentials import Credentials
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport
from google.cloud.firestore_v1.types import (
    BatchGetDocumentsRequest,
    CommitRequest,
    CommitResponse,
    ListCollectionIdsRequest,
    RunQueryRequest,
    StructuredQuery,
    Value,
    Write,
)
from google.cloud.firestore_v1.types import Document as Stored
from google.protobuf.timestamp_pb2 import Timestamp

from functions.ports import Document
from infra.documents import Scalar, decode, is_field, kind_of
from infra.google.firestore_errors import SERVER_FAILED
from infra.google.firestore_layout import COMMIT, DATA, UNTIL, deletable, document_id, instant, text_of, version

SCOPE = "https://www.googleapis.com/auth/datastore"
# What only reads may be asked again at once; a call made again and again would outlast its task.
_AGAIN = Retry(predicate=if_exception_type(*SERVER_FAILED), initial=0.1, maximum=0.5, timeout=2.0)


@dataclass(frozen=True, slots=True)
class Read:
    """A document as read, with what the port does not show: its instant of change, and the commit that wrote it."""

    document: Document
    changed: Timestamp
    commit: str


# ---- Documents ------------------------------------------------------------------------------


def fields_of(encoded: bytes, data: Mapping[str, Any], commit: str) -> dict[str, Value]:
    """A document's fields in Firestore."""
    fields = {name: value_of(value) for name, value in data.items() if is_field(name) and kind_of(value) is not None}
    fields |= {DATA: Value(string_value=encoded.decode()), COMMIT: Value(string_value=commit)}
    until = deletable(data)
    if until is not None:
        fields[UNTIL] = Value(timestamp_value=Timestamp(seconds=until))
    return fields


def value_of(value: Scalar) -> Value:
    """A value that queries can see."""
    if isinstance(value, bool):
        return Value(boolean_value=value)
    if isinstance(value, int):
        return Value(integer_value=value)
    return Value(double_value=value) if isinstance(value, float) else Value(string_value=value)


# ---- Versions -------------------------------------------------------------------------------


def version_of(changed: Timestamp, data: Mapping[str, Any]) -> str:
    """The version of a document, as the layout has it."""
    return version(changed.seconds, changed.nanos, data)


def instant_of(version: str, now: datetime) -> Timestamp | None:
    """The instant of change that a document of this version has; None if no document can have the version now."""
    found = instant(version, now)
    return None if found is None else Timestamp(seconds=found[0], nanos=found[1])


# ---- Calls ----------------------------------------------------------------------------------


class Wire:
    """The calls of one database, by the emulator at `emulator` (host:port) if it is given, else by Google's servers.

    Every call raises what the client raises: google.api_core's and google.auth's errors, ValueError once closed.
    """

    def __init__(
        self,
        project: str,
        database: str = "(default)",
        *,
        emulator: str | None = None,
        credentials: Credentials | None = None,
        timeout: float = 10.0,
    ) -> None:
        self._database = f"projects/{project}/databases/{database}"
        self._documents = f"{self._database}/documents"
        self._timeout = timeout
        self._transport = _transport(emulator, credentials)
        self._client = FirestoreClient(transport=self._transport)
        # The emulator takes this for an administrator; Firestore wants to know early which database a call is for.
        owner = [("authorization", "Bearer owner")] if emulator else []
        self._metadata = [("google-cloud-resource-prefix", self._database), *owner]

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def name(self, key: str) -> str:
        """The full name of a document."""
        collection, _, text = key.partition("/")
        return f"{self._documents}/{collection}/{document_id(text)}"

    def read(self, keys: Sequence[str]) -> dict[str, Read]:
        """Those of the documents that exist, expired ones included, all as of one instant."""
        request = BatchGetDocumentsRequest(database=self._database, documents=[self.name(key) for key in keys])
        answers = self._client.batch_get_documents(
            request=request, retry=_AGAIN, timeout=self._timeout, metadata=self._metadata
        )
        found = [self._read(answer.found) for answer in answers if "found" in answer]
        return {read.document.key: read for read in found}

    def commit(self, writes: Sequence[Write]) -> Timestamp:
        """Do the writes, asking once; the instant of change of all that was put."""
        request = CommitRequest(database=self._database, writes=writes)
        answer = self._client.commit(request=request, retry=None, timeout=self._timeout, metadata=self._metadata)
        committed: Timestamp = CommitResponse.pb(answer).commit_time
        return committed

    def query(self, query: StructuredQuery) -> list[Read]:
        """The documents that Firestore answers with, expired ones included, all as of one instant."""
        request = RunQueryRequest(parent=self._documents, structured_query=query)
        answers = self._client.run_query(request=request, retry=_AGAIN, timeout=self._timeout, metadata=self._metadata)
        return [self._read(answer.document) for answer in answers if "document" in answer]

    def collections(self) -> list[str]:
        """The names of all collections."""
        request = ListCollectionIdsRequest(parent=self._documents)
        pages = self._client.list_collection_ids(
            request=request, retry=_AGAIN, timeout=self._timeout, metadata=self._metadata
        )
        return list(pages)

    def _read(self, stored: Stored) -> Read:
        plain = Stored.pb(stored)
        collection, _, name = plain.name.removeprefix(f"{self._documents}/").partition("/")
        data = decode(plain.fields[DATA].string_value)
        document = Document(f"{collection}/{text_of(name)}", data, version_of(plain.update_time, data))
        return Read(document, plain.update_time, plain.fields[COMMIT].string_value)


def _transport(emulator: str | None, credentials: Credentials | None) -> FirestoreGrpcTransport:
    if emulator:
        return FirestoreGrpcTransport(channel=grpc.insecure_channel(emulator))
    # An idle connection is noticed to be dead before a commit meets it; grpc itself repeats nothing.
    options = [("grpc.keepalive_time_ms", 30_000), ("grpc.enable_retries", 0)]
    host = FirestoreClient.DEFAULT_ENDPOINT
    channel = FirestoreGrpcTransport.create_channel(host, credentials=credentials, scopes=[SCOPE], options=options)
    return FirestoreGrpcTransport(host=host, channel=channel)
