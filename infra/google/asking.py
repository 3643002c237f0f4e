"""One call to a Google service by its gRPC client: asked again while that may help, and bounded as a whole.

Authority: https://cloud.google.com/apis/design/errors#error_retries
Only for calls that may be repeated without harm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import grpc
from google.api_core.exceptions import (
    GatewayTimeout,
    GoogleAPICallError,
    InternalServerError,
    RetryError,
    ServiceUnavailable,
)
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError

from conference.errors import Where

T = TypeVar("T")


class Garbled(Exception):
    """What was sent or answered did not arrive as it was sent."""


FAILURES = (GoogleAPICallError, RetryError, GoogleAuthError, Garbled, ValueError)
"""All that a call may raise; ValueError once the connection is closed. Anything else is a bug."""

_PASSING = (ServiceUnavailable, GatewayTimeout, InternalServerError, Garbled)


def ask(call: Callable[[], T], *, within: float) -> T:
    """The call's answer, asked for again for `within` seconds. Raises one of FAILURES."""
    again: Callable[[], T] = Retry(
        predicate=if_exception_type(*_PASSING), initial=0.1, multiplier=2.0, maximum=1.0, timeout=within
    )(call)
    return again()


def where(system: str, operation: str, failure: Exception) -> Where:
    """The place of a failure; its text may name keys and projects, which are not for the log."""
    cause = failure.cause if isinstance(failure, RetryError) else failure
    code = getattr(cause, "grpc_status_code", None)
    return Where(system, operation, reason=code.name if code is not None else type(cause).__name__)


def plain_channel(target: str) -> grpc.Channel:
    """A connection to a server of this machine ("host:port"), without encryption or credentials.

    One that was killed is found again soon after it stands.
    """
    waits = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000)]
    return grpc.insecure_channel(target, options=[*waits, ("grpc.enable_http_proxy", 0)])
