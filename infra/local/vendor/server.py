"""The conferencing service without sockets or threads: one request in, one answer out, and the webhooks now due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from infra.local.vendor.api import Api
from infra.local.vendor.control import Control, Log
from infra.local.vendor.faults import Faults
from infra.local.vendor.meetings import Ids, Meetings
from infra.local.vendor.pages import Pages
from infra.local.vendor.pushes import Delivery, Outbox
from infra.local.vendor.shelf import Push, Shelf
from infra.local.vendor.wire import Refusal, Request, Response, failure

MAX_BODY = 1 << 20
_LOGGED = 5000


@dataclass(frozen=True, slots=True)
class Account:
    """The one account of the service: its API token, and where and how its webhooks go (`webhook` None: nowhere)."""

    token: str
    webhook: str | None = None
    webhook_secret: str = ""


class VendorServer:
    """The service. Not thread-safe: whoever serves it lets one caller in at a time."""

    def __init__(
        self, account: Account, base: str, *, clock: Callable[[], datetime], new_id: Ids, state: Path | None = None
    ) -> None:
        """Serve under the address `base`; `state` is the file that keeps everything (None: memory)."""
        self._clock = clock
        self._shelf = Shelf(state)
        self._faults, self._log = Faults(), Log(maxlen=_LOGGED)
        meetings = Meetings(self._shelf, clock, new_id, pushing=account.webhook is not None)
        self._outbox = Outbox(self._shelf, account.webhook, account.webhook_secret.encode())
        self._api = Api(meetings, account.token, base)
        self._control = Control(self._shelf, meetings, self._faults, self._log, base)
        self._pages = Pages(meetings, self._log, base)

    def close(self) -> None:
        """Close the state file."""
        self._shelf.close()

    def handle(self, request: Request) -> Response:
        """Answer one request; every error is an answer too."""
        if len(request.body) > MAX_BODY:
            return failure(413, "too_large", f"a body may have {MAX_BODY} bytes")
        if request.path == "/meetings" or request.path.startswith("/meetings/"):
            response = self._faults.pass_through(request, self._called)
            self._note(request, response)
            return response
        return _or_refusal(
            self._control.handle if request.path.startswith("/control/") else self._pages.handle, request
        )

    def due_pushes(self) -> list[Delivery]:
        """The webhooks to send now."""
        return self._outbox.due(self._clock())

    def next_due(self) -> float | None:
        """When the next webhook is due, in seconds since the epoch."""
        return self._outbox.next_due()

    def push_answered(self, push: Push, status: int | None) -> None:
        """What came of a webhook: the status of its answer, None if there was none."""
        self._outbox.answered(push, status, self._clock())

    def _called(self, request: Request) -> Response:
        return _or_refusal(self._api.handle, request)

    def _note(self, request: Request, response: Response) -> None:
        self._log.append(
            {
                "time": self._clock().isoformat(),
                "method": request.method,
                "path": request.path,
                "query": dict(request.query),
                "if_match": request.headers.get("if-match"),
                "key": request.headers.get("idempotency-key"),
                "status": response.status,
                "bytes": len(response.body),
            }
        )


def _or_refusal(work: Callable[[Request], Response], request: Request) -> Response:
    try:
        return work(request)
    except Refusal as refusal:
        return refusal.response()
