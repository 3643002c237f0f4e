"""What the security tests share: one signing key for all of them, since making one is slow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from infra.local.issuer import new_key
from tests.security.doors import House, standing


@pytest.fixture(scope="session")
def key() -> RSAPrivateKey:
    """What signs the tokens of Cloud Tasks and Cloud Scheduler."""
    return new_key()


@pytest.fixture
def house(key: RSAPrivateKey) -> Iterator[House]:
    """A connected calendar behind the functions' doors."""
    with standing(key) as made:
        yield made


@pytest.fixture(scope="module")
def quiet(key: RSAPrivateKey) -> Iterator[House]:
    """The same, for all the tests in which nothing may happen to it."""
    with standing(key) as made:
        yield made
