"""What an event is told of its meeting, and when it has been told."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.event import (
    AddOnParameters,
    ConferenceData,
    ConferenceParameters,
    ConferenceSolution,
    EntryPoint,
    SolutionKey,
)
from conference.link import Link, conference_data, entry_points, index, published
from conference.meeting import Meeting, MeetingId, MeetingRef

REF = MeetingRef("zoom", "account", MeetingId("1"))
PLAIN = Meeting(REF, "https://zoom.us/j/1")
RICH = Meeting(REF, "https://zoom.us/j/1", passcode="42", dial_in={"US": "+1 555", "CH": "tel:+41 44"})


def test_an_event_is_told_every_way_to_join() -> None:
    """The video link comes first, then the telephone numbers by their label, in the form Calendar asks for."""
    assert entry_points(RICH) == (
        EntryPoint("video", "https://zoom.us/j/1", label="zoom.us/j/1", passcode="42"),
        EntryPoint("phone", "tel:+4144", label="CH"),
        EntryPoint("phone", "tel:+1555", label="US"),
    )


def test_labels_fit_into_calendar() -> None:
    """A label is cut to the 512 characters that Calendar takes; the address itself is not."""
    video, phone = entry_points(Meeting(REF, f"https://zoom.us/{'x' * 600}", dial_in={"y" * 600: "+1 555"}))

    assert [len(one.label or "") for one in (video, phone)] == [512, 512]
    assert len(video.uri) == 616


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("https://zoom.us/j/1", "zoom.us/j/1"),
        ("https://zoom.us/j/1?back=https://example.com", "zoom.us/j/1?back=https://example.com"),
        ("zoom.us/j/1", "zoom.us/j/1"),
    ],
)
def test_a_label_is_the_address_without_its_scheme(url: str, label: str) -> None:
    """Only what stands before the first "://" is left out."""
    assert [one.label for one in entry_points(Meeting(REF, url))] == [label]


KEPT = ConferenceData(
    "old",
    ConferenceSolution(SolutionKey("addOn"), "Renamed by the add-on", "https://icon"),
    (EntryPoint("video", "https://old"), EntryPoint("sip", "sip:old")),
    "<b>notes</b>",
    ConferenceParameters(AddOnParameters({"lockstep": "zoom"})),
)


def test_what_the_add_on_wrote_is_kept() -> None:
    """Solution, notes and parameters stay as they were read; the id and the ways to join become the meeting's."""
    told = conference_data(KEPT, RICH, "Zoom")

    assert told == msgspec.structs.replace(KEPT, conference_id="1", entry_points=entry_points(RICH))


@pytest.mark.parametrize("current", [None, ConferenceData(), ConferenceData(notes="n")])
def test_an_event_without_solution_gets_ours(current: ConferenceData | None) -> None:
    """Where no solution stands, the conference is one of an add-on, under the given name."""
    told = conference_data(current, PLAIN, "Zoom")

    assert told.conference_solution == ConferenceSolution(SolutionKey("addOn"), "Zoom")


def retold(**changes: object) -> ConferenceData:
    """What the event was told, changed since."""
    return msgspec.structs.replace(conference_data(None, RICH, "Zoom"), **changes)


@pytest.mark.parametrize(
    ("conference", "expected"),
    [
        (None, False),
        (ConferenceData(), False),
        (retold(), True),
        (retold(notes="edited"), True),
        (retold(entry_points=entry_points(RICH)[::-1]), True),
        (retold(conference_id="2"), False),
        (retold(conference_id=None), False),
        (retold(entry_points=entry_points(RICH)[:2]), False),
        (retold(entry_points=(*entry_points(RICH), EntryPoint("more", "https://x"))), False),
        (retold(entry_points=entry_points(msgspec.structs.replace(RICH, passcode="43"))), False),
        (retold(entry_points=entry_points(msgspec.structs.replace(RICH, join_url="https://zoom.us/j/2"))), False),
        # Calendar fills labels and regions on its own
        (retold(entry_points=(*entry_points(RICH)[:2], EntryPoint("phone", "tel:+1555", region_code="US"))), True),
    ],
)
def test_an_event_has_been_told_or_not(conference: ConferenceData | None, expected: bool) -> None:
    """An event is up to date if it names the meeting and has all its ways to join, and no others."""
    assert expected is published(conference, RICH)


def test_one_way_to_join_under_two_passcodes() -> None:
    """Someone added the video link once more, without its passcode: the event is told again."""
    video, *phones = entry_points(RICH)
    twice = (video, msgspec.structs.replace(video, passcode=None), *phones)

    assert not published(retold(entry_points=twice), RICH)
    assert not published(retold(entry_points=twice[::-1]), RICH)


def test_an_empty_passcode_is_none() -> None:
    """Who reads the event is asked for nothing, either way."""
    video, *phones = entry_points(msgspec.structs.replace(RICH, passcode=None))
    empty = (msgspec.structs.replace(video, passcode=""), *phones)

    assert published(retold(entry_points=empty), msgspec.structs.replace(RICH, passcode=None))


MEETINGS = st.builds(
    Meeting,
    st.builds(MeetingRef, st.text(), st.text(), st.text().map(MeetingId)),
    st.text(),
    passcode=st.none() | st.text(max_size=4),
    dial_in=st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3),
)


@given(MEETINGS, st.none() | st.just(KEPT))
def test_once_told_is_told(meeting: Meeting, current: ConferenceData | None) -> None:
    """What is written is what is looked for: a published meeting needs no second write."""
    assert published(conference_data(current, meeting, "Zoom"), meeting)


def test_a_meeting_is_found_by_one_short_text() -> None:
    """The index tells apart provider, account and id, and not whether the meeting is owned."""
    refs = [
        REF,
        MeetingRef("zoo", "maccount", MeetingId("1")),
        MeetingRef("zoom", "account", MeetingId("11")),
        MeetingRef("webex", "account", MeetingId("1")),
    ]

    assert len({index(ref) for ref in refs}) == len(refs)
    assert index(REF) == index(msgspec.structs.replace(REF, owned=False))
    assert len(index(REF)) == 32


def test_a_link_knows_where_its_meeting_is() -> None:
    """An intent has no meeting yet; a link tells its meeting's place, and survives being kept."""
    intent = Link("zoom", "account", "key", 1)
    link = msgspec.structs.replace(intent, meeting=RICH, agreed="digest")

    assert intent.ref is None
    assert link.ref == REF
    assert link == msgspec.json.decode(msgspec.json.encode(link), type=Link)
