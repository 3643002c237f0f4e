"""Pushes of providers: which are believed, and what they say."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.errors import Forged
from conference.providers.protocol import Notification
from conference.providers.signature import WINDOW, read_push

SECRET = b"s3cret"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
BODY = b'{"id":"evt_1","kind":"updated","meeting_id":"m_1","version":"7"}'


def signed(body: bytes, at: datetime = NOW, secret: bytes = SECRET) -> dict[str, str]:
    """The headers of an authentic push."""
    timestamp = str(int(at.timestamp()))
    mac = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Lockstep-Timestamp": timestamp, "X-Lockstep-Signature": f"v1={mac}"}


def test_authentic_push_is_read() -> None:
    """What is signed with our secret within the window says what to look at."""
    expected = Notification("evt_1", NOW, "updated", meeting_id="m_1", version="7")  # type: ignore[arg-type]  # a text

    assert read_push(SECRET, signed(BODY), BODY, now=NOW) == expected


@pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
def test_header_names_in_any_case(change: object) -> None:
    """Header names arrive in whatever case the server before us likes."""
    headers = {change(name): value for name, value in signed(BODY).items()}  # type: ignore[operator]  # a method of str

    assert read_push(SECRET, headers, BODY, now=NOW).event_id == "evt_1"


def test_two_signatures_while_a_secret_is_replaced() -> None:
    """One right signature among several is enough."""
    headers, old = signed(BODY), signed(BODY, secret=b"old")
    headers["X-Lockstep-Signature"] = old["X-Lockstep-Signature"] + ", " + headers["X-Lockstep-Signature"]

    assert read_push(SECRET, headers, BODY, now=NOW).event_id == "evt_1"


FORGED: dict[str, tuple[bytes, Mapping[str, str], bytes]] = {
    "no headers": (SECRET, {}, BODY),
    "no signature": (SECRET, {"X-Lockstep-Timestamp": "1772452800"}, BODY),
    "no timestamp": (SECRET, {"X-Lockstep-Signature": signed(BODY)["X-Lockstep-Signature"]}, BODY),
    "other secret": (SECRET, signed(BODY, secret=b"other"), BODY),
    "other body": (SECRET, signed(BODY), BODY + b" "),
    "other timestamp": (SECRET, {**signed(BODY), "X-Lockstep-Timestamp": str(int(NOW.timestamp()) + 1)}, BODY),
    "no scheme": (SECRET, {**signed(BODY), "X-Lockstep-Signature": signed(BODY)["X-Lockstep-Signature"][3:]}, BODY),
    "not ASCII": (SECRET, {**signed(BODY), "X-Lockstep-Signature": "v1=é\ud800"}, BODY),
    "no secret configured": (b"", signed(BODY, secret=b""), BODY),
}


@pytest.mark.parametrize(("secret", "headers", "body"), FORGED.values(), ids=FORGED.keys())
def test_what_is_not_authentic(secret: bytes, headers: Mapping[str, str], body: bytes) -> None:
    """Anything not signed with our secret over these bytes is Forged."""
    with pytest.raises(Forged):
        read_push(secret, headers, body, now=NOW)


@given(st.integers(min_value=-2_000_000_000, max_value=100_000_000_000))
def test_only_pushes_of_these_minutes(seconds: int) -> None:
    """A push within 300 seconds of our clock is believed, any other is a replay, however well it is signed."""
    timestamp = str(int(NOW.timestamp()) + seconds)
    mac = hmac.new(SECRET, timestamp.encode() + b"." + BODY, hashlib.sha256).hexdigest()
    headers = {"X-Lockstep-Timestamp": timestamp, "X-Lockstep-Signature": f"v1={mac}"}

    if abs(seconds) <= WINDOW.total_seconds():
        assert read_push(SECRET, headers, BODY, now=NOW).at == NOW + timedelta(seconds=seconds)
    else:
        with pytest.raises(Forged):
            read_push(SECRET, headers, BODY, now=NOW)


@pytest.mark.parametrize("seconds", [-301, -300, 0, 300, 301])
def test_edges_of_the_window(seconds: int) -> None:
    """The window is 300 seconds to either side, its edges included."""
    headers = signed(BODY, NOW + timedelta(seconds=seconds))
    inside = abs(seconds) <= 300

    try:
        read_push(SECRET, headers, BODY, now=NOW)
    except Forged:
        assert not inside
    else:
        assert inside


@pytest.mark.parametrize("timestamp", ["", "x", "-1", "1e9", "١٧٧٢٤٥٢٨٠٠", "1772452800.0", " 1772452800", "9" * 400])
def test_timestamps_that_are_none(timestamp: str) -> None:
    """A timestamp that is no plain number of seconds is Forged even when it is signed."""
    mac = hmac.new(SECRET, timestamp.encode() + b"." + BODY, hashlib.sha256).hexdigest()

    with pytest.raises(Forged):
        read_push(SECRET, {"X-Lockstep-Timestamp": timestamp, "X-Lockstep-Signature": f"v1={mac}"}, BODY, now=NOW)


@given(st.dictionaries(st.sampled_from(["x-lockstep-timestamp", "X-Lockstep-Signature", "a"]), st.text()), st.binary())
def test_whatever_comes_only_forged_comes_out(headers: dict[str, str], body: bytes) -> None:
    """Whatever strangers send, the only outcome is Forged."""
    with pytest.raises(Forged):
        read_push(SECRET, headers, body, now=NOW)


@given(st.binary() | st.integers().map(str).map(str.encode) | st.text(max_size=20).map(repr).map(str.encode))
def test_authentic_nonsense_is_a_hint_without_content(body: bytes) -> None:
    """What is signed but cannot be read raises nothing: it is known by its hash and names no meeting."""
    read = read_push(SECRET, signed(body), body, now=NOW)

    assert read == Notification(hashlib.sha256(body).hexdigest(), NOW, "other")


_VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())


@given(st.dictionaries(st.sampled_from(["id", "kind", "meeting_id", "version", "more"]), _VALUES))
def test_authentic_bodies_of_any_shape(body: dict[str, object]) -> None:
    """Whatever an authentic body holds, the notification is of known kinds, and its ids are text."""
    raw = json.dumps(body).encode()

    read = read_push(SECRET, signed(raw), raw, now=NOW)

    assert read.kind in {"updated", "deleted", "other"}
    assert 0 < len(read.event_id) <= 200
    assert read.meeting_id is None or isinstance(read.meeting_id, str)


KINDS = {"created": "updated", "updated": "updated", "deleted": "deleted", "started": "other", "": "other"}


@pytest.mark.parametrize(("said", "meant"), KINDS.items())
def test_kinds(said: str, meant: str) -> None:
    """A created meeting is one to look at, like an updated one; what we do not know decides nothing."""
    body = json.dumps({"id": "e", "kind": said, "meeting_id": 17}).encode()

    read = read_push(SECRET, signed(body), body, now=NOW)

    assert (read.kind, read.meeting_id) == (meant, "17")
