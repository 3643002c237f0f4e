"""What decisions are made upon does not change while they are made."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from conference import door, errors, event, link, meeting, plan, series, slot, solution

MODULES = (door, errors, event, link, meeting, plan, series, slot, solution)
TYPES = sorted(
    {
        kind
        for module in MODULES
        for kind in vars(module).values()
        if isinstance(kind, type) and (dataclasses.is_dataclass(kind) or issubclass(kind, msgspec.Struct))
    },
    key=lambda kind: kind.__qualname__,
)


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind is not msgspec.Struct], ids=lambda kind: kind.__name__)
def test_values_cannot_be_changed(kind: type) -> None:
    """Every type of value in conference/ is frozen, and thus can be compared, hashed and shared."""
    config = getattr(kind, "__struct_config__", None) or kind.__dict__["__dataclass_params__"]

    assert config.frozen
