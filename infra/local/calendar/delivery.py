"""The threads that post push messages to their receivers.

Authority: https://developers.google.com/workspace/calendar/api/guides/push (contract 9.2)
"""

from __future__ import annotations

import threading

import httpx

from infra.local.calendar.channels import Push
from infra.local.calendar.server import CalendarServer

TIMEOUT = 5.0
"""Seconds after which a receiver counts as not answering."""
_THREADS = 4  # so that one slow receiver does not keep the others waiting


class Delivery:
    """Posts whatever is due; `wake` it after every change, `close` it at the end."""

    def __init__(self, server: CalendarServer) -> None:
        self._server = server
        self._changed = threading.Condition()
        self._changes = 0
        self._closing = False
        self._client = httpx.Client(timeout=TIMEOUT, trust_env=False, follow_redirects=False)
        self._threads = [threading.Thread(target=self._run, name="push", daemon=True) for _ in range(_THREADS)]
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look whether something is due."""
        with self._changed:
            self._changes += 1
            self._changed.notify_all()

    def close(self) -> None:
        """End the threads; what is not delivered is lost, as some of Google's messages are."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._client.close()

    def _run(self) -> None:
        while not self._closing:
            seen = self._changes
            due = self._server.due_pushes(self._server.now(), 1)
            if due:
                self._deliver(due[0])
            else:
                self._wait(seen)

    def _wait(self, seen: int) -> None:
        later = self._server.next_push()
        seconds = None if later is None else max(0.0, (later - self._server.now()).total_seconds())
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._changes != seen, seconds)

    def _deliver(self, push: Push) -> None:
        try:
            status = self._client.post(push.address, headers=push.headers).status_code
        except (httpx.HTTPError, httpx.InvalidURL):
            status = None
        self._server.push_answered(push, status, self._server.now())
        self.wake()  # a retry may be due before what the others wait for
