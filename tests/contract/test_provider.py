"""What every provider owes, judged before the real service it speaks to (docs/http-provider.md, Janus).

The simulation's models are judged by the same tests, but for those of the wire, which a model has none of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from msgspec.structs import replace

from conference.errors import Gone, Later, NotOwned, OutcomeUnknown, Revoked, Stale
from conference.meeting import Attendee, MeetingId, MeetingRef, MeetingSpec, Occurrence, Slot
from conference.providers.protocol import (
    ConferenceProvider,
    CreateKey,
    Deletion,
    Field,
    MeetingLister,
    NotificationReader,
    Schedule,
    Update,
)
from infra.local.janus import Janus, find_binary
from infra.local.janus import running as running_janus
from tests.contract.providers import (
    HOUR,
    MODELS,
    START,
    WEEK,
    Bench,
    Provider,
    http_bench,
    janus_bench,
    model,
    new_key,
    series,
    single,
)


@pytest.fixture(scope="module")
def janus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Janus]:
    """One Janus for the module: rooms have keys that no other test uses."""
    if find_binary() is None:
        pytest.skip("janus is not installed (Debian package janus)")
    with running_janus(tmp_path_factory.mktemp("janus")) as server:
        yield server


WIRED = ["http", pytest.param("janus", marks=pytest.mark.janus)]


@contextmanager
def _bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if request.param == "http":
        with http_bench() as made:
            yield made
    else:
        with janus_bench(request.getfixturevalue("janus")) as made:
            yield made


@pytest.fixture(params=WIRED)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Each provider that speaks over a wire in turn."""
    with _bench(request) as made:
        yield made


@pytest.fixture(params=[*WIRED, *MODELS])
def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """Each provider in turn, with the right credential."""
    if request.param in MODELS:
        yield model(MODELS[request.param])
        return
    with _bench(request) as made:
        yield made.provider


UNIQUE = {CreateKey.EXTERNAL_KEY, CreateKey.CLIENT_ID}
"""Where the same key never makes a second meeting."""


def test_offers_the_protocol(provider: Provider) -> None:
    """A provider is a ConferenceProvider that can list its meetings."""
    assert isinstance(provider, ConferenceProvider)
    assert isinstance(provider, MeetingLister)


def test_created_meeting_is_read_back(provider: Provider) -> None:
    """What create tells is what get tells: named by us, joinable, right."""
    key = new_key()

    written = provider.create(single(), key=key)

    assert written.created
    assert written.ignored == frozenset()
    assert written.meeting == provider.get(written.meeting.ref)
    assert (written.meeting.ref.provider, written.meeting.ref.account) == (provider.name, provider.account)
    assert written.meeting.join_url.startswith("http")
    assert written.meeting.key == (None if provider.capabilities.create_key is CreateKey.NONE else key)
    assert written.meeting.digest == provider.expected_digest(single())


def test_plain_calls_cost_one_request(bench: Bench) -> None:
    """Create, get, update and delete are one request each."""
    written = bench.provider.create(single(), key=new_key())
    costs = [bench.wire.sent]
    bench.provider.get(written.meeting.ref)
    costs.append(bench.wire.sent)
    bench.provider.update(written.meeting.ref, single("Renamed"), key="", base=written.meeting)
    costs.append(bench.wire.sent)
    bench.provider.delete(written.meeting.ref)
    costs.append(bench.wire.sent)

    assert costs == [1, 2, 3, 4]


def test_create_twice(provider: Provider) -> None:
    """Where keys are unique, the same one yields the same meeting, and says that it was there; else a second one."""
    key = new_key()
    first = provider.create(single(), key=key)

    second = provider.create(single(), key=key)

    unique = provider.capabilities.create_key in UNIQUE
    assert second.created is not unique
    assert (second.meeting == first.meeting) is unique
    listed = [meeting.ref for meeting in provider.list()]
    assert [listed.count(written.meeting.ref) for written in (first, second)] == [1, 1]
    if unique:
        assert [meeting.key for meeting in provider.list()].count(key) == 1


def test_known_key_changes_nothing(provider: Provider) -> None:
    """A create under the key of a live meeting moves no meeting, and gives no other way to join."""
    key = new_key()
    first = provider.create(single(), key=key).meeting

    second = provider.create(series(), key=key).meeting

    kept = provider.get(first.ref)
    assert (kept.key, kept.join_url, kept.slot) == (first.key, first.join_url, first.slot)
    if provider.capabilities.create_key in UNIQUE:
        assert second == kept
    else:
        assert second.join_url != kept.join_url


def test_key_is_free_after_delete(provider: Provider) -> None:
    """A key names at most one live meeting, not one for ever."""
    key = new_key()
    provider.delete(provider.create(single(), key=key).meeting.ref)

    assert provider.create(single(), key=key).created


def test_find_by_key(provider: Provider) -> None:
    """A meeting is found by its key while it lives, and only by its own; without keys nothing is ever found."""
    key = new_key()
    meeting = provider.create(single(), key=key).meeting

    assert provider.find(key) == (None if provider.capabilities.create_key is CreateKey.NONE else meeting)
    assert provider.find(new_key()) is None
    provider.delete(meeting.ref)
    assert provider.find(key) is None


def test_list_shows_every_live_meeting(provider: Provider) -> None:
    """The sweep sees each live meeting once, whole, and no deleted one."""
    kept, gone = (provider.create(single(), key=new_key()).meeting for _ in range(2))
    provider.delete(gone.ref)

    listed = list(provider.list())

    assert listed.count(kept) == 1
    assert gone.ref not in [meeting.ref for meeting in listed]


def test_update_keeps_identity(provider: Provider) -> None:
    """A rename keeps id, key and join URL, and is read back right."""
    made = provider.create(single(), key=new_key()).meeting

    written = provider.update(made.ref, single("Renamed"), key=made.key or "", base=made)

    assert provider.capabilities.update is Update.IN_PLACE
    assert written.meeting == provider.get(made.ref)
    assert written.meeting.title == "Renamed"
    assert written.meeting.digest == provider.expected_digest(single("Renamed"))
    assert (written.meeting.ref, written.meeting.key, written.meeting.join_url) == (made.ref, made.key, made.join_url)


def test_update_may_be_repeated(provider: Provider) -> None:
    """The whole desired state can be sent again, without a base, and changes nothing more."""
    made = provider.create(single(), key=new_key()).meeting
    first = provider.update(made.ref, series(), key="")

    assert provider.update(made.ref, series(), key="") == first


def test_delete_twice(provider: Provider) -> None:
    """The second delete is success, and says that there was nothing to do."""
    ref = provider.create(single(), key=new_key()).meeting.ref

    assert [provider.delete(ref), provider.delete(ref)] == [Deletion.DONE, Deletion.ALREADY_GONE]


@pytest.mark.parametrize("meeting_id", ["nobody", "", ".", "..", "../meetings", "a/b?c=d#e", "é🎉\n\ud800", "x" * 5000])
def test_unknown_meeting_is_gone(provider: Provider, meeting_id: str) -> None:
    """An id that names nothing is Gone, whatever somebody wrote into an event; deleting it is success."""
    made = provider.create(single(), key=new_key()).meeting
    ref = replace(made.ref, id=MeetingId(meeting_id))

    with pytest.raises(Gone):
        provider.get(ref)
    with pytest.raises(Gone):
        provider.update(ref, single(), key="")
    assert provider.delete(ref) is Deletion.ALREADY_GONE


def test_meeting_of_others_is_never_touched(provider: Provider) -> None:
    """A meeting that is not ours is neither changed nor deleted."""
    made = provider.create(single(), key=new_key()).meeting
    ref = replace(made.ref, owned=False)

    with pytest.raises(NotOwned):
        provider.update(ref, single("Renamed"), key="")
    with pytest.raises(NotOwned):
        provider.delete(ref)

    assert provider.get(made.ref) == made


def test_no_request_for_meetings_of_others(bench: Bench) -> None:
    """Who may not touch a meeting does not ask the service either."""
    ref = replace(bench.provider.create(single(), key=new_key()).meeting.ref, owned=False)
    before = bench.wire.sent

    with pytest.raises(NotOwned):
        bench.provider.update(ref, single("Renamed"), key="")
    with pytest.raises(NotOwned):
        bench.provider.delete(ref)

    assert bench.wire.sent == before


def test_refused_credential_is_revoked(bench: Bench) -> None:
    """Every call with a credential that is not accepted says that a person must act."""
    ref = bench.provider.create(single(), key=new_key()).meeting.ref

    for call in _every_call(bench.denied, ref):
        with pytest.raises(Revoked):
            call()


def _every_call(provider: Provider, ref: MeetingRef) -> list[Callable[[], object]]:
    return [
        lambda: provider.create(single(), key=new_key()),
        lambda: provider.find("key"),
        lambda: provider.get(ref),
        lambda: provider.update(ref, single(), key=""),
        lambda: provider.delete(ref),
        lambda: list(provider.list()),
    ]


def test_lost_answer_to_create(bench: Bench) -> None:
    """A create whose answer is lost has an unknown outcome; repeated, it still made one meeting."""
    key = new_key()
    bench.wire.losing = True
    with pytest.raises(OutcomeUnknown):
        bench.provider.create(single(), key=key)
    bench.wire.losing = False

    written = bench.provider.create(single(), key=key)

    assert not written.created
    assert written.meeting == bench.provider.find(key)
    assert [meeting.key for meeting in bench.provider.list()].count(key) == 1


def test_lost_answer_to_update_and_delete(bench: Bench) -> None:
    """Updates and deletes whose answers are lost have unknown outcomes; looking tells, repeating does no harm."""
    made = bench.provider.create(single(), key=new_key()).meeting
    bench.wire.losing = True
    with pytest.raises(OutcomeUnknown):
        bench.provider.update(made.ref, single("Renamed"), key="", base=made)
    bench.wire.losing = False
    assert bench.provider.get(made.ref).title == "Renamed"
    bench.wire.losing = True
    with pytest.raises(OutcomeUnknown):
        bench.provider.delete(made.ref)
    bench.wire.losing = False

    assert bench.provider.delete(made.ref) is Deletion.ALREADY_GONE


def test_lost_answer_to_a_question(bench: Bench) -> None:
    """A question without answer did nothing: it is simply asked again later."""
    ref = bench.provider.create(single(), key=new_key()).meeting.ref
    bench.wire.losing = True

    with pytest.raises(Later):
        bench.provider.get(ref)
    with pytest.raises(Later):
        bench.provider.find("key")
    with pytest.raises(Later):
        list(bench.provider.list())


def test_stale_version(provider: Provider) -> None:
    """With conditional writes, what changed since `base` is not overwritten; without them nothing is promised."""
    base = provider.create(single(), key=new_key()).meeting
    provider.update(base.ref, single("By somebody else"), key="", base=base)

    if provider.capabilities.conditional_writes:
        with pytest.raises(Stale):
            provider.update(base.ref, single("By us"), key="", base=base)
        assert provider.get(base.ref).title == "By somebody else"
    else:
        assert base.version is None


TITLES = {
    "unicode": "Überprüfung 🎉 会議 עברית",
    "quotes": 'Say "yes" or \'no\' \\ {"json": 1} <b>&amp;</b>',
    "configuration": 'x"; }\nroom-evil: { secret = "";',
    "lines": "one\ntwo\r\nthree\tfour\x00five\x1b[0m",
    "surrogate": "half \ud83d of a pair",
    "combining": "e\u0301" * 90,
    "empty": "",
    "blank": " \n ",
    "padded": "  Weekly sync ",
    "huge": "A very long title " * 500,
    "separators": "a\u2028b\u2029c\x85d",
}


@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES.keys())
def test_any_title_is_held_or_reported_lost(provider: Provider, title: str) -> None:
    """Any title gives a right meeting with one clean line; what does not arrive as it is, is named in `losses`."""
    spec = single(title)

    meeting = provider.create(spec, key=new_key()).meeting

    assert meeting == provider.get(meeting.ref)
    assert meeting.digest == provider.expected_digest(spec)
    assert meeting.title
    assert meeting.title.isprintable()
    assert meeting.title == meeting.title.strip()
    assert len(meeting.title) <= provider.capabilities.max_title
    assert (Field.TITLE in provider.losses(spec)) == (meeting.title != title)


def test_words_that_cannot_be_sent(provider: Provider) -> None:
    """Halves of surrogate pairs, anywhere in a spec, are no hindrance: the meeting is right without them."""
    half = "half \ud83d of a pair"
    people = (Attendee(f"{half}@example.com", half), Attendee("zoe@example.com"))
    spec = replace(series(), agenda=half, host=half, attendees=people, recurrence=(f"RRULE:FREQ=WEEKLY;X={half}",))

    meeting = provider.create(spec, key=new_key()).meeting

    assert meeting == provider.get(meeting.ref)
    assert meeting.digest == provider.expected_digest(spec)


def test_longest_title_fits(provider: Provider) -> None:
    """`max_title` is the truth: that many characters arrive, one more is cut."""
    longest = "ä" * provider.capabilities.max_title

    kept = provider.create(single(longest), key=new_key()).meeting
    cut = provider.create(single(longest + "ä"), key=new_key()).meeting

    assert kept.title == longest
    assert cut.title == longest[:-1] + "…"


def test_series_with_exceptions(provider: Provider) -> None:
    """A series with a moved and a cancelled occurrence is read back right, in any order and zone it was written."""
    spec = series()
    shuffled = replace(spec, exceptions=spec.exceptions[::-1], attendees=spec.attendees[::-1])

    meeting = provider.create(spec, key=new_key()).meeting

    assert meeting.digest == provider.expected_digest(spec) == provider.expected_digest(shuffled)
    assert provider.get(meeting.ref) == meeting
    assert meeting.slot == (None if provider.capabilities.schedule is Schedule.NONE else spec.slot)


CHANGES: dict[Field, MeetingSpec] = {
    Field.TITLE: replace(series(), title="Other"),
    Field.AGENDA: replace(series(), agenda="Other"),
    Field.SCHEDULE: replace(series(), slot=Slot(START + HOUR, START + 2 * HOUR, "Europe/Zurich")),
    Field.RECURRENCE: replace(series(), recurrence=("RRULE:FREQ=DAILY",)),
    Field.EXCEPTIONS: replace(series(), exceptions=(Occurrence(START + WEEK, None),)),
    Field.ATTENDEES: replace(series(), attendees=(Attendee("eve@example.com"),)),
    Field.HOST: replace(series(), host="eve@example.com"),
}


@pytest.mark.parametrize("field", CHANGES, ids=lambda field: field.value)
def test_updatable_is_the_truth(provider: Provider, field: Field) -> None:
    """A field named updatable is changed and read back by an update; any other is named lost and changes nothing.

    Of a provider that cannot be read back only the declarations are compared.
    """
    before, after = series(), CHANGES[field]
    made = provider.create(before, key=new_key()).meeting
    held = field in provider.capabilities.updatable

    updated = provider.update(made.ref, after, key="", base=made).meeting

    assert provider.get(made.ref).digest == updated.digest == provider.expected_digest(after)
    if provider.expected_digest(after) is not None:
        assert (updated.digest != made.digest) is held
    assert (field in provider.losses(after)) is not held


def test_no_request_for_what_is_not_held(bench: Bench) -> None:
    """Where times are not held, moving an event costs no request; where they are, exactly one."""
    made = bench.provider.create(series(), key=new_key()).meeting
    before = bench.wire.sent

    bench.provider.update(made.ref, CHANGES[Field.SCHEDULE], key="", base=made)

    assert bench.wire.sent - before == (0 if bench.provider.capabilities.schedule is Schedule.NONE else 1)


def test_capabilities_are_the_truth(provider: Provider) -> None:
    """What is said of keys, versions and pushes is so."""
    can = provider.capabilities
    made = provider.create(single(), key=new_key()).meeting

    assert (made.ref.id == made.key) is (can.create_key is CreateKey.CLIENT_ID)
    assert (made.version is not None) is can.conditional_writes
    assert not can.reports_remote_changes or isinstance(provider, NotificationReader)


def test_secrets_stay_out_of_errors_and_representations(bench: Bench) -> None:
    """Neither an error's text nor a meeting's representation holds a title, a join URL or a credential."""
    meeting = bench.provider.create(single("Secret takeover"), key=new_key()).meeting
    with pytest.raises(Revoked) as caught:
        bench.denied.update(meeting.ref, single("Secret takeover"), key="")

    shown = f"{caught.value} {caught.value!r} {meeting!r}"

    for secret in ("Secret takeover", meeting.join_url, "wrong"):
        assert secret not in shown
