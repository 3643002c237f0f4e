"""Chance by name: a number depends on the seed and on what it is drawn for, never on what was drawn before.

So a run in which one fault is left out draws the same numbers everywhere else, and a failing story can be shortened.
"""

from __future__ import annotations

import random
import struct
from hashlib import blake2b

_WORDS = struct.Struct("<4I")


class Chance:
    """One stream of a seed; streams of one seed are independent of each other."""

    def __init__(self, seed: int, stream: str) -> None:
        self._name = f"{seed}/{stream}"
        self._keyed = blake2b(digest_size=16, key=self._name.encode())

    def numbers(self, name: str) -> tuple[float, float, float, float]:
        """Four numbers from 0 up to 1, the same for the same name."""
        keyed = self._keyed.copy()
        keyed.update(name.encode())
        a, b, c, d = _WORDS.unpack(keyed.digest())
        return a / 2**32, b / 2**32, c / 2**32, d / 2**32

    def generator(self, name: str) -> random.Random:
        """A generator for whoever needs many draws under one name."""
        return random.Random(f"{self._name}/{name}")  # noqa: S311 - reproducible on purpose
