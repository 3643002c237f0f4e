"""What the console shows in trouble: a side that is silent, a meeting refused or gone, a feed that needs somebody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, NoReturn

import msgspec
import pytest

from conference.errors import Later, Unsupported
from functions import dead, ledger
from functions.console.state import collect
from functions.ports import Delete, Document, Put
from tests.flow.console.shown import head_with, only
from tests.world import TOKEN, VENDOR, World


class Away:
    """A store that cannot be reached."""

    def get(self, key: str) -> Document | None:
        """Fail."""
        raise Later(f"no store for {len(key)} characters")

    def commit(self, *writes: Put | Delete) -> tuple[str | None, ...]:
        """Fail."""
        raise Later(f"no store for {len(writes)} writes")

    def query(self, collection: str, *_: Any, **__: Any) -> list[Document]:
        """Fail."""
        raise Later(f"no store for {collection}")


def test_a_meeting_deleted_at_the_provider(world: World, feed: str) -> None:
    """Before anybody has told us, the page sees that it is missing."""
    world.insert()
    world.settle()
    (meeting,) = world.meetings()
    world.http.delete(f"{VENDOR}/meetings/{meeting['id']}", headers={"Authorization": f"Bearer {TOKEN}"})
    pair = only(collect(world.ground, feed))

    assert pair.meeting is not None
    assert (pair.line.reason, pair.meeting.note) == ("the meeting is not there", "not found at the provider")


def test_a_refused_meeting_is_parked_with_its_reason(world: World, feed: str) -> None:
    """The reason stands between the event and the empty place of its meeting."""
    world.vendor_control("faults", method="POST", path="^/meetings", times=1, status=400, code="too_long")
    world.insert()
    world.settle()
    state = collect(world.ground, feed)
    pair, (one,) = only(state), state.parked

    assert (pair.line.state, pair.meeting) == ("parked", None)
    assert "too_long" in pair.line.reason
    assert (one.title, one.cause) == ("Planning", pair.line.reason)


def test_what_was_given_up_is_named(world: World, feed: str) -> None:
    """With the title the event has, and the cause."""
    event = world.insert(summary="Interview")
    world.settle()
    dead.note(world.ground, feed, event["id"], "attempts used up")
    dead.note(world.ground, "another feed", "e", "elsewhere")
    (one,) = collect(world.ground, feed).parked

    assert (one.title, one.cause, one.when) == ("Interview", "attempts used up", "just now")


def test_the_calendar_does_not_answer(world: World, feed: str) -> None:
    """A sentence takes the place of its events, and what the ledger knows is still shown."""
    world.insert()
    world.settle()
    world.google_control("faults", method="GET", path="/events$", times=9, status=503)
    state = collect(world.ground, feed)

    assert len(state.silent) == 1
    assert state.silent[0].startswith("The calendar's events cannot be shown now:")
    assert only(state).line.state == "step"


def test_the_provider_does_not_answer(world: World, feed: str) -> None:
    """Its meetings are shown as last read, and none is called missing."""
    world.insert()
    world.settle()
    world.vendor_control("faults", method="GET", path="^/meetings", times=9, status=503)
    state = collect(world.ground, feed)
    pair = only(state)

    assert state.silent[0].startswith("The meetings at http cannot be shown now:")
    assert pair.meeting is not None
    assert (pair.line.state, pair.meeting.note) == ("step", "as last read")


def test_the_store_does_not_answer(world: World) -> None:
    """Even then there is a page, and it says what is wrong."""
    state = collect(replace(world.ground, store=Away()))

    assert state.missing == ""
    assert [sentence.split(" cannot")[0] for sentence in state.silent] == [
        "The list of calendars",
        "The newest runs",
        "The triggers of scripts",
        "The runs of scripts",
    ]


def test_a_document_that_cannot_be_read(world: World, feed: str) -> None:
    """A broken row costs the page its links, not its events."""
    world.insert()
    world.settle()
    (document,) = world.store.query(ledger.COLLECTION)
    world.store.commit(Put(document.key, {**document.data, "mark": "three"}, document.version))
    state = collect(world.ground, feed)

    assert "The links cannot be shown: what is stored cannot be read." in state.silent
    assert only(state).line.word == "new"


def test_a_feed_in_trouble_says_why(world: World, feed: str) -> None:
    """Whoever must act reads it at the top."""
    head = head_with(world, feed, trouble="consent was withdrawn")

    assert head.trouble == "consent was withdrawn"


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({}, "expired, polling"),
        ({"channel": None}, "none, polling"),
        ({"channel": None, "push": False}, "not offered, polling"),
    ],
)
def test_without_a_channel_the_head_says_that_it_polls(
    world: World, feed: str, fields: dict[str, Any], value: str
) -> None:
    """Whether it expired, is not there, or never can be."""
    world.clock.advance(timedelta(days=3))
    head = head_with(world, feed, **fields)

    assert [fact.value for fact in head.facts if fact.name == "push"] == [value]


def test_a_provider_that_cannot_hold_what_is_wanted_shows_no_difference(world: World, feed: str) -> None:
    """Where the meeting cannot be compared nothing is said of it."""
    world.insert()
    world.settle()

    class Unable:
        """The provider, by whom the event's wish cannot be held any more."""

        def losses(self, _: object) -> NoReturn:
            raise Unsupported("no such meeting here")

        def __getattr__(self, name: str) -> Any:
            return getattr(world.provider, name)

    world.change_ground(providers={"http": Unable()})
    pair = only(collect(world.ground, feed))

    assert pair.meeting is not None
    assert (pair.line.state, pair.meeting.differs) == ("step", ())


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "https://", "http://["])
def test_only_a_web_address_becomes_a_link(world: World, feed: str, url: str) -> None:
    """A way to join that a browser must not follow is not offered."""
    world.insert()
    world.settle()
    world.vendor_control("faults", method="GET", path="^/meetings", times=9, status=503)
    (document,) = world.store.query(ledger.COLLECTION)
    row = ledger.decode(document)
    assert row.link is not None
    assert row.link.meeting is not None
    link = msgspec.structs.replace(row.link, meeting=msgspec.structs.replace(row.link.meeting, join_url=url))
    world.store.commit(ledger.put(msgspec.structs.replace(row, link=link), document.version))
    pair = only(collect(world.ground, feed))

    assert pair.meeting is not None
    assert pair.meeting.join_url == ""
