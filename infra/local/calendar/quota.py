"""Google's quota per user and minute, when it is switched on.

Authority: https://developers.google.com/workspace/calendar/api/guides/quota (contract 10.3, 10.4)
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from infra.local.calendar.messages import Json, Response, json_value

_WINDOW = timedelta(minutes=1)
_MESSAGE = (
    "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' "
    "of service 'calendar-json.googleapis.com' for consumer 'project_number:1'."
)


class Quota:
    """A sliding window of one minute for each user; a patch counts three."""

    def __init__(self) -> None:
        self._spent: dict[str, deque[datetime]] = {}

    def spend(self, user: str, http_method: str, limit: int, now: datetime) -> Response | None:
        """Count one call; the answer that refuses it if the limit (0: none) is reached."""
        if not limit:
            return None
        spent = self._spent.setdefault(user, deque())
        while spent and spent[0] <= now - _WINDOW:
            spent.popleft()
        units = 3 if http_method == "PATCH" else 1
        if len(spent) + units > limit:
            return json_value({"error": _envelope(limit)}, status=403)
        spent.extend([now] * units)
        return None


def _envelope(limit: int) -> Json:
    metadata = {
        "quota_limit": "defaultPerMinutePerUser",
        "service": "calendar-json.googleapis.com",
        "consumer": "projects/1",
        "quota_location": "global",
        "quota_metric": "calendar-json.googleapis.com/default",
        "quota_limit_value": str(limit),
    }
    detail = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "RATE_LIMIT_EXCEEDED",
        "domain": "googleapis.com",
        "metadata": metadata,
    }
    errors = [{"message": _MESSAGE, "domain": "usageLimits", "reason": "rateLimitExceeded"}]
    return {"code": 403, "message": _MESSAGE, "errors": errors, "status": "PERMISSION_DENIED", "details": [detail]}
