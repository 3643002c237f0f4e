"""Turns every way a call to Firestore can fail into one of the house's errors.

Authority: https://cloud.google.com/firestore/docs/understand-error-codes
"""

from __future__ import annotations

from google.api_core.exceptions import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    Forbidden,
    GatewayTimeout,
    GoogleAPICallError,
    InternalServerError,
    InvalidArgument,
    NotFound,
    OutOfRange,
    ResourceExhausted,
    RetryError,
    ServiceUnavailable,
    Unauthenticated,
    Unknown,
)
from google.auth.exceptions import GoogleAuthError

from conference.errors import Later, LockstepError, OutcomeUnknown, Refused, Where

SERVER_FAILED = (ServiceUnavailable, InternalServerError, Unknown, GatewayTimeout)
"""After one of these a read may be repeated, and a commit may have been done, or be done later."""

CONDITION_FAILED = (AlreadyExists, FailedPrecondition, NotFound)
"""A commit's conditions did not hold; nothing was written."""

CROWDED = (Aborted,)
"""Too many wrote the same documents at once; nothing was written."""

FAILURES = (GoogleAPICallError, RetryError, GoogleAuthError, ValueError)
"""All that a call to Firestore may raise; ValueError once the connection is closed. Anything else is a bug."""

_NOT_TAKEN = (ResourceExhausted, Unauthenticated, Forbidden, Aborted, GoogleAuthError, ValueError)
_MISTAKEN = (InvalidArgument, OutOfRange)


def of_read(operation: str, failure: Exception) -> LockstepError:
    """What a failed read says: a mistake of ours is refused, anything else may be tried again."""
    if isinstance(failure, _MISTAKEN):
        return Refused("Firestore refuses this", _where(operation, failure))
    return Later("Firestore gave no usable answer", _where(operation, failure))


def of_commit(failure: Exception) -> LockstepError:
    """What a failed commit says: refused, not done, or not known."""
    where = _where("commit", failure)
    if isinstance(failure, _MISTAKEN):
        return Refused("Firestore refuses this", where)
    if isinstance(failure, _NOT_TAKEN) or _not_sent(failure):
        return Later("Firestore did not take the commit", where)
    return OutcomeUnknown("Firestore did not confirm the commit", where)


def _not_sent(failure: Exception) -> bool:
    # grpc's own words, before any request: https://github.com/grpc/grpc/blob/master/src/core/load_balancing
    return isinstance(failure, ServiceUnavailable) and "failed to connect to all addresses" in failure.message


def _where(operation: str, failure: Exception) -> Where:
    # The text of a failure may name documents, whose ids are not for the log.
    status = getattr(failure, "code", None)
    return Where("firestore", operation, int(status) if status is not None else None, type(failure).__name__)
