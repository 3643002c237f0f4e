"""What each failure of an account means, in plain words: the cause, and what to do about it.

Authority: https://developers.google.com/workspace/calendar/api/guides/errors and .../guides/push
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from conference.errors import Gone, Later, LockstepError, OutcomeUnknown, Revoked
from functions.script.errors import CalendarApiError


class Act(enum.Enum):
    """Who has to do something."""

    CONSENT = "consent"  # the person consents once more: the page has a button for it
    PERSON = "person"
    ADMINISTRATOR = "administrator"  # of their organisation
    OPERATOR = "operator"  # of this deployment
    WAIT = "wait"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Cause:
    """A failure in words; `name` is for programs and stays the same."""

    name: str
    says: str
    todo: str
    act: Act


WITHDRAWN = Cause(
    "consent-withdrawn",
    "Your consent is no longer valid: it was withdrawn, it ended because your password changed, or Google ended it.",
    "Connect again.",
    Act.CONSENT,
)
NEVER = Cause("no-consent", "Nobody has consented for this account yet.", "Connect it.", Act.CONSENT)
SEALED = Cause(
    "consent-unreadable",
    "Your consent was kept, but cannot be opened any more: this deployment has lost the key that it was sealed with.",
    "Connect again.",
    Act.CONSENT,
)
SCOPE = Cause(
    "scope-missing",
    "You have granted less than is needed.",
    "Connect again, and leave every box ticked on Google's page.",
    Act.CONSENT,
)
LEAVING = Cause(
    "being-disconnected",
    "Everything of this account is being deleted, as you asked.",
    "Wait a minute; then you may connect again.",
    Act.WAIT,
)
TAKEN = Cause(
    "another-account",
    "Another Google account was connected under this address before.",
    "Disconnect it first, then connect again.",
    Act.PERSON,
)
NOT_FOUND = Cause(
    "calendar-not-found",
    "The calendar is not there any more, or it is no longer shared with you.",
    "Have it shared with you again, or disconnect.",
    Act.PERSON,
)
READ_ONLY = Cause(
    "read-only",
    "You may read this calendar, but not change its events, so no way to join can be written into them.",
    "Ask the calendar's owner for the right to make changes to events.",
    Act.PERSON,
)
NO_CALENDAR = Cause(
    "no-calendar-service",
    "This Google account does not use Google Calendar.",
    "Open calendar.google.com once with this account; in an organisation, ask your administrator to switch it on.",
    Act.ADMINISTRATOR,
)
POLICY = Cause(
    "administrator-forbids",
    "Your organisation's policy does not let this application at your calendar.",
    "Ask your administrator to allow it, in the Admin console under Security, API controls.",
    Act.ADMINISTRATOR,
)
DELEGATION = Cause(
    "delegation-missing",
    "This deployment acts by a service account that was not given the right to act for you.",
    "Ask your administrator for domain-wide delegation with the Calendar scopes.",
    Act.ADMINISTRATOR,
)
API_OFF = Cause(
    "api-not-enabled",
    "The Google Calendar API is not switched on in this deployment's Google Cloud project.",
    "Ask the operator to enable calendar-json.googleapis.com.",
    Act.OPERATOR,
)
CLIENT = Cause(
    "application-unknown",
    "Google does not know this application as it is registered: its client was deleted, or its secret is another.",
    "Ask the operator to put the present client file into the secret lockstep-oauth-client.",
    Act.OPERATOR,
)
QUOTA = Cause(
    "quota",
    "Google takes no more requests of this deployment for the moment.",
    "Nothing: it goes on by itself within minutes. If it lasts, the operator may ask Google for a larger quota.",
    Act.WAIT,
)
DAILY = Cause(
    "daily-quota",
    "The day's share of requests is used up.",
    "Nothing: it goes on by itself within a day. The operator may ask Google for a larger quota.",
    Act.WAIT,
)
GOOGLE_FAILS = Cause(
    "google-fails", "Google did not answer as it should.", "Nothing: it is tried again by itself.", Act.WAIT
)
STORE_FAILS = Cause(
    "store-fails", "This deployment cannot reach what it keeps.", "Nothing: it is tried again by itself.", Act.WAIT
)
CLOCK = Cause(
    "clock-skew",
    "This deployment's clock and Google's are more than a minute apart.",
    "Ask the operator to set the clock: tokens would be taken for ended, or for not yet good.",
    Act.OPERATOR,
)
PUSH_REFUSED = Cause(
    "push-address-refused",
    "Google will not send notices to this deployment's address: its domain is not verified.",
    "Nothing is lost: the calendar is looked at every quarter of an hour. The operator may verify the domain.",
    Act.OPERATOR,
)
PUSH_NOT_HTTPS = Cause(
    "push-address-not-https",
    "Google sends notices to https addresses only, and this deployment has none.",
    "Nothing is lost: the calendar is looked at every quarter of an hour. The operator may give it an https address.",
    Act.OPERATOR,
)
NO_PUSH = Cause(
    "push-not-offered",
    "Google offers no notices for this calendar.",
    "Nothing: it is looked at every quarter of an hour.",
    Act.NOBODY,
)
POLLED = Cause(
    "polling-only",
    "This deployment asks for no notices.",
    "Nothing: the calendar is looked at every quarter of an hour.",
    Act.NOBODY,
)
STOPPED = Cause(
    "calendar-stopped",
    "The calendar is no longer followed, since a person must act.",
    "Connect again, when the cause is mended.",
    Act.CONSENT,
)
NOT_FOLLOWED = Cause(
    "not-followed",
    "Your calendar is not followed yet.",
    "It is connected within two minutes; or connect again.",
    Act.WAIT,
)
REFUSED = Cause(
    "refused",
    "Google refuses this for a reason of its own.",
    "Ask the operator: the log names the reason.",
    Act.OPERATOR,
)

_BY_REASON = {
    "invalid_grant": WITHDRAWN,
    "ended": WITHDRAWN,
    "authError": WITHDRAWN,
    "refresh refused": WITHDRAWN,
    "none": NEVER,
    "sealed": SEALED,
    "insufficientPermissions": SCOPE,
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": SCOPE,
    "invalid_client": CLIENT,
    "unauthorized_client": CLIENT,
    "deleted_client": CLIENT,
    "disabled_client": CLIENT,
    "notACalendarUser": NO_CALENDAR,
    "domainPolicy": POLICY,
    "admin_policy_enforced": POLICY,
    "forbiddenForServiceAccounts": DELEGATION,
    "requiredAccessLevel": READ_ONLY,
    "accessNotConfigured": API_OFF,
    "SERVICE_DISABLED": API_OFF,
    "rateLimitExceeded": QUOTA,
    "userRateLimitExceeded": QUOTA,
    "RATE_LIMIT_EXCEEDED": QUOTA,
    "RESOURCE_EXHAUSTED": QUOTA,
    "quotaExceeded": DAILY,
    "calendarUsageLimitsExceeded": DAILY,
    "dailyLimitExceeded": DAILY,
    "pushNotSupportedForRequestedResource": NO_PUSH,
    "push.webhookUrlUnauthorized": PUSH_REFUSED,
    "push.webhookUrlNotHttps": PUSH_NOT_HTTPS,
    "notFound": NOT_FOUND,
    "deleted": NOT_FOUND,
}
"""Google's own words, and ours for what is found before Google is asked."""

_GOOGLES = frozenset({"calendar", "delegation", "oauth"})
"""What is asked for the user; what else fails is what this deployment keeps, wherever it does."""


def cause_of(error: Exception) -> Cause:
    """What a failed call means."""
    if isinstance(error, CalendarApiError):
        return _BY_REASON.get(error.reason or "") or _by_status(error.status)
    where = error.where if isinstance(error, LockstepError) else None
    if where is not None and where.reason in _BY_REASON:
        return _BY_REASON[where.reason]
    match error:
        case Revoked():
            return WITHDRAWN
        case Gone():
            return NOT_FOUND
        case Later() | OutcomeUnknown():
            return GOOGLE_FAILS if where is not None and where.system in _GOOGLES else STORE_FAILS
        case _:
            return REFUSED


def _by_status(status: int) -> Cause:
    if status in {401, 404, 410, 429}:
        return {401: WITHDRAWN, 404: NOT_FOUND, 410: NOT_FOUND, 429: QUOTA}[status]
    return GOOGLE_FAILS if status >= 500 else REFUSED
