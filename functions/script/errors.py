"""What a script's calls raise: named as a handler's author must act, each text beginning as Apps Script's does.

Authority: the texts are those seen in public scripts' logs and, for quotas,
https://developers.google.com/apps-script/guides/services/quotas
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any


class ScriptError(Exception):
    """Anything that a call of `functions.script` refuses."""


class NotRunning(ScriptError):
    """No project is bound here: the code runs neither in a handler nor inside `with script.running(project)`."""


class NoUser(ScriptError):
    """The call needs a user, and none is set: wrap it in `with script.as_user(email)`."""


# ---- Triggers -------------------------------------------------------------------------------


class InvalidTrigger(ScriptError, ValueError):
    """The trigger asked for makes no sense; nothing was changed."""

    EVERY_MINUTES = "The value you passed to everyMinutes was invalid. It must be one of 1, 5, 10, 15 or 30."


class TooManyTriggers(ScriptError):
    """The profile's number of triggers is reached: delete some first."""

    def __init__(self) -> None:
        super().__init__(
            "This script has too many triggers. Triggers must be deleted from the script before more can be added."
        )


class HandlerNotFound(ScriptError):
    """No handler is registered under this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Script function not found: {name}")
        self.name = name


# ---- Consent --------------------------------------------------------------------------------


class AuthorizationRequired(ScriptError):
    """The user has not granted what the call needs; `url` is where they can."""

    def __init__(self, method: str, scopes: Sequence[str], *, url: str | None = None, any_of: bool = False) -> None:
        wanted = (" || " if any_of else " && ").join(scopes)
        shown = f"({wanted})" if len(scopes) > 1 else wanted
        super().__init__(f"You do not have permission to call {method}. Required permissions: {shown}")
        self.method = method
        self.scopes = tuple(scopes)
        self.url = url


# ---- Arguments and limits -------------------------------------------------------------------


class BadArgument(ScriptError, TypeError):
    """An argument of a type that the method does not take."""

    def __init__(self, method: str, types: Sequence[str], advice: str = "") -> None:
        text = f"The parameters ({','.join(types)}) don't match the method signature for {method}."
        super().__init__(f"{text} {advice}".rstrip())


class BadValue(ScriptError, ValueError):
    """An argument of the right type with a value that the method does not take."""


class TooLarge(ScriptError):
    """A key or a value exceeds what may be kept; nothing was kept, and nothing is ever cut off."""

    def __init__(self, what: str, advice: str = "") -> None:
        super().__init__(f"Argument too large: {what}. {advice}".removesuffix(". "))
        self.what = what


class QuotaExceeded(ScriptError):
    """A limit of the profile is reached; wait, or free something first."""

    PROPERTY_STORAGE = "You have exceeded the property storage quota. Please remove some properties and try again."
    RUNTIME = "Service using too much computer time for one day."
    SIMULTANEOUS = "There are too many scripts running simultaneously for this Google user account."
    CALENDAR = "Service invoked too many times: Calendar."

    @classmethod
    def per_day(cls, what: str) -> QuotaExceeded:
        """A service was called too often since its day began."""
        return cls(f"Service invoked too many times for one day: {what}.")


class RunTooLong(ScriptError):
    """The run has gone on for longer than the profile lets it: no service is to be had any more."""

    def __init__(self) -> None:
        super().__init__("Exceeded maximum execution time")


class LockTimeout(ScriptError):
    """Another run held the lock for as long as was waited."""

    def __init__(self) -> None:
        super().__init__("Lock timeout: another process was holding the lock for too long.")


class InvalidConference(ScriptError, ValueError):
    """A part of a conference is missing or breaks a limit; `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


# ---- Calendar -------------------------------------------------------------------------------


class CalendarApiError(ScriptError):
    """The Calendar API answered with an error. What Apps Script hides stands in `status`, `reason` and `details`."""

    name = "GoogleJsonResponseException"

    def __init__(
        self,
        method: str,
        status: int,
        message: str,
        *,
        reason: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"API call to calendar.{method} failed with error: {message}")
        self.method = method
        self.status = status
        self.reason = reason
        self.details = dict(details or {})
        self._said = message

    @property
    def message(self) -> str:
        """The text as Apps Script has it."""
        return str(self)

    @property
    def token_invalid(self) -> bool:
        """Whether a list must begin anew, without a token: the one given is used up, or is none."""
        if self.method.rpartition(".")[2] not in {"list", "instances"}:
            return False
        if self.reason == "updatedMinTooLongAgo":
            return False  # about another parameter: without a token it would be refused again
        return self.status == 410 or self.reason == "fullSyncRequired" or (self.status == 400 and self._names_token)

    @property
    def needs_consent(self) -> bool:
        """Whether only the user can help, by granting access."""
        return self.status == 401 or self.reason in _CONSENT

    @property
    def _names_token(self) -> bool:
        # A garbage token is 400 with the general reason: only its place or its text tells it from other mistakes.
        errors = self.details.get("errors")
        first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
        named = first.get("location") in {"syncToken", "pageToken"}
        return named or bool(re.search(r"\b(sync|page) ?token\b.*\bvalue", self._said, re.IGNORECASE))


_CONSENT = frozenset({"authError", "insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
