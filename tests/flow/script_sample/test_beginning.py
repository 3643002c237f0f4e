"""The add-on of the examples begins, in both styles: scenarios S1 and S23; and how long the two are."""

from __future__ import annotations

import ast
import inspect
from types import ModuleType

from examples import conferencing_own_style, conferencing_sample
from tests.flow.script_sample.world import NOTHING, SampleWorld, tokens
from tests.world import ALICE


def code_lines(module: ModuleType) -> int:
    """Lines of a module that are neither blank nor comment, docstring or import."""
    source = inspect.getsource(module)
    told = (ast.Import, ast.ImportFrom)
    skipped = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, told) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    lines = enumerate(source.splitlines(), 1)
    return sum(1 for number, line in lines if number not in skipped and line.strip() and line.strip()[0] != "#")


def test_our_own_style_is_about_a_third_as_long() -> None:
    """What lists, tokens, locks and retries take up in the sample, the handler is spared."""
    assert 2.5 * code_lines(conferencing_own_style) < code_lines(conferencing_sample)


def test_s1_initialise_twice(begun: SampleWorld) -> None:
    """One trigger, one feed, a token, and nothing asked of the service."""
    before = tokens(begun)
    begun.begin()

    assert [one.handler_function for one in begun.triggers()] == [begun.handler]
    assert len(begun.store.query("feeds")) == 1
    assert tokens(begun).keys() == before.keys() == {ALICE}
    assert begun.rooms.done() == NOTHING


def test_s23_another_handlers_trigger_on_the_calendar(world: SampleWorld) -> None:
    """Ours is made beside it."""
    world.follow("changed")
    world.begin()
    world.meet("planning")
    world.move_to(15, "planning")
    world.wait(1)

    assert [one.handler_function for one in world.triggers()] == ["changed", world.handler]
    assert world.rooms.done() == {"update": 1}
