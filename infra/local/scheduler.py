"""Ticks as Cloud Scheduler does: a POST to /tick with an identity token, again and again.

Authority: https://cloud.google.com/scheduler/docs/http-target-auth
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import httpx
import structlog

log = structlog.get_logger(__name__)


class Scheduler:
    """Posts to `<base_url>/tick` every `seconds` once started; `bearer` yields the token to show to an address."""

    def __init__(self, base_url: str, bearer: Callable[[str], str], *, seconds: float, timeout: float) -> None:
        self._address = f"{base_url}/tick"
        self._bearer = bearer
        self._seconds = seconds
        self._client = httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    def start(self) -> None:
        """Begin to tick; the first one comes after a full interval."""
        self._thread.start()

    def stop(self) -> None:
        """Tick no more, and wait for a tick that is on its way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._client.close()

    def tick(self) -> int:
        """Tick now; return the status of the answer. Raises httpx.HTTPError if there was none."""
        headers = {"Authorization": f"Bearer {self._bearer(self._address)}", "User-Agent": "Google-Cloud-Scheduler"}
        return self._client.post(self._address, headers=headers).status_code

    def _run(self) -> None:
        while not self._stopping.wait(self._seconds):
            try:
                status = self.tick()
            except httpx.HTTPError as error:
                log.warning("tick not answered", cause=type(error).__name__)
                continue
            if status >= 400:
                log.warning("tick refused", status=status)
