"""Google's error answers, by reason.

Authority: https://developers.google.com/workspace/calendar/api/guides/errors
"""

from __future__ import annotations

from infra.local.calendar.messages import Json, Response, json_value


class ApiError(Exception):
    """An answer that is an error; `message` is Google's wording and never holds what the caller sent of an event."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        domain: str = "global",
        location: str | None = None,
        location_type: str = "parameter",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.domain = domain
        self.location = location
        self.location_type = location_type

    def response(self) -> Response:
        """The error as Google's envelope (contract 1.1.9)."""
        return json_value({"error": self._envelope()}, status=self.status)

    def _envelope(self) -> Json:
        detail = {"domain": self.domain, "reason": self.reason, "message": self.message}
        if self.location is not None:
            detail |= {"locationType": self.location_type, "location": self.location}
        return {"errors": [detail], "code": self.status, "message": self.message}


def invalid(message: str = "Invalid Value", location: str | None = None) -> ApiError:
    """400 `invalid`: a value that breaks a rule."""
    return ApiError(400, "invalid", message, location=location)


def required(message: str = "Required", location: str | None = None) -> ApiError:
    """400 `required`: something that must be there is missing."""
    return ApiError(400, "required", message, location=location)


def parse_error(message: str = "Parse Error") -> ApiError:
    """400 `parseError`: the body is no JSON object."""
    return ApiError(400, "parseError", message)


def empty_range(location: str = "timeMax") -> ApiError:
    """400 `timeRangeEmpty`."""
    return ApiError(400, "timeRangeEmpty", "The specified time range is empty.", domain="calendar", location=location)


def token_with_restrictions() -> ApiError:
    """400: a sync token stands beside a parameter that it cannot be used with (contract 3.3)."""
    message = "Sync token cannot be used with other request restrictions."
    return ApiError(400, "syncTokenWithRequestRestrictions", message, domain="calendar", location="syncToken")


def full_sync_required() -> ApiError:
    """410: the sync token is no longer valid (contract 3.4)."""
    message = "Sync token is no longer valid, a full sync is required."
    return ApiError(410, "fullSyncRequired", message, domain="calendar", location="syncToken")


def updated_min_too_long_ago() -> ApiError:
    """410: `updatedMin` lies behind the horizon."""
    message = "The requested minimum modification time lies too far in the past."
    return ApiError(410, "updatedMinTooLongAgo", message, domain="calendar", location="updatedMin")


def not_found(message: str = "Not Found") -> ApiError:
    """404: it never existed, or the caller has no access."""
    return ApiError(404, "notFound", message)


def duplicate() -> ApiError:
    """409: the id is taken."""
    return ApiError(409, "duplicate", "The requested identifier already exists.")


def deleted() -> ApiError:
    """410: a second deletion."""
    return ApiError(410, "deleted", "Resource has been deleted")


def condition_not_met() -> ApiError:
    """412: If-Match names another version."""
    return ApiError(412, "conditionNotMet", "Precondition Failed", location="If-Match", location_type="header")


def role_needed(role: str) -> ApiError:
    """403: the caller has access, but not as much as this takes."""
    message = f"You need to have {role} access to this calendar."
    return ApiError(403, "requiredAccessLevel", message, domain="calendar")


def not_organizer() -> ApiError:
    """403: only the organizer may change shared properties."""
    message = "Shared properties can only be changed by the organizer of the event."
    return ApiError(403, "forbiddenForNonOrganizer", message, domain="calendar")


def no_guests_of_robots() -> ApiError:
    """403: a service account invites in its own name."""
    message = "Service accounts cannot invite attendees without Domain-Wide Delegation of Authority."
    return ApiError(403, "forbiddenForServiceAccounts", message, domain="calendar")


def not_served(method: str) -> ApiError:
    """501: Google has the method, this server does not."""
    return ApiError(501, "notImplemented", f"{method} is a method of Google's that this server does not serve.")


_FAULTS = {
    (400, "invalid"): ("global", "Invalid Value"),
    (401, "authError"): ("global", "Invalid Credentials"),
    (403, "rateLimitExceeded"): ("usageLimits", "Rate Limit Exceeded"),
    (403, "userRateLimitExceeded"): ("usageLimits", "User Rate Limit Exceeded"),
    (403, "quotaExceeded"): ("usageLimits", "Calendar usage limits exceeded."),
    (403, "insufficientPermissions"): ("global", "Insufficient Permission"),
    (403, "requiredAccessLevel"): ("calendar", "You need to have writer access to this calendar."),
    (403, "notACalendarUser"): ("calendar", "The user must be signed up for Google Calendar."),
    (404, "notFound"): ("global", "Not Found"),
    (409, "conflict"): ("global", "Conflict"),
    (410, "deleted"): ("global", "Resource has been deleted"),
    (410, "fullSyncRequired"): ("calendar", "Sync token is no longer valid, a full sync is required."),
    (412, "conditionNotMet"): ("global", "Precondition Failed"),
    (429, "rateLimitExceeded"): ("usageLimits", "Rate Limit Exceeded"),
    (500, "backendError"): ("global", "Backend Error"),
}

_USUAL_REASONS = {
    400: "invalid",
    401: "authError",
    403: "rateLimitExceeded",
    404: "notFound",
    409: "conflict",
    410: "deleted",
    412: "conditionNotMet",
    429: "rateLimitExceeded",
}


def fault(status: int, reason: str | None) -> ApiError:
    """The error that a test asked for, worded as Google words it where that is known."""
    reason = reason or _USUAL_REASONS.get(status, "backendError")
    domain, message = _FAULTS.get((status, reason), ("global", "Backend Error" if status >= 500 else reason))
    return ApiError(status, reason, message, domain=domain)
