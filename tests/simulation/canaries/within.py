"""A pytest plugin: the product as a canary has it, for tests that notice what no simulated world shows.

Run: .venv/bin/pytest -n0 -p tests.simulation.canaries.within --canary NAME tests/flow/...
Authority: https://docs.pytest.org/en/stable/reference/reference.html#bootstrapping-hooks
"""

from __future__ import annotations

import pytest

from tests.simulation.canaries.catalogue import named
from tests.simulation.canaries.variant import install


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the canary's name."""
    parser.addoption("--canary", help="the variant of the product to test")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Install the variant before any conftest imports the product."""
    install(*named([early_config.known_args_namespace.canary]))
