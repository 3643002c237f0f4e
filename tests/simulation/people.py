"""Everybody who acts in a simulated world beside the product: users, their guests, and people at the vendors.

One act at a time, atomically and directly at the servers; after each, the shadow says what is wanted now.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any

from infra.local.calendar.server import CalendarServer
from tests.simulation import bursts, conference_acts, event_acts, guest_acts, poison_acts, series_acts, vendor_acts
from tests.simulation.event_acts import to_one
from tests.simulation.scene import Scene, some
from tests.simulation.shadow import Shadow
from tests.simulation.vendor_model import VendorModel

Act = Callable[[Scene, random.Random], str | None]


def look(scene: Scene, choice: random.Random) -> str | None:
    """Somebody reads an event and changes nothing."""
    wish = some(choice, list(scene.shadow.wishes.values()))
    if wish is None:
        return None
    scene.event(wish)
    return wish.token


ACTS: Mapping[str, tuple[float, Act]] = {
    "make": (16, event_acts.make),
    "repeat": (7, event_acts.repeat),
    "rename": (8, to_one(event_acts.rename)),
    "move": (10, to_one(event_acts.retime)),
    "describe": (4, to_one(event_acts.describe)),
    "invite": (7, to_one(event_acts.invite)),
    "answer": (8, guest_acts.answer),
    "meddle": (2, guest_acts.meddle),
    "permit": (1.5, guest_acts.permit),
    "keep": (1, guest_acts.keep),
    "remove": (6, conference_acts.remove),
    "ask": (5, conference_acts.ask),
    "switch": (5, conference_acts.switch),
    "cancel": (7, to_one(event_acts.cancel)),
    "restore": (5, event_acts.restore),
    "carry": (5, event_acts.carry),
    "copy": (4, event_acts.copy),
    "occurrence": (8, series_acts.occurrence),
    "revive": (1.5, series_acts.revive),
    "rule": (3, series_acts.rule),
    "split": (4, series_acts.split),
    "burst": (4, bursts.burst),
    "crowd": (0.3, bursts.crowd),
    "poison": (2, poison_acts.poison),
    "endless": (0.7, poison_acts.endless),
    "repair": (1.5, poison_acts.repair),
    "discard": (0.5, poison_acts.discard),
    "import": (1.5, poison_acts.take_over),
    "host": (2, event_acts.host),
    "retitle": (4, vendor_acts.retitle),
    "shift": (3, vendor_acts.shift),
    "rotate": (3, vendor_acts.rotate),
    "delete": (4, vendor_acts.delete),
    "stranger": (2, vendor_acts.stranger),
    "look": (2, look),
}
"""How often each kind is tried, and what it does; a kind that is not possible now is drawn again."""

_KINDS = tuple(ACTS)
_SHARES = tuple(accumulate(share for share, _ in ACTS.values()))


class People:
    """Acts, each drawn from the generator given for it; keeps the shadow true.

    `calendars` are each connected user's connected calendars, the primary (whose id is their address) first, which
    must exist; `guests` are users that are not connected. Without a `net`, people at vendors do only what pushes tell.
    """

    def __init__(  # noqa: PLR0917 - everything there is for people to act on
        self,
        google: CalendarServer,
        vendors: Mapping[str, VendorModel],
        shadow: Shadow,
        clock: Callable[[], datetime],
        calendars: Mapping[str, Sequence[str]],
        guests: Sequence[str],
        *,
        net: bool = True,
    ) -> None:
        self._scene = Scene(google, vendors, shadow, clock, calendars, guests, net)
        self.acts: Counter[str] = Counter()
        """How many acts of each kind were done."""
        self.written_by_scripts = 0

    def act(self, choice: random.Random) -> str:
        """Do one thing that is possible now, and tell it in a line that begins with its kind."""
        while True:
            kind = choice.choices(_KINDS, cum_weights=_SHARES)[0]
            done = self.do(kind, choice)
            if done is not None:
                return done

    def scripted(self, user: str, calendar: str, event: Mapping[str, Any]) -> None:
        """A user's script has written one of their events: that is what they want from now on."""
        self.written_by_scripts += 1
        wish = self._scene.shadow.at(calendar, str(event["id"]))
        if wish is not None and wish.user == user:
            self._scene.changed(wish, dict(event))

    def do(self, kind: str, choice: random.Random) -> str | None:
        """Do a thing of this kind, and tell it; None if it is not possible now. Raises KeyError for an unknown kind."""
        done = ACTS[kind][1](self._scene, choice)
        if done is None:
            return None
        self.acts[kind] += 1
        return f"{kind} {done}"
