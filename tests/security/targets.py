"""Everything that meets outside bytes, each with genuine examples and a check of what may come of any others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.security import target_consent, target_doors, target_parsers, target_servers
from tests.security.doors import logged, standing

Check = Callable[[bytes], None]
"""Raises whatever it raises if something came of the bytes that may not."""


@dataclass(frozen=True, slots=True)
class Target:
    """Examples to bend, and what to ask of the outcome."""

    seeds: tuple[bytes, ...]
    check: Check


@contextmanager
def targets(key: RSAPrivateKey) -> Iterator[Mapping[str, Target]]:
    """All targets by name, over worlds that live as long as the block."""
    with ExitStack() as held:
        held.enter_context(logged(logging.CRITICAL))
        house = held.enter_context(standing(key))
        found = {**target_doors.of(house), **target_parsers.of(house.issuer), **target_servers.of(held, house)}
        found |= target_consent.of(house)
        yield {name: Target(tuple(seeds), check) for name, (seeds, check) in found.items()}
