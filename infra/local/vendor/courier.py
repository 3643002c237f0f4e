"""The thread that delivers webhooks, woken when something changed or when a retry is due."""

from __future__ import annotations

import threading
import time

import httpx

from infra.local.vendor.pushes import Delivery
from infra.local.vendor.server import VendorServer

_TIMEOUT = 5.0


class Courier:
    """Delivers what is due, one after the other; `wake` after every change, `close` to end."""

    def __init__(self, server: VendorServer, lock: threading.Lock) -> None:
        self._server, self._lock = server, lock
        self._woken, self._closing = threading.Event(), threading.Event()
        self._client: httpx.Client | None = None
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look whether something is due."""
        self._woken.set()

    def close(self) -> None:
        """End the thread; what is not delivered stays in the state file."""
        self._closing.set()
        self._woken.set()
        self._thread.join()
        if self._client is not None:
            self._client.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            with self._lock:
                due, later = self._server.due_pushes(), self._server.next_due()
            if due:
                self._deliver(due[0])
                continue
            self._woken.wait(None if later is None else max(0.0, later - time.time()))
            self._woken.clear()

    def _deliver(self, delivery: Delivery) -> None:
        # Made only when there is something to deliver: loading the trusted certificates takes longer than all else.
        self._client = self._client or httpx.Client(timeout=_TIMEOUT, trust_env=False, follow_redirects=False)
        try:
            status = self._client.post(delivery.url, content=delivery.body, headers=delivery.headers).status_code
        except (httpx.HTTPError, httpx.InvalidURL):
            status = None
        with self._lock:
            self._server.push_answered(delivery.push, status)
