"""Do what `conference.plan` decided: the calls to the provider, each leaving the row so that a crash loses nothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

import msgspec
import structlog

from conference.errors import Conflict, Gone, Later, LockstepError, NotOwned, OutcomeUnknown, Refused, Stale
from conference.event import Event
from conference.key import is_ours, mint_key
from conference.link import Link, index
from conference.meeting import Meeting, MeetingId, MeetingRef, MeetingSpec
from conference.plan import (
    Absent,
    Adopt,
    Agree,
    CreateMeeting,
    Found,
    NotAsked,
    PublishMeeting,
    ReleaseMeeting,
    UpdateMeeting,
)
from conference.providers.protocol import ConferenceProvider, CreateKey
from conference.solution import provider_of
from functions import feed as feeds
from functions import ledger
from functions.feed import TRIES, Feed
from functions.ground import Ground
from functions.ledger import Row
from functions.marking import is_over
from functions.ports import Where
from functions.webhook import look_later
from functions.work import Work, hand_on

ABSENCE = timedelta(seconds=60)
"""A meeting that is not there is asked for once more after this: providers have had outages that answered 404."""

LETTING_GO = timedelta(seconds=5)
"""So long after its last look round, who lets go of a meeting has deleted it."""

MOVED = "the event lives on in another calendar, which will take its meeting over"

LOOK_FIRST = (CreateKey.NONE, CreateKey.SEARCHABLE)
"""Providers of which a meeting is looked for before it is made: a second create may be a second meeting."""

log = structlog.get_logger(__name__)


def provider_named(ground: Ground, name: str) -> ConferenceProvider:
    """The provider with this name. Raises Refused if the settings do not name it any more."""
    provider = ground.providers.get(name)
    if provider is None:
        raise Refused(f"the provider {name!r} is not configured")
    return provider


def ask(work: Work, spec: MeetingSpec) -> None:
    """Ask the provider what it holds. Raises Later the first time that the meeting is not there."""
    link = work.row.link
    if link is None or link.meeting is None:
        work.meeting = NotAsked()
        return
    provider = provider_named(work.ground, link.provider)
    try:
        meeting = provider.get(link.meeting.ref)
    except Gone:
        _ask_once_more(work)
        work.meeting = Absent()
        return
    # Had it been missed before: it is there again, and the next time counts anew.
    work.row = msgspec.structs.replace(work.row, absent_since=None)
    right = is_right(provider, meeting, spec)
    work.meeting = Found(meeting, right)
    if link.leads and not right:
        # Not as we left it: perhaps another event leads too, since both took the meeting up at one moment.
        _give_way(work, link, meeting.ref)


def is_right(provider: ConferenceProvider, meeting: Meeting, spec: MeetingSpec) -> bool | None:
    """True if the read-back shows that the provider holds what it was told; None if it cannot be read back that far."""
    expected = provider.expected_digest(spec)
    return None if expected is None or meeting.digest is None else meeting.digest == expected


def adopt(work: Work, action: Adopt) -> None:
    """Link to the meeting that the event names; if it is gone, intend a new one. Raises Later as `ask` does."""
    provider = provider_named(work.ground, action.provider)
    ref = MeetingRef(provider.name, provider.account, MeetingId(action.meeting_id))
    try:
        meeting = provider.get(ref)
    except Gone:
        _ask_once_more(work)
        work.set_link(intent(work, provider, anew=True))
        return
    # An event may name any meeting of the account; one that we did not make is shown, never written or deleted.
    key = meeting.key or ""
    owned = is_ours(work.ground.key_secret, key)
    if not owned:
        meeting = msgspec.structs.replace(meeting, ref=msgspec.structs.replace(ref, owned=False))
    leads = owned and not _leaders(work, ref)
    work.set_link(Link(provider.name, provider.account, key, work.row.generation, meeting, leads=leads))
    if owned:
        _check_not_let_go(work, ref)


def _check_not_let_go(work: Work, ref: MeetingRef) -> None:
    """Raise Later, to have it looked at once more, if somebody may be about to delete the meeting just linked to."""
    # Saved first: who lets go of it at this moment sees that we hold it, or we see here that it is being let go.
    work.keep()
    if any(row.releasing for row in _holders(work, ref)):
        work.row = msgspec.structs.replace(work.row, verify=True)
        raise Later("the meeting is being let go by another event", after=LETTING_GO)


def create(work: Work, action: CreateMeeting) -> Meeting:
    """Note the intent, then create under its key; a repeat after a crash finds or yields the same meeting.

    Returns what is linked now.
    """
    provider = provider_named(work.ground, action.provider)
    link = work.row.link
    if action.anew or link is None or link.meeting is not None:
        link = intent(work, provider, anew=action.anew)
        work.set_link(link)
    if work.stored.link != link:
        work.keep()
    work.touched = True
    if provider.capabilities.create_key in LOOK_FIRST:
        found = provider.find(link.key)
        if found is not None:
            work.set_link(msgspec.structs.replace(link, meeting=found))
            return found
    written = provider.create(action.spec, key=link.key)
    agreed = action.digest if written.created or is_right(provider, written.meeting, action.spec) else None
    work.set_link(msgspec.structs.replace(link, meeting=written.meeting, agreed=agreed))
    work.meeting = NotAsked()
    log.info("meeting made", provider=provider.name, row=work.document_key)
    return written.meeting


def update(work: Work, action: UpdateMeeting) -> None:
    """Send the whole desired state, conditional on the version we know."""
    link = work.row.link
    if link is None or link.meeting is None:
        raise Stale("the meeting to update is not linked any more")
    provider = provider_named(work.ground, link.provider)
    known = work.meeting.meeting if isinstance(work.meeting, Found) else link.meeting
    work.touched = True
    try:
        written = provider.update(known.ref, action.spec, key=link.key, base=known)
    except (Stale, Gone):
        # Somebody changed it at the provider, or deleted it: look, then decide again.
        ask(work, action.spec)
        return
    except OutcomeUnknown:
        if not provider.capabilities.conditional_writes:
            # It may even be done after what follows it. Should the queue be out of reach too, who tries again is left.
            with suppress(LockstepError):
                look_later(work.ground, provider.name, index(known.ref))
        raise
    if written.ignored:
        log.warning("provider ignored fields", fields=sorted(f.value for f in written.ignored), row=work.document_key)
    work.set_link(msgspec.structs.replace(link, meeting=written.meeting, agreed=action.digest))
    work.meeting = NotAsked()
    log.info("meeting updated", provider=provider.name, row=work.document_key)


def agree(work: Work, action: Agree) -> None:
    """Note the agreement."""
    link = work.row.link
    if link is not None:
        work.set_link(msgspec.structs.replace(link, meeting=action.meeting, agreed=action.digest))
        work.meeting = NotAsked()


def release(work: Work, _: ReleaseMeeting) -> None:
    """Let go of the meeting, and delete it if no other event holds it and the event has not just moved."""
    link = work.row.link
    if link is None:
        return
    provider = provider_named(work.ground, link.provider)
    ref = link.ref or _created_unseen(provider, link)
    if ref is not None:
        _delete_unless_held(work, provider, ref)
    work.row = msgspec.structs.replace(work.row, releasing=False)
    work.set_link(None)
    work.meeting = NotAsked()


def publish(work: Work, _: PublishMeeting) -> None:
    """Leave the write to the event to a task of its own."""
    now = work.ground.now()
    work.keep(claimed_until=0.0, due=now + work.ground.policy.forgotten)
    ledger.enqueue(work.ground, work.row, "patch_event")


def _delete_unless_held(work: Work, provider: ConferenceProvider, ref: MeetingRef) -> None:
    # Saved first: of two events that let go of one meeting at once, at least one then sees that it is the last.
    work.row = msgspec.structs.replace(work.row, releasing=True)
    work.keep()
    if _kept_by_others(work, ref):
        return
    work.touched = True
    try:
        provider.delete(ref)
    except NotOwned:
        log.info("meeting is not ours to delete", row=work.document_key)
    else:
        log.info("meeting deleted", provider=provider.name, row=work.document_key)


def _give_way(work: Work, link: Link, ref: MeetingRef) -> None:
    """Follow, if an event whose key comes before ours leads as well: so of any number one is left."""
    if not any(ledger.key_of(row.feed, row.event) < work.document_key for row in _leaders(work, ref)):
        return
    work.set_link(msgspec.structs.replace(link, leads=False))
    work.keep()
    # Saved first: who lets go at this moment sees that we follow and hands on, or we see here that it is gone.
    if not _leaders(work, ref):
        work.set_link(msgspec.structs.replace(link, leads=True))


def _leaders(work: Work, ref: MeetingRef) -> list[Row]:
    return [row for row in _holders(work, ref) if not row.releasing and row.link and row.link.leads]


def _kept_by_others(work: Work, ref: MeetingRef) -> bool:
    """True if another event holds the meeting; one of those leads it then, unless it is nobody's of ours.

    Raises Later while this event, or one that lets go of the meeting as well, has moved with it and not arrived yet.
    """
    for _ in range(TRIES):
        holders = _holders(work, ref)
        staying = [row for row in holders if not row.releasing]
        if not staying:
            mine = [row for row in holders if row.user == work.row.user]
            if any(_moved_elsewhere(work, row, ref) for row in [work.row, *mine]):
                raise Later(MOVED)
            return False
        if hand_on(work.ground, staying, ref):
            _wait_for_heir(work, staying, ref)
            return True
    raise Later("those who share the meeting do not come to rest")


def _wait_for_heir(work: Work, staying: Sequence[Row], ref: MeetingRef) -> None:
    """Raise Later if this event has moved and not arrived: but for its row, the others might delete its meeting.

    The meeting is in no danger yet, so what cannot be found out, or would take a person, is not waited for.
    """
    if any(row.ical_uid == work.row.ical_uid for row in staying):
        return
    moved = False
    with suppress(LockstepError):
        moved = _moved_elsewhere(work, work.row, ref, stopped_too=False)
    if moved:
        raise Later(MOVED)


def _holders(work: Work, ref: MeetingRef) -> list[Row]:
    """The other rows that hold the meeting, or are letting go of it."""
    found = work.ground.store.query(ledger.COLLECTION, [Where("meeting", "==", index(ref))])
    return [ledger.decode(document) for document in found if document.key != work.document_key]


def _moved_elsewhere(work: Work, row: Row, ref: MeetingRef, *, stopped_too: bool = True) -> bool:
    """True if the row stands for what a move leaves: the event lives in another calendar of its user, with its meeting.

    A tombstone is left; or a guest's copy, where the user of this calendar is invited to the event.
    """
    ground = work.ground
    if row.ical_uid is None or row.seen is None or (row.seen.organized_here and not row.seen.cancelled):
        return False
    for document in ground.store.query(feeds.COLLECTION, [Where("user", "==", row.user)]):
        feed = feeds.decode(document)
        # One that only a script's triggers follow takes no meeting over.
        if feed.calendar == row.calendar or not feed.conferences or (feed.stopped and not stopped_too):
            continue
        heirs = [event for event in _copies(work, feed, row.ical_uid) if _takes_over(work, event, ref)]
        if heirs and not feed.stopped:
            _call_in(ground, feed, heirs[0])
        if heirs:
            # A calendar that is stopped takes over when its owner connects it again.
            return True
    return False


def _call_in(ground: Ground, feed: Feed, heir: Event) -> None:
    """Have the heir looked at: by a run of its feed, and what is past, which no full pass shows, by a mark."""
    name = feeds.feed_id(feed.user, feed.calendar)
    feeds.raise_dirty(ground, name)
    key = ledger.key_of(name, heir.id)
    if not is_over(heir, feed.zone, ground.clock.now()) or ground.store.get(key) is not None:
        return
    row = ledger.marked(Row(name, heir.id, feed.user, feed.calendar, feed.zone), ground, seen=heir)
    with suppress(Conflict):
        ground.store.commit(ledger.put(row, None))
        ledger.enqueue(ground, row)


def _copies(work: Work, feed: Feed, ical_uid: str) -> list[Event]:
    try:
        return work.ground.calendar.find(feed.user, feed.calendar, ical_uid)
    except (Gone, Refused) as error:
        if feed.stopped:
            return []
        # It may pass: a calendar that is gone, or refused for good, is stopped by its own runs before long.
        raise Later("a calendar that may have the event now does not show it") from error


def _takes_over(work: Work, event: Event, ref: MeetingRef) -> bool:
    conference = event.conference
    if event.cancelled or conference is None or not event.organized_here:
        return False
    if not provider_of(event, work.ground.solutions):
        return False
    # One that asks for a meeting, and names none yet, will make its own.
    return conference.conference_id == ref.id


def _created_unseen(provider: ConferenceProvider, link: Link) -> MeetingRef | None:
    """The meeting that an intent may have led to."""
    found = provider.find(link.key)
    return found.ref if found else None


def _ask_once_more(work: Work) -> None:
    """Return if the meeting was missed a while ago already; else raise Later."""
    row, now = work.row, work.ground.now()
    if row.absent_since is None or now - row.absent_since < ABSENCE.total_seconds() / 2:
        work.row = msgspec.structs.replace(row, absent_since=row.absent_since or now, verify=True)
        raise Later("the meeting is not there; asking once more before making a new one", after=ABSENCE)


def intent(work: Work, provider: ConferenceProvider, *, anew: bool) -> Link:
    """A link to a meeting that is still to be made; `anew` under a new key, the same key again otherwise."""
    row = work.row
    generation = row.generation + 1 if anew else row.generation
    key = mint_key(
        work.ground.key_secret,
        calendar=row.calendar,
        ical_uid=row.ical_uid or row.event,
        provider=provider.name,
        account=provider.account,
        generation=generation,
    )
    return Link(provider.name, provider.account, key, generation)
