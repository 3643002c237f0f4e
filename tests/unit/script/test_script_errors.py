"""Apps Script's texts, word for word where one is known, and the figures of its quotas."""

from __future__ import annotations

import pytest

from functions import script
from functions.script.errors import BadArgument, InvalidTrigger, ScriptError

TEXTS: list[tuple[ScriptError, str]] = [
    (
        InvalidTrigger(InvalidTrigger.EVERY_MINUTES),
        "The value you passed to everyMinutes was invalid. It must be one of 1, 5, 10, 15 or 30.",
    ),
    (
        script.TooManyTriggers(),
        "This script has too many triggers. Triggers must be deleted from the script before more can be added.",
    ),
    (script.HandlerNotFound("syncEvents"), "Script function not found: syncEvents"),
    (
        script.AuthorizationRequired("ScriptApp.newTrigger", ["scope"]),
        "You do not have permission to call ScriptApp.newTrigger. Required permissions: scope",
    ),
    (
        script.AuthorizationRequired("x", ["a", "b"]),
        "You do not have permission to call x. Required permissions: (a && b)",
    ),
    (
        BadArgument("Class.method", ["String", "number"]),
        "The parameters (String,number) don't match the method signature for Class.method.",
    ),
    (script.LockTimeout(), "Lock timeout: another process was holding the lock for too long."),
    (
        script.QuotaExceeded(script.QuotaExceeded.PROPERTY_STORAGE),
        "You have exceeded the property storage quota. Please remove some properties and try again.",
    ),
    (
        script.QuotaExceeded.per_day("graphite property writes"),
        "Service invoked too many times for one day: graphite property writes.",
    ),
    (script.QuotaExceeded(script.QuotaExceeded.RUNTIME), "Service using too much computer time for one day."),
    (
        script.QuotaExceeded(script.QuotaExceeded.SIMULTANEOUS),
        "There are too many scripts running simultaneously for this Google user account.",
    ),
    (script.RunTooLong(), "Exceeded maximum execution time"),
    (script.QuotaExceeded(script.QuotaExceeded.CALENDAR), "Service invoked too many times: Calendar."),
    (script.TooLarge("key"), "Argument too large: key"),
    (script.TooLarge("value", "It does not fit."), "Argument too large: value. It does not fit."),
    (
        script.CalendarApiError("events.list", 410, "Sync token is no longer valid, a full sync is required."),
        "API call to calendar.events.list failed with error: Sync token is no longer valid, a full sync is required.",
    ),
]


@pytest.mark.parametrize(("error", "text"), TEXTS, ids=[type(error).__name__ for error, _ in TEXTS])
def test_texts_are_apps_scripts(error: ScriptError, text: str) -> None:
    """Who looks for a text that is known from Apps Script finds it."""
    assert str(error) == text


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (script.BadArgument, TypeError),
        (script.BadValue, ValueError),
        (script.InvalidTrigger, ValueError),
        (script.InvalidConference, ValueError),
    ],
)
def test_wrong_arguments_are_what_python_calls_them(error: type[Exception], kind: type[Exception]) -> None:
    """They can be caught as Python's own errors, and as the script's."""
    assert issubclass(error, kind)
    assert issubclass(error, ScriptError)


def test_the_profile_has_googles_figures() -> None:
    """The quota table, for a consumer and for a Workspace account; where they differ, and nowhere else."""
    consumer, workspace = script.Limits.apps_script(), script.Limits.apps_script(workspace=True)
    figures = {
        "triggers": (20, 20),
        "trigger_runtime": (90 * 60, 6 * 3600),
        "run_length": (360, 360),
        "runs_of_user": (30, 30),
        "runs_of_script": (1000, 1000),
        "every_minutes": ({1, 5, 10, 15, 30}, {1, 5, 10, 15, 30}),
        "property_value": (9 * 1024, 9 * 1024),
        "property_store": (500 * 1024, 500 * 1024),
        "property_calls": (50_000, 500_000),
        "events_created": (5_000, 10_000),
        "cache_key": (250, 250),
        "cache_value": (100 * 1024, 100 * 1024),
        "cache_seconds": (21_600, 21_600),
        "cache_items": (1000, 1000),
        "cache_kept": (900, 900),
    }

    assert {name: (getattr(consumer, name), getattr(workspace, name)) for name in script.Limits.__slots__} == figures


def test_without_a_profile_nothing_is_limited() -> None:
    """The default: no figure of Apps Script's applies."""
    free = script.Limits.none()

    assert free == script.Limits()
    assert all(getattr(free, name) is None for name in script.Limits.__slots__ if name != "cache_kept")
