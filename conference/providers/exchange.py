"""One HTTP exchange with a provider, bounded in time and size, its failures named for what the caller must do.

Authority for waits: RFC 9110, 10.2.3 (Retry-After); https://www.python-httpx.org/exceptions/ for what may go wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from conference.errors import Later, LockstepError, OutcomeUnknown, Refused, Where

TIMEOUT = httpx.Timeout(10.0, connect=5.0)
"""Vendors answer within a second; a task has a minute for everything it does."""

MAX_ANSWER = 4 << 20
"""A page of 100 meetings with long agendas and many people stays below it."""

LONGEST_WAIT = timedelta(days=1)
"""Nobody is believed who wants to be left alone for longer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: header names in any case, the body whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Exchange:
    """Sends requests to one system; follows no redirect and reads no answer beyond a limit."""

    def __init__(
        self, client: httpx.Client, system: str, *, timeout: httpx.Timeout = TIMEOUT, max_answer: int = MAX_ANSWER
    ) -> None:
        self._client, self._system, self._timeout, self._max_answer = client, system, timeout, max_answer

    def send(
        self, operation: str, method: str, url: str, *, headers: Mapping[str, str], body: bytes, writes: bool
    ) -> Answer:
        """The answer, whatever its status.

        Raises Later if nothing was done, Refused if the request or its answer is impossible, OutcomeUnknown if it
        `writes` and was sent but no usable answer came.
        """
        where = Where(self._system, operation)
        # Compressed answers are not asked for and not read: a small one may unpack to any size.
        asked = {**headers, "Accept-Encoding": "identity"}
        try:
            with self._client.stream(
                method, url, headers=asked, content=body, timeout=self._timeout, follow_redirects=False
            ) as response:
                return Answer(response.status_code, response.headers, self._whole(response, where, writes=writes))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise Later("the provider cannot be reached", where) from error
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL) as error:
            raise Refused("the request cannot be sent as it is", where) from error
        except httpx.TransportError as error:
            raise unanswered(where, writes=writes) from error

    def _whole(self, response: httpx.Response, where: Where, *, writes: bool) -> bytes:
        if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise _unusable("the answer is compressed, unasked", where, writes=writes)
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > self._max_answer:
                raise _unusable("the answer is too large", where, writes=writes)
        return bytes(body)


def unanswered(where: Where, *, writes: bool) -> LockstepError:
    """The error for a request that was sent and not answered in a way that can be used."""
    if writes:
        return OutcomeUnknown("the provider gave no usable answer", where)
    return Later("the provider gave no usable answer", where)


def retry_after(headers: Mapping[str, str]) -> timedelta | datetime | None:
    """How long the provider wants to be left alone; None if it does not say, or says it badly.

    A date is a wait too, reckoned from the answer's own Date; an instant comes out only if there is none.
    """
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if name in lower:
            return _wait(lower[name], timedelta(milliseconds=1))
    value = lower.get("retry-after", "")
    wait = _wait(value, timedelta(seconds=1))
    return _from(lower.get("date", ""), _instant(value)) if wait is None else wait


def _unusable(message: str, where: Where, *, writes: bool) -> LockstepError:
    return OutcomeUnknown(message, where) if writes else Refused(message, where)


def _wait(text: str, unit: timedelta) -> timedelta | None:
    if not re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text, re.ASCII):
        return None
    return min(float(text) * unit, LONGEST_WAIT)


def _from(date: str, until: datetime | None) -> timedelta | datetime | None:
    answered = _instant(date)
    if until is None or answered is None:
        return until
    return max(timedelta(0), min(until - answered, LONGEST_WAIT))


def _instant(text: str) -> datetime | None:
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            read = parse(text)
            return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None
