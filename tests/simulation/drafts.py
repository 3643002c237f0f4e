"""What people write into events: words, times, guests, and which conference they ask for; everything is drawn.

Authority: https://developers.google.com/workspace/calendar/api/v3/reference/events#resource
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]

HOME = "Europe/Zurich"
_ZONES = ("America/New_York", "Asia/Tokyo", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC")
_WORDS = ("Budget", "Planning", "Review", "Retro", "Lunch", "Interview", "Stand-up", "Roadmap", "Lecture", "Choir")
_ODD = (
    "🎉🥳 party 👩‍👩‍👧‍👦",
    "اجتماع الفريق الأسبوعي",
    "\u202eback to front\u202c",
    '<b>Bold</b> & "quoted" \\ {"json": null}',
    "a\ttab and\na new line",
    "zero\u200bwidth, e\u0301 and \U0001d518",
    "很长的会议标题 " * 40,
    "x" * 8192,
)
_TEXTS = (
    "Bring the figures.",
    "First line\nsecond line\n\n- a\n- b",
    "<p>Agenda</p><ul><li>one</li><li>two &amp; three</li></ul>",
    "🗓 Überblick, and a link: https://wiki.example.com/a?b=c&d=e#f",
    "long " * 600,
)
_LENGTHS = (15, 25, 30, 45, 60, 60, 60, 90, 120, 480)
_SHIFTS = (
    (date(2026, 10, 25), HOME),
    (date(2027, 3, 28), HOME),
    (date(2026, 11, 1), "America/New_York"),
    (date(2027, 3, 14), "America/New_York"),
    (date(2027, 4, 4), "Australia/Lord_Howe"),
    (date(2028, 3, 26), HOME),
)
"""Days on which clocks are changed."""
_OUTSIDERS = ("Dora Outside <dora@outside.test>", "Emil <emil@outside.test>", "<frank@outside.test>")
_ROOM = "room-7@resource.calendar.test"


def title(token: str, choice: random.Random) -> str:
    """The token and some words, now and then odd ones."""
    odd = choice.random() < 0.1
    return f"{token} {choice.choice(_ODD) if odd else f'{choice.choice(_WORDS)} {choice.randrange(100)}'}"


def description(choice: random.Random) -> str:
    """What people write below the title: plain words, or markup."""
    return choice.choice(_TEXTS)


def asked(provider: str) -> Json:
    """Conference data that asks for a conference of ours."""
    return {
        "conferenceSolution": {"key": {"type": "addOn"}, "name": f"Meet at {provider}"},
        "entryPoints": [{"entryPointType": "video", "uri": "https://lockstep.invalid/pending"}],
        "parameters": {"addOnParameters": {"parameters": {"lockstep": provider}}},
    }


# ---- times: as a patch that leaves nothing of what was there before


def when(choice: random.Random, now: datetime) -> Json:
    """Start and end of an event: mostly in the next weeks at home, sometimes anywhere at any time."""
    kind = choice.random()
    if kind < 0.08:
        return days(choice, now, most=3)
    if kind < 0.14:
        day, zone = choice.choice(_SHIFTS)
        clock = time(choice.randrange(4), choice.choice((0, 30)), tzinfo=ZoneInfo(zone))
        return _timed(datetime.combine(day, clock), choice.choice((30, 90, 240, 1500)))
    if kind < 0.19:
        day = date(choice.choice((1999, 2019, 2031, 2068)), choice.randint(1, 12), choice.randint(1, 28))
        return _timed(datetime.combine(day, time(12, tzinfo=ZoneInfo(HOME))), choice.choice(_LENGTHS))
    if kind < 0.24:
        return _instants(choice, now)
    return hours(choice, now)


def hours(choice: random.Random, now: datetime) -> Json:
    """An ordinary time, with a zone."""
    zone = HOME if choice.random() < 0.8 else choice.choice(_ZONES)
    day = (now + timedelta(days=choice.randint(-2, 40))).date()
    clock = time(choice.randint(0, 23), choice.choice((0, 15, 30)), tzinfo=ZoneInfo(zone))
    times = _timed(datetime.combine(day, clock), choice.choice(_LENGTHS))
    if choice.random() < 0.04:
        times["end"]["timeZone"] = "Asia/Tokyo"  # a flight
    return times


def days(choice: random.Random, now: datetime, *, most: int) -> Json:
    """Some whole days."""
    first = (now + timedelta(days=choice.randint(0, 40))).date()
    return {"start": _day(first), "end": _day(first + timedelta(days=choice.randint(1 if most == 1 else 0, most)))}


def like(times: Json, choice: random.Random, now: datetime) -> Json:
    """Other times of the same kind, such as a series needs."""
    return days(choice, now, most=1) if "date" in times["start"] else hours(choice, now)


def later(times: Json, choice: random.Random) -> Json:
    """The same times a little earlier or later; what had no end gets one."""
    times = {"end": times["start"], **times}
    if "date" in times["start"]:
        by = timedelta(days=choice.choice((-1, 1)))
        return {name: _day(date.fromisoformat(times[name]["date"]) + by) for name in ("start", "end")}
    by = timedelta(minutes=choice.choice((-600, -90, -30, 15, 60, 240)))
    return {name: _at(datetime.fromisoformat(times[name]["dateTime"]) + by, times[name]) for name in ("start", "end")}


def beginning(times: Json, original: Json) -> Json:
    """Times as long as these that begin where an occurrence was meant to."""
    if "date" in original:
        first = date.fromisoformat(original["date"])
        long = date.fromisoformat(times["end"]["date"]) - date.fromisoformat(times["start"]["date"])
        return {"start": _day(first), "end": _day(first + long)}
    start = datetime.fromisoformat(original["dateTime"])
    length = datetime.fromisoformat(times["end"]["dateTime"]) - datetime.fromisoformat(times["start"]["dateTime"])
    return {"start": _at(start, times["start"]), "end": _at(start + length, times["end"])}


def before(original: Json) -> str:
    """The UNTIL that ends a series just before this occurrence."""
    if "date" in original:
        return f"{date.fromisoformat(original['date']) - timedelta(days=1):%Y%m%d}"
    moment = datetime.fromisoformat(original["dateTime"]).astimezone(UTC) - timedelta(seconds=1)
    return f"{moment:%Y%m%dT%H%M%SZ}"


def rule(choice: random.Random) -> list[str]:
    """How a series goes on."""
    interval = choice.choice(("", "", "", ";INTERVAL=2"))
    return [f"RRULE:FREQ={choice.choice(('DAILY', 'WEEKLY'))}{interval};COUNT={choice.randint(3, 8)}"]


def shown(times: Json) -> str:
    """The start, for a story."""
    start: str = times["start"].get("dateTime") or times["start"]["date"]
    return start


def _timed(start: datetime, minutes: int) -> Json:
    # The end is reckoned in UTC: the wall clock may skip hours in between, or tell them twice.
    end = (start.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(start.tzinfo)
    zone = str(start.tzinfo)
    return {"start": _moment(start.replace(tzinfo=None).isoformat(), zone), "end": _moment(end.isoformat(), zone)}


def _instants(choice: random.Random, now: datetime) -> Json:
    start = now.replace(microsecond=0) + timedelta(minutes=choice.randint(-300, 40_000))
    end = start + timedelta(minutes=choice.choice((0, *_LENGTHS)))
    return {"start": _moment(start.isoformat(), None), "end": _moment(end.isoformat(), None)}


def _at(moment: datetime, known: Json) -> Json:
    return _moment(moment.isoformat(), known.get("timeZone"))


def _moment(text: str, zone: str | None) -> Json:
    return {"date": None, "dateTime": text, "timeZone": zone}


def _day(day: date) -> Json:
    return {"date": day.isoformat(), "dateTime": None, "timeZone": None}


# ---- people


def invited(choice: random.Random, known: Sequence[Json], users: Sequence[str]) -> list[Json]:
    """The guests from now on: most of those who were, and a few of the users, outsiders and rooms."""
    rows = [row for row in known if choice.random() < 0.7]
    return rows + [_guest(choice, users) for _ in range(choice.randint(0 if rows else 1, 3))]


def _guest(choice: random.Random, users: Sequence[str]) -> Json:
    kind = choice.random()
    if kind < 0.6:
        return {"email": choice.choice(users)}
    if kind < 0.65:
        return {"email": _ROOM, "resource": True, "displayName": "Room 7"}
    name, _, address = choice.choice(_OUTSIDERS).rstrip(">").rpartition("<")
    return {"email": address, "displayName": name.strip(), "optional": choice.random() < 0.3}
