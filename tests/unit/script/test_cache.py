"""Caches: expiry, scopes, conversion, and Apps Script's caps under its profile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from functions import script
from functions.script.limits import KB
from tests.unit.script.bench import ALICE, BOB, Bench

Get = Callable[[], script.Cache | None]


@pytest.fixture
def bench() -> Bench:
    """A ground for runs."""
    return Bench()


def test_an_item_is_found_until_its_time_is_over(bench: Bench) -> None:
    """By default 600 seconds; afterwards every reader gets None."""
    with script.running(bench.project(), user=ALICE):
        cache = script.get_user_cache()
        cache.put("a", 1)
        cache.put("b", "two", 5)
        bench.clock.advance(timedelta(seconds=4))
        assert cache.get_all(["a", "b", "c"]) == {"a": "1", "b": "two"}
        bench.clock.advance(timedelta(seconds=1))
        assert cache.get("b") is None
        bench.clock.advance(timedelta(seconds=594))
        assert cache.get("a") == "1"
        bench.clock.advance(timedelta(seconds=1))
        assert cache.get("a") is None


def test_items_are_replaced_and_removed(bench: Bench) -> None:
    """A later put counts, with its own time; to remove what is not there is no error."""
    with script.running(bench.project(), user=ALICE):
        cache = script.get_user_cache()
        cache.put_all({"a": "1", "b": "2", "c": "3"}, 10)
        cache.put("a", "new", 100)
        bench.clock.advance(timedelta(seconds=9))
        cache.remove("b")
        cache.remove_all(["missing", "c"])
        assert cache.get_all("abc") == {"a": "new"}
        bench.clock.advance(timedelta(seconds=90))
        assert cache.get("a") == "new"


def test_nothing_crosses_users_scripts_or_scopes(bench: Bench) -> None:
    """Each (script, scope, owner) has a cache of its own; the script's is all users'."""
    gets: tuple[Get, ...] = (script.get_script_cache, script.get_user_cache, script.get_document_cache)
    caches: list[script.Cache] = []
    for name in ("one", "two"):
        for user in (ALICE, BOB):
            with script.running(bench.project(name), user=user), script.in_document(user):
                caches += [cache for get in gets if (cache := get()) is not None]
    for number, cache in enumerate(caches):
        cache.put("k", number)

    assert [cache.get("k") for cache in caches] == ["3", "1", "2", "3", "4", "5", "9", "7", "8", "9", "10", "11"]


def test_there_is_no_document_cache_outside_a_document(bench: Bench) -> None:
    """As in Apps Script: None."""
    with script.running(bench.project()):
        assert script.get_document_cache() is None


@pytest.mark.parametrize("bad", [0, -1])
def test_a_time_is_at_least_a_second(bench: Bench, bad: int) -> None:
    """Less is refused, with or without a profile."""
    with script.running(bench.project(), user=ALICE), pytest.raises(script.BadValue):
        script.get_user_cache().put("k", "v", bad)


@pytest.mark.parametrize("bad", [1.5, "10", None, True])
def test_a_time_is_a_whole_number(bench: Bench, bad: Any) -> None:
    """Anything else is refused."""
    with script.running(bench.project(), user=ALICE), pytest.raises(TypeError):
        script.get_user_cache().put("k", "v", bad)


def test_if_one_value_is_refused_none_is_kept(bench: Bench) -> None:
    """put_all looks at all before it keeps any."""
    with script.running(bench.project(), user=ALICE):
        cache = script.get_user_cache()
        with pytest.raises(TypeError, match=r"json\.dumps"):
            cache.put_all({"a": "1", "b": None})
        with pytest.raises(script.BadValue, match="Unicode"):
            cache.put_all({"a": "1", "b": "\udc00"})
        assert cache.get("a") is None


def test_without_a_profile_the_store_is_the_bound(bench: Bench) -> None:
    """Long keys and large values are kept; what no document takes is refused with an error of ours."""
    with script.running(bench.project(), user=ALICE):
        cache = script.get_user_cache()
        cache.put("k" * 5000, "x" * 300_000, 10**6)
        assert cache.get("k" * 5000) == "x" * 300_000
        with pytest.raises(script.TooLarge, match=r"^Argument too large: value"):
            cache.put("k", "x" * 400_000)


class TestProfile:
    """Apps Script's caps, each at n and n + 1."""

    @pytest.fixture
    def cache(self, bench: Bench) -> script.Cache:
        """A cache under a consumer account's limits."""
        with script.running(bench.project(limits=script.Limits.apps_script()), user=ALICE):
            return script.get_user_cache()

    def test_a_key_has_250_characters(self, cache: script.Cache) -> None:
        """A longer one is refused, by get too; characters count as JavaScript counts them."""
        cache.put("k" * 248 + "😀", "v")
        for call in (cache.get, cache.remove, lambda key: cache.put(key, "v")):
            with pytest.raises(script.TooLarge, match=r"^Argument too large: key$"):
                call("k" * 249 + "😀")

    def test_a_value_has_100_kilobytes(self, cache: script.Cache) -> None:
        """A byte more is refused."""
        cache.put("k", "x" * 100 * KB)
        with pytest.raises(script.TooLarge, match=r"^Argument too large: value$"):
            cache.put("k", "x" * (100 * KB + 1))

    def test_an_item_lives_six_hours_at_most(self, cache: script.Cache) -> None:
        """21,600 seconds are taken, one more is not."""
        cache.put("k", "v", 21_600)
        with pytest.raises(script.BadValue):
            cache.put("k", "v", 21_601)

    def test_of_too_many_items_900_stay(self, cache: script.Cache, bench: Bench) -> None:
        """1,000 are kept; with one more only the 900 farthest from expiry stay. Another user's are not touched."""
        with script.running(bench.project(limits=script.Limits.apps_script()), user=BOB):
            others = script.get_user_cache()
        others.put("k", "v", 1)
        for number in range(10):
            cache.put_all({f"{number} {place}": "v" for place in range(100)}, 100 + number)
        names = [f"{number} {place}" for number in range(10) for place in range(100)]
        assert len(cache.get_all(names)) == 1000
        cache.put("late", "v", 1000)

        assert len(cache.get_all([*names, "late"])) == 900
        assert cache.get_all(names[:100]) == {}
        assert len(cache.get_all(names[200:])) == 800
        assert others.get("k") == "v"
