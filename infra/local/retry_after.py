"""How long a function that answered asks to be left alone.

Authority: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
"""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime, timedelta


def wait_asked(header: str | None, now: datetime) -> timedelta:
    """The wait that a Retry-After header asks for; none if it is absent or unreadable."""
    try:
        return max(_wait(header or "0", now), timedelta())
    except (ValueError, OverflowError):
        return timedelta()


def _wait(header: str, now: datetime) -> timedelta:
    if header.strip().isdecimal():
        return timedelta(seconds=int(header))
    at = email.utils.parsedate_to_datetime(header)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
