"""What a queue may be set to, what is filled in, and when it repeats a call.

https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#retryconfig and #ratelimits
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta

from google.cloud import tasks_v2

from infra.local.cloudtasks.names import check_queue, invalid, unserved

RETENTION = timedelta(days=31)
"""A task is dropped that long after it was created, whatever its retries."""
FASTEST, MOST_AT_ONCE = 500.0, 5000

_MASKED = ("rate_limits", "retry_config")


def filled(queue: tasks_v2.Queue) -> tasks_v2.Queue:
    """The queue as it stands after it was asked for: defaults in what was left open. Raises Refusal."""
    check_queue(queue.name)
    if "http_target" in queue or "app_engine_routing_override" in queue:
        raise unserved("overrides of a queue's targets")
    return tasks_v2.Queue(
        name=queue.name,
        rate_limits=_rates(queue.rate_limits),
        retry_config=retries(queue.retry_config),
        state=tasks_v2.Queue.State.RUNNING,
    )


def changed(old: tasks_v2.Queue, new: tasks_v2.Queue, paths: Iterable[str]) -> tasks_v2.Queue:
    """The old queue with what `paths` name of the new one, all that can be set if there are none. Raises Refusal."""
    wanted = tasks_v2.Queue(old)
    for path in list(paths) or list(_MASKED):
        top, _, inner = path.partition(".")
        if top not in _MASKED:
            raise invalid("Only rate_limits and retry_config of a queue can be updated")
        if inner:
            _copy(getattr(new, top), getattr(wanted, top), inner)
        else:
            setattr(wanted, top, getattr(new, top))
    after = filled(wanted)
    after.state = old.state
    if "purge_time" in old:
        after.purge_time = old.purge_time
    return after


def _copy(source: object, target: object, name: str) -> None:
    if not hasattr(source, name):
        raise invalid("The update mask names a field that does not exist")
    setattr(target, name, getattr(source, name))


def _rates(asked: tasks_v2.RateLimits) -> tasks_v2.RateLimits:
    per_second = asked.max_dispatches_per_second or FASTEST
    at_once = asked.max_concurrent_dispatches or 1000
    if not 0 < per_second <= FASTEST:
        raise invalid("max_dispatches_per_second must be positive and at most 500")
    if not 0 < at_once <= MOST_AT_ONCE:
        raise invalid("max_concurrent_dispatches must be positive and at most 5000")
    return tasks_v2.RateLimits(
        max_dispatches_per_second=per_second,
        max_concurrent_dispatches=at_once,
        # Output only; Google's own queues of 500 a second show 100, slow ones 10.
        max_burst_size=min(max(math.ceil(per_second / 5), 10), 100),
    )


def retries(asked: tasks_v2.RetryConfig) -> tasks_v2.RetryConfig:
    """The retries asked for, with what was left open filled in. Raises Refusal."""
    config = tasks_v2.RetryConfig(asked)
    config.max_attempts = asked.max_attempts or 100
    config.max_doublings = asked.max_doublings or 16
    if "min_backoff" not in asked:
        config.min_backoff = _span(timedelta(milliseconds=100))
    if "max_backoff" not in asked:
        config.max_backoff = _span(timedelta(hours=1))
    if config.max_attempts < -1 or config.max_doublings < 0:
        raise invalid("max_attempts must be at least -1, max_doublings at least 0")
    shortest, longest = _length(config.min_backoff), _length(config.max_backoff)
    if not timedelta() <= shortest <= longest or _length(config.max_retry_duration) < timedelta():
        raise invalid("min_backoff must be at most max_backoff, and no duration negative")
    return config


def backoff(config: tasks_v2.RetryConfig, failures: int) -> timedelta:
    """The wait after so many failed attempts (1 or more): doubled `max_doublings` times, then linear, then level."""
    doubled = 1 << min(failures - 1, config.max_doublings, 40)
    linear = max(1, failures - config.max_doublings)
    longest = _length(config.max_backoff)
    # Compared as numbers: the product may be longer than a timedelta can tell.
    seconds = _length(config.min_backoff).total_seconds() * doubled * linear
    return longest if seconds >= longest.total_seconds() else timedelta(seconds=seconds)


def used_up(config: tasks_v2.RetryConfig, attempts: int, spent: timedelta) -> bool:
    """Whether a task that has failed so often, for so long since its first attempt, is given up.

    Only when both limits are reached; one that is not set is no condition, and without any there is only RETENTION.
    """
    most, longest = config.max_attempts, _length(config.max_retry_duration)
    limited = most != -1 or longest > timedelta()
    return limited and (most == -1 or attempts >= most) and (not longest or spent >= longest)


def outlived(created: datetime, now: datetime) -> bool:
    """Whether a task is too old to be kept at all."""
    return now - created >= RETENTION


# proto-plus shows durations as timedeltas, though its annotations name the message behind them.


def _length(duration: object) -> timedelta:
    return duration if isinstance(duration, timedelta) else timedelta()


def _span(length: timedelta) -> object:
    return length
