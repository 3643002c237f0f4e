"""HttpProvider on a vendor's bad days: faults of the real service, and answers that no honest service gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.errors import Forged, Gone, Later, LockstepError, OutcomeUnknown, Refused, Revoked, Stale, Unsupported
from conference.meeting import MeetingId, MeetingRef
from conference.providers.http import HttpProvider
from conference.providers.protocol import Field
from infra.local.vendor.server import Account
from infra.local.vendor.serving import running
from tests.contract.providers import PLAIN, new_key, series, single

REF = MeetingRef("acme", "main", MeetingId("m1"))
GOOD: dict[str, Any] = {"id": "m1", "version": "1", "join_url": "https://acme.example/m1", "key": "k"}


@dataclass(frozen=True)
class Stage:
    """A provider, one that waits for no answer, and the service as a person with access to its controls sees it."""

    provider: HttpProvider
    impatient: HttpProvider
    vendor: httpx.Client


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A provider before the real service."""
    with running(Account("token")) as base, httpx.Client(base_url=base, timeout=10, verify=PLAIN) as client:
        made = HttpProvider("acme", base, token="token", account="main", client=client)
        timeout = httpx.Timeout(10, read=0.2)
        impatient = HttpProvider("acme", base, token="token", account="main", client=client, timeout=timeout)
        yield Stage(made, impatient, client)


def _fault(stage: Stage, **fault: Any) -> None:
    stage.vendor.post("/control/faults", json=fault).raise_for_status()


STATUSES: list[tuple[int, type[LockstepError], type[LockstepError]]] = [
    # status, what create makes of it, what the others make of it
    (302, Refused, Refused),
    (400, Refused, Refused),
    (401, Revoked, Revoked),
    (403, Revoked, Revoked),
    (404, Refused, Gone),
    (405, Refused, Refused),
    (408, Later, Later),
    (409, Later, Later),
    (410, Refused, Gone),
    (412, Stale, Stale),
    (413, Refused, Refused),
    (422, Refused, Refused),
    (423, Later, Later),
    (425, Later, Later),
    (429, Later, Later),
    (500, OutcomeUnknown, Later),
    (502, OutcomeUnknown, Later),
    (503, OutcomeUnknown, Later),
    (504, OutcomeUnknown, Later),
]


@pytest.mark.parametrize("html", [False, True], ids=["json", "html"])
@pytest.mark.parametrize(("status", "creating", "otherwise"), STATUSES)
def test_statuses(
    stage: Stage, status: int, creating: type[LockstepError], otherwise: type[LockstepError], html: bool
) -> None:
    """The status decides, whether the vendor answers or a proxy before it does."""
    ref = stage.provider.create(single(), key=new_key()).meeting.ref
    seen: list[type[LockstepError]] = []
    calls: list[Callable[[], object]] = [
        lambda: stage.provider.create(single(), key=new_key()),
        lambda: stage.provider.get(ref),
        lambda: stage.provider.update(ref, single(), key=""),
    ]

    for call in calls:
        _fault(stage, status=status, html=html, code="odd-code")
        with pytest.raises(LockstepError) as caught:
            call()
        seen.append(type(caught.value))
        assert caught.value.where is not None
        assert caught.value.where.status == status
        assert caught.value.where.reason == (None if html or status == 302 else "odd-code")

    assert seen == [creating, otherwise, creating if status >= 500 else otherwise]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("said", "meant"), [("120", timedelta(seconds=120)), ("soon", None)])
def test_waits_are_passed_on(stage: Stage, status: int, said: str, meant: timedelta | None) -> None:
    """How long the vendor wants to be left alone reaches the caller."""
    _fault(stage, status=status, retry_after=said)

    with pytest.raises(Later) as caught:
        stage.provider.get(REF)

    assert caught.value.after == meant


@pytest.mark.parametrize(
    "fault",
    [{"drop": True}, {"delay_ms": 10_000}, {"status": 500}, {"status": 502, "html": True}],
    ids=["dropped", "timeout", "500", "proxy"],
)
def test_created_but_not_said(stage: Stage, fault: dict[str, Any]) -> None:
    """Whatever becomes of the answer after the work is done, the outcome is unknown; a repeat makes no second one."""
    key = new_key()
    _fault(stage, method="POST", after_apply=True, **fault)
    with pytest.raises(OutcomeUnknown):
        stage.impatient.create(single(), key=key)

    written = stage.provider.create(single(), key=key)

    assert not written.created
    assert list(stage.provider.list()) == [written.meeting]


def test_nothing_was_done(stage: Stage) -> None:
    """A connection that ends before the work was done looks the same, so it is an unknown outcome too."""
    _fault(stage, method="POST", drop=True)
    key = new_key()

    with pytest.raises(OutcomeUnknown):
        stage.provider.create(single(), key=key)

    assert stage.provider.find(key) is None


def test_update_applied_but_not_said(stage: Stage) -> None:
    """After an update that was done unseen, repeating it on the old version is Stale: look, and all is right."""
    made = stage.provider.create(single(), key=new_key()).meeting
    _fault(stage, method="PUT", after_apply=True, drop=True)
    with pytest.raises(OutcomeUnknown):
        stage.provider.update(made.ref, single("New"), key="", base=made)

    with pytest.raises(Stale):
        stage.provider.update(made.ref, single("New"), key="", base=made)

    assert stage.provider.get(made.ref).digest == stage.provider.expected_digest(single("New"))


def test_service_that_is_not_there() -> None:
    """A refused connection did nothing."""
    with running(Account("token")) as base:
        pass
    with httpx.Client() as client:
        provider = HttpProvider("acme", base, token="token", account="main", client=client)
        with pytest.raises(Later):
            provider.create(single(), key=new_key())


def test_edits_by_hand_are_seen(stage: Stage) -> None:
    """What a person changes at the vendor shows in the digest; a new join URL shows and is no difference."""
    made = stage.provider.create(series(), key=new_key()).meeting
    path = f"/control/meetings/{made.ref.id}"

    stage.vendor.post(path, json={"rotate_join_url": True}).raise_for_status()
    rotated = stage.provider.get(made.ref)
    stage.vendor.post(path, json={"title": "By hand"}).raise_for_status()
    renamed = stage.provider.get(made.ref)

    assert rotated.join_url != made.join_url
    assert rotated.digest == made.digest
    assert renamed.title == "By hand"
    assert renamed.digest != made.digest


def test_long_lists_come_in_pages(stage: Stage) -> None:
    """A list longer than a page is whole, each meeting once."""
    made = {stage.provider.create(single(), key=new_key()).meeting.ref.id for _ in range(205)}
    stage.vendor.get("/control/requests?clear=1")

    listed = [meeting.ref.id for meeting in stage.provider.list()]

    assert set(listed) == made
    assert len(listed) == 205
    assert len(stage.vendor.get("/control/requests").json()["requests"]) == 3


@pytest.mark.parametrize("key", ["", "x" * 201, "with space", "é", "line\nbreak"])
def test_keys_that_cannot_be_sent(stage: Stage, key: str) -> None:
    """A key that no header can carry is refused before any request."""
    with pytest.raises(Unsupported):
        stage.provider.create(single(), key=key)


def test_secrets_may_come_when_they_are_needed() -> None:
    """A token that changes is sent as it is by then; while there is none, nothing is sent."""
    tokens, sent = ["second", "first"], []

    def told() -> str:
        if not tokens:
            raise Later("there is no secret")
        return tokens.pop()

    def answered(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["authorization"])
        return httpx.Response(404, stream=httpx.ByteStream(b""))

    client = httpx.Client(transport=httpx.MockTransport(answered))
    provider = HttpProvider(
        "acme", "https://acme.example", token=told, account="main", client=client, webhook_secret=told
    )
    assert provider.capabilities.reports_remote_changes
    for _ in range(2):
        with pytest.raises(Gone):
            provider.get(REF)
    with pytest.raises(Later):
        provider.get(REF)
    with pytest.raises(Later):
        provider.read({}, b"{}", now=datetime(2026, 11, 21, tzinfo=UTC))

    assert sent == ["Bearer first", "Bearer second"]


def test_without_secret_no_push_is_believed(stage: Stage) -> None:
    """A provider without webhook secret says that it reports nothing, and believes nothing."""
    assert not stage.provider.capabilities.reports_remote_changes
    with pytest.raises(Forged):
        stage.provider.read({}, b"{}", now=datetime(2026, 3, 2, tzinfo=UTC))


# ---- answers that no honest service gives -----------------------------------------------------


def _answering(body: object, status: int = 200, hosts: frozenset[str] = frozenset()) -> HttpProvider:
    """A provider whose service always answers the same."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = httpx.MockTransport(lambda _: httpx.Response(status, stream=httpx.ByteStream(raw)))
    # Nothing is opened by this transport, so nothing needs closing.
    client = httpx.Client(transport=answer, verify=PLAIN)
    return HttpProvider("acme", "https://acme.example/api/", token="t", account="main", client=client, join_hosts=hosts)


URLS = {
    "https://acme.example/m1": True,
    "https://acme.example:8080/m1?k=1": True,
    "http://acme.example/m1": False,
    "https://evil.example/m1": False,
    "https://acme.example@evil.example/": False,
    "https://acme.example.evil.example/": False,
    "javascript:alert(1)": False,
    "ftp://acme.example/m1": False,
    "//acme.example/m1": False,
    "https:///m1": False,
    "https://acme.example/m 1": False,
    "https://acme.example/\r\nX: y": False,
    "https://acmé.example/": False,
    "https://[::1": False,
    "https://acme.example/" + "x" * 1300: False,
    "": False,
}


@pytest.mark.parametrize(("url", "allowed"), URLS.items())
def test_join_urls(url: str, allowed: bool) -> None:
    """Only a web address at an allowed host reaches an event; any other is refused."""
    provider = _answering({**GOOD, "join_url": url}, hosts=frozenset({"acme.example"}))

    if allowed:
        assert provider.get(REF).join_url == url
    else:
        with pytest.raises(Refused):
            provider.get(REF)


NO_MEETINGS: dict[str, object] = {
    "empty": b"",
    "no JSON": b"<html>ok</html>",
    "not UTF-8": b'{"id": "\xff"}',
    "null": None,
    "a list": [GOOD],
    "no id": {"join_url": "https://acme.example/"},
    "no join URL": {"id": "m1"},
    "wrong types": {**GOOD, "dial_in": ["+41"]},
}


@pytest.mark.parametrize("body", NO_MEETINGS.values(), ids=NO_MEETINGS.keys())
def test_answers_that_are_no_meeting(body: object) -> None:
    """A success that cannot be read leaves a write's outcome unknown; a question is refused."""
    provider = _answering(body)

    with pytest.raises(OutcomeUnknown):
        provider.create(single(), key="k")
    with pytest.raises(OutcomeUnknown):
        provider.update(REF, single(), key="k")
    with pytest.raises(Refused):
        provider.get(REF)
    with pytest.raises(Refused):
        provider.find("k")
    with pytest.raises(Refused):
        list(provider.list())


STATE: dict[str, Any] = {
    "title": "T",
    "start": "2026-10-20T08:00:00Z",
    "end": "2026-10-20T09:00:00Z",
    "time_zone": "Europe/Zurich",
    "host": "ana@example.com",
}

BROKEN_STATES: dict[str, dict[str, Any]] = {
    "none at all": {},
    "no title": {**STATE, "title": None},
    "no zone in a time": {**STATE, "start": "2026-10-20T08:00:00"},
    "out of range": {**STATE, "start": "0001-01-01T00:00:00+23:00"},
    "exception without times": {**STATE, "exceptions": [{"original_start": "2026-10-20T08:00:00Z"}]},
}


@pytest.mark.parametrize("state", BROKEN_STATES.values(), ids=BROKEN_STATES.keys())
def test_states_that_cannot_be_read(state: dict[str, Any]) -> None:
    """A meeting whose state cannot be read is still a meeting to join, and never the right one."""
    meeting = _answering({**GOOD, **state}).get(REF)

    assert meeting.join_url == GOOD["join_url"]
    assert meeting.digest is not None
    assert meeting.digest != _answering(GOOD).expected_digest(single())


def test_state_is_compared_by_meaning() -> None:
    """Other offsets, other orders, more fields and numbers for texts make no difference."""
    spec = series()
    told = {
        **GOOD,
        "id": 17,
        "version": 3,
        "more": {"of": "theirs"},
        "title": spec.title,
        "agenda": spec.agenda,
        "host": spec.host,
        "start": "2026-10-20T10:00:00+02:00",
        "end": "2026-10-20T11:00:00+02:00",
        "time_zone": "Europe/Zurich",
        "recurrence": list(spec.recurrence),
        "exceptions": [
            {
                "original_start": "2026-10-27T09:00:00+01:00",
                "start": "2026-10-27T10:00:00Z",
                "end": "2026-10-27T11:00:00Z",
                "title": "Moved",
            },
            {"original_start": "2026-11-03T08:00:00+00:00", "cancelled": True},
        ],
        "attendees": [
            {"email": "zoe@example.com", "name": "Zoë"},
            {"email": "bo@example.com", "name": "", "optional": True},
        ],
    }
    provider = _answering(told)

    meeting = provider.get(REF)

    assert meeting.digest == provider.expected_digest(spec)
    assert (meeting.ref.id, meeting.version) == ("17", "3")


def test_what_the_vendor_did_not_store_is_named() -> None:
    """A success that stored something else says which fields."""
    provider = _answering({**GOOD, **STATE, "title": "Other", "time_zone": "UTC"})

    written = provider.update(REF, single("T"), key="k")

    assert written.ignored == {Field.TITLE, Field.SCHEDULE}
    assert written.meeting.digest != provider.expected_digest(single("T"))


def test_find_believes_the_key_only() -> None:
    """A service that ignores the question and lists everything does not give us a stranger's meeting."""
    provider = _answering({"meetings": [{**GOOD, "key": "other"}, {**GOOD, "key": None}, {**GOOD, "key": "mine"}]})

    assert provider.find("nobody's") is None
    found = provider.find("mine")
    assert found is not None
    assert found.key == "mine"


def test_list_that_does_not_end() -> None:
    """A service that answers the same page for ever is refused, not followed for ever."""
    with pytest.raises(Refused):
        list(_answering({"meetings": [GOOD], "next": "m1"}).list())


@pytest.mark.parametrize("version", ['"1"', "a b", "1\r\nX: y", "é", "x" * 101, ""])
def test_versions_that_no_header_can_carry(version: str) -> None:
    """Such a version is taken for none: no condition is sent with it."""
    assert _answering({**GOOD, "version": version}).get(REF).version is None


NUMBERS = {"+41 44 555 12 34": True, "tel:+41445551234,,99#": True, "javascript:alert(1)": False, "": False}


@pytest.mark.parametrize(("number", "kept"), NUMBERS.items())
def test_telephone_numbers(number: str, kept: bool) -> None:
    """Only what can be dialled is offered for dialling."""
    dial_in = _answering({**GOOD, "dial_in": {"CH": number}}).get(REF).dial_in

    assert dial_in == ({"CH": number} if kept else {})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.integers(200, 599), st.binary() | st.dictionaries(st.sampled_from([*GOOD, *STATE, "error"]), _JSON))
def test_whatever_is_answered(status: int, body: object) -> None:
    """Whatever comes back, a call ends in a meeting or in one of our errors."""
    provider = _answering(body, status)

    for call in (lambda: provider.create(single(), key="k"), lambda: provider.get(REF), lambda: list(provider.list())):
        with suppress(LockstepError):
            assert call() is not None
