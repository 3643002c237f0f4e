"""When a local queue tries again, by Cloud Tasks' words: RetryConfig and RateLimits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.ports import Task
from infra.local.held import Held
from infra.local.memory import ManualClock
from infra.local.queue_policy import Pace, QueuePolicy
from infra.local.retry_after import wait_asked
from infra.local.task_call import Answer, Caller

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
POLICY = QueuePolicy()


class Highest(Random):
    """Draws that leave nothing off: the longest waits there are."""

    def random(self) -> float:
        """The lowest draw."""
        return 0.0


def held(attempts: int, first_try: datetime | None = NOON) -> Held:
    """A task that was tried so often before."""
    return Held(1, Task("tick"), None, NOON, NOON, attempts=attempts, first_try=first_try)


def test_the_wait_doubles_and_then_stays() -> None:
    """From the least wait to the longest, by the number of doublings allowed."""
    policy = QueuePolicy(min_backoff=timedelta(seconds=2), max_backoff=timedelta(seconds=30), doublings=3)
    slow = QueuePolicy(min_backoff=timedelta(seconds=1), doublings=2)

    assert [policy.backoff(n, Highest()).total_seconds() for n in range(1, 8)] == [2, 4, 8, 16, 16, 16, 16]
    assert [slow.backoff(n, Highest()).total_seconds() for n in range(1, 5)] == [1, 2, 4, 4]
    assert POLICY.backoff(10**9, Highest()) == timedelta(hours=1)


@given(attempts=st.integers(1, 1000), seed=st.integers())
def test_jitter_leaves_off_up_to_a_half(attempts: int, seed: int) -> None:
    """No wait is longer than without jitter, and none shorter than half of that."""
    full = POLICY.backoff(attempts, Highest())

    assert full / 2 <= POLICY.backoff(attempts, Random(seed)) <= full  # noqa: S311 - jitter


def test_tasks_that_failed_together_come_back_apart() -> None:
    """A hundred tasks do not come in one moment again."""
    random = Random(1)  # noqa: S311 - jitter

    assert len({POLICY.backoff(8, random) for _ in range(100)}) > 90


@pytest.mark.parametrize(
    ("attempts", "age", "given_up"),
    [
        (0, timedelta(), False),
        (98, timedelta(days=30), False),
        (99, timedelta(days=3), True),
        (99, timedelta(days=3) - timedelta(seconds=1), False),
        (10**6, timedelta(days=2), False),
        (10**6, timedelta(days=4), True),
    ],
)
def test_a_task_is_given_up_when_attempts_and_time_are_used_up(attempts: int, age: timedelta, given_up: bool) -> None:
    """One of the two alone is not enough, as with Cloud Tasks."""
    at = POLICY.next_try(held(attempts), NOON + age, Random(0), timedelta())  # noqa: S311 - jitter

    assert (at is None) == given_up


def test_a_task_without_an_earlier_try_is_never_given_up_at_once() -> None:
    """However late it comes to its first attempt."""
    assert QueuePolicy(attempts=1).next_try(held(0, None), NOON, Highest(), timedelta()) == NOON + timedelta(seconds=1)


def test_retries_last_three_days() -> None:
    """Whatever the jitter, a task that always fails is tried over more than three days."""
    for seed in range(20):
        random, now, attempts = Random(seed), NOON, 0  # noqa: S311 - jitter
        while at := POLICY.next_try(held(attempts), now, random, timedelta()):
            assert at > now
            now, attempts = at, attempts + 1

        assert now - NOON >= timedelta(days=3)
        assert attempts + 1 >= 100


@pytest.mark.parametrize(
    ("asked", "expected"),
    [(timedelta(), 1.0), (timedelta(minutes=20), 1200.0), (timedelta(days=400), 3600.0)],
)
def test_a_wait_asked_for_is_heeded_within_reason(asked: timedelta, expected: float) -> None:
    """It lengthens the backoff, never beyond the longest one."""
    at = POLICY.next_try(held(0), NOON, Highest(), asked)

    assert at == NOON + timedelta(seconds=expected)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("120", 120),
        (" 7 ", 7),
        ("Mon, 02 Mar 2026 12:01:30 GMT", 90),
        ("Mon, 02 Mar 2026 12:01:30", 90),
        ("Mon, 02 Mar 2026 14:01:30 +0200", 90),
        ("Mon, 02 Mar 2026 11:00:00 GMT", 0),
        ("-5", 0),
        ("soon", 0),
        ("9" * 400, 0),
        ("²", 0),
        ("Mon, 99 Mar 2026 12:01:30 GMT", 0),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float) -> None:
    """Seconds or a date (RFC 9110, 10.2.3); the absent, the past and the absurd ask for nothing."""
    assert wait_asked(header, NOON) == timedelta(seconds=seconds)


@given(header=st.text() | st.from_regex(r"\d{1,30}|\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+( \w+)?", fullmatch=True))
def test_any_retry_after_is_survived(header: str) -> None:
    """No header a stranger sends ends in an exception or a wait into the past."""
    assert wait_asked(header, NOON) >= timedelta()


class Watch:
    """A clock of seconds, put forward by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def read(self) -> float:
        """The seconds so far."""
        return self.seconds


def begun(pace: Pace, watch: Watch, seconds: float) -> int:
    """How many tasks begin in so many seconds if enough wait."""
    total = 0
    for _ in range(round(seconds * 100)):
        watch.seconds += 0.01
        room = pace.room()
        pace.spend(room)
        total += room
    return total


@pytest.mark.parametrize("rate", [1, 10, 500])
def test_the_pace_is_kept(rate: float) -> None:
    """Over ten seconds as many begin as the rate allows, and after a pause no more than a fifth of a second's."""
    watch = Watch()
    pace = Pace(rate, watch.read)
    begun(pace, watch, 10)
    in_ten = begun(pace, watch, 10)
    watch.seconds += 3600
    assert in_ten == pytest.approx(10 * rate, rel=0.05, abs=1)

    assert pace.room() == max(1, int(rate / 5))


def test_an_overloaded_receiver_is_spared_and_taken_up_again() -> None:
    """Each 429 or 503 halves the pace of the whole queue, down to a hundredth; successes bring it back."""
    watch = Watch()
    pace = Pace(100, watch.read)
    begun(pace, watch, 1)
    pace.slow()
    halved = begun(pace, watch, 10)
    for _ in range(20):
        pace.slow()
    least = begun(pace, watch, 10)
    for _ in range(60):
        pace.ease()
    begun(pace, watch, 1)

    assert halved == pytest.approx(500, abs=2)
    assert least == pytest.approx(10, abs=2)
    assert begun(pace, watch, 10) == pytest.approx(1000, abs=2)


# ---- The call itself ----------------------------------------------------------------------------


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    """A receiver that talks without end has answered; what it says beyond 64 kB is not listened to."""
    parts: list[bytes] = []

    def endless() -> Iterator[bytes]:
        while True:
            parts.append(b"x" * 1024)
            yield parts[-1]

    caller = Caller("http://127.0.0.1:9/", str, POLICY, ManualClock(NOON))
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=endless()))
    with httpx.Client(transport=transport) as client:
        assert caller.call(client, held(0)) == Answer(200)

    assert len(parts) == 65


@pytest.mark.parametrize(
    ("status", "done", "overloaded"),
    [
        (None, False, False),
        (199, False, False),
        (200, True, False),
        (299, True, False),
        (300, False, False),
        (429, False, True),
        (500, False, False),
        (503, False, True),
    ],
)
def test_only_2xx_is_done_and_two_statuses_slow_the_queue(status: int | None, done: bool, overloaded: bool) -> None:
    """429 and 503 speak for the whole receiver, any other failure for its task alone."""
    answer = Answer(status)

    assert (answer.done, answer.overloaded) == (done, overloaded)
