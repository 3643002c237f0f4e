"""The ledger of conferences: what was attached is found, whoever lets go last knows it, and nothing crosses owners."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.errors import Conflict
from functions import script
from functions.ports import Delete, Document, Put, Store
from functions.script.conferences import Conference, Released
from tests.crashing import Crash, Crashing, Fuse
from tests.unit.script.bench import ALICE, BOB, START, Bench

conferences = script.conferences
EVENT: dict[str, Any] = {
    "id": "e1",
    "etag": '"1"',
    "sequence": 2,
    "start": {"dateTime": "2026-11-24T10:00:00Z"},
    "end": {"dateTime": "2026-11-24T11:00:00Z"},
    "iCalUID": "e1@google.com",
    "summary": "nobody's business",
}


@pytest.mark.usefixtures("bench")
class TestRecords:
    """One record for each event."""

    def test_what_was_agreed_is_kept_until_the_next_state(self) -> None:
        """The handler's own mark of a state stands with it, and goes when another is attached without one."""
        assert conferences.attach(ALICE, EVENT, "room-1", agreed="digest").agreed == "digest"
        found = conferences.find(ALICE, "e1")
        assert found is not None
        assert found.agreed == "digest"
        assert conferences.attach(ALICE, EVENT, "room-1").agreed == ""
        with pytest.raises(script.BadArgument):
            conferences.attach(ALICE, EVENT, "room-1", agreed="x" * 1025)

    def test_a_calendars_are_told_together(self) -> None:
        """Whatever is noted of one calendar, by whichever of its names, and of no other."""
        noted = [conferences.attach("primary", f"e{number}", "room-1") for number in range(3)]
        conferences.attach("team@example.com", "e0", "room-1")
        conferences.release(ALICE, "e2")

        assert sorted(conferences.in_calendar(ALICE), key=lambda one: one.event_id) == noted[:2]
        with script.as_user(BOB):
            assert conferences.in_calendar(ALICE) == []

    def test_what_was_attached_is_found(self) -> None:
        """Id, solution, version, times, iCalUID and series; never a title."""
        noted = conferences.attach(ALICE, {**EVENT, "recurringEventId": "s1"}, "room-1", solution="1")

        assert conferences.find(ALICE, "e1") == noted
        assert noted == Conference(
            calendar_id=ALICE,
            event_id="e1",
            conference_id="room-1",
            solution="1",
            etag='"1"',
            sequence=2,
            start=EVENT["start"],
            end=EVENT["end"],
            ical_uid="e1@google.com",
            series_id="s1",
            since=START.timestamp(),
        )

    def test_an_event_that_does_not_exist_yet(self) -> None:
        """Its id is enough; attaching it again with the event fills the rest in."""
        assert conferences.attach(ALICE, "e1", "room-1").etag is None
        filled = conferences.attach(ALICE, EVENT, "room-1")

        assert filled.etag == '"1"'
        assert [one.event_id for one in conferences.holding("room-1")] == ["e1"]

    def test_agreement_is_seen(self) -> None:
        """An event at the noted version has nothing to carry over; any other has."""
        assert conferences.attach(ALICE, EVENT, "room-1").agrees(EVENT)
        assert not conferences.attach(ALICE, EVENT, "room-1").agrees({**EVENT, "etag": '"2"'})
        assert not conferences.attach(ALICE, "e1", "room-1").agrees({"id": "e1"})

    def test_since_tells_when_it_came(self, bench: Bench) -> None:
        """It stays while the conference is the same, and begins anew with another."""
        conferences.attach(ALICE, EVENT, "room-1")
        bench.wait(60)
        assert conferences.attach(ALICE, EVENT, "room-1").since == START.timestamp()
        assert conferences.attach(ALICE, EVENT, "room-2").since == START.timestamp() + 60

    def test_primary_is_the_users_own(self) -> None:
        """The name and the address are one calendar."""
        conferences.attach("primary", EVENT, "room-1")

        assert conferences.find(ALICE, "e1") is not None

    def test_an_occurrence_is_not_its_series(self) -> None:
        """A cancelled occurrence finds nothing, so nobody deletes the series' meeting for it."""
        conferences.attach(ALICE, EVENT, "room-1")

        assert conferences.find(ALICE, "e1_20261124T100000Z") is None
        assert conferences.release(ALICE, "e1_20261124T100000Z") is None

    def test_an_event_that_moved_is_found_by_its_icaluid(self) -> None:
        """Under its new calendar, while the old place is still noted."""
        conferences.attach(ALICE, EVENT, "room-1")
        conferences.attach("team@group.calendar.google.com", EVENT, "room-1")
        found = conferences.find_by_ical_uid("e1@google.com")

        assert sorted(one.calendar_id for one in found) == [ALICE, "team@group.calendar.google.com"]
        assert conferences.find_by_ical_uid("other") == []

    def test_however_many_share_an_icaluid(self) -> None:
        """None is left out, though they come in several pages."""
        for number in range(450):
            conferences.attach(f"calendar {number}", EVENT, "room-1")

        assert len(conferences.find_by_ical_uid("e1@google.com")) == 450
        assert len(conferences.holding("room-1")) == 450

    @pytest.mark.parametrize(
        "bad", [{}, {"id": ""}, {"id": 7}, "", {"id": "e1", "etag": 7}, {"id": "e1", "start": "now"}]
    )
    def test_an_event_has_an_id_and_its_form(self, bad: Any) -> None:
        """What has not is refused, and nothing is noted."""
        with pytest.raises(TypeError):
            conferences.attach(ALICE, bad, "room-1")
        with pytest.raises(TypeError):
            conferences.attach(ALICE, "e1", None)  # type: ignore[arg-type]  # refused while running
        assert conferences.find(ALICE, "e1") is None
        assert conferences.holding("room-1") == []


class TestOwners:
    """Whose records are meant."""

    def test_nothing_crosses_users_scripts_or_calendars(self) -> None:
        """The same event and conference, noted by several, are several records and several holders."""
        bench = Bench()
        for name in ("one", "two"):
            for user in (ALICE, BOB):
                with script.running(bench.project(name), user=user):
                    assert conferences.find("team", "e1") is None
                    assert conferences.find_by_ical_uid("e1@google.com") == []
                    conferences.attach("team", EVENT, "room-1")
                    assert conferences.find("other", "e1") is None
                    assert len(conferences.holding("room-1")) == 1
                    released = conferences.release("team", "e1")
                    assert released is not None
                    assert released.last
                    conferences.attach("team", EVENT, f"room-1 of {user} in {name}")

    def test_without_a_user_it_fails_closed(self) -> None:
        """No call works without one."""
        with script.running(Bench().project()):
            for call in (
                lambda: conferences.attach(ALICE, "e1", "x"),
                lambda: conferences.find(ALICE, "e1"),
                lambda: conferences.release(ALICE, "e1"),
                lambda: conferences.holding("x"),
                lambda: conferences.find_by_ical_uid("x"),
            ):
                with pytest.raises(script.NoUser):
                    call()


class TestRelease:
    """The last to let go."""

    @pytest.mark.usefixtures("bench")
    def test_the_last_knows_it(self) -> None:
        """Two events hold one meeting: the second to let go is the last, whichever it is."""
        deleted: list[str] = []
        for first, second in (("e1", "e2"), ("e2", "e1")):
            for event in ("e1", "e2"):
                conferences.attach(ALICE, event, "room-1")
            released = [
                conferences.release(ALICE, event, lambda one: deleted.append(one.event_id)) for event in (first, second)
            ]
            assert [one and one.last for one in released] == [False, True]
            assert deleted.pop() == second
            assert deleted == []
            assert conferences.find(ALICE, "e1") is None
            assert conferences.release(ALICE, "e1") is None

    @pytest.mark.usefixtures("bench")
    def test_another_conference_is_another_holder(self) -> None:
        """An event that changes its conference lets go of the one it had; another solution's is another."""
        conferences.attach(ALICE, "e1", "room-1")
        conferences.attach(ALICE, "e2", "room-1", solution="other")
        conferences.attach(ALICE, "e1", "room-2")

        assert conferences.holding("room-1") == []
        assert [one.event_id for one in conferences.holding("room-2")] == ["e1"]
        assert [one.event_id for one in conferences.holding("room-1", solution="other")] == ["e2"]

    @pytest.mark.usefixtures("bench")
    def test_what_fails_is_done_again(self) -> None:
        """If the meeting could not be deleted, releasing again tries it again; only then the event is forgotten."""
        conferences.attach(ALICE, "e1", "room-1")
        tries: list[str] = []

        def delete(one: Conference) -> None:
            tries.append(one.conference_id)
            if len(tries) < 3:
                raise RuntimeError("the vendor is down")

        for _ in range(2):
            with pytest.raises(RuntimeError, match="vendor"):
                conferences.release(ALICE, "e1", delete)
            assert conferences.find(ALICE, "e1") is not None
        released = conferences.release(ALICE, "e1", delete)

        assert released is not None
        assert released.last
        assert tries == ["room-1"] * 3
        assert conferences.find(ALICE, "e1") is None

    @pytest.mark.usefixtures("bench")
    def test_who_takes_it_up_again_keeps_it(self) -> None:
        """An event that gets the conference while it is being let go of is not left with a deleted meeting's row."""
        conferences.attach(ALICE, "e1", "room-1")
        with pytest.raises(RuntimeError):
            conferences.release(ALICE, "e1", _down)
        conferences.attach(ALICE, "e2", "room-1")
        released = conferences.release(ALICE, "e1", _down)

        assert released is not None
        assert not released.last
        assert [one.event_id for one in conferences.holding("room-1")] == ["e2"]

    @pytest.mark.usefixtures("bench")
    def test_attached_again_it_is_held_again(self) -> None:
        """An event that was being let go of and comes back counts as a holder, and is not forgotten."""
        conferences.attach(ALICE, "e1", "room-1")
        with pytest.raises(RuntimeError):
            conferences.release(ALICE, "e1", _down)
        assert not conferences.attach(ALICE, "e1", "room-1").releasing
        assert [one.event_id for one in conferences.holding("room-1")] == ["e1"]
        conferences.release(ALICE, "e1", lambda _: conferences.attach(ALICE, "e1", "room-2"))
        found = conferences.find(ALICE, "e1")

        assert found is not None
        assert found.conference_id == "room-2"

    def test_of_two_at_the_same_moment_one_is_the_last(self) -> None:
        """Whoever's commit comes later sees the other's."""
        racing = _Racing()
        bench = Bench(racing.over)
        with script.running(bench.project(), user=ALICE):
            for event in ("e1", "e2"):
                conferences.attach(ALICE, event, "room-1")
            released: list[Released | None] = []
            racing.before_commit = lambda: released.append(conferences.release(ALICE, "e2"))
            released.append(conferences.release(ALICE, "e1"))

        assert [one and one.last for one in released] == [False, True]

    @pytest.mark.parametrize("at", range(1, 30))
    def test_a_death_at_any_moment_loses_no_meeting(self, at: int) -> None:
        """Whenever the run dies, releasing again ends with the meeting deleted, the event forgotten, no holder left."""
        fuse = Fuse(at, armed=False)
        bench = Bench(lambda store: Crashing(store, "store", fuse))
        deleted: list[str] = []
        with script.running(bench.project(), user=ALICE):
            conferences.attach(ALICE, EVENT, "room-1")
            fuse.armed = True
            try:
                conferences.release(ALICE, "e1", lambda one: deleted.append(one.conference_id))
            except Crash:
                conferences.release(ALICE, "e1", lambda one: deleted.append(one.conference_id))
            fuse.armed = False

            assert set(deleted) == {"room-1"}
            assert conferences.find(ALICE, "e1") is None
            assert conferences.holding("room-1") == []

    @given(
        st.lists(
            st.one_of(
                st.tuples(st.sampled_from(["e1", "e2", "e3"]), st.sampled_from(["a", "b"])),
                st.tuples(st.sampled_from(["e1", "e2", "e3"]), st.none()),
            ),
            max_size=15,
        )
    )
    def test_it_is_a_dictionary_that_counts(self, steps: list[tuple[str, str | None]]) -> None:
        """Any order of attaching and releasing leaves who holds what, and tells the last of each meeting."""
        held: dict[str, str] = {}
        with script.running(Bench().project(), user=ALICE):
            for event, conference in steps:
                if conference is not None:
                    conferences.attach(ALICE, event, conference)
                    held[event] = conference
                    continue
                released = conferences.release(ALICE, event)
                before = held.pop(event, None)
                assert (released and released.conference.conference_id) == before
                assert released is None or released.last == (before not in held.values())
            for conference in ("a", "b"):
                assert sorted(one.event_id for one in conferences.holding(conference)) == sorted(
                    event for event, having in held.items() if having == conference
                )


def _down(one: Conference) -> None:
    raise RuntimeError(f"the vendor does not answer for {one.conference_id}")


class _Racing:
    """A store in which somebody acts just before the next commit, once."""

    def __init__(self) -> None:
        self.before_commit: Any = None

    def over(self, store: Store) -> Store:
        """The store, raced over."""
        self._store = store
        return self

    def get(self, key: str) -> Document | None:
        """As the store."""
        return self._store.get(key)

    def commit(self, *writes: Put | Delete) -> Any:
        """As the store, after the other."""
        act, self.before_commit = self.before_commit, None
        if act is None:
            return self._store.commit(*writes)
        act()
        with pytest.raises(Conflict):
            self._store.commit(*writes)
        raise Conflict("somebody was quicker")

    def query(self, collection: str, *args: Any, **kwargs: Any) -> Any:
        """As the store."""
        return self._store.query(collection, *args, **kwargs)
