"""Canaries fit the present source, and an edited module is what a variant's process imports."""

from __future__ import annotations

import builtins
import dis
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from tests.simulation import regressions
from tests.simulation.canaries import noticed
from tests.simulation.canaries.catalogue import ALL, named
from tests.simulation.canaries.trials import BUG, Trials
from tests.simulation.canaries.variant import ROOT, Canary, Edit, Misfit, install

STORIES = [path for path in regressions.kept() if regressions.canary_of(path)]
WANTED = 32
"""How many ways to break the product there are at least."""


def globals_used(code: CodeType) -> Iterator[str]:
    """The global names that a module's functions read."""
    for step in dis.get_instructions(code):
        if step.opname == "LOAD_GLOBAL":
            yield str(step.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from globals_used(constant)


@pytest.mark.parametrize("canary", ALL, ids=lambda canary: canary.name)
def test_each_canary_fits_the_present_source(canary: Canary) -> None:
    """Every edit is found exactly once; what it makes compiles, imports, and reads no name that is not there."""
    for name, code in canary.codes().items():
        import_module(name)  # a dataclass looks for its module among the imported ones
        module = ModuleType(name)
        module.__file__ = code.co_filename
        exec(code, module.__dict__)  # noqa: S102 - the product's own source, edited
        there = {*module.__dict__, *vars(builtins)}
        assert [used for used in globals_used(code) if used not in there] == []


def test_there_are_enough_canaries_and_no_two_of_a_name() -> None:
    """Each has a name of its own, says what it removes and who should see it, and changes something."""
    assert len({canary.name for canary in ALL}) == len(ALL) >= WANTED
    assert len({tuple(canary.sources().items()) for canary in ALL}) == len(ALL)
    for canary in ALL:
        assert canary.removes.endswith(".")
        assert canary.expect
        assert all(edit.text != edit.instead for edit in canary.edits)


@pytest.mark.parametrize("text", ["no such text anywhere", "def "])
def test_an_edit_that_does_not_fit_is_an_error(text: str) -> None:
    """A text that is not there, or is there twice, is no place for an edit."""
    canary = Canary("misfit", "Nothing.", "nobody", (Edit("functions.sync", text, ""),))
    with pytest.raises(Misfit, match=r"functions\.sync has"):
        canary.codes()


def test_a_variant_comes_too_late_for_an_imported_product() -> None:
    """Where the original has been imported already, a variant would be none."""
    __import__("functions.sync")
    with pytest.raises(Misfit, match="imported already"):
        install(ALL[0])


PROOF = """
import sys
from tests.simulation.canaries.trials import BUG, Trials
from tests.simulation.canaries.variant import Canary, Edit, install
edit = Edit("conference.text", 'UNTITLED = "(No title)"', 'UNTITLED = "another product"')
install(Canary("proof", "Nothing.", "nobody", (edit,)))
from conference import text, meeting
from functions import sync
print(meeting.text.title(""), text.__file__ == sync.__file__.replace("functions/sync", "conference/text"))
"""


def test_a_process_imports_the_variant() -> None:
    """Whoever imports the module gets the edited one, by whatever way."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", PROOF], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[0] == "another product True"


def test_canaries_are_chosen_by_name() -> None:
    """Names choose, none choose all, and a name that is none is an error."""
    assert [canary.name for canary in named([ALL[3].name, ALL[1].name])] == [ALL[3].name, ALL[1].name]
    assert named([]) == list(ALL)
    with pytest.raises(KeyError):
        named(["no such canary"])


@pytest.mark.parametrize(
    "name",
    [
        "absence-is-deletion",
        "attendees-copy-acts",
        "fresh-token-on-410",
        "mark-done-before-the-effect",
        "static-run-names",
        "token-before-marks",
    ],
)
def test_the_simulation_sees_what_is_missing(name: str) -> None:
    """A few canaries that hardly any world lets live; `python -m tests.simulation.canaries` tries them all."""
    end = Trials(60).run(name, range(60), lambda _: None)
    assert end.seed is not None
    assert not end.fault
    assert end.oracle != BUG


@pytest.mark.parametrize("path", STORIES[:2], ids=lambda path: path.stem)
def test_a_kept_story_is_red_under_its_canary(path: Path) -> None:
    """Some of those that name one; `python -m tests.simulation.canaries --stories` lives through them all."""
    end = Trials(1).replay(regressions.canary_of(path) or "", path)
    assert not end.fault
    assert path.stem.startswith(end.oracle.replace(" ", "-") or "red")


@pytest.mark.parametrize("canary", [canary for canary in ALL if canary.test], ids=lambda canary: canary.name)
def test_the_test_that_a_canary_names_is_there(canary: Canary) -> None:
    """What no simulated world shows has a reason for that, and a test that notices it."""
    file, _, function = canary.test.partition("::")
    assert canary.spared
    assert f"def {function}" in ROOT.joinpath(file).read_text(encoding="utf-8")


def test_the_test_that_a_canary_names_fails_under_it() -> None:
    """One of them; `python -m tests.simulation.canaries --tests` runs them all. Another test does not notice."""
    (canary,) = named(["unknown-feed-commit-as-failed"])
    other = canary.test.replace("is_repeated", "is_repeated or test_the_same_words")
    assert noticed.by_its_test(canary).oracle == "test"
    passing = canary.test.partition("::")[0] + "::test_the_same_words_of_a_provider_later_are_heard_again"
    assert noticed.by_its_test(replace(canary, test=passing)).oracle == ""
    assert noticed.by_its_test(replace(canary, test=other)).fault


def test_a_variant_that_breaks_in_itself_is_no_dead_canary() -> None:
    """What a trial's process says last is told as its fault."""
    end = Trials(1).run("no such canary", range(1), lambda _: None)
    assert "no such canary" in end.fault
