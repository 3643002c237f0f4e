"""One HTTP exchange: how long to wait, what may come back, and what a failure means."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.errors import Later, LockstepError, OutcomeUnknown, Refused
from conference.providers.exchange import Exchange, retry_after

WAITS: dict[str, timedelta | datetime | None] = {
    "120": timedelta(seconds=120),
    "0": timedelta(0),
    " 7 ": timedelta(seconds=7),
    "1.5": timedelta(seconds=1.5),
    "999999999999": timedelta(days=1),
    "Mon, 02 Mar 2026 12:00:00 GMT": datetime(2026, 3, 2, 12, tzinfo=UTC),
    "Monday, 02-Mar-26 12:00:00 GMT": datetime(2026, 3, 2, 12, tzinfo=UTC),
    "Mon Mar  2 12:00:00 2026": datetime(2026, 3, 2, 12, tzinfo=UTC),
    "Mon, 02 Mar 2026 13:00:00 +0100": datetime(2026, 3, 2, 12, tzinfo=UTC),
    "2026-03-02T12:00:00Z": datetime(2026, 3, 2, 12, tzinfo=UTC),
    "2026-03-02T13:00:00+01:00": datetime(2026, 3, 2, 12, tzinfo=UTC),
    "": None,
    "-5": None,
    "soon": None,
    "٣": None,
    "Mon, 99 Mar 2026 12:00:00 GMT": None,
    "0001-01-01T00:00:00+23:59": None,
}


@pytest.mark.parametrize(("value", "expected"), WAITS.items())
def test_retry_after(value: str, expected: timedelta | datetime | None) -> None:
    """Seconds, every HTTP date and ISO dates are understood, and nothing is believed beyond a day."""
    assert retry_after({"Retry-After": value}) == expected


DATED = {
    "Mon, 02 Mar 2026 12:00:30 GMT": timedelta(seconds=30),
    "Mon, 02 Mar 2026 11:00:00 GMT": timedelta(0),
    "Fri, 31 Dec 9999 23:59:59 GMT": timedelta(days=1),
}


@pytest.mark.parametrize(("value", "expected"), DATED.items())
def test_retry_after_reckoned_from_the_answer(value: str, expected: timedelta) -> None:
    """Where the answer says when it was given, a date is a wait by the vendor's own clock, never longer than a day."""
    assert retry_after({"Retry-After": value, "Date": "Mon, 02 Mar 2026 12:00:00 GMT"}) == expected


@pytest.mark.parametrize("name", ["retry-after-ms", "X-MS-Retry-After-MS"])
def test_retry_after_in_milliseconds(name: str) -> None:
    """Some vendors count milliseconds, in a header of their own."""
    assert retry_after({name: "1500", "Retry-After": "2"}) == timedelta(milliseconds=1500)


def test_no_retry_after() -> None:
    """No header, no wait."""
    assert retry_after({}) is None


@given(st.text(), st.sampled_from(["", "Mon, 02 Mar 2026 12:00:00 GMT", "soon"]))
def test_retry_after_of_anything(value: str, date: str) -> None:
    """Whatever stands in the header, it is a wait of at most a day, an aware instant, or nothing."""
    read = retry_after({"retry-after": value, "date": date})

    if isinstance(read, timedelta):
        assert timedelta(0) <= read <= timedelta(days=1)
    elif read is not None:
        assert read.tzinfo is UTC


Handler = Callable[[httpx.Request], httpx.Response]


def _send(handler: Handler, *, writes: bool = False, max_answer: int = 1000) -> int:
    with httpx.Client(transport=httpx.MockTransport(handler)) as client:
        exchange = Exchange(client, "acme", max_answer=max_answer)
        return exchange.send("try", "GET", "http://acme.example/x", headers={}, body=b"", writes=writes).status


def _failing(error: type[httpx.TransportError]) -> Handler:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error("no", request=request)

    return handler


FAILURES: list[tuple[type[httpx.TransportError], type[LockstepError], type[LockstepError]]] = [
    (httpx.ConnectError, Later, Later),
    (httpx.ConnectTimeout, Later, Later),
    (httpx.PoolTimeout, Later, Later),
    (httpx.ProxyError, Later, Later),
    (httpx.UnsupportedProtocol, Refused, Refused),
    (httpx.LocalProtocolError, Refused, Refused),
    (httpx.ReadTimeout, Later, OutcomeUnknown),
    (httpx.ReadError, Later, OutcomeUnknown),
    (httpx.WriteTimeout, Later, OutcomeUnknown),
    (httpx.WriteError, Later, OutcomeUnknown),
    (httpx.RemoteProtocolError, Later, OutcomeUnknown),
]


@pytest.mark.parametrize(("failure", "read", "write"), FAILURES, ids=lambda one: one.__name__)
def test_failures(failure: type[httpx.TransportError], read: type[LockstepError], write: type[LockstepError]) -> None:
    """What never left may be repeated; what was sent and not answered has an unknown outcome if it writes."""
    with pytest.raises(LockstepError) as reading:
        _send(_failing(failure))
    with pytest.raises(LockstepError) as writing:
        _send(_failing(failure), writes=True)

    assert (type(reading.value), type(writing.value)) == (read, write)


class Endless(httpx.SyncByteStream):
    """A body that does not end; it counts how much was taken from it."""

    taken = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.taken += 100
            yield b"x" * 100


@pytest.mark.parametrize(("writes", "error"), [(False, Refused), (True, OutcomeUnknown)])
def test_answers_without_end(writes: bool, error: type[LockstepError]) -> None:
    """An answer is read up to its limit and no further."""
    body = Endless()

    with pytest.raises(error):
        _send(lambda _: httpx.Response(200, stream=body), writes=writes)

    assert body.taken == 1100


@pytest.mark.parametrize(("writes", "error"), [(False, Refused), (True, OutcomeUnknown)])
def test_compressed_answers(writes: bool, error: type[LockstepError]) -> None:
    """A compressed answer was not asked for and is not unpacked: it may be of any size."""
    bomb = gzip.compress(b"0" * 10_000_000)

    with pytest.raises(error):
        _send(
            lambda _: httpx.Response(200, stream=httpx.ByteStream(bomb), headers={"Content-Encoding": "gzip"}),
            writes=writes,
            max_answer=10**9,
        )


def test_redirects_are_answers() -> None:
    """A redirect is not followed: it would carry the credential to another host."""
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(307, headers={"Location": "http://elsewhere.example/"}, stream=httpx.ByteStream(b""))

    assert _send(handler) == 307
    assert asked == ["acme.example"]
