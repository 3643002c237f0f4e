"""The control routes: what only a test or a demonstration may do, as faults, edits by hand, reading the log."""

from __future__ import annotations

from collections import deque
from typing import Any

from msgspec import Struct
from msgspec.json import Decoder

from infra.local.vendor.desired import DESIRED, EDIT, Edit
from infra.local.vendor.faults import Fault, Faults
from infra.local.vendor.meetings import Meetings, told
from infra.local.vendor.shelf import Shelf
from infra.local.vendor.wire import Refusal, Request, Response, answer, decode

Log = deque[dict[str, Any]]


class Webhooks(Struct, frozen=True):
    """Whether webhooks are withheld for good."""

    silent: bool


_WEBHOOKS, _FAULT = Decoder(Webhooks), Decoder(Fault)


class Control:
    """Answers requests below /control."""

    def __init__(self, shelf: Shelf, meetings: Meetings, faults: Faults, log: Log, base: str) -> None:
        self._shelf, self._meetings, self._faults, self._log, self._base = shelf, meetings, faults, log, base

    def handle(self, request: Request) -> Response:
        """The answer. Raises Refusal for every error."""
        match request.method, request.path.split("/")[2:]:
            case "POST", ["reset"]:
                return self._reset()
            case "POST", ["faults"]:
                self._faults.add(decode(request.body, _FAULT))
                return Response(204)
            case "POST", ["webhooks"]:
                self._meetings.silent = decode(request.body, _WEBHOOKS).silent
                return Response(204)
            case "POST", ["meetings"]:
                made, _ = self._meetings.create(decode(request.body, DESIRED), None)
                return answer(told(made, self._base), 201)
            case "POST", ["meetings", meeting_id]:
                return self._edit(meeting_id, decode(request.body, EDIT))
            case "GET", ["requests"]:
                return self._requests(clear=request.query.get("clear") == "1")
        raise Refusal(404, "not_found", "there is no such control route")

    def _reset(self) -> Response:
        self._shelf.clear()
        self._faults.clear()
        self._log.clear()
        self._meetings.silent = False
        return Response(204)

    def _edit(self, meeting_id: str, edit: Edit) -> Response:
        edited = self._meetings.edit(meeting_id, edit)
        return answer(told(edited, self._base)) if edited else Response(204)

    def _requests(self, *, clear: bool) -> Response:
        told_all = answer({"requests": list(self._log)})
        if clear:
            self._log.clear()
        return told_all
