"""Push channels and their messages (contract 9)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from infra.local.calendar.channels import Push
from tests.contract.calendar_server.desk import ALICE, BOB, Desk, plain, refused, run


def states(pushes: list[Push]) -> list[str]:
    """What the messages say."""
    return [push.headers["X-Goog-Resource-State"] for push in pushes]


def numbers(pushes: list[Push]) -> list[int]:
    """The messages' numbers."""
    return [int(push.headers["X-Goog-Message-Number"]) for push in pushes]


def test_a_watch_answers_the_channel(desk: Desk) -> None:
    """9.1: resource id and URI, expiration in milliseconds as a string, seven days by default."""
    answer = desk.watch(token="secret")

    assert answer.pop("resourceId")
    assert answer == {
        "kind": "api#channel",
        "id": "channel-1",
        "resourceUri": "https://www.googleapis.com/calendar/v3/calendars/alice%40example.com/events?alt=json",
        "token": "secret",
        "expiration": str((1795168800 + 604800) * 1000),
    }


def test_the_first_message_is_a_handshake(desk: Desk) -> None:
    """9.2.1: state sync, number 1, every header as documented, no body."""
    answer = desk.watch(token="secret")
    (push,) = desk.pushes()

    assert push.address == "http://127.0.0.1:9/notify"
    assert push.headers == {
        "User-Agent": "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)",
        "Content-Type": "application/json; utf-8",
        "Content-Length": "0",
        "X-Goog-Channel-ID": "channel-1",
        "X-Goog-Channel-Token": "secret",
        "X-Goog-Channel-Expiration": "Fri, 27 Nov 2026 10:00:00 GMT",
        "X-Goog-Resource-ID": answer["resourceId"],
        "X-Goog-Resource-URI": "https://www.googleapis.com/calendar/v3/calendars/alice@example.com/events?alt=json",
        "X-Goog-Resource-State": "sync",
        "X-Goog-Message-Number": "1",
    }


def test_a_channel_without_a_secret_sends_none(desk: Desk) -> None:
    """9.2: the token header only if set."""
    assert "token" not in desk.watch()
    assert "X-Goog-Channel-Token" not in desk.pushes()[0].headers


def test_every_change_is_told_our_own_writes_too(desk: Desk) -> None:
    """9.2.2, 14.10: state exists, also for deletions; numbers grow and leave gaps."""
    desk.watch()
    event = desk.insert()["id"]
    desk.patch(event, summary="x")
    desk.delete(event)
    pushes = desk.pushes()
    found = numbers(pushes)

    assert states(pushes) == ["sync", "exists", "exists", "exists"]
    assert found == sorted(set(found))
    assert all(later - earlier > 1 for earlier, later in itertools.pairwise(found))
    assert desk.pushes() == []


def test_overlapping_channels_each_get_a_message(desk: Desk) -> None:
    """9.2.6: one per channel; they share the resource id."""
    first, second = desk.watch(), desk.watch(id="channel-2")
    desk.pushes()
    desk.insert()

    assert [push.channel for push in desk.pushes()] == ["channel-1", "channel-2"]
    assert first["resourceId"] == second["resourceId"]


def test_a_guests_copy_tells_the_guests_channel(desk: Desk) -> None:
    """6.2: one edit, a notification for each watched copy."""
    desk.watch(BOB)
    desk.watch(id="channel-2")
    desk.pushes()
    desk.insert(attendees=[{"email": BOB}])

    assert sorted(push.channel for push in desk.pushes()) == ["channel-1", "channel-2"]


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [
        ({}, 604_800),
        ({"params": {"ttl": "3600"}}, 3600),
        ({"params": {"ttl": "9999999"}}, 604_800),
        ({"expiration": (1795168800 + 60) * 1000}, 60),
        ({"expiration": str((1795168800 + 60) * 1000)}, 60),
        ({"expiration": (1795168800 + 60) * 1000, "params": {"ttl": "30"}}, 30),
    ],
)
def test_the_stricter_of_wish_and_limit_wins(desk: Desk, wish: dict[str, Any], seconds: int) -> None:
    """9.1: expiration as number or string, ttl in seconds."""
    assert int(desk.watch(**wish)["expiration"]) == (1795168800 + seconds) * 1000


def test_an_expired_channel_is_silent_and_cannot_be_stopped(desk: Desk) -> None:
    """9.1, 9.3: no renewal; 404 afterwards."""
    answer = desk.watch(params={"ttl": "60"})
    desk.pushes()
    desk.advance(61)
    desk.insert()
    body = {"id": "channel-1", "resourceId": answer["resourceId"]}

    assert desk.pushes() == []
    assert refused(desk.client().channels().stop(body=body)) == (404, "notFound")


def test_a_stopped_channel_is_silent(desk: Desk) -> None:
    """9.3: 204; a second stop is 404; its id stays taken."""
    answer = desk.watch()
    body = {"id": "channel-1", "resourceId": answer["resourceId"]}
    stopped = desk.client().channels().stop(body=body).execute()
    desk.insert()

    assert not stopped
    assert desk.pushes() == []
    assert refused(desk.client().channels().stop(body=body)) == (404, "notFound")
    assert refused(watching(desk)) == (400, "channelIdNotUnique")


@pytest.mark.parametrize(("user", "change"), [(BOB, {}), (ALICE, {"resourceId": "other"}), (ALICE, {"id": "other"})])
def test_only_the_same_user_may_stop_the_same_channel(desk: Desk, user: str, change: dict[str, str]) -> None:
    """9.3: anything else is unknown."""
    body = {"id": "channel-1", "resourceId": desk.watch()["resourceId"], **change}

    assert refused(desk.client(user).channels().stop(body=body)) == (404, "notFound")


def watching(desk: Desk, **fields: Any) -> Any:
    """A watch request with fields changed."""
    body = {"id": "channel-1", "type": "web_hook", "address": "https://fn.example.com/notify", **fields}
    return desk.events().watch(calendarId="primary", body=body)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"id": None}, "required"),
        ({"type": None}, "required"),
        ({"address": None}, "required"),
        ({"id": "x" * 65}, "invalid"),
        ({"id": "with space"}, "invalid"),
        ({"type": "email"}, "invalid"),
        ({"token": "x" * 257}, "invalid"),
        ({"address": "not an address"}, "invalid"),
        ({"address": "https://[bad"}, "invalid"),
        ({"address": "http://fn.example.com/notify"}, "push.webhookUrlNotHttps"),
        ({"expiration": 1}, "invalid"),
        ({"expiration": "soon"}, "invalid"),
        ({"params": {"ttl": "-5"}}, "invalid"),
    ],
)
def test_a_bad_watch_is_refused(desk: Desk, fields: dict[str, Any], reason: str) -> None:
    """9.1: the errors on watch."""
    assert refused(watching(desk, **fields)) == (400, reason)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/x", "http://localhost/x", "http://[::1]:1/x", "https://a.example"]
)
def test_https_or_loopback_is_accepted(desk: Desk, address: str) -> None:
    """9.1, 14.9: plain http goes to this machine only, unless a knob says otherwise."""
    desk.control("knobs", plainHttpPush=True)
    run(watching(desk, id="knob", address="http://elsewhere.example/x"))
    desk.control("knobs")

    assert run(watching(desk, address=address, type="webhook"))["id"] == "channel-1"


def test_some_calendars_cannot_be_watched(desk: Desk) -> None:
    """9.1: permanent; fall back to polling."""
    desk.control("calendars", id="holidays@example.com", owner=ALICE, timeZone="UTC", pushNotSupported=True)
    body = {"id": "c", "type": "web_hook", "address": "https://a.example"}
    request = desk.events().watch(calendarId="holidays@example.com", body=body)

    assert refused(request) == (400, "pushNotSupportedForRequestedResource")


@pytest.mark.parametrize("status", [500, 502, 503, 504, None])
def test_some_answers_have_the_message_sent_again_later(desk: Desk, status: int | None) -> None:
    """9.2.4: the same message, after a wait that grows."""
    desk.watch()
    waits = []
    for _ in range(4):
        (push,) = desk.pushes()
        desk.server.push_answered(push, status, desk.now)
        due = desk.server.next_push()
        assert due is not None
        waits.append((due - desk.now).total_seconds())
        desk.advance(waits[-1])

    assert waits == sorted(waits)
    assert desk.pushes()[0].headers == push.headers


@pytest.mark.parametrize("status", [200, 201, 202, 204, 102, 301, 400, 401, 404, 410, 429, 501])
def test_every_other_answer_ends_the_message(desk: Desk, status: int) -> None:
    """9.2.4: success, or failed for good."""
    desk.watch()
    desk.server.push_answered(desk.pushes()[0], status, desk.now)

    assert desk.server.next_push() is None


def test_a_message_is_given_up_after_days(desk: Desk) -> None:
    """Retries go on for several days, not for ever."""
    desk.watch()
    tries = 0
    while due := desk.server.next_push():
        desk.advance(max(0.0, (due - desk.now).total_seconds()))
        for push in desk.pushes():
            desk.server.push_answered(push, 503, desk.now)
            tries += 1

    assert 60 < tries < 120


def test_messages_can_be_lost_doubled_and_reordered() -> None:
    """14.9: by seeded chance; equal seeds tell equal stories."""

    def story(**faults: Any) -> list[int]:
        other = Desk(seed=7)
        other.watch()
        other.pushes()
        other.control("push", **faults)
        for _ in range(120):
            other.raw("POST", "/calendar/v3/calendars/primary/events", plain())
        other.advance(3600)
        return numbers(other.pushes())

    calm = story()
    assert len(calm) == 120
    assert 30 < len(story(loss=0.5)) < 90
    assert 140 < len(story(duplicate=0.5)) < 230
    assert story(loss=0.3, duplicate=0.3) == story(loss=0.3, duplicate=0.3)
    assert story(reorder=0.5) != sorted(story(reorder=0.5))
    assert story(loss=1) == []


def test_messages_can_be_delayed(desk: Desk) -> None:
    """9.2.5: late by what the test says."""
    desk.control("push", delay_ms=60_000)
    desk.watch()
    early = desk.pushes()
    desk.advance(60)

    assert (early, states(desk.pushes())) == ([], ["sync"])


def test_a_channel_can_die_silently(desk: Desk) -> None:
    """9.2.7: writes go on, nothing is delivered, not even what was on its way."""
    desk.watch()
    desk.control("push", silent=True)
    desk.insert()
    silent = desk.pushes()
    desk.control("push")
    desk.insert()

    assert silent == []
    assert states(desk.pushes()) == ["exists"]


def test_deliveries_can_be_taken_one_by_one(desk: Desk) -> None:
    """Each message is handed out once."""
    desk.watch()
    desk.insert()

    assert states(desk.server.due_pushes(desk.now, 1)) == ["sync"]
    assert states(desk.server.due_pushes(desk.now, 1)) == ["exists"]
    assert desk.server.due_pushes(desk.now, 1) == []
