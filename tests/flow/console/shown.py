"""Parts of what the console shows: the one pair, and the head of a feed."""

from __future__ import annotations

from typing import Any

from functions.console.pairs import Pair
from functions.console.state import Head, State, collect
from functions.ports import Put
from tests.world import World


def only(state: State) -> Pair:
    """The one pair on the page."""
    (pair,) = state.pairs
    return pair


def head_with(world: World, feed: str, **fields: Any) -> Head:
    """The page's head, once the feed's document says this."""
    (document,) = [each for each in world.store.query("feeds") if each.key.endswith(feed)]
    world.store.commit(Put(document.key, {**document.data, **fields}, document.version))
    head = collect(world.ground, feed).head
    assert head is not None
    return head
