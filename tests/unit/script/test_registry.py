"""Handlers are known by names that stay, and so are the triggers that are declared beside them."""

from __future__ import annotations

from functools import partial

import pytest

from functions.script.changes import listed
from functions.script.errors import HandlerNotFound
from functions.script.registry import Declaration, Handler, Registry


def changed() -> None:
    """A handler."""


def other() -> None:
    """Another one."""


def test_a_handler_has_its_own_name_or_the_given_one() -> None:
    """However it is registered, the function comes back as it is."""
    registry = Registry()

    assert registry.handler(changed) is changed
    assert registry.handler()(changed) is changed
    assert registry.handler("sync.events")(other) is other
    assert (registry.find("changed"), registry.find("sync.events"), registry.find("other")) == (changed, other, None)
    assert (registry.name_of(other), registry.name_of(print)) == ("sync.events", None)


def test_a_name_is_taken_once() -> None:
    """The same function may come again, as when its module is imported twice; another one may not."""
    registry = Registry()
    registry.handler(changed)
    registry.handler(changed)

    with pytest.raises(ValueError, match="a handler named 'changed' already"):
        registry.handler("changed")(other)
    assert registry.find("changed") is changed


def test_what_a_trigger_is_made_for() -> None:
    """A registered name, or a registered function; everything else is found nowhere, and says which it was."""
    registry = Registry()
    registry.handler("sync_events")(changed)

    assert registry.resolve("sync_events") == registry.resolve(changed) == "sync_events"
    unknown: list[tuple[Handler | str, str]] = [("changed", "changed"), (other, "other"), (partial(changed), "?")]
    for handler, name in unknown:
        with pytest.raises(HandlerNotFound) as raised:
            registry.resolve(handler)
        assert str(raised.value) == f"Script function not found: {name}"


def test_several_triggers_beside_one_handler() -> None:
    """Each declaration has a name that stays as long as the order of them does; the caller gets a copy."""
    registry = Registry()
    for calendar in ("primary", "team", "rooms"):
        registry.declare(changed, None, Declaration(calendar=calendar))
    registry.declare(other, "named", Declaration(calls={"every_days": 1}))
    found = registry.declarations

    assert {name: (one.handler, one.calendar) for name, one in found.items()} == {
        "changed": ("changed", "primary"),
        "changed#2": ("changed", "team"),
        "changed#3": ("changed", "rooms"),
        "named": ("named", "primary"),
    }
    assert found is not registry.declarations


def test_a_hook_is_told_once() -> None:
    """However often it is registered; hooks are called in the order in which they came."""
    registry = Registry()
    for hook in (changed, other, changed):
        assert registry.on_failure(hook) is hook
        assert registry.on_summary(hook) is hook

    assert registry.failure_hooks == registry.summary_hooks == (changed, other)


def test_a_filter_is_the_same_in_every_process() -> None:
    """Names that are given as a set are put in order; those of a list stay as they are."""
    assert listed(frozenset("hgfedcba")) == tuple("abcdefgh")
    assert listed(["start", "end"]) == ("start", "end")
