"""Properties: conversion, copies, isolation, atomicity, limits; as Apps Script documents them, or as our rule says."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.errors import Conflict, Later
from functions import script
from functions.ports import Delete, Put, Store
from functions.script.limits import KB
from functions.script.properties import INLINE, Properties
from tests.unit.script.bench import ALICE, BOB, Bench


class Colour(StrEnum):
    """A text that is more than a text."""

    RED = "red"


@pytest.mark.usefixtures("bench")
class TestValues:
    """What is kept, and what is refused."""

    @pytest.mark.parametrize(
        ("value", "kept"),
        [
            ("text", "text"),
            ("", ""),
            (Colour.RED, "red"),
            (True, "true"),
            (False, "false"),
            (3, "3"),
            (-7, "-7"),
            (3.0, "3"),
            (2.5, "2.5"),
            (-0.0, "0"),
            (0.1, "0.1"),
            (123456.789, "123456.789"),
            (100.0, "100"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e21, "1.5e+21"),
            (-1.5e300, "-1.5e+300"),
            (0.000001, "0.000001"),
            (0.00000123, "0.00000123"),
            (1e-7, "1e-7"),
            (-1.25e-9, "-1.25e-9"),
            (math.inf, "Infinity"),
            (-math.inf, "-Infinity"),
            (math.nan, "NaN"),
        ],
    )
    def test_what_is_no_text_becomes_one_as_in_javascript(self, value: object, kept: str) -> None:
        """Numbers and truth values are kept as JavaScript prints them."""
        store = script.get_user_properties()

        assert store.set_property("k", value).get_property("k") == kept

    @pytest.mark.parametrize("value", [None, {}, [], b"bytes", object()])
    def test_what_has_no_text_is_refused_with_advice(self, value: object) -> None:
        """None, mappings and lists raise a TypeError that begins as Apps Script's and names json.dumps."""
        store = script.get_user_properties()

        with pytest.raises(TypeError, match=r"^The parameters \(.+\) don't match the method signature for Prop.*json"):
            store.set_property("k", value)
        assert store.get_properties() == {}

    def test_a_missing_key_reads_as_none_and_deletes_without_error(self) -> None:
        """None is no value, and to delete what is not there changes nothing."""
        store = script.get_user_properties()

        assert store.delete_property("missing").get_property("missing") is None

    def test_pairs_are_copies(self) -> None:
        """What get_properties gives back is no live view."""
        store = script.get_user_properties().set_property("a", 1)
        copy = store.get_properties()
        copy["a"] = "changed"

        assert store.get_property("a") == "1"

    def test_half_a_character_is_refused(self) -> None:
        """Text that is no Unicode gets an error of its own."""
        with pytest.raises(script.BadValue, match="Unicode"):
            script.get_user_properties().set_property("k", "\ud800")

    def test_several_are_set_at_once(self) -> None:
        """set_properties adds, and with delete_all_others replaces."""
        store = script.get_user_properties().set_properties({"a": 1, "b": 2})
        assert store.set_properties({"b": 3}).get_properties() == {"a": "1", "b": "3"}
        assert store.set_properties({"c": 4}, delete_all_others=True).get_keys() == ["c"]
        assert store.delete_all_properties().get_properties() == {}

    def test_one_bad_value_keeps_all_out(self) -> None:
        """set_properties keeps none if it refuses one."""
        store = script.get_user_properties()

        with pytest.raises(TypeError):
            store.set_properties({"a": 1, "b": None})
        assert store.get_keys() == []

    def test_what_is_not_there_as_an_empty_text_is_kept(self) -> None:
        """An empty text is a value."""
        assert script.get_user_properties().set_property("k", "").get_properties() == {"k": ""}


class TestOwners:
    """Whose properties are meant."""

    def test_nothing_crosses_users_scripts_scopes_or_documents(self) -> None:
        """Each (script, scope, owner) has a store of its own, even under crafted names."""
        bench = Bench()
        stores: list[Properties] = []
        for name in ("one", "two", 'one","user'):
            for user in (ALICE, BOB, f"{ALICE}\0{BOB}"):
                with script.running(bench.project(name), user=user), script.in_document(user):
                    stores += [script.get_user_properties()]
                    stores += [found] if (found := script.get_document_properties()) else []
            with script.running(bench.project(name)):
                stores.append(script.get_script_properties())
        for number, store in enumerate(stores):
            store.set_property("k", number)

        assert [store.get_properties() for store in stores] == [{"k": str(number)} for number in range(len(stores))]

    def test_script_properties_are_shared_by_users(self) -> None:
        """All users of a script see the same script properties."""
        bench = Bench()
        with script.running(bench.project(), user=ALICE):
            script.get_script_properties().set_property("k", "v")
        with script.running(bench.project(), user=BOB):
            assert script.get_script_properties().get_property("k") == "v"

    def test_without_a_user_or_a_script_there_is_none(self) -> None:
        """User properties fail closed; document properties are None outside a document."""
        with pytest.raises(script.NotRunning):
            script.get_script_properties()
        with script.running(Bench().project()):
            assert script.get_document_properties() is None
            with pytest.raises(script.NoUser):
                script.get_user_properties()


class TestMoments:
    """What several do at once, and what happens when it gets large."""

    def test_update_is_made_of_what_stands_there(self, bench: Bench) -> None:
        """An update whose value was changed meanwhile is made again; None deletes."""
        store, others = script.get_user_properties(), iter([5, None])
        store.set_property("n", 1)

        def add(value: str | None) -> int:
            other = next(others, None)
            if other is not None:
                script.get_user_properties().set_property("n", other)
            return int(value or 0) + 1

        assert store.update("n", add) == "6"
        assert store.get_property("n") == "6"
        assert len(bench.waits) == 1
        assert store.update("n", lambda _: None) is None
        assert store.get_keys() == []

    @pytest.mark.usefixtures("bench")
    def test_what_came_of_the_last_attempt_counts(self) -> None:
        """An update that first made a value, and on what stands there then makes none, deletes."""
        store, others = script.get_user_properties().set_property("n", 1), iter([5])

        def less(value: str | None) -> str | None:
            other = next(others, None)
            if other is not None:
                script.get_user_properties().set_property("n", other)
            return None if value == "5" else "made too early"

        assert store.update("n", less) is None
        assert store.get_keys() == []

    def test_what_was_deleted_while_it_was_read_is_not_read(self) -> None:
        """A reading during which something changed begins anew."""
        meddling = _Meddling()
        bench = Bench(meddling.over)
        with script.running(bench.project(), user=ALICE):
            store = script.get_user_properties()
            store.set_properties({f"k{number}": "a" * (INLINE // 20) for number in range(32)})
            before = dict(store.get_properties())
            meddling.after_gets = 17  # the first document and the sixteen beside it: all but the look for changes
            meddling.act = lambda: store.delete_property("k1")

            assert store.get_properties().keys() == before.keys() - {"k1"}

    @pytest.mark.usefixtures("bench")
    def test_a_large_store_is_spread_and_comes_back_whole(self) -> None:
        """A store larger than a document holds is kept all the same, changed in one commit, and can be emptied."""
        store = script.get_user_properties()
        large = {f"key {number}": "x" * 9000 for number in range(100)}
        store.set_properties(large)

        assert store.get_properties() == large
        assert store.get_property("key 42") == large["key 42"]
        assert store.delete_property("key 42").get_property("key 42") is None
        assert store.set_properties({"only": "one"}, delete_all_others=True).get_properties() == {"only": "one"}
        assert store.delete_all_properties().get_properties() == {}
        assert store.set_property("again", 1).get_properties() == {"again": "1"}

    def test_readers_see_one_moment(self) -> None:
        """While a spread store changes, a reader sees it as one commit left it, never a mixture."""
        meddling = _Meddling()
        bench = Bench(meddling.over)
        with script.running(bench.project(), user=ALICE):
            store = script.get_user_properties()
            store.set_properties({f"k{number}": "a" * (INLINE // 20) for number in range(32)})
            meddling.after_gets = 7
            meddling.act = lambda: store.set_properties({f"k{number}": "b" for number in range(32)})

            seen = store.get_properties()

        assert {value[0] for value in seen.values()} in ({"a"}, {"b"})
        assert meddling.done

    @pytest.mark.usefixtures("bench")
    def test_a_value_that_no_document_takes_is_refused_and_nothing_is_cut_off(self) -> None:
        """Without a profile the store's document size is the bound, with an error of ours."""
        store = script.get_user_properties().set_property("k", "before")

        with pytest.raises(script.TooLarge, match=r"^Argument too large: value"):
            store.set_property("k", "x" * 400_000)
        assert store.get_properties() == {"k": "before"}

    def test_what_changes_nothing_writes_nothing(self) -> None:
        """Setting what stands there already costs no commit."""
        counting = _Meddling()
        bench = Bench(counting.over)
        with script.running(bench.project(), user=ALICE):
            store = script.get_user_properties().set_property("k", 1)
            commits = counting.commits
            store.set_property("k", 1).delete_property("other")

        assert counting.commits == commits

    @given(
        st.lists(
            st.tuples(st.sampled_from("abcde"), st.one_of(st.none(), st.text(max_size=20), st.just("x" * 60_000))),
            max_size=12,
        )
    )
    def test_it_is_a_dictionary(self, steps: list[tuple[str, str | None]]) -> None:
        """Any order of sets and deletes, small and large, leaves what a dictionary would hold."""
        expected: dict[str, str] = {}
        with script.running(Bench().project(), user=ALICE):
            store = script.get_user_properties()
            for key, value in steps:
                if value is None:
                    store.delete_property(key)
                    expected.pop(key, None)
                else:
                    store.set_property(key, value)
                    expected[key] = value
            assert store.get_properties() == expected
            assert {key: store.get_property(key) for key in "abcde"} == {key: expected.get(key) for key in "abcde"}


class TestProfile:
    """Apps Script's limits, with its texts."""

    @pytest.fixture(autouse=True)
    def profile(self) -> Iterator[None]:
        """A script under a consumer account's limits."""
        with ExitStack() as stack:
            stack.enter_context(script.running(Bench().project(limits=script.Limits.apps_script()), user=ALICE))
            yield

    def test_a_value_may_have_nine_kilobytes(self) -> None:
        """9 KB are kept; a byte more is refused; bytes count, not characters."""
        store = script.get_user_properties().set_property("k", "é" * (9 * KB // 2))

        with pytest.raises(script.TooLarge, match=r"^Argument too large: value$"):
            store.set_property("k", "x" * (9 * KB + 1))

    def test_a_store_may_have_500_kilobytes(self) -> None:
        """Keys and values together; when it is full, deleting still works."""
        store = script.get_user_properties()
        store.set_properties({f"{number:04}": "x" * (5 * KB - 4) for number in range(100)})

        with pytest.raises(script.QuotaExceeded, match=r"^You have exceeded the property storage quota\."):
            store.set_property("k", "")
        assert len(store.delete_property("0000").set_property("k", "").get_keys()) == 100

    def test_calls_are_counted_by_user_and_day(self) -> None:
        """At the limit each further call is refused, until 24 hours after the first."""
        bench = Bench()
        project = bench.project(limits=script.Limits(property_calls=3))
        with script.running(project, user=ALICE):
            store = script.get_user_properties().set_property("k", 1)
            store.get_property("k")
            store.get_keys()
            with pytest.raises(script.QuotaExceeded, match=r"^Service invoked too many times for one day: graphite"):
                store.get_property("k")
            with script.as_user(BOB):
                assert script.get_user_properties().get_property("k") is None
            bench.wait(24 * 3600)
            assert store.get_property("k") == "1"


class _Meddling:
    """A store in which somebody acts after a number of reads, once; it counts commits."""

    def __init__(self) -> None:
        self.after_gets = -1
        self.act: Callable[[], object] = lambda: None
        self.done = False
        self.commits = 0

    def over(self, store: Store) -> Store:
        """The store, meddled with."""
        self._store = store
        return self

    def get(self, key: str) -> Any:
        """As the store; the act comes after it."""
        found = self._store.get(key)
        self.after_gets -= 1
        if self.after_gets == 0:
            self.done = True
            self.act()
        return found

    def commit(self, *writes: Put | Delete) -> Any:
        """As the store."""
        self.commits += 1
        return self._store.commit(*writes)

    def query(self, collection: str, *args: Any, **kwargs: Any) -> Any:
        """As the store."""
        return self._store.query(collection, *args, **kwargs)


def test_a_document_that_is_always_busy_ends_in_later() -> None:
    """When every commit loses, the call gives up with an error that says to come again."""

    class Busy(_Meddling):
        def commit(self, *writes: Put | Delete) -> Any:
            raise Conflict(f"{len(writes)} writes came too late")

    with script.running(Bench(Busy().over).project(), user=ALICE), pytest.raises(Later):
        script.get_user_properties().set_property("k", 1)
