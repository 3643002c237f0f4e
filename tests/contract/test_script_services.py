"""Properties, locks, caches and the ledger of conferences on every store, while several work on them at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from functions import script
from functions.script.lock import LEASE
from tests.contract.grounds import STORES, opened_store
from tests.unit.script.bench import ALICE, Bench

THREADS = 4


@pytest.fixture(params=sorted(STORES))
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A script's ground on every store in turn; waiting takes real time, but little."""
    bench = Bench()
    with opened_store(request.param, tmp_path, bench.clock) as store:
        bench.ground = replace(bench.ground, store=store)
        yield bench


def together(bench: Bench, work: Callable[[int], Any]) -> list[Any]:
    """What `work` gives in several runs at once, each as Alice, in a script whose waits are short."""
    project = replace(bench.project(), wait=lambda seconds: time.sleep(min(seconds, 0.003)))

    def run(number: int) -> Any:
        with script.running(project, user=ALICE):
            return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def test_a_lock_lets_one_in_at_a_time(bench: Bench) -> None:
    """What is read and written under it is never lost, and each holder has a fence of their own."""

    def count(_: int) -> list[int]:
        fences = []
        for _ in range(3):
            lock = script.get_user_lock()
            lock.wait_lock(timedelta(minutes=5))
            store = script.get_user_properties()
            store.set_property("n", int(store.get_property("n") or 0) + 1)
            fences.append(lock.fence)
            lock.release_lock()
        return fences

    fences = sorted(fence for found in together(bench, count) for fence in found)

    with script.running(bench.project(), user=ALICE):
        assert script.get_user_properties().get_property("n") == str(3 * THREADS)
    assert fences == list(range(1, 3 * THREADS + 1))


def test_a_lock_outlives_nobody_for_longer_than_its_lease(bench: Bench) -> None:
    """Whoever died with it has lost it when the lease ends, on every store."""
    with script.running(bench.project(), user=ALICE):
        script.get_user_lock().wait_lock(0)
        rival = script.get_user_lock()
        assert not rival.try_lock(0)
        bench.clock.advance(timedelta(seconds=LEASE))
        assert rival.try_lock(0)


def test_updates_need_no_lock(bench: Bench) -> None:
    """Each is made of what stands there, however many come at once."""

    def count(_: int) -> None:
        for _ in range(5):
            script.get_script_properties().update("n", lambda value: int(value or 0) + 1)

    together(bench, count)

    with script.running(bench.project(), user=ALICE):
        assert script.get_script_properties().get_property("n") == str(5 * THREADS)


def test_a_spread_store_is_read_as_one_commit_left_it(bench: Bench) -> None:
    """Readers beside a writer of many documents see all of its values or none."""
    keys = [f"key {number}" for number in range(40)]
    with script.running(bench.project(), user=ALICE):
        script.get_user_properties().set_properties({**dict.fromkeys(keys, "0"), "large": "x" * 250_000})

    def work(number: int) -> set[int]:
        store, seen = script.get_user_properties(), set[int]()
        for turn in range(3):
            if number == 0:
                store.set_properties(dict.fromkeys(keys, turn + 1))
            else:
                pairs = store.get_properties()
                seen.add(len({pairs[key] for key in keys}))
        return seen

    assert set[int]().union(*together(bench, work)) == {1}
    with script.running(bench.project(), user=ALICE):
        assert script.get_user_properties().get_property("key 7") == "3"
        assert script.get_user_properties().delete_all_properties().get_keys() == []


def test_a_cache_forgets(bench: Bench) -> None:
    """By time, by removal, and beyond its cap those that would have gone first."""
    with script.running(bench.project(limits=script.Limits(cache_items=8, cache_kept=5)), user=ALICE):
        cache = script.get_user_cache()
        cache.put_all({str(number): number for number in range(8)}, 10)
        assert len(cache.get_all(map(str, range(8)))) == 8
        cache.put("late", "x", 20)
        assert cache.get("late") == "x"
        assert len(cache.get_all(map(str, range(8)))) == 4
        bench.clock.advance(timedelta(seconds=10))
        assert cache.get_all(map(str, range(8))) == {}
        cache.remove("late")
        assert cache.get("late") is None


def test_of_those_who_let_go_at_once_one_is_the_last(bench: Bench) -> None:
    """The meeting is deleted once, whoever's commit comes last."""
    with script.running(bench.project(), user=ALICE):
        for number in range(THREADS):
            script.conferences.attach(ALICE, {"id": f"e{number}", "iCalUID": "u"}, "room-1")
        assert len(script.conferences.find_by_ical_uid("u")) == THREADS
        assert len(script.conferences.holding("room-1")) == THREADS
    deleted: list[str] = []

    def release(number: int) -> bool:
        done = script.conferences.release(ALICE, f"e{number}", lambda one: deleted.append(one.conference_id))
        return done is not None and done.last

    assert sorted(together(bench, release)) == [False] * (THREADS - 1) + [True]
    assert deleted == ["room-1"]
    with script.running(bench.project(), user=ALICE):
        assert script.conferences.find_by_ical_uid("u") == []


def test_a_state_token_is_good_for_one_of_many(bench: Bench) -> None:
    """However many bring it back at once."""
    with script.running(bench.project(), user=ALICE):
        token = script.new_state_token().create_token()

    def redeem(_: int) -> str:
        try:
            return script.redeem_state_token(token).user
        except Exception as error:  # noqa: BLE001 - its kind is what is looked at
            return type(error).__name__

    assert sorted(together(bench, redeem)) == ["Forged"] * (THREADS - 1) + [ALICE]
