"""What people do about an event's conference: take it off, ask for one, ask for another vendor's."""

from __future__ import annotations

import random
from typing import Any

from tests.simulation import drafts
from tests.simulation.scene import Scene, some
from tests.simulation.shadow import Wish

Json = dict[str, Any]


def remove(scene: Scene, choice: random.Random) -> str | None:
    """Take the conference off an event."""
    wish = some(choice, [wish for wish in scene.connected() if wish.provider is not None])
    if wish is None:
        return None
    _patch(scene, wish, None, None)
    return wish.token


def ask(scene: Scene, choice: random.Random) -> str | None:
    """Ask for a conference on an event without."""
    wish = some(choice, [wish for wish in scene.connected() if wish.provider is None])
    if wish is None:
        return None
    provider = choice.choice(list(scene.vendors))
    _patch(scene, wish, drafts.asked(provider), provider)
    return f"{provider} for {wish.token}"


def switch(scene: Scene, choice: random.Random) -> str | None:
    """Ask for another vendor's conference: over the old one, with or without its id, or in two steps."""
    wish = some(choice, [wish for wish in scene.connected() if wish.provider is not None])
    others = [name for name in scene.vendors if wish is not None and name != wish.provider]
    provider = some(choice, others)
    if wish is None or provider is None:
        return None
    how = choice.choice(("whole", "whole", "two steps", "keeping the id"))
    if how == "two steps":
        _patch(scene, wish, None, None)
    wanted = drafts.asked(provider)
    if how == "whole":
        wanted |= {"conferenceId": None, "notes": None}
    _patch(scene, wish, wanted, provider)
    return f"{wish.token} to {provider}, {how}"


def toggle(scene: Scene, choice: random.Random, wish: Wish) -> str:
    """Take the conference off if there is one, else ask for one."""
    provider = choice.choice(list(scene.vendors)) if wish.provider is None else None
    _patch(scene, wish, drafts.asked(provider) if provider else None, provider)
    return wish.token


def _patch(scene: Scene, wish: Wish, conference: Json | None, provider: str | None) -> None:
    event = scene.as_user(wish.user).patch(wish.calendar, wish.event, {"conferenceData": conference})
    wish.provider = provider
    scene.changed(wish, event)
