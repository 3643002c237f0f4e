"""The few errors of the house, each named for what its caller must do (docs/design.md, *Errors*)."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding bytes from outside may raise; the last for JSON that nests without end."""


@dataclass(frozen=True, slots=True)
class Where:
    """The outside call that failed; never holds a token, a passcode, a title or a join URL."""

    system: str
    operation: str
    status: int | None = None
    reason: str | None = None

    def __str__(self) -> str:
        parts = [f"{self.system} {self.operation}", str(self.status or ""), self.reason or ""]
        return " ".join(part for part in parts if part)


class LockstepError(Exception):
    """An error whose class says what the caller must do; `where` names the call, if there was one."""

    def __init__(self, message: str, where: Where | None = None) -> None:
        super().__init__(f"{message} ({where})" if where else message)
        self.where = where


class Later(LockstepError):
    """Nothing was done; repeat as it is, not before `after` (a wait or an instant; None: choose)."""

    def __init__(
        self,
        message: str,
        where: Where | None = None,
        after: timedelta | datetime | None = None,
    ) -> None:
        super().__init__(message, where)
        self.after = after


class OutcomeUnknown(LockstepError):
    """The request was sent and no usable answer came: look before repeating it."""


class Stale(LockstepError):
    """What we decided on has changed meanwhile: read again and decide again."""


class Conflict(Stale):
    """A conditional commit found another version in the store; nothing was written."""


class Missing(enum.Enum):
    """What is no more."""

    TOKEN = "token"  # noqa: S105 - the kind of thing, not one
    CALENDAR = "calendar"
    EVENT = "event"
    CHANNEL = "channel"
    MEETING = "meeting"
    OCCURRENCE = "occurrence"
    HOST = "host"


class Gone(LockstepError):
    """The thing named by `what` is no more."""

    def __init__(self, message: str, where: Where | None = None, what: Missing = Missing.MEETING) -> None:
        super().__init__(message, where)
        self.what = what


class Revoked(LockstepError):
    """Consent was withdrawn, or a scope, policy or secret is missing: a person must act."""


class Refused(LockstepError):
    """The other side says never; shown on the row with its reason."""


class Unsupported(Refused):
    """The provider lacks the capability; raised before any request."""


class NotOwned(Refused):
    """The meeting was not made by us and is never written or deleted; raised before any request."""


class Poison(LockstepError):
    """It cannot be read, or its attempts are used up: parked with its cause."""


class Forged(LockstepError):
    """The message is not authentic, or lies outside its time window."""
