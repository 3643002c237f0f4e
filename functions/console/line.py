"""The line between an event and its meeting: how its ledger row stands, in one word and a reason; pure."""

from __future__ import annotations

from typing import Literal

import msgspec

from conference.slot import DAY
from functions.console import words
from functions.console.cards import Difference, Frame
from functions.ledger import Row

State = Literal["none", "step", "working", "retrying", "parked", "differs"]

_NAMES: dict[Difference, str] = {
    "title": "the title",
    "when": "the time",
    "details": "the people or details",
    "missing": "the meeting is not there",
}


class Line(msgspec.Struct, frozen=True):
    """How an event and its meeting are joined."""

    state: State = "none"
    word: str = ""
    reason: str = ""


def line_of(
    row: Row | None, frame: Frame, *, asked: bool, differs: tuple[Difference, ...] = (), forgotten: float = 0.0
) -> Line:
    """How the row stands; `asked` if the event asks for a conference of ours, `forgotten` as in the policy."""
    if row is None or (row.link is None and not row.pending and not row.parked):
        return Line("working", "new", "asked for, not seen yet") if asked else Line()
    if row.parked:
        return Line("parked", "parked", row.parked)
    if row.pending and row.awaited_until > frame.now.timestamp() and not asked:
        return Line("working", "waiting", "for the event to be saved with its meeting")
    if row.pending:
        return _pending(row, frame, forgotten)
    if differs:
        return Line("differs", "differs", ", ".join(_NAMES[one] for one in differs))
    since = row.settled_at
    recently = since is not None and frame.now - words.instant(since) < DAY
    return Line("step", "in step", f"since {words.clock(since, frame.zone, frame.now)}" if since and recently else "")


def _pending(row: Row, frame: Frame, forgotten: float) -> Line:
    now = frame.now.timestamp()
    if row.trouble and row.claimed_until <= now:
        # The row falls due a while after its task, so that the task comes first.
        at = row.due - forgotten if row.due is not None else now
        when = f"retrying at {words.clock(at, frame.zone, frame.now)}" if at > now else "retrying now"
        return Line("retrying", when, f"{row.trouble} · {words.count(row.attempts, 'try', 'tries')} so far")
    doing = "being taken away" if row.releasing or (row.seen is not None and row.seen.cancelled) else "being worked on"
    return Line("working", doing, row.trouble or "")
