"""The process dies before or after every single outgoing call of the acceptance story; the end is always right.

The story is told in short pieces, so that no long beginning is repeated for each of its some two thousand moments.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from infra.local.held import Held
from tests.crashing import Crash, Fuse
from tests.flow.followed import FollowedStage, followed
from tests.flow.stage import Stage
from tests.flow.stories import STORIES, renamed
from tests.world import World

SHARDS = 3
"""They only spread the work over the cores."""


def told(story: Callable[[Stage], None], at: int | None, world: World | None = None) -> tuple[Fuse, list[str]]:
    """The story with a crash at this moment, and all that is wrong in the end."""
    return ending(Stage(Fuse(at), world), story)


def ending(stage: Stage, story: Callable[[Stage], None]) -> tuple[Fuse, list[str]]:
    """The story on this stage, and all that is wrong in the end."""
    with contextlib.closing(stage.world), capture_logs():  # which nobody reads, and printing takes its time
        story(stage)
        return stage.fuse, stage.end()


@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_crash_at_any_call_loses_nothing_and_leaves_nothing(story: Callable[[Stage], None], shard: int) -> None:
    """Every call of the story, before it and after it: all is right a few minutes later, and nothing is left over."""
    calm, wrong = told(story, None)
    assert wrong == []
    assert calm.moments > 30
    for moment in range(1 + shard, calm.moments + 1, SHARDS):
        fuse, wrong = told(story, moment)

        assert fuse.where, moment
        assert wrong == [], f"{fuse.where}, moment {moment} of {calm.moments}"


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_crash_at_any_call_keeps_meetings_and_a_scripts_trigger_right(shard: int) -> None:
    """The same where a script's handler is told of every change and writes to the event, beside the conferences."""
    calm, wrong = ending(FollowedStage(Fuse(None)), followed)
    assert wrong == []
    assert calm.moments > 100
    for moment in range(1 + shard, calm.moments + 1, SHARDS):
        fuse, wrong = ending(FollowedStage(Fuse(moment)), followed)

        assert fuse.where, moment
        assert wrong == [], f"{fuse.where}, moment {moment} of {calm.moments}"


class AtMostOnce(World):
    """A world whose queue forgets a task when its process dies."""

    def work(self, held: Held) -> None:
        """Run one task, once."""
        self.queue.take(held)
        with contextlib.suppress(Crash):
            self.run(held.task)
        self.queue.done(held)


class NeverTicking(AtMostOnce):
    """One that nobody wakes either."""

    def tick(self) -> dict[str, int]:
        """Do nothing."""
        return {}


def test_a_flow_that_forgets_is_found_out() -> None:
    """Without redelivery and without the scheduler most crashes end in a meeting that did not follow."""
    moments = told(renamed, None)[0].moments
    found = [told(renamed, moment, NeverTicking())[1] for moment in range(1, moments + 1)]

    assert sum(map(bool, found)) > moments / 2


def test_lost_tasks_are_made_good_by_the_scheduler() -> None:
    """A queue that forgets what was being run costs minutes, not changes."""
    moments = told(renamed, None)[0].moments
    for moment in range(1, moments + 1):
        assert told(renamed, moment, AtMostOnce())[1] == [], moment
