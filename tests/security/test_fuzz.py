"""What meets outside bytes, under bytes of all kinds; `python -m tests.security.fuzz` throws many more (S10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.security.fuzz import thrown
from tests.security.targets import Target, targets

NAMES = [
    *("notices", "pushes", "signed pushes", "identity tokens", "the console", "the join page"),
    *("tasks of sync_calendar", "tasks of reconcile_event", "tasks of patch_event", "tasks of tick"),
    "tasks of run_trigger",
    *("tasks of connect_calendar", "calls of the add-on", "users of the add-on", "requests to the add-on"),
    *("answers of Calendar", "answers of a provider", "answers of Janus", "key sets", "Retry-After"),
    *("the consent pages", "answers of the authorization server"),
    *("signatures", "events", "sealed texts", "trace headers", "the Calendar server", "the conferencing service"),
]
EXAMPLES = max(settings().max_examples * 3 // 5, 1)


@pytest.fixture(scope="module")
def aimed(key: RSAPrivateKey) -> Iterator[Mapping[str, Target]]:
    """All targets."""
    with targets(key) as found:
        yield found


def test_all_targets_are_named(aimed: Mapping[str, Target]) -> None:
    """No target is forgotten below."""
    assert sorted(aimed) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_else_comes_out(aimed: Mapping[str, Target], name: str) -> None:
    """Whatever comes in, doors answer 2xx or 4xx, and parsers raise our own errors or none."""
    target = aimed[name]
    for seed in target.seeds:
        target.check(seed)

    @settings(max_examples=EXAMPLES)
    @example(b"")
    @given(st.integers(min_value=0, max_value=2**63) | st.binary(max_size=300))
    def throw(data: int | bytes) -> None:
        target.check(thrown(target, data) if isinstance(data, int) else data)

    throw()
