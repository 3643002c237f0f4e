"""The service's web pages: its meetings, its request log, and the page a join link opens."""

from __future__ import annotations

import hmac
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

from infra.local.vendor.control import Log
from infra.local.vendor.meetings import Meetings, join_url
from infra.local.vendor.shelf import Kept
from infra.local.vendor.wire import Refusal, Request, Response, page

_SHOWN = 200


class Pages:
    """Answers what a browser asks for."""

    def __init__(self, meetings: Meetings, log: Log, base: str) -> None:
        self._meetings, self._log, self._base = meetings, log, base
        # Titles and names come from strangers: everything is escaped.
        loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
        self._templates = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)

    def handle(self, request: Request) -> Response:
        """The page. Raises Refusal(404), Refusal(405)."""
        if request.method != "GET":
            raise Refusal(405, "method_not_allowed", "only GET", Allow="GET")
        if request.path == "/":
            return self._list()
        if request.path == "/log":
            return self._render("log.html", requests=list(reversed(self._log))[:_SHOWN])
        if request.path.startswith("/m/"):
            return self._join(request.path.removeprefix("/m/"), request.query.get("k", ""))
        raise Refusal(404, "not_found", "there is nothing at this path")

    def _list(self) -> Response:
        rows = [_row(meeting, self._base) for meeting in self._meetings.newest(_SHOWN)]
        return self._render("meetings.html", rows=rows)

    def _join(self, meeting_id: str, secret: str) -> Response:
        try:
            meeting = self._meetings.get(meeting_id)
        except Refusal:
            return self._render("lost.html", status=404)
        if not hmac.compare_digest(secret.encode(), meeting.secret.encode()):
            return self._render("lost.html", status=404)
        return self._render("join.html", meeting=_row(meeting, self._base))

    def _render(self, name: str, status: int = 200, **values: Any) -> Response:
        return page(self._templates.get_template(name).render(**values), status)


def _row(meeting: Kept, base: str) -> dict[str, Any]:
    state = meeting.state
    return {
        "id": meeting.id,
        "title": state.title,
        "agenda": state.agenda,
        "when": _span(state.start.astimezone(state.zone), state.end.astimezone(state.zone)),
        "zone": state.time_zone,
        "recurrence": state.recurrence,
        "exceptions": len(state.exceptions),
        "host": state.host,
        "people": [guest.name or guest.email for guest in state.attendees],
        "join_url": join_url(meeting, base),
        "passcode": meeting.passcode,
        "version": meeting.version,
        "updated": f"{meeting.updated:%Y-%m-%d %H:%M:%S}",
    }


def _span(start: datetime, end: datetime) -> str:
    until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%a %d %b %Y %H:%M}"
    return f"{start:%a %d %b %Y %H:%M} – {until}"  # noqa: RUF001 - a span of time is set with an en dash
