"""What people do by hand at a vendor: with our meetings, which must then become right again, and with their own.

They do only what the product is bound to come to know of: see `_noticed`.
"""

from __future__ import annotations

import random
from datetime import timedelta

from conference.providers.protocol import Field
from tests.simulation.scene import Scene, some
from tests.simulation.vendor_model import Held, Traits, VendorModel, instant


def retitle(scene: Scene, choice: random.Random) -> str | None:
    """Give a meeting of ours another title; the event's token stays in front."""
    found = some(choice, _ours(scene, Field.TITLE))
    if found is None:
        return None
    vendor, held, token = found
    vendor.edit(held.id, title=f"{token} by hand {choice.randrange(1000)}")
    scene.meeting_touched(token)
    return f"{held.id} of {token}"


def shift(scene: Scene, choice: random.Random) -> str | None:
    """Have a meeting of ours take place at another time."""
    found = some(choice, _ours(scene, Field.SCHEDULE))
    if found is None:
        return None
    vendor, held, token = found
    start = scene.clock() + timedelta(minutes=choice.randint(1, 10_000))
    vendor.edit(held.id, start=instant(start), end=instant(start + timedelta(minutes=50)))
    scene.meeting_touched(token)
    return f"{held.id} of {token}"


def rotate(scene: Scene, choice: random.Random) -> str | None:
    """Give a meeting of ours another join link, which the event then has to show."""
    found = some(choice, _ours(scene, None))
    if found is None:
        return None
    vendor, held, token = found
    vendor.rotate(held.id)
    scene.meeting_touched(token)
    return f"{held.id} of {token}"


def delete(scene: Scene, choice: random.Random) -> str | None:
    """Delete a meeting of ours; its event still wants one."""
    found = some(choice, _ours(scene, None))
    if found is None:
        return None
    vendor, held, token = found
    vendor.delete(held.id)
    scene.meeting_touched(token)
    return f"{held.id} of {token}"


def stranger(scene: Scene, choice: random.Random) -> str:
    """Make, retitle or delete a meeting that is nobody's business but theirs."""
    vendor = choice.choice(list(scene.vendors.values()))
    known = [held for held in vendor.live.values() if held.id in scene.shadow.strangers]
    held = some(choice, known) if choice.random() < 0.5 else None
    if held is None:
        meeting = vendor.make(f"S{choice.randrange(1000)} by hand")
    elif choice.random() < 0.5:
        meeting = held.id
        vendor.edit(meeting, title=f"S{choice.randrange(1000)} by hand again")
    else:
        vendor.delete(held.id)
        del scene.shadow.strangers[held.id]
        return f"{held.id} deleted"
    scene.shadow.strangers[meeting] = dict(vendor.live[meeting].state)
    return meeting


def _ours(scene: Scene, part: Field | None) -> list[tuple[VendorModel, Held, str]]:
    """The meetings that people may change in this part (None: as a whole), with the tokens of their events."""
    return [
        (vendor, held, token)
        for vendor in scene.vendors.values()
        if _noticed(scene, vendor.traits, part)
        for held in vendor.live.values()
        if held.by_us and (token := held.state["title"].partition(" ")[0]) in scene.shadow.wishes
    ]


def _noticed(scene: Scene, traits: Traits, part: Field | None) -> bool:
    """True if the product comes to know of such a change, whatever is lost on the way, and can make it good.

    With a net under it, a list shows what is gone, the title and the way to join; anything else shows in the version
    alone. Without the net there are only the pushes: after one, what can be read back is compared.
    """
    if part is not None and (part not in traits.held or part is traits.ignores):
        return False
    if not scene.net:
        return traits.pushes
    return traits.lists and (part in {None, Field.TITLE} or traits.conditional)
