"""Connects the settings' calendar once the Calendar server is up, with patience."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from conference.errors import LockstepError
from functions.ground import Ground
from functions.initialise import initialise

FIRST_WAIT, LONGEST_WAIT = 0.05, 2.0

log = structlog.get_logger(__name__)


class Connector:
    """Calls `initialise` in a thread of its own until it succeeds, then `then`; connecting twice changes nothing."""

    def __init__(self, ground: Ground, user: str, calendar: str, then: Callable[[], None] = lambda: None) -> None:
        self._ground, self._user, self._calendar, self._then = ground, user, calendar, then
        self._feed: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="connector", daemon=True)

    def feed(self) -> str | None:
        """The feed's id once the calendar is connected."""
        return self._feed

    def start(self) -> None:
        """Begin to try."""
        self._thread.start()

    def stop(self) -> None:
        """Try no more, and wait for a try that is under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        wait = FIRST_WAIT
        while not self._stopping.is_set() and self._feed is None:
            try:
                self._feed = initialise(self._ground, self._user, self._calendar)
                log.info("calendar connected", feed=self._feed)
                self._then()
            except LockstepError as error:
                log.debug("calendar not connected yet", error=str(error))
                self._stopping.wait(wait)
                wait = min(2 * wait, LONGEST_WAIT)
            except Exception:
                log.exception("connecting failed")
                self._stopping.wait(LONGEST_WAIT)
