"""The parsers of answers and of stored or sent texts, as targets: only our own errors may come out."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httplib2
import httpx
import msgspec

from conference.door import standing
from conference.errors import Forged, Later, LockstepError, Poison, Refused
from conference.event import Event, read_event
from conference.meeting import Meeting, MeetingId, MeetingRef, MeetingSpec, Slot, digest, spec_of
from conference.providers.exchange import retry_after
from conference.providers.http import HttpProvider
from conference.providers.http_wire import encode as encode_spec
from conference.providers.http_wire import held
from conference.providers.janus import JanusProvider
from conference.providers.protocol import ConferenceProvider
from conference.providers.signature import read_push
from conference.series import occurrence_of, series_of
from conference.solution import Solution, provider_of
from functions import ledger, tracing
from functions.ledger import Row
from infra import documents
from infra.google import errors
from infra.google.calendar import GoogleCalendar
from infra.google.credentials import DevCredentials
from infra.google.keys import JwksOverHttp
from infra.local.issuer import LocalIssuer
from infra.local.memory import ManualClock
from infra.local.vault import LocalVault
from tests.security.bytes_in import parts, request
from tests.world import ALICE, START, event_body

Targets = dict[str, tuple[list[bytes], Callable[[bytes], None]]]
ZURICH = ZoneInfo("Europe/Zurich")


def of(issuer: LocalIssuer) -> Targets:
    """The parsers, by name."""
    return {
        "signatures": (
            [request("", {"X-Lockstep-Timestamp": "1777622400", "X-Lockstep-Signature": "v1=00"})],
            _signature,
        ),
        "events": (_EVENTS, _event),
        "answers of Calendar": (_CALENDAR, _calendar),
        "answers of a provider": (_MEETINGS, _provider(_http)),
        "answers of Janus": (_ROOMS, _provider(_janus)),
        "Retry-After": (_WAITS, _wait),
        "key sets": ([request("200", {}, issuer.jwks())], _keys),
        "sealed texts": ([LocalVault(b"v" * 32, bytes).seal("t", b"secret").encode()], _sealed),
        "trace headers": ([f"00-{'ab' * 16}-{'cd' * 8}-01".encode(), f"{'ab' * 16}/1;o=1".encode()], _trace),
    }


def _signature(data: bytes) -> None:
    _, headers, body = parts(data)
    try:
        read_push(b"secret", dict(headers), body, now=START)
    except Forged:
        return
    raise AssertionError("a push that nobody signed was taken")


# ---- events ---------------------------------------------------------------------------------

_SERIES = {**event_body(), "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=5", "EXDATE;TZID=Europe/Zurich:20261201T100000"]}
_EXCEPTION = {
    "recurringEventId": "abc",
    "originalStartTime": {"dateTime": "2026-12-01T10:00:00+01:00"},
    "attendees": [{"email": "bo@example.com", "displayName": "Bo", "responseStatus": "declined"}],
    "organizer": {"email": ALICE, "self": True},
}
_BODIES: list[dict[str, Any]] = [
    {**event_body(), "etag": '"1"', "updated": "2026-11-23T08:00:00.000Z", "iCalUID": "abc@google.com"},
    _SERIES,
    {**event_body(), **_EXCEPTION},
    {"status": "cancelled"},
    {"start": {"date": "2026-11-24"}, "end": {"date": "2026-11-25"}, "summary": "x", "description": "<b>y</b>"},
]
_EVENTS = [json.dumps({"id": "abc_20261201T090000Z", **body}).encode() for body in _BODIES]


def _event(data: bytes) -> None:
    event = read_event(data)
    if not isinstance(event, Event):
        assert isinstance(event.cause, str)
        return
    provider_of(event, (Solution("http", ("vendor.test",)),))
    series_of(event)
    assert event.updated_at is None or event.updated_at.tzinfo is not None
    for step in (_as_spec, _as_occurrence, _as_door, _as_row):
        try:
            step(event)
        except (Poison, Refused):
            continue


def _as_spec(event: Event) -> None:
    spec = spec_of(event, (), zone=ZURICH, host=ALICE)
    digest(spec)
    encode_spec(held(spec, 200))


def _as_occurrence(event: Event) -> None:
    occurrence_of(event, ZURICH)


def _as_door(event: Event) -> None:
    standing(event, (), ZURICH, START)


def _as_row(event: Event) -> None:
    documents.check_key(ledger.key_of("f", event.id))
    documents.encode(ledger.encode(Row("f", event.id, seen=event, ical_uid=event.ical_uid)))


# ---- answers --------------------------------------------------------------------------------

_ITEM = _BODIES[0] | {"id": "abc"}
_PAGE = {"items": [_ITEM, {"id": "def", "status": "cancelled"}], "timeZone": "Europe/Zurich", "nextSyncToken": "t"}
_ERROR = {
    "error": {"errors": [{"reason": "rateLimitExceeded", "message": "x", "location": "l"}], "code": 403, "status": "X"}
}
_CALENDAR = [
    request("200", {"ETag": '"1"'}, _ITEM),
    request("200", {}, _PAGE),
    request("200", {}, {**_PAGE, "nextPageToken": "p"}),
    request("200", {}, {"id": ALICE, "timeZone": "Europe/Zurich", "summary": "Alice"}),
    request("200", {}, {"resourceId": "r", "expiration": "1795000000000"}),
    request("403", {"Retry-After": "3"}, _ERROR),
    request("410", {"Retry-After": "Mon, 23 Nov 2026 08:00:00 GMT"}, _ERROR),
    request("502", {}, b"<html>Bad gateway</html>"),
    request("200", {}, b'{"items": [' + b"[" * 9000),
    request("400", {}, b'{"error": ' + b"[" * 9000),
    request("400", {}, b'{"more": ' + b"[" * 9000),
]

_WRITES: dict[str, Any] = {"summary": "x"}
_CALENDAR_CALLS: list[Callable[[GoogleCalendar], object]] = [
    lambda it: it.calendar(ALICE, "primary"),
    lambda it: it.changes(ALICE, "primary"),
    lambda it: it.changes(ALICE, "primary", token="t", page="p"),
    lambda it: it.get(ALICE, "primary", "abc"),
    lambda it: it.find(ALICE, "primary", "abc@google.com"),
    lambda it: it.upcoming(ALICE, "primary", since=START, until=START + timedelta(days=14)),
    lambda it: it.insert(ALICE, "primary", _WRITES),
    lambda it: it.patch(ALICE, "primary", "abc", _WRITES, etag='"1"'),
    lambda it: it.delete(ALICE, "primary", "abc"),
    lambda it: it.watch(ALICE, "primary", channel="c", secret="s", address="https://x.example", life=3600),
    lambda it: it.stop(ALICE, channel="c", resource_id="r"),
]


class _Told:
    """A connection on which the same answer comes each time."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self._answer = httplib2.Response({**headers, "status": str(status)}), body

    def request(self, *_: object, **__: object) -> Any:
        """The answer."""
        return self._answer


def _calendar(data: bytes) -> None:
    status, headers, body = _answer(data)
    with GoogleCalendar(DevCredentials, http=lambda _: _Told(status, dict(headers), body)) as calendar:
        _expect_ours(_chosen(_CALENDAR_CALLS, data), calendar)


_MEETING = {
    "id": "m_1",
    "key": "k",
    "version": "7",
    "join_url": "http://vendor.test/m/1",
    "passcode": "1234",
    "dial_in": {"Bern": "+41 31 000 00 00"},
    "title": "Weekly",
    "start": "2026-11-24T08:00:00Z",
    "end": "2026-11-24T08:30:00Z",
    "time_zone": "Europe/Zurich",
    "recurrence": ["RRULE:FREQ=WEEKLY"],
    "exceptions": [{"original_start": "2026-12-01T08:00:00Z", "cancelled": True}],
    "attendees": [{"email": "bo@example.com", "name": "Bo", "optional": True}],
}
_MEETINGS = [
    request("200", {"ETag": '"7"'}, _MEETING),
    request("201", {}, _MEETING),
    request("200", {}, {"meetings": [_MEETING, _MEETING], "next": None}),
    request("200", {}, {"meetings": [_MEETING], "next": "m_1"}),
    request("429", {"Retry-After": "3", "Date": "Mon, 23 Nov 2026 08:00:00 GMT"}, {"error": {"code": "busy"}}),
    request("412", {}, {"error": {"code": "stale", "message": "x"}}),
    request("204", {}),
    request("302", {"Location": "http://169.254.169.254/"}),
    request("200", {"Content-Encoding": "gzip"}, b"\x1f\x8b"),
    request("200", {}, b'{"more": ' + b"[" * 9000),
    request("200", {}, b'{"meetings": [{"more": ' + b"[" * 9000),
    request("400", {}, b'{"more": ' + b"[" * 9000),
]
_ROOM_LIST = {"videoroom": "success", "list": [{"room": "k", "description": "x", "is_private": True}, {"room": 1234}]}
_ROOMS = [
    request("200", {}, {"janus": "success", "response": {"videoroom": "created", "room": "k", "permanent": True}}),
    request("200", {}, {"janus": "success", "response": _ROOM_LIST}),
    request("200", {}, {"janus": "success", "response": {"videoroom": "event", "error_code": 427, "error": "x"}}),
    request("200", {}, {"janus": "error", "error": {"code": 403, "reason": "x"}}),
    request("200", {}, b'{"more": ' + b"[" * 9000),
]
_SPEC = MeetingSpec("Weekly", Slot(START, START + timedelta(hours=1), "Europe/Zurich"), ALICE)
_REF = MeetingRef("http", "acme", MeetingId("m_1"))
_PROVIDER_CALLS: list[Callable[[Any], object]] = [
    lambda it: it.create(_SPEC, key="k"),
    lambda it: it.find("k"),
    lambda it: it.get(_REF),
    lambda it: it.update(_REF, _SPEC, key="k", base=Meeting(_REF, "http://vendor.test/m/1", version="7")),
    lambda it: it.delete(_REF),
    lambda it: list(it.list()),
]


def _provider(make: Callable[[httpx.Client], ConferenceProvider]) -> Callable[[bytes], None]:
    def check(data: bytes) -> None:
        status, headers, body = _answer(data)
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]

        def told(_: httpx.Request) -> httpx.Response:
            return httpx.Response(status, headers=raw, stream=httpx.ByteStream(body))

        with httpx.Client(transport=httpx.MockTransport(told)) as client:
            _expect_ours(_chosen(_PROVIDER_CALLS, data), make(client))

    return check


def _http(client: httpx.Client) -> ConferenceProvider:
    return HttpProvider("http", "http://vendor.test", token="t", account="acme", client=client)


def _janus(client: httpx.Client) -> ConferenceProvider:
    secrets: dict[str, Any] = {"admin_secret": "a", "admin_key": "k", "room_secret_seed": b"s"}
    return JanusProvider("http://127.0.0.1:1/admin", join_base="http://x", account="acme", client=client, **secrets)


def _answer(data: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    first, headers, body = parts(data)
    status = int(first) if first.isascii() and first.isdigit() and 200 <= int(first[:9]) <= 599 else 200
    return status, headers, body


def _chosen(calls: list[Callable[[Any], object]], data: bytes) -> Callable[[Any], object]:
    return calls[zlib.crc32(data) % len(calls)]


def _expect_ours(call: Callable[[Any], object], on: object) -> None:
    try:
        made = call(on)
    except LockstepError as error:
        str(error).encode()  # it goes into logs and documents
        return
    # What was read goes into a document of the ledger.
    documents.encode({"made": msgspec.to_builtins(made, enc_hook=str)})


_WAITS = [b"3", b"1.5", b"Mon, 23 Nov 2026 08:00:00 GMT", b"Monday, 23-Nov-26 08:00:00 GMT", b"2026-11-23T08:00:00Z"]


def _wait(data: bytes) -> None:
    text = data.decode("latin-1")
    for name in ("Retry-After", "retry-after-ms"):
        for dated in ({}, {"date": text}, {"date": "Mon, 23 Nov 2026 08:00:00 GMT"}):
            found = retry_after({name: text, **dated})
            assert found is None or isinstance(found, timedelta) or found.tzinfo is not None
    google = errors.retry_after({"Retry-After": text})
    assert google is None or isinstance(google, timedelta) or google.astimezone(UTC).tzinfo is UTC


def _keys(data: bytes) -> None:
    status, headers, body = _answer(data)

    def told(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))

    with httpx.Client(transport=httpx.MockTransport(told)) as client:
        try:
            found = JwksOverHttp("http://issuer.test", client, ManualClock(datetime(2026, 1, 1, tzinfo=UTC))).keys()
        except Later:
            return
    assert isinstance(found["keys"], list)


def _sealed(data: bytes) -> None:
    vault = LocalVault(b"v" * 32)
    try:
        opened = vault.open("t", data.decode("latin-1"))
    except Forged:
        return
    assert opened == b"secret"


def _trace(data: bytes) -> None:
    text = data.decode("latin-1")
    found = tracing.of_request({"traceparent": text}.get) or tracing.of_request({"x-cloud-trace-context": text}.get)
    assert found is None or tracing.parsed(found.header) == found
