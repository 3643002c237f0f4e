"""How the whole suite behaves: Hypothesis looks at few examples by default, at the same ones in CI, at many on demand.

`HYPOTHESIS_PROFILE=long make test` searches deeper; `quick` is for `make mutants`, which runs the tests over and over.
"""

from __future__ import annotations

import os

from hypothesis import settings

# No deadlines: a machine shared by several workers is no stopwatch.
settings.register_profile("dev", deadline=None, database=None, max_examples=100)
settings.register_profile("ci", deadline=None, database=None, max_examples=100, derandomize=True)
settings.register_profile("quick", deadline=None, database=None, max_examples=10, derandomize=True)
settings.register_profile("long", deadline=None, database=None, max_examples=10_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
