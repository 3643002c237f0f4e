"""All canaries by name, in the order in which a change travels."""

from __future__ import annotations

from tests.simulation.canaries import lists, meetings, nets, notices, rows, triggers
from tests.simulation.canaries.variant import Canary

ALL: tuple[Canary, ...] = (
    *notices.CANARIES,
    *lists.CANARIES,
    *rows.CANARIES,
    *meetings.CANARIES,
    *nets.CANARIES,
    *triggers.CANARIES,
)


def named(names: list[str]) -> list[Canary]:
    """The canaries of these names, all for none. Raises KeyError with a name that is none."""
    by_name = {canary.name: canary for canary in ALL}
    return [by_name[name] for name in names] if names else list(ALL)
