"""The rules of queues that need no server: waits, ends of retries, tokens in a bucket."""

from __future__ import annotations

from datetime import timedelta

import pytest
from google.cloud import tasks_v2
from hypothesis import given
from hypothesis import strategies as st

from infra.local.cloudtasks.limits import backoff, retries, used_up
from infra.local.cloudtasks.pacing import SLOWEST, Bucket

SPANS = st.integers(0, 10**6).map(lambda milliseconds: timedelta(milliseconds=milliseconds))


@st.composite
def configs(draw: st.DrawFn) -> tasks_v2.RetryConfig:
    """Retries that a queue may be set to."""
    shortest, longest = sorted([draw(SPANS), draw(SPANS)])
    return retries(
        tasks_v2.RetryConfig(
            max_attempts=draw(st.integers(1, 50) | st.just(-1)),
            max_retry_duration=draw(SPANS),
            min_backoff=shortest,
            max_backoff=longest,
            max_doublings=draw(st.integers(1, 2**31 - 1)),
        )
    )


@given(configs(), st.integers(1, 10**6))
def test_waits_grow_within_their_bounds(config: tasks_v2.RetryConfig, failures: int) -> None:
    """No wait is shorter than the one before, than the least, or longer than the most."""
    wait, following = backoff(config, failures), backoff(config, failures + 1)

    assert config.min_backoff <= wait <= following <= config.max_backoff


@given(configs())
def test_the_first_waits_double(config: tasks_v2.RetryConfig) -> None:
    """Until the doublings or the longest wait are reached."""
    for n in range(1, min(config.max_doublings, 20) + 1):
        assert backoff(config, n + 1) == min(2 * backoff(config, n), config.max_backoff)


@given(configs(), st.integers(1, 100), SPANS)
def test_a_task_ends_once_every_limit_that_is_set_is_reached(
    config: tasks_v2.RetryConfig, attempts: int, spent: timedelta
) -> None:
    """And then stays ended; without a limit it never does."""
    by_count, by_time = config.max_attempts != -1, bool(config.max_retry_duration)
    reached = (not by_count or attempts >= config.max_attempts) and (not by_time or spent >= config.max_retry_duration)

    assert used_up(config, attempts, spent) == (reached and (by_count or by_time))


class Seconds:
    """A clock of seconds."""

    now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@given(st.lists(st.tuples(st.sampled_from(["pass", "take", "slow", "ease"]), st.floats(0, 5)), max_size=60))
def test_a_bucket_never_lets_more_through_than_its_rate_and_its_burst(steps: list[tuple[str, float]]) -> None:
    """However it is emptied, slowed and eased; and what it promises comes."""
    seconds = Seconds()
    bucket = Bucket(per_second=20, burst=10, seconds=seconds)
    taken = 0
    for kind, amount in steps:
        if kind == "pass":
            seconds.now += amount
        elif kind == "take":
            tokens = min(bucket.tokens(), int(amount * 4))
            bucket.take(tokens)
            taken += tokens
        else:
            getattr(bucket, kind)()
        assert 0 <= bucket.tokens() <= 10
        assert taken <= 10 + 20 * seconds.now + 1e-6

    seconds.now += bucket.next_in() + 1e-6
    assert bucket.tokens() >= 1


@pytest.mark.parametrize(("slowed", "share"), [(0, 1.0), (1, 0.5), (3, 0.125), (50, SLOWEST)])
def test_an_overloaded_target_halves_the_rate(slowed: int, share: float) -> None:
    """Down to a hundredth; success brings it back."""
    seconds = Seconds()
    bucket = Bucket(per_second=100, burst=10, seconds=seconds)
    bucket.take(10)
    for _ in range(slowed):
        bucket.slow()
    assert bucket.next_in() == pytest.approx(1 / (100 * share))

    for _ in range(60):
        bucket.ease()
    assert bucket.next_in() == pytest.approx(0.01)


def test_other_limits_hold_from_then_on() -> None:
    """What was gained before stays, up to the new burst."""
    seconds = Seconds()
    bucket = Bucket(per_second=10, burst=10, seconds=seconds)
    bucket.set(100, 4)
    seconds.now = 0.001

    assert bucket.tokens() == 4
