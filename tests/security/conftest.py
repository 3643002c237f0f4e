"""What the security tests share: one signing key for all of them, since making one is slow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.local.issuer import LocalIssuer
from tests.security.doors import House, signing, standing


@pytest.fixture(scope="session")
def issuer() -> LocalIssuer:
    """Who signs the tokens of Cloud Tasks and Cloud Scheduler."""
    return signing()


@pytest.fixture
def house(issuer: LocalIssuer) -> Iterator[House]:
    """A connected calendar behind the functions' doors."""
    with standing(issuer) as made:
        yield made


@pytest.fixture(scope="module")
def quiet(issuer: LocalIssuer) -> Iterator[House]:
    """The same, for all the tests in which nothing may happen to it."""
    with standing(issuer) as made:
        yield made
