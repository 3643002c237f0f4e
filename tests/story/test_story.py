"""The acceptance story on the whole stack, in processes of their own: the same steps that `make demo` shows.

The steps build upon each other, so they are one test with a subtest for each.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.local.demo.step import tell
from infra.local.demo.story import demo_settings, steps
from infra.local.demo.world import stage
from infra.local.janus import find_binary
from infra.local.stack import Stack
from tests.contract.firestore_ground import needs_emulator


@pytest.mark.story
@pytest.mark.timeout(400)
@pytest.mark.parametrize("ground", [{}, {"store": "firestore", "queue": "cloudtasks"}], ids=["embedded", "google"])
def test_the_story(ground: dict[str, Any], tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Whatever a person does in the calendar, and whatever fails on the way, the provider's meetings end up right."""
    if ground:
        needs_emulator()
    with Stack(replace(demo_settings(tmp_path), **ground)) as stack, stage(stack) as world:
        for step in steps(with_janus=find_binary() is not None):
            with subtests.test(step.name):
                assert tell(world, step).failure is None
