"""Several conferencing services to choose from: another one is chosen for the same event."""

from __future__ import annotations

from datetime import timedelta

from tests.flow.addon.desk import Two


def test_another_solution_before_saving(two: Two) -> None:
    """The first one's meeting is nobody's: it is swept, and the event has the second one's."""
    two.conference("draft1", solution="http")
    second = two.conference("draft1", solution="second")
    two.save("draft1", second)
    two.wait(timedelta(hours=3))

    assert two.there() == {"http": [], "second": [second["conferenceId"]]}


def test_another_solution_for_a_saved_event(two: Two) -> None:
    """Until the event is saved both are there, since the author may still leave it as it is; then the new one alone."""
    first = two.conference("draft1", solution="http")
    two.save("draft1", first)
    second, again = two.conference("draft1", solution="second"), two.conference("draft1", solution="second")
    two.wait(timedelta(hours=20))
    waiting = two.there()
    two.save("draft1", second)
    two.wait(timedelta(hours=3))

    assert second == again
    assert waiting == {"http": [first["conferenceId"]], "second": [second["conferenceId"]]}
    assert two.there() == {"http": [], "second": [second["conferenceId"]]}
    assert [meeting.title for meeting in two.second.list()] == ["Planning"]


def test_another_solution_that_is_not_saved(two: Two) -> None:
    """The event stays with the meeting it has, and the other one is swept after a day."""
    first = two.conference("draft1", solution="http")
    two.save("draft1", first)
    two.conference("draft1", solution="second")
    two.wait(timedelta(hours=27))

    assert two.there() == {"http": [first["conferenceId"]], "second": []}
