"""Builds clock triggers: keeps what is called in a chain, and judges it as a whole before anything is changed.

Authority: https://developers.google.com/apps-script/reference/script/clock-trigger-builder
Google tells of few refusals; what makes no sense, or has two senses, is refused here as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from functions.script.enums import WeekDay
from functions.script.errors import InvalidTrigger
from functions.script.limits import Limits
from functions.script.schedule import (
    After,
    At,
    Days,
    Interval,
    MonthDay,
    OnDate,
    Overlap,
    Schedule,
    Weeks,
    When,
)
from functions.script.trigger import Trigger

_STARTS = ("after", "at", "at_date", "every_minutes", "every_hours", "every_days", "every_weeks")
_TIME = {"at_hour", "near_minute"}
_REFINED: dict[str, set[str]] = {
    "after": set(),
    "at": set(),
    "at_date": _TIME,
    "every_minutes": set(),
    "every_hours": {"near_minute"},
    "every_days": _TIME,
    "every_weeks": {"on_week_day", *_TIME},
    "on_week_day": _TIME,
    "on_month_day": _TIME,
}
"""What says when a trigger fires, and what may say it more closely; everything else may stand beside any of them."""
_REFINEMENTS = {"at_hour", "near_minute", "on_week_day", "on_month_day"}
_MONDAY_FIRST = [*list(WeekDay)[1:], WeekDay.SUNDAY]


class Keeper(Protocol):
    """Makes triggers of schedules, for the handler and the user that the builder was begun for."""

    def create(self, schedule: Schedule, /) -> Trigger:
        """Make a trigger."""

    def ensure(self, schedule: Schedule, /) -> Trigger:
        """The handler's trigger with an equal schedule, or else a new one."""


class ClockTriggerBuilder:
    """A clock trigger in the making. No call refuses anything: `create` does, for the whole.

    Numbers are integers. `zone` is the project's, for triggers that name none.
    """

    def __init__(self, keeper: Keeper, *, zone: str = "UTC", limits: Limits | None = None) -> None:
        self._keeper = keeper
        self._zone = zone
        self._limits = limits or Limits.none()
        self._calls: list[tuple[str, Any]] = []

    @property
    def keeper(self) -> Keeper:
        """Who makes the trigger."""
        return self._keeper

    def after(self, duration: int | timedelta) -> ClockTriggerBuilder:
        """Once, after so many milliseconds at least."""
        return self._call("after", duration)

    def at(self, moment: datetime) -> ClockTriggerBuilder:
        """Once, at an aware datetime; at once if that is past."""
        return self._call("at", moment)

    def at_date(self, year: int, month: int, day: int) -> ClockTriggerBuilder:
        """Once on a date, months and days counted from 1: near midnight, unless `at_hour` or `near_minute` say else."""
        return self._call("at_date", (year, month, day))

    def every_minutes(self, n: int) -> ClockTriggerBuilder:
        """Every n elapsed minutes."""
        return self._call("every_minutes", n)

    def every_hours(self, n: int) -> ClockTriggerBuilder:
        """Every n elapsed hours."""
        return self._call("every_hours", n)

    def every_days(self, n: int) -> ClockTriggerBuilder:
        """Every n local dates."""
        return self._call("every_days", n)

    def every_weeks(self, n: int) -> ClockTriggerBuilder:
        """Every n weeks, on `on_week_day` or else on the weekday of the creation."""
        return self._call("every_weeks", n)

    def at_hour(self, hour: int) -> ClockTriggerBuilder:
        """In this hour of the day, 0 to 23."""
        return self._call("at_hour", hour)

    def near_minute(self, minute: int) -> ClockTriggerBuilder:
        """Near this minute of the hour, 0 to 59: up to 15 minutes before or after, always the same."""
        return self._call("near_minute", minute)

    def on_week_day(self, day: WeekDay) -> ClockTriggerBuilder:
        """On this weekday; every week if nothing else is said."""
        return self._call("on_week_day", day)

    def on_month_day(self, day: int) -> ClockTriggerBuilder:
        """On this day of every month that has it; -1 is the last day."""
        return self._call("on_month_day", day)

    def in_timezone(self, zone: str) -> ClockTriggerBuilder:
        """In the zone of this IANA name."""
        return self._call("in_timezone", zone)

    def exact(self) -> ClockTriggerBuilder:
        """To the minute: no jitter, and minute 0 where none is named."""
        return self._call("exact", True)

    def overlap(self, policy: Overlap | str) -> ClockTriggerBuilder:
        """What becomes of a fire while the previous run goes on: "skip" (the default), "buffer_one", "allow_all"."""
        return self._call("overlap", policy)

    def catch_up(self, wanted: bool) -> ClockTriggerBuilder:
        """Whether a run that was missed is made up for, once; it is, unless this says False."""
        return self._call("catch_up", wanted)

    def schedule(self) -> Schedule:
        """What was asked for. Raises InvalidTrigger."""
        asked = self._asked()
        when = _when(_main(asked), asked)
        self._check_profile(asked)
        return Schedule(
            when,
            hour=_within(asked, "at_hour", 0, 23),
            minute=_within(asked, "near_minute", 0, 59),
            zone=_zone(asked.get("in_timezone", self._zone)),
            exact="exact" in asked,
            overlap=_overlap(asked.get("overlap", Overlap.SKIP)),
            catch_up=_truth(asked, "catch_up", default=True),
        )

    def create(self) -> Trigger:
        """Make the trigger. Raises InvalidTrigger, before anything is changed, and what making any trigger raises."""
        return self._keeper.create(self.schedule())

    def ensure(self) -> Trigger:
        """The trigger with this handler and an equal schedule, made if there is none. Raises as `create` does."""
        return self._keeper.ensure(self.schedule())

    def _call(self, name: str, value: Any) -> ClockTriggerBuilder:
        self._calls.append((name, value))
        return self

    def _asked(self) -> dict[str, Any]:
        asked = dict(self._calls)
        if len(asked) < len(self._calls):
            names = [name for name, _ in self._calls]
            twice = next(name for name in names if names.count(name) > 1)
            raise InvalidTrigger(f"{twice} was called twice: which one is meant?")
        return asked

    def _check_profile(self, asked: Mapping[str, Any]) -> None:
        allowed = self._limits.every_minutes
        if allowed is not None and "every_minutes" in asked and asked["every_minutes"] not in allowed:
            raise InvalidTrigger(InvalidTrigger.EVERY_MINUTES)


class _Nobody:
    """Keeps nothing: for schedules alone."""

    def create(self, _: Schedule, /) -> Trigger:
        raise InvalidTrigger("a schedule alone makes no trigger")

    ensure = create


def schedule_of(calls: Mapping[str, Any], *, zone: str = "UTC", limits: Limits | None = None) -> Schedule:
    """The schedule of a builder's calls by name: {"every_days": 1, "at_hour": 5, "exact": True}.

    `at_date` takes a tuple. Raises InvalidTrigger.
    """
    builder = ClockTriggerBuilder(_Nobody(), zone=zone, limits=limits)
    for name, value in calls.items():
        if name not in _KNOWN:
            raise InvalidTrigger(f"a schedule has no {name}")
        if name != "exact" or _truth(calls, name, default=True):
            builder._call(name, value)  # noqa: SLF001 - its own module
    return builder.schedule()


_KNOWN = {*_STARTS, *_REFINEMENTS, "in_timezone", "exact", "overlap", "catch_up"}


def _main(asked: Mapping[str, Any]) -> str:
    """The one call that says when; whatever else is said must go with it."""
    starts = [name for name in _STARTS if name in asked]
    alone = [name for name in ("on_week_day", "on_month_day") if name in asked]
    if not starts + alone:
        raise InvalidTrigger(_no_frequency(asked))
    if len(starts) > 1 or (not starts and len(alone) > 1):
        raise InvalidTrigger(f"{' and '.join(starts or alone)} exclude each other: which one is meant?")
    main = (starts or alone)[0]
    for name in _REFINEMENTS - _REFINED[main] - {main}:
        if name in asked:
            raise InvalidTrigger(f"{name} has no meaning beside {main}")
    return main


def _no_frequency(asked: Mapping[str, Any]) -> str:
    named = [name for name in ("at_hour", "near_minute") if name in asked]
    if named:
        return f"a frequency is required beside {' and '.join(named)}, such as every_days(1)"
    return "no schedule was given: say when the trigger is to fire"


def _when(main: str, asked: Mapping[str, Any]) -> When:
    makers: dict[str, Callable[[], When]] = {
        "after": lambda: _after(asked[main]),
        "at": lambda: _at(asked[main]),
        "at_date": lambda: _on_date(asked[main]),
        "every_minutes": lambda: Interval(_at_least_one(asked, main)),
        "every_hours": lambda: Interval(60 * _at_least_one(asked, main)),
        "every_days": lambda: Days(_at_least_one(asked, main)),
        "every_weeks": lambda: Weeks(_at_least_one(asked, main), _week_day(asked)),
        "on_week_day": lambda: Weeks(1, _week_day(asked)),
        "on_month_day": lambda: MonthDay(_month_day(asked)),
    }
    return makers[main]()


def _after(duration: Any) -> After:
    if isinstance(duration, timedelta):
        seconds = duration.total_seconds()
    elif _whole(duration):
        # An integer may be larger than any float.
        seconds = min(duration, 10**18) / 1000
    else:
        raise InvalidTrigger("after takes whole milliseconds, or a timedelta")
    if seconds < 0:
        raise InvalidTrigger("after takes no negative delay")
    return After(seconds)


def _at(moment: Any) -> At:
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise InvalidTrigger("at takes a datetime with a time zone")
    return At(moment.timestamp())


def _on_date(parts: Any) -> OnDate:
    if not isinstance(parts, tuple | list) or len(parts) != 3 or not all(map(_whole, parts)):
        raise InvalidTrigger("at_date takes year, month and day as whole numbers")
    try:
        date(*parts)
    except (ValueError, OverflowError):
        raise InvalidTrigger("at_date was given a date that does not exist") from None
    return OnDate(*parts)


def _at_least_one(asked: Mapping[str, Any], name: str) -> int:
    n = asked[name]
    if not _whole(n) or n < 1:
        raise InvalidTrigger(f"{name} takes a whole number of at least 1")
    if n >= 2**53:
        raise InvalidTrigger(f"{name} was given more than any calendar holds")
    return int(n)


def _within(asked: Mapping[str, Any], name: str, least: int, most: int) -> int | None:
    if name not in asked:
        return None
    n = asked[name]
    if not _whole(n) or not least <= n <= most:
        raise InvalidTrigger(f"{name} takes a whole number from {least} to {most}")
    return int(n)


def _month_day(asked: Mapping[str, Any]) -> int:
    if asked["on_month_day"] == -1 and _whole(asked["on_month_day"]):
        return -1
    day = _within(asked, "on_month_day", 1, 31)
    return day or 0


def _week_day(asked: Mapping[str, Any]) -> int | None:
    if "on_week_day" not in asked:
        return None
    try:
        return _MONDAY_FIRST.index(WeekDay(asked["on_week_day"]))
    except ValueError:
        raise InvalidTrigger("on_week_day takes a member of WeekDay") from None


def _zone(name: Any) -> str:
    if not isinstance(name, str):
        raise InvalidTrigger("in_timezone takes the name of a time zone")
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        # Which of them depends on what the name looks like as a file's.
        raise InvalidTrigger("in_timezone takes a name of the IANA time zone database, such as Europe/Berlin") from None
    return name


def _overlap(policy: Any) -> Overlap:
    try:
        return Overlap(policy)
    except ValueError:
        raise InvalidTrigger(f"overlap takes one of {', '.join(Overlap)}") from None


def _truth(asked: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = asked.get(name, default)
    if not isinstance(value, bool):
        raise InvalidTrigger(f"{name} takes True or False")
    return value


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
