"""Turns every way a Calendar call can fail into one of the house's errors: by reason first, then by status.

Authority: https://developers.google.com/workspace/calendar/api/guides/errors
One status means many things (403 is quota, permission, organizer's rule or missing scope) and one reason comes with
several statuses, so the reason decides wherever there is one.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httplib2
import msgspec
from google.auth.exceptions import GoogleAuthError, TransportError

from conference.errors import (
    UNDECODABLE,
    Gone,
    Later,
    LockstepError,
    Missing,
    OutcomeUnknown,
    Refused,
    Revoked,
    Stale,
    Where,
)
from infra.google.wire import NotConnected


@dataclass(frozen=True, slots=True)
class Operation:
    """A kind of call by Google's name: what a 404 says is gone, and whether repeating it does harm."""

    name: str
    gone: Missing
    repeatable: bool = True

    def where(self, status: int | None = None, reason: str | None = None) -> Where:
        """The place of a failure; holds no id, address or text of a user's."""
        return Where("calendar", self.name, status, reason)


class Answered(Exception):
    """Calendar answered, but not with success; `body` is for translation only and must not be logged."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(f"answered {status}")
        self.status = status
        self.headers = headers
        self.body = body


FAILURES = (Answered, GoogleAuthError, OSError, httplib2.HttpLib2Error, http.client.HTTPException, ValueError)
"""All that a call to Calendar may raise; anything else is a bug."""


def translate(operation: Operation, failure: Exception) -> LockstepError:
    """The one place where a failed call gets its meaning; what is returned holds nothing of request or answer."""
    if isinstance(failure, Answered):
        return _answered(operation, failure)
    if isinstance(failure, GoogleAuthError):
        return _unsigned(operation, failure)
    if isinstance(failure, _NOT_SENT):
        return Later("Calendar could not be reached", operation.where(reason="unreachable"))
    if isinstance(failure, ValueError):
        return Refused("the request holds text that cannot be sent", operation.where(reason="unsendable"))
    return lost_answer(operation, "timeout" if isinstance(failure, TimeoutError) else "disconnected")


def lost_answer(operation: Operation, reason: str, status: int | None = None) -> LockstepError:
    """The request went out and nothing usable came back: a read may be repeated, a write must be looked at."""
    where = operation.where(status, reason)
    if operation.repeatable:
        return Later("Calendar gave no usable answer", where)
    return OutcomeUnknown("Calendar gave no usable answer to a write", where)


_NOT_SENT = (NotConnected, ConnectionRefusedError, httplib2.ServerNotFoundError, httplib2.error.ProxiesUnavailableError)


def _unsigned(operation: Operation, failure: GoogleAuthError) -> LockstepError:
    if isinstance(failure, TransportError) or failure.retryable:
        return Later("the token server could not be reached", operation.where(reason="token server"))
    return Revoked("the consent is no longer valid", operation.where(reason="refresh refused"))


# ---- Answers --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Problem:
    """An answer taken apart; `message` decides about bad tokens only, and is never shown."""

    operation: Operation
    status: int
    where: Where
    after: timedelta | datetime | None
    message: str
    location: str


def _answered(operation: Operation, answer: Answered) -> LockstepError:
    body = _read(answer.body)
    reasons = tuple(body.reasons())
    first = body.errors[0] if body.errors else _Detail()
    problem = _Problem(
        operation=operation,
        status=answer.status,
        where=operation.where(answer.status, reasons[0] if reasons else None),
        after=retry_after(answer.headers),
        message=(first.message or body.message).casefold(),
        location=first.location,
    )
    verdicts = (_BY_REASON[reason] for reason in reasons if reason in _BY_REASON)
    return next(verdicts, _by_status(answer.status))(problem)


def retry_after(headers: Mapping[str, str]) -> timedelta | datetime | None:
    """What Retry-After asks for, as a wait or as an instant; None if it is absent or cannot be read."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return timedelta(seconds=int(text))
    try:
        read = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read


class _Detail(msgspec.Struct, frozen=True):
    reason: str = ""
    message: str = ""
    location: str = ""


class _Body(msgspec.Struct, frozen=True):
    message: str = ""
    status: str = ""
    errors: tuple[_Detail, ...] = ()
    details: tuple[_Detail, ...] = ()

    def reasons(self) -> Iterator[str]:
        """Reasons in the order in which they are believed; a text that is no plain word is none."""
        for candidate in (*(error.reason for error in self.errors), *(d.reason for d in self.details), self.status):
            if re.fullmatch(r"[A-Za-z][A-Za-z0-9._-]{0,63}", candidate):
                yield candidate


class _Envelope(msgspec.Struct, frozen=True):
    error: _Body = _Body()


_envelope = msgspec.json.Decoder(_Envelope)


def _read(body: bytes) -> _Body:
    try:
        return _envelope.decode(body).error
    except UNDECODABLE:
        return _Body()  # a proxy's page, or nothing: the status alone must do


# ---- Verdicts -------------------------------------------------------------------------------

_LONG = timedelta(hours=1)
"""Daily quotas and a switched-off API come back in hours; asking every minute would only burn the rest."""

_Verdict = Callable[[_Problem], LockstepError]


def _quota(problem: _Problem) -> LockstepError:
    return Later("Calendar's quota is used up", problem.where, problem.after)


def _long_wait(problem: _Problem) -> LockstepError:
    return Later("Calendar will not serve this project for a while", problem.where, problem.after or _LONG)


def _contention(problem: _Problem) -> LockstepError:
    return Later("Calendar is busy with the same resource", problem.where, problem.after)


def _server(problem: _Problem) -> LockstepError:
    if problem.operation.repeatable:
        return Later("Calendar failed", problem.where, problem.after)
    # It may have failed after the write was done (a 504 says so outright); Later would claim it was not.
    return OutcomeUnknown("Calendar failed during a write", problem.where)


def _token(problem: _Problem) -> LockstepError:
    return Gone("the sync token is no longer valid", problem.where, Missing.TOKEN)


def _thing(problem: _Problem) -> LockstepError:
    what = problem.operation.gone
    return Gone(f"the {what.value} is no more, or out of reach", problem.where, what)


def _expired(problem: _Problem) -> LockstepError:
    # 410 to a list can only be about what it starts from; to anything else it is about the thing itself.
    return _token(problem) if problem.operation.gone is Missing.CALENDAR else _thing(problem)


def _stale(problem: _Problem) -> LockstepError:
    return Stale("the event has changed meanwhile", problem.where)


def _revoked(problem: _Problem) -> LockstepError:
    return Revoked("Calendar no longer admits this account", problem.where)


def _refused(problem: _Problem) -> LockstepError:
    return Refused("Calendar refuses this", problem.where)


def _bad_request(problem: _Problem) -> LockstepError:
    # A garbage token is 400 with the general reason; only its place or its text tells it from our own mistakes.
    names_token = problem.location in {"syncToken", "pageToken"} or re.search(r"\b(sync|page) ?token", problem.message)
    return _token(problem) if names_token and problem.operation.gone is Missing.CALENDAR else _refused(problem)


_BY_REASON: dict[str, _Verdict] = {
    "rateLimitExceeded": _quota,
    "userRateLimitExceeded": _quota,
    "RATE_LIMIT_EXCEEDED": _quota,
    "RESOURCE_EXHAUSTED": _quota,
    "quotaExceeded": _long_wait,
    "calendarUsageLimitsExceeded": _long_wait,
    "dailyLimitExceeded": _long_wait,
    # The operator must switch the API on again; no user could help by reconnecting.
    "accessNotConfigured": _long_wait,
    "SERVICE_DISABLED": _long_wait,
    "conflict": _contention,
    "fullSyncRequired": _token,
    "updatedMinTooLongAgo": _token,
    "deleted": _thing,
    "conditionNotMet": _stale,
    "authError": _revoked,
    "insufficientPermissions": _revoked,
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": _revoked,
    "notACalendarUser": _revoked,
    "domainPolicy": _revoked,
    "forbiddenForNonOrganizer": _refused,
    "requiredAccessLevel": _refused,
    "pushNotSupportedForRequestedResource": _refused,
    # Seen with 401, though the account is in order: it is the address that Google will not call.
    "push.webhookUrlUnauthorized": _refused,
    "syncTokenWithRequestRestrictions": _refused,
    "duplicate": _refused,
}

_BY_STATUS: dict[int, _Verdict] = {
    400: _bad_request,
    401: _revoked,
    404: _thing,
    408: _server,
    410: _expired,
    412: _stale,
    429: _quota,
}


def _by_status(status: int) -> _Verdict:
    return _BY_STATUS.get(status, _server if status >= 500 else _refused)
