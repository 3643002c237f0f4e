"""The page of executions of the local stack: `python -m infra.local.executions`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from functions.script import processes
from functions.script.context import Execution
from functions.script.trigger import CALENDAR, TriggerRecord, owner_of
from infra.local.executions import told
from infra.settings import Settings
from infra.wiring import local

USERS = ("alice@example.com", "bob@example.com")


def test_runs_are_shown_with_what_they_logged(tmp_path: Path) -> None:
    """Everybody's, oldest first; a stack on which nothing ran shows nothing."""
    settings = Settings(state=tmp_path, janus="off")
    assert told(settings) == []
    with closing(local(settings)) as stack:
        project = stack.door.project
        assert project is not None
        for number, user in enumerate(USERS):
            owner = owner_of(project.id, user)
            record = TriggerRecord(
                "7", project.id, user, owner, handler="greet", source=CALENDAR, order=1, created_at=0
            )
            execution = Execution(f"{number}", "7", lines=["first line", "second line"] if number else [])
            began = project.ground.now() + number
            processes.record(
                project,
                record,
                execution,
                began=began,
                outcome="completed",
                error=None,
                delivery_id="d",
                attempt=1,
            )

    shown = told(settings)
    assert [line.partition(" s  ")[2] or line for line in shown] == [
        "greet  alice@example.com  completed",
        "greet  bob@example.com  completed",
        "    first line",
        "    second line",
    ]
