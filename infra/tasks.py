"""The rules of tasks that every ground keeps alike; the port is functions.ports.Queue.

The figures are those of Cloud Tasks (https://cloud.google.com/tasks/docs/quotas).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from functions.ports import Task
from infra.documents import decode, encode

NAMES_KEPT = timedelta(hours=24)
LARGEST_BODY = 100_000  # bytes
FARTHEST = timedelta(days=30)

_NAME = re.compile(r"[A-Za-z0-9_-]{1,500}")
_FUNCTION = re.compile(r"[a-z][a-z0-9_]{0,62}")


def check_name(name: str | None) -> None:
    """Return if a task may be so called, else raise ValueError."""
    if name is not None and not _NAME.fullmatch(name):
        raise ValueError("a task's name is 1 to 500 letters, digits, - and _")


def encode_body(task: Task) -> bytes:
    """The JSON body of the call. Raises ValueError if the task is none that every ground takes."""
    if not _FUNCTION.fullmatch(task.function):
        raise ValueError("a task names a function of main.py")
    body = encode(task.body)
    if len(body) > LARGEST_BODY:
        raise ValueError(f"a task's body holds at most {LARGEST_BODY} bytes")
    return body


def decode_body(body: bytes) -> Mapping[str, Any]:
    """What `encode_body` was given, as fresh objects."""
    return decode(body)


def moment(at: datetime | None, now: datetime) -> datetime:
    """When a task is due: `at`, or now if that is past or absent. Raises ValueError beyond 30 days, or without zone."""
    if at is None:
        return now
    if at.tzinfo is None:
        raise ValueError("a task's time is an aware datetime")
    if at - now > FARTHEST:
        raise ValueError("a task is due within 30 days")
    return max(at, now)
