"""Apps Script's enumerations, each member's value being its name there.

Authority: https://developers.google.com/apps-script/reference/script and …/reference/conference-data
"""

from __future__ import annotations

from enum import StrEnum


class EventType(StrEnum):
    """What makes a trigger fire. Ours are CLOCK and ON_EVENT_UPDATED; the others belong to documents and forms."""

    CLOCK = "CLOCK"
    ON_OPEN = "ON_OPEN"
    ON_EDIT = "ON_EDIT"
    ON_FORM_SUBMIT = "ON_FORM_SUBMIT"
    ON_CHANGE = "ON_CHANGE"
    ON_EVENT_UPDATED = "ON_EVENT_UPDATED"


class TriggerSource(StrEnum):
    """Where a trigger's events come from. Ours are CLOCK and CALENDAR."""

    SPREADSHEETS = "SPREADSHEETS"
    CLOCK = "CLOCK"
    FORMS = "FORMS"
    DOCUMENTS = "DOCUMENTS"
    CALENDAR = "CALENDAR"


class TriggerStatus(StrEnum):
    """How a trigger fares; Apps Script knows only whether it is disabled."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"
    NEEDS_AUTH = "NEEDS_AUTH"
    FAILING = "FAILING"


class AuthMode(StrEnum):
    """What a run may do; installable triggers always run with FULL."""

    NONE = "NONE"
    CUSTOM_FUNCTION = "CUSTOM_FUNCTION"
    LIMITED = "LIMITED"
    FULL = "FULL"


class AuthorizationStatus(StrEnum):
    """Whether the user has still to consent."""

    REQUIRED = "REQUIRED"
    NOT_REQUIRED = "NOT_REQUIRED"


class InstallationSource(StrEnum):
    """How a script came to its user."""

    APPS_MARKETPLACE_DOMAIN_ADD_ON = "APPS_MARKETPLACE_DOMAIN_ADD_ON"
    NONE = "NONE"
    WEB_STORE_ADD_ON = "WEB_STORE_ADD_ON"


class WeekDay(StrEnum):
    """The days, in Apps Script's order: Sunday first."""

    SUNDAY = "SUNDAY"
    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"


class EntryPointType(StrEnum):
    """A way into a conference."""

    VIDEO = "VIDEO"
    PHONE = "PHONE"
    SIP = "SIP"
    MORE = "MORE"


class EntryPointFeature(StrEnum):
    """What a call to a telephone entry point costs."""

    UNKNOWN_FEATURE = "UNKNOWN_FEATURE"
    TOLL = "TOLL"
    TOLL_FREE = "TOLL_FREE"


class ConferenceErrorType(StrEnum):
    """Why a conference could not be created."""

    AUTHENTICATION = "AUTHENTICATION"
    CONFERENCE_SOLUTION_FORBIDDEN = "CONFERENCE_SOLUTION_FORBIDDEN"
    PERMANENT = "PERMANENT"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    TEMPORARY = "TEMPORARY"
    UNKNOWN = "UNKNOWN"
