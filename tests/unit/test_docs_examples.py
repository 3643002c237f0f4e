"""What docs/triggers.md and docs/from-apps-script.md say: every example runs, tables name what there is."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from functions import script
from functions.script.registry import HANDLERS
from tests.flow.scripted import ScriptWorld
from tests.unit.script.test_surface import ABSENT
from tests.world import ALICE

ROOT = Path(__file__).parents[2]
GUIDE, WAY_OVER = "triggers", "from-apps-script"


def text(name: str) -> str:
    """A page."""
    return (ROOT / "docs" / f"{name}.md").read_text()


class Page:
    """A page whose examples have been run, from the first to the last, in a script of their own as Alice."""

    def __init__(self, name: str) -> None:
        self.blocks = re.findall(r"^```python\n(.*?)^```", text(name), re.DOTALL | re.MULTILINE)
        self.world = ScriptWorld()
        self.world.change_project(handlers=HANDLERS)
        self.left: dict[str, Any] = {"__name__": name.replace("-", "_")}
        with self.world.scripting(ALICE):
            for number, block in enumerate(self.blocks):
                exec(compile(block, f"docs/{name}.md, example {number + 1}", "exec"), self.left)  # noqa: S102 - our own
        self.world.settle()

    def close(self) -> None:
        """Let go of the world."""
        self.world.close()


@pytest.fixture(scope="module")
def guide() -> Iterator[Page]:
    """The guide, run once: its handlers are registered for as long as the process lives."""
    with contextlib.closing(Page(GUIDE)) as ran:
        yield ran


@pytest.fixture(scope="module")
def way() -> Iterator[Page]:
    """The way over, run once."""
    with contextlib.closing(Page(WAY_OVER)) as ran:
        yield ran


def lines(handler: str) -> list[tuple[str, ...]]:
    """What the handler's runs have logged, oldest first."""
    ran = [one for one in script.processes.list() if one.handler == handler]
    return [one.lines for one in reversed(ran)]


def test_the_guides_examples_run(guide: Page) -> None:
    """All of them; the handlers that they leave are called, with what the guide says."""
    assert len(guide.blocks) == 11
    left = guide.left
    assert left["trigger"].handler_function == "note_changes"
    assert left["known"].agreed == "what the vendor was told last"
    assert left["gone"].last
    with guide.world.scripting(ALICE):
        script.reconcile_declared(guide.world.project, [ALICE])
        guide.world.settle()
        event = guide.world.insert(summary="Lunch", conferenceData=None)
        guide.world.settle()
        guide.world.patch(event["id"], location="Room 5")
        guide.world.settle()

        assert [line.partition(" [")[0] for run in lines("say_hello") for line in run] == [
            f"created {event['id']}",
            f"updated {event['id']}",
        ]
        assert lines("say_hello")[-1] == (f"updated {event['id']} ['location']",)
        assert script.get_user_properties().get_property("last") == event["id"]
        assert script.get_user_properties().get_property("count") == "4"
        guide.world.clock.advance(timedelta(minutes=11))
        guide.world.tick()
        guide.world.settle()
        (line,) = [run[0] for run in lines("every_morning")]
        assert line.startswith("2026-11-23 08:1")
        assert left["once"] not in script.get_project_triggers()


def test_the_ways_examples_run(way: Page) -> None:
    """All of them; the migrated handler is called, and the one that lists for itself has its token."""
    assert len(way.blocks) == 2
    with way.world.scripting(ALICE):
        event = way.world.insert(summary="Lunch", conferenceData=None)
        way.world.settle()
        assert lines("on_change") == [("created Lunch",)]
        assert event["id"]
        first = script.get_user_properties().get_property(f"syncToken:{ALICE}")
        way.world.google_control("expire-tokens", calendarId=ALICE)
        way.left["list_for_itself"](script.EventUpdated(ALICE))
        assert first != script.get_user_properties().get_property(f"syncToken:{ALICE}")


def test_what_is_left_out_is_told_with_its_reason() -> None:
    """The table has every deliberate absence and nothing else."""
    section = text(WAY_OVER).split("## Left out, on purpose\n", 1)[1].split("\n## ", 1)[0]
    told = dict(re.findall(r"^\| `([\w.]+)` \| (.+) \|$", section, re.MULTILINE))

    assert told.keys() == ABSENT.keys()
    assert all(told[name] in {ABSENT[name], "the same"} for name in told)


@pytest.mark.parametrize("name", [GUIDE, WAY_OVER])
def test_every_name_of_ours_is_there(name: str) -> None:
    """Whatever a page calls `script.…` is found under that name."""
    named = {one.rstrip(".") for one in re.findall(r"(?<![-\w./])script\.([a-zA-Z_.]+)", text(name))}
    for path in named:
        assert reduce(getattr, path.split("."), script) is not None
    assert len(named) > 20


@pytest.mark.parametrize("name", [GUIDE, WAY_OVER])
def test_links_lead_somewhere(name: str) -> None:
    """To files of the repository, or to headings of the page."""
    headings = {one.lower().replace(" ", "-") for one in re.findall(r"^#+ (.+)$", text(name), re.MULTILINE)}
    for target in re.findall(r"\]\(([^)]+)\)", text(name)):
        path, _, heading = target.partition("#")
        assert (ROOT / "docs" / path).exists() if path else heading in headings, target
    for path in re.findall(r"`((?:tests|examples)/[\w/.]+)`", text(name)):
        assert (ROOT / path).exists(), path
