"""What is shown of past work: one line for a run, one for an event that was given up; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from conference import text
from functions.console import words
from functions.console.cards import Frame
from functions.feed import Feed
from functions.ledger import Row
from functions.ports import Document

_FIGURES = ("changes", "marks", "failures")
_KNOWN = frozenset({"function", "feed", "at", "seconds", "newness", "expire_at", *_FIGURES})


class Run(msgspec.Struct, frozen=True):
    """A run; a figure it does not have is empty."""

    key: str
    function: str
    calendar: str
    when: str
    exact: str
    milliseconds: str
    changes: str
    marks: str
    failures: str
    detail: str = ""


class Parked(msgspec.Struct, frozen=True):
    """An event that nobody works on any more, and why."""

    key: str
    title: str
    cause: str
    when: str
    exact: str


def ran(document: Document, frame: Frame, feeds: Mapping[str, Feed]) -> Run:
    """A run's record as a line; a record of a kind not known yet is shown as far as it goes."""
    data = document.data
    feed = feeds.get(str(data.get("feed", "")))
    at = _number(data.get("at"))
    return Run(
        key=document.key.rpartition("/")[2],
        function=str(data.get("function", "")),
        calendar=feed.calendar if feed else "",
        when=words.ago(at, frame.now),
        exact=words.clock(at, frame.zone, frame.now),
        milliseconds=f"{_number(data.get('seconds')) * 1000:.0f}",
        changes=_figure(data, "changes"),
        marks=_figure(data, "marks"),
        failures=_figure(data, "failures"),
        detail=", ".join(_details(data)),
    )


def parked(document: Document, frame: Frame, titles: Mapping[str, str]) -> Parked:
    """A note of the dead as a line, with its event's title where the ledger still knows it."""
    event, at = str(document.data.get("event", "")), _number(document.data.get("at"))
    return Parked(
        key=document.key.rpartition("/")[2],
        title=text.title(titles[event]) if event in titles else (event[:60] or "an event without an id"),
        cause=str(document.data.get("cause", "")),
        when=words.ago(at, frame.now),
        exact=words.clock(at, frame.zone, frame.now),
    )


def parked_row(row: Row, frame: Frame) -> Parked:
    """A row on which nothing more is tried until its event changes, as a line."""
    return Parked(
        key=hashlib.sha256(f"{row.feed}\0{row.event}".encode()).hexdigest()[:16],
        title=text.title(row.seen.summary if row.seen is not None else ""),
        cause=row.parked or "",
        when=words.ago(row.changed_at, frame.now),
        exact=words.clock(row.changed_at, frame.zone, frame.now),
    )


def _details(data: Mapping[str, Any]) -> list[str]:
    """Whatever else a function thought worth recording."""
    found = []
    for name, value in data.items():
        if name in _KNOWN or value in (None, "", 0, []):
            continue
        found.append(" ".join(map(str, value)) if isinstance(value, list) else f"{name} {value}")
    return found


def _figure(data: Mapping[str, Any], name: str) -> str:
    return str(data[name]) if isinstance(data.get(name), int | float) else ""


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
