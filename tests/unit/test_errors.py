"""Errors say what the caller must do, and where they come from, in words that may be shown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from conference.errors import (
    Conflict,
    Gone,
    Later,
    LockstepError,
    Missing,
    NotOwned,
    Refused,
    Stale,
    Unsupported,
    Where,
)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (None, "nothing was done"),
        (Where("zoom", "create"), "nothing was done (zoom create)"),
        (Where("zoom", "create", 429), "nothing was done (zoom create 429)"),
        (Where("zoom", "create", 429, "rateLimit"), "nothing was done (zoom create 429 rateLimit)"),
        (Where("zoom", "create", reason="timeout"), "nothing was done (zoom create timeout)"),
    ],
)
def test_an_error_tells_the_call_that_failed(where: Where | None, expected: str) -> None:
    """The text holds the system, the operation, and of status and reason what is known."""
    error = Later("nothing was done", where, timedelta(seconds=3))

    assert expected == str(error)
    assert (where, timedelta(seconds=3)) == (error.where, error.after)


def test_what_is_gone_is_named() -> None:
    """A meeting is meant unless something else is said; the call that found it gone is told as for other errors."""
    where = Where("calendar", "list", 410)
    gone = Gone("the token is gone", where, Missing.TOKEN)

    assert [Gone("x").what, gone.what] == [Missing.MEETING, Missing.TOKEN]
    assert (str(gone), gone.where) == ("the token is gone (calendar list 410)", where)


@pytest.mark.parametrize(
    ("narrow", "wide"), [(Conflict, Stale), (Unsupported, Refused), (NotOwned, Refused), (Later, LockstepError)]
)
def test_a_narrower_error_asks_for_the_same(narrow: type[LockstepError], wide: type[LockstepError]) -> None:
    """Who handles the wider class handles the narrower one too."""
    assert issubclass(narrow, wide)
