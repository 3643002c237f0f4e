"""Google's quotas per minute, when they are switched on.

Authority: https://developers.google.com/workspace/calendar/api/guides/quota (contract 10.3, 10.4)
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from infra.local.calendar.knobs import Knobs
from infra.local.calendar.messages import Json, Response, json_value

_WINDOW = timedelta(minutes=1)
_STATUS_NAMES = {403: "PERMISSION_DENIED", 429: "RESOURCE_EXHAUSTED"}


@dataclass(frozen=True, slots=True)
class _Limit:
    """One of the limits, by the names that Google gives it."""

    title: str
    name: str
    units: int


class Quota:
    """Sliding windows of one minute, for each user and for the project; a patch counts three."""

    def __init__(self) -> None:
        self._users: dict[str, deque[datetime]] = {}
        self._project: deque[datetime] = deque()

    def spend(self, user: str, http_method: str, knobs: Knobs, now: datetime) -> Response | None:
        """Count one call; the answer that refuses it if a limit is reached. A refused call costs nothing."""
        if not (knobs.per_minute or knobs.per_minute_per_project):
            return None
        units = 3 if http_method == "PATCH" else 1
        per_user = _Limit("Queries per minute per user", "defaultPerMinutePerUser", knobs.per_minute)
        per_project = _Limit("Queries per minute", "defaultPerMinutePerProject", knobs.per_minute_per_project)
        windows = [(per_user, self._users.setdefault(user, deque())), (per_project, self._project)]
        wanted = [(limit, spent) for limit, spent in windows if limit.units]
        for limit, spent in wanted:
            while spent and spent[0] <= now - _WINDOW:
                spent.popleft()
            if len(spent) + units > limit.units:
                return json_value({"error": _envelope(limit, knobs.quota_status)}, status=knobs.quota_status)
        for _, spent in wanted:
            spent.extend([now] * units)
        return None


def _envelope(limit: _Limit, status: int) -> Json:
    message = (
        f"Quota exceeded for quota metric 'Queries' and limit '{limit.title}' "
        "of service 'calendar-json.googleapis.com' for consumer 'project_number:1'."
    )
    errors = [{"message": message, "domain": "usageLimits", "reason": "rateLimitExceeded"}]
    details = [_info(limit), _help()]
    return {"code": status, "message": message, "errors": errors, "status": _STATUS_NAMES[status], "details": details}


def _info(limit: _Limit) -> Json:
    metadata = {
        "quota_limit": limit.name,
        "service": "calendar-json.googleapis.com",
        "consumer": "projects/1",
        "quota_location": "global",
        "quota_metric": "calendar-json.googleapis.com/default",
        "quota_limit_value": str(limit.units),
    }
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "RATE_LIMIT_EXCEEDED",
        "domain": "googleapis.com",
        "metadata": metadata,
    }


def _help() -> Json:
    link = {
        "description": "Request a higher quota limit.",
        "url": "https://cloud.google.com/docs/quota#requesting_higher_quota",
    }
    return {"@type": "type.googleapis.com/google.rpc.Help", "links": [link]}
