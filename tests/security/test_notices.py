"""Google's notices: forged, replayed, misdirected and in floods; what strangers can find out, and what they cost."""

from __future__ import annotations

import hmac
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import FrameType
from typing import Any

import pytest

from conference.errors import Later, OutcomeUnknown
from functions import feed as feeds
from functions.channel import COLLECTION
from functions.notification import NOBODY
from infra.settings import Settings
from infra.wiring import local
from tests.security.doors import House, Watched, channel_of, snapshot
from tests.world import World

CHANNEL, TOKEN, RESOURCE = "X-Goog-Channel-ID", "X-Goog-Channel-Token", "X-Goog-Resource-ID"
BOB = "bob@example.com"

Change = Callable[[dict[str, str]], dict[str, str | None]]
FORGED: dict[str, Change] = {
    "no headers at all": dict.fromkeys,
    "unknown channel": lambda _: {CHANNEL: "A" * 43},
    "unknown channel and token": lambda _: {CHANNEL: "A" * 43, TOKEN: "x"},
    "no channel": lambda _: {CHANNEL: None},
    "a channel's id with a blank": lambda real: {CHANNEL: real[CHANNEL] + " x"},
    "two channels": lambda real: {CHANNEL: f"{real[CHANNEL]},{real[CHANNEL]}"},
    "a path for a channel": lambda real: {CHANNEL: f"../{COLLECTION}/{real[CHANNEL]}"},
    "a very long channel": lambda _: {CHANNEL: "A" * 60_000},
    "wrong token": lambda _: {TOKEN: "wrong"},
    "no token": lambda _: {TOKEN: None},
    "an empty token": lambda _: {TOKEN: ""},
    "two tokens": lambda real: {TOKEN: f"{real[TOKEN]},{real[TOKEN]}"},
    "the start of the token": lambda real: {TOKEN: real[TOKEN][:-1]},
    "the token and more": lambda real: {TOKEN: real[TOKEN] + "="},
    "the token in capitals": lambda real: {TOKEN: real[TOKEN].swapcase()},
    "a very long token": lambda _: {TOKEN: "A" * 60_000},
    "a token of odd letters": lambda _: {TOKEN: "\xff\xfe\x00\x80"},
    "the token's own hash": lambda _: {TOKEN: NOBODY},
    "the text behind nobody's hash": lambda _: {CHANNEL: "A" * 43, TOKEN: "no channel has this secret"},
    "wrong resource": lambda _: {RESOURCE: "another"},
    "no resource": lambda _: {RESOURCE: None},
    "an odd resource": lambda _: {RESOURCE: "\xff"},
}


def changed(real: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """The headers with some replaced or, for None, left out."""
    return {name: value for name, value in {**real, **changes}.items() if value is not None}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_forged(quiet: House, forge: Change) -> None:
    """Whatever is wrong with a notice, the whole answer is the same, and nothing is done or kept."""
    real = channel_of(quiet.world)
    before = snapshot(quiet.world)

    answer = quiet.call("calendar_notification", changed(real, forge(real)))

    told = (answer.status_code, answer.get_data(), sorted(answer.headers.items()))
    assert told == (403, b"refused\n", [("Content-Length", "8"), ("Content-Type", "text/plain; charset=utf-8")])
    assert snapshot(quiet.world) == before


def test_genuine(house: House) -> None:
    """The notice that the forgeries are made of is taken, and leads to one run: they fail for what was changed."""
    house.world.insert()

    assert house.call("calendar_notification", channel_of(house.world)).status_code == 204
    assert [held.task.function for held in house.world.queue.waiting()] == ["sync_calendar"]


class Calls:
    """Counts, while it is entered, how often hashes are made and compared, whoever asks for it."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()
        self._names = {hmac.compare_digest: "compared", "openssl_sha256": "hashed"}

    def __enter__(self) -> Counter[str]:
        sys.setprofile(self._seen)
        return self.made

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _seen(self, _: FrameType, event: str, what: Any) -> None:
        if event == "c_call":
            name = self._names.get(what) or self._names.get(getattr(what, "__name__", ""))
            self.made.update([name] if name else [])


def work_of(house: House, headers: Mapping[str, str]) -> tuple[int, dict[str, int]]:
    """What a notice costs: reads of the store, hashes made and hashes compared."""
    store = Watched(house.world.store)
    house.world.change_ground(store=store)
    with Calls() as counted:
        assert house.call("calendar_notification", headers).status_code == 403
    house.world.change_ground(store=store.store)
    assert store.writes == 0
    return store.reads, dict(counted)


def test_strangers_learn_nothing_from_time(quiet: House) -> None:
    """For an unknown channel the same is read, hashed and compared in constant time as for a known one."""
    real = channel_of(quiet.world)
    wrong = {"known": {TOKEN: "wrong"}, "unknown": {CHANNEL: "A" * 43, TOKEN: "wrong"}, "none": {CHANNEL: "A" * 43}}

    done = {name: work_of(quiet, changed(real, changes)) for name, changes in wrong.items()}

    assert set(map(str, done.values())) == {str((1, {"hashed": 1, "compared": 1}))}


def test_only_the_hash_is_kept(quiet: House) -> None:
    """The store could be read by a thief: no channel's secret is in it, and its hash opens nothing."""
    real = channel_of(quiet.world)
    (kept,) = quiet.world.store.query(COLLECTION)

    assert real[TOKEN] not in str(snapshot(quiet.world))
    stolen = changed(real, {TOKEN: kept.data["secret_hash"]})
    assert quiet.call("calendar_notification", stolen).status_code == 403


def test_secrets_cannot_be_guessed(tmp_path: Any) -> None:
    """The secrets that the wiring makes have 256 bits and never recur; each channel has one of its own."""
    made = local(Settings(state=tmp_path, janus="off"))
    secrets = {made.door.ground.new_secret() for _ in range(1000)}
    made.close()

    assert len(secrets) == 1000
    assert {len(secret) for secret in secrets} == {43}  # 32 bytes in base64url


def test_each_channel_has_its_own_secret(house: House) -> None:
    """Neither two calendars nor a channel and its successor share an id or a secret."""
    house.world.client(BOB).events().list(calendarId=BOB).execute()
    house.world.connect(BOB, user=BOB)
    house.world.clock.advance(timedelta(hours=30))
    house.world.tick()
    house.world.settle()
    seen = {(notice[CHANNEL], notice[TOKEN]) for notice in house.world.heard}

    assert len(seen) >= 4
    assert len({channel for channel, _ in seen}) == len({token for _, token in seen}) == len(seen)


def test_another_tenants_token(house: House) -> None:
    """The token of one channel is worth nothing on another, even with the other's resource."""
    world = house.world
    alice = channel_of(world)
    world.client(BOB).events().list(calendarId=BOB).execute()
    world.connect(BOB, user=BOB)
    bob = channel_of(world)
    before = snapshot(world)
    mixed = [
        {**alice, TOKEN: bob[TOKEN]},
        {**bob, TOKEN: alice[TOKEN]},
        {**alice, CHANNEL: bob[CHANNEL]},
        {**alice, RESOURCE: bob[RESOURCE]},
        {**alice, TOKEN: bob[TOKEN], RESOURCE: bob[RESOURCE]},
    ]

    assert alice[CHANNEL] != bob[CHANNEL]
    assert [house.call("calendar_notification", headers).status_code for headers in mixed] == [403] * 5
    assert snapshot(world) == before


@pytest.mark.parametrize("times", [1, 2, 500])
def test_replays_and_floods(house: House, times: int) -> None:
    """However often a notice comes, there is one mark, one write and one task; the rest is one or two reads each."""
    world = house.world
    feed = world.connect()
    number = world.feed(feed).dirty
    store = Watched(world.store)
    world.change_ground(store=store)
    notice = channel_of(world)

    answers = {house.call("calendar_notification", notice).status_code for _ in range(times)}

    assert answers == {204}
    assert world.feed(feed).dirty == number + 1
    assert [held.task.function for held in world.queue.waiting()] == ["sync_calendar"]
    assert store.writes == 1
    assert store.reads <= 2 * times + 2


def test_a_flood_of_strangers(quiet: House) -> None:
    """A stranger's notice costs at most one read and no write, and none at all if it names no possible channel."""
    store = Watched(quiet.world.store)
    real = channel_of(quiet.world)
    quiet.world.change_ground(store=store)
    for number in range(300):
        quiet.call("calendar_notification", {**real, CHANNEL: f"{number:043}"})
    possible, store.reads = store.reads, 0
    for number in range(300):
        quiet.call("calendar_notification", {**real, CHANNEL: f"{number} and so on"})
    quiet.world.change_ground(store=store.store)

    assert (possible, store.reads, store.writes) == (300, 0, 0)


class Closed:
    """A queue that is down."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def add(self, *_: Any, **__: Any) -> bool:
        """Fail."""
        raise self._error


@pytest.mark.parametrize("error", [Later("down"), OutcomeUnknown("down")])
@pytest.mark.parametrize("port", ["store", "queue"])
def test_out_of_order(house: House, port: str, error: Exception) -> None:
    """While the store or the queue is down a genuine notice is answered 503, so that Google comes again."""
    down: dict[str, object] = {"store": Watched(house.world.store, error), "queue": Closed(error)}
    house.world.change_ground(**{port: down[port]})

    answer = house.call("calendar_notification", channel_of(house.world))

    assert (answer.status_code, answer.get_data()) == (503, b"not now, come again\n")


def test_lost_by_the_queue(house: House) -> None:
    """A notice whose task the queue did not take is not lost even if Google never comes again: the tick wakes it."""
    world: World = house.world
    feed = world.connect()
    right = world.queue
    world.change_ground(queue=Closed(Later("down")))
    house.call("calendar_notification", channel_of(world))
    world.change_ground(queue=right)
    world.clock.advance(timedelta(minutes=2))
    world.tick()

    (held,) = right.waiting()
    assert held.task.function == "sync_calendar"
    assert (held.task.body["feed"], held.task.body["number"]) == (feed, feeds.load(world.ground, feed)[1].dirty)


def test_after_the_end_of_its_channel(house: House) -> None:
    """A notice recorded and sent again when its channel has expired is refused like any forgery."""
    notice = channel_of(house.world)
    house.world.clock.advance(timedelta(days=3))

    assert house.call("calendar_notification", notice).status_code == 403
