"""Much at once: several edits of one event before anybody can have looked, and many new events."""

from __future__ import annotations

import random

from tests.simulation.conference_acts import toggle
from tests.simulation.event_acts import Edit, cancel, describe, invite, make, rename, restored, retime
from tests.simulation.scene import Scene, some
from tests.simulation.shadow import Wish


def burst(scene: Scene, choice: random.Random) -> str | None:
    """Edit one event several times at once."""
    wish = some(choice, scene.living())
    if wish is None:
        return None
    edits = choice.choices(_OURS if wish.user in scene.calendars else _ANYBODYS, k=choice.randint(3, 5))
    for edit in edits:
        edit(scene, choice, wish)
    return f"{wish.token}: {', '.join(edit.__name__ for edit in edits)}"


def crowd(scene: Scene, choice: random.Random) -> str:
    """Make ten events at once."""
    made = [make(scene, choice).split()[0] for _ in range(10)]
    return f"{made[0]} to {made[-1]}"


def blink(scene: Scene, choice: random.Random, wish: Wish) -> str:
    """Cancel an event and restore it at once."""
    cancel(scene, choice, wish)
    return restored(scene, wish)


def roam(scene: Scene, choice: random.Random, wish: Wish) -> str:  # noqa: ARG001 - as every edit
    """Move an event through all calendars of its user, back to where it was."""
    for there in [*(each for each in scene.calendars[wish.user] if each != wish.calendar), wish.calendar]:
        if there != wish.calendar:
            scene.as_user(wish.user).move(wish.calendar, wish.event, there)
            wish.calendar = there
    scene.changed(wish)
    return wish.token


_ANYBODYS: tuple[Edit, ...] = (rename, retime, describe, invite, blink)
_OURS: tuple[Edit, ...] = (*_ANYBODYS, rename, retime, toggle, toggle, roam)
