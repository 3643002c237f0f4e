"""What this deployment asks people for, and where its pages are."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from functions.credentials import Wallet
from functions.ports import OAuth
from functions.script.project import CalendarApi

_PREFIX = "https://www.googleapis.com/auth/"
EVENTS = f"{_PREFIX}calendar.events"
CALENDARS = f"{_PREFIX}calendar.calendars.readonly"
WHO = ("openid", f"{_PREFIX}userinfo.email")
"""What tells who somebody is; it opens no calendar."""
NEEDED = {
    EVENTS: "see and change the events of your calendars",
    CALENDARS: "see a calendar's name and time zone",
}
"""The scopes without which nothing works, in words; the narrowest that the API's methods take."""


def _nobody(_: str) -> None:
    """Nobody keeps anything of users."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What the consent pages need beside the ground; `address` is where the functions are reached from outside."""

    wallet: Wallet
    api: CalendarApi
    address: str
    name: str = "Lockstep"
    more: tuple[str, ...] = ()
    """Scopes that this deployment's script declares."""
    declare: Callable[[str], None] = _nobody
    """Called when a user's calendar is connected: makes the triggers that the script declares."""
    forget: Callable[[str], None] = _nobody
    """Called when a user has consented or left: whatever this process keeps of them is of yesterday."""

    @property
    def oauth(self) -> OAuth:
        """The authorization server."""
        return self.wallet.oauth

    @property
    def pages(self) -> str:
        """Where the pages are."""
        return f"{self.address}/consent"

    @property
    def redirect(self) -> str:
        """Where people come back to, letter by letter as it is registered."""
        return f"{self.pages}/callback"

    @property
    def secure(self) -> bool:
        """True where browsers come by https."""
        return self.address.startswith("https:")

    @property
    def scopes(self) -> tuple[str, ...]:
        """All that is asked for."""
        return tuple(dict.fromkeys((*WHO, *NEEDED, *self.more)))


def missing(granted: Collection[str]) -> tuple[str, ...]:
    """The needed scopes that were not granted."""
    return tuple(scope for scope in NEEDED if scope not in granted)
