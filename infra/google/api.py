"""The Calendar API as scripts see it: any method by its name, JSON in and JSON out; the port is CalendarApi.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference
"""

from __future__ import annotations

import functools
import keyword
from collections.abc import Callable, Mapping
from typing import Any, Self

import msgspec
from google.auth.credentials import Credentials

from conference.decoding import from_json
from conference.errors import UNDECODABLE, LockstepError, Missing
from functions.script.errors import BadValue, CalendarApiError
from infra.google.client import GOOGLE, Strict, calendar_client
from infra.google.errors import FAILURES, Answered, Operation, lost_answer, translate
from infra.google.wire import Authorised, Door, Doors, Wire

_READING = frozenset({"get", "list", "instances", "query"})
_LONGEST = 300
"""Characters of a message of Google's that are passed on."""


class GoogleApi:
    """The CalendarApi port over HTTP; one for the whole process, to be used by any number of threads.

    `credentials`, `endpoint`, `http` and `timeout` are as for GoogleCalendar.
    """

    def __init__(
        self,
        credentials: Callable[[str], Credentials],
        endpoint: str = GOOGLE,
        http: Callable[[Credentials], Door] | None = None,
        timeout: float = 20.0,
    ) -> None:
        self._credentials = credentials
        self._doors = Doors(http or (lambda signer: Authorised(signer, Wire(timeout))))
        self._endpoint = endpoint

    def close(self) -> None:
        """Close the connections; calls after this one still work, but keep none open."""
        self._doors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(
        self,
        user: str,
        method: str,
        path: Mapping[str, str],
        *,
        body: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Call `method` ("events.list"); the decoded answer, {} for an empty one.

        Raises CalendarApiError for an answer that is no success, BadValue for an option that the method does not
        have, and where no answer came Later, OutcomeUnknown or Revoked.
        """
        arguments = {name: value for name, value in (options or {}).items() if value is not None}
        request = _request(self._endpoint, method, {**arguments, **path}, body)
        request.headers.update(headers or {})
        outcome = self._attempt(_operation(method), self._credentials(user), request)
        if isinstance(outcome, Exception):
            # Raised here, where no exception is being handled: the client's own names addresses, tokens and bodies,
            # and would travel along as the context.
            raise outcome
        return outcome

    def _attempt(
        self, operation: Operation, signer: Credentials, request: Any
    ) -> dict[str, Any] | LockstepError | CalendarApiError:
        try:
            content: bytes = request.execute(http=Strict(self._doors, signer), num_retries=0)
        except Answered as answer:
            return _refusal(operation.name, answer)
        except FAILURES as failure:
            return translate(operation, failure)
        return _decoded(operation, content)


@functools.lru_cache(maxsize=32)
def _collection(endpoint: str, name: str) -> Any:
    """What makes one collection's requests; safe to share between threads, since it never sends."""
    return getattr(calendar_client(endpoint), name)()


def _request(endpoint: str, method: str, arguments: Mapping[str, Any], body: Mapping[str, Any] | None) -> Any:
    collection, _, verb = method.partition(".")
    make = getattr(_collection(endpoint, collection), f"{verb}_" if keyword.iskeyword(verb) else verb)
    try:
        return make(**arguments, **({} if body is None else {"body": dict(body)}))
    except (TypeError, ValueError):
        # Without cause: the client's text quotes values.
        raise BadValue(f"calendar.{method} does not take these options: {', '.join(sorted(arguments))}") from None


def _operation(method: str) -> Operation:
    """Nothing but the name and whether it may be repeated matters: answers are not translated here."""
    return Operation(method, Missing.CALENDAR, repeatable=method.rpartition(".")[2] in _READING)


# ---- Answers --------------------------------------------------------------------------------

_object = from_json(dict[str, Any])


class _Error(msgspec.Struct, frozen=True):
    error: dict[str, Any] = {}


_envelope = from_json(_Error)


def _decoded(operation: Operation, content: bytes) -> dict[str, Any] | LockstepError:
    if not content:
        return {}
    try:
        return _object(content)
    except UNDECODABLE:
        return lost_answer(operation, "unreadable answer", 200)


def _refusal(method: str, answer: Answered) -> CalendarApiError:
    details = _details(answer.body)
    said = details.get("message")
    message = said[:_LONGEST] if isinstance(said, str) and said else f"HTTP {answer.status}"
    return CalendarApiError(method, answer.status, message, reason=_reason(details), details=details)


def _details(body: bytes) -> dict[str, Any]:
    try:
        return _envelope(body).error
    except UNDECODABLE:
        return {}  # a proxy's page, or nothing: the status alone must do


def _reason(details: Mapping[str, Any]) -> str | None:
    """The first reason given, in the older place or the newer one."""
    for place in ("errors", "details"):
        listed = details.get(place)
        for entry in listed if isinstance(listed, list) else []:
            if isinstance(entry, dict) and isinstance(entry.get("reason"), str):
                return str(entry["reason"])
    status = details.get("status")
    return status if isinstance(status, str) else None
