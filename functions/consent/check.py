"""Check account: does it work, and if not, why and what to do. Asks Google by the smallest calls there are.

Authority: https://developers.google.com/workspace/calendar/api/guides/errors and .../guides/push
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import structlog

from conference.errors import LockstepError
from functions import channel, credentials
from functions.consent import causes
from functions.consent.causes import Act, Cause, cause_of
from functions.consent.connecting import feeds_of
from functions.consent.offer import NEEDED, Consent, missing
from functions.feed import Feed
from functions.ground import Ground
from functions.script.errors import CalendarApiError

SKEW = 60.0
"""Seconds that two clocks may be apart; tokens are judged with about as much."""
TRIAL = 60
"""Seconds that the channel of a trial lives, should its end be lost."""
MOST = 20
"""Followed calendars that one check looks at."""

log = structlog.get_logger(__name__)


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was looked at. `cause` names a failure for programs; a `note` is no hindrance."""

    step: str
    state: Literal["good", "bad", "note"]
    says: str
    cause: str = ""
    todo: str = ""
    act: str = ""  # who has to do something


class Checked(msgspec.Struct, frozen=True):
    """The whole answer, in one sentence and by its findings."""

    user: str
    works: bool
    says: str
    findings: tuple[Finding, ...]

    @property
    def consent_helps(self) -> bool:
        """True if consenting once more is what is to be done."""
        return any(one.act == Act.CONSENT.value and one.state == "bad" for one in self.findings)


def check(ground: Ground, consent: Consent, user: str) -> Checked:
    """Look at everything that the account's calendars need. Raises nothing of ours."""
    checking = _Checking(ground, consent, user)
    findings = tuple(checking.findings())
    wrong = next((one for one in findings if one.state == "bad"), None)
    log.info("account checked", works=wrong is None, cause=wrong.cause if wrong else "")
    return Checked(user, wrong is None, wrong.says if wrong else "The account works.", findings)


@dataclass(slots=True)
class _Checking:
    ground: Ground
    consent: Consent
    user: str

    def findings(self) -> Iterator[Finding]:
        """In the order in which they hang on each other: what is found after a failure would only repeat it."""
        try:
            followed = feeds_of(self.ground, self.user)[:MOST]
            steps: tuple[Callable[[], Iterator[Finding]], ...] = (
                self._consent,
                lambda: self._calendar("primary"),
                lambda: self._others(followed),
                lambda: self._notices(followed),
                lambda: self._followed(followed),
            )
            for step in steps:
                found = list(step())
                yield from found
                if any(one.state == "bad" and one.step in {"consent", "calendar"} for one in found):
                    return
        except LockstepError as error:
            log.warning("account not checked", error=str(error))
            yield _bad("deployment", causes.STORE_FAILS)

    # ---- consent

    def _consent(self) -> Iterator[Finding]:
        found = credentials.find(self.consent.wallet.store, self.user)
        if found is None:
            yield from self._without_consent()
            return
        kept = found[1]
        if kept.leaving:
            yield _bad("consent", causes.LEAVING)
            return
        try:
            tokens = credentials.opened(self.consent.wallet, kept)
            # A token that was given an hour ago proves nothing about now.
            credentials.access(self.consent.wallet, self.user, stale=tokens.access)
        except LockstepError as error:
            yield _bad("consent", cause_of(error))
            return
        lacking = missing(kept.scopes)
        if lacking:
            wanted = " and ".join(NEEDED[scope] for scope in lacking)
            yield _bad("consent", causes.SCOPE, f"You have not granted what is needed to {wanted}.")
            return
        yield Finding("consent", "good", "You have consented, and Google honours it.")
        yield from self._clock()

    def _without_consent(self) -> Iterator[Finding]:
        """There may be another way to act for the user: then the calendar answers all the same."""
        try:
            self._ask("calendars.get", "primary", fields="id")
        except (LockstepError, CalendarApiError) as error:
            cause = cause_of(error)
            yield _bad("consent", cause)
        else:
            yield Finding("consent", "good", "This deployment may act for you without a consent of your own.")

    def _clock(self) -> Iterator[Finding]:
        found = credentials.find(self.consent.wallet.store, self.user)
        apart = found[1].skew if found else 0.0
        if abs(apart) > SKEW:
            way = "ahead of" if apart > 0 else "behind"
            yield _bad("clock", causes.CLOCK, f"This deployment's clock is {abs(apart):.0f} s {way} Google's.")
        else:
            yield Finding("clock", "good", "Clocks agree.")

    # ---- calendars

    def _calendar(self, calendar: str, name: str = "Your calendar") -> Iterator[Finding]:
        try:
            self._ask("calendars.get", calendar, fields="id")
            told = self._ask("events.list", calendar, maxResults=1, fields="accessRole")
        except (LockstepError, CalendarApiError) as error:
            yield _bad("calendar", cause_of(error), about=name)
            return
        if told.get("accessRole") in {"reader", "freeBusyReader", "none"}:
            yield _bad("calendar", causes.READ_ONLY, about=name)
        else:
            yield Finding("calendar", "good", f"{name} can be read, and its events can be changed.")

    def _others(self, followed: list[tuple[str, Feed]]) -> Iterator[Finding]:
        for _, feed in followed:
            if feed.calendar != self.user:
                yield from self._calendar(feed.calendar, f"The calendar {feed.calendar}")

    # ---- notices

    def _notices(self, followed: list[tuple[str, Feed]]) -> Iterator[Finding]:
        if self.ground.notice_address is None:
            yield _note("notices", causes.POLLED)
        elif any(self._is_open(feed.channel) for _, feed in followed):
            yield Finding("notices", "good", "Google tells this deployment of changes at once.")
        else:
            yield self._trial()

    def _is_open(self, name: str | None) -> bool:
        live = channel.find(self.ground, name) if name else None
        return live is not None and live.expires is not None and live.expires > self.ground.now()

    def _trial(self) -> Finding:
        """Open a channel and close it; one whose end is lost ends by itself within a minute."""
        name = self.ground.new_secret()
        body = {
            "id": name,
            "type": "web_hook",
            "address": self.ground.notice_address,
            "token": self.ground.new_secret(),
            "params": {"ttl": str(TRIAL)},
        }
        try:
            opened = self._ask("events.watch", "primary", body=body)
            closing = {"id": name, "resourceId": str(opened.get("resourceId", ""))}
            self.consent.api.call(self.user, "channels.stop", {}, body=closing)
        except (LockstepError, CalendarApiError) as error:
            # Without notices calendars are polled: whatever it is, it is no hindrance.
            return _note("notices", cause_of(error))
        return Finding("notices", "good", "Google can tell this deployment of changes at once.")

    # ---- what is followed

    def _followed(self, followed: list[tuple[str, Feed]]) -> Iterator[Finding]:
        if not followed:
            yield _note("following", causes.NOT_FOLLOWED)
        for _, feed in followed:
            name = "Your calendar" if feed.calendar == self.user else f"The calendar {feed.calendar}"
            if feed.stopped:
                yield _bad("following", causes.STOPPED, f"{name} is no longer followed: {feed.trouble or 'stopped'}.")
            elif feed.trouble:
                says = f"{name} is followed, with trouble just now: {feed.trouble}."
                yield Finding("following", "note", says, "trouble", "Nothing: it is tried again by itself.", "wait")
            else:
                yield Finding("following", "good", f"{name} is followed.")

    def _ask(self, method: str, calendar: str, body: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        return self.consent.api.call(self.user, method, {"calendarId": calendar}, body=body, options=options)


def _bad(step: str, cause: Cause, says: str = "", about: str = "") -> Finding:
    told = says or (f"{about}: {cause.says[0].lower()}{cause.says[1:]}" if about else cause.says)
    return Finding(step, "bad", told, cause.name, cause.todo, cause.act.value)


def _note(step: str, cause: Cause) -> Finding:
    return Finding(step, "note", cause.says, cause.name, cause.todo, cause.act.value)
