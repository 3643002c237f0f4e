"""A conference made from inside Calendar's event editor, before anybody has saved the event.

Authority: https://developers.google.com/workspace/add-ons/calendar/conferencing/create-conference
The meeting is made with a placeholder for what is not known yet, and its link is kept under the event's id: the sync
fills it in when the event appears, or it is deleted when the event never does (`ledger.awaited`). One event has one
meeting, however often Google asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import structlog

from conference import text
from conference.errors import Conflict, Later, LockstepError, OutcomeUnknown, Poison
from conference.link import Link
from conference.meeting import Meeting, MeetingSpec, Slot, digest, spec_of
from conference.plan import CreateMeeting
from conference.providers.protocol import ConferenceProvider
from conference.solution import provider_of
from functions import effects, ledger, sweep
from functions import feed as feeds
from functions.feed import TRIES, feed_id
from functions.ground import Ground
from functions.ledger import Row
from functions.work import Work

HOUR = timedelta(hours=1)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants a meeting for which event of which calendar (its canonical id), and from which provider."""

    user: str
    calendar: str
    event: str
    provider: str
    zone: str = "UTC"


def create(ground: Ground, wish: Wish) -> Meeting:
    """The event's meeting with this provider; made if there is none, the same one if Google asks again.

    Raises Later, OutcomeUnknown, Stale, Revoked, Refused; then nothing is linked, and asking again is safe.
    """
    provider = effects.provider_named(ground, wish.provider)
    for _ in range(TRIES):
        job, version = _look(ground, wish)
        held, asked = _held(job.row.link, provider), _asked_of(job)
        if held is not None and asked == provider.name:
            return held
        if job.row.claimed_until > ground.now() or job.row.releasing:
            raise Later("the event is being worked on")
        if asked is not None and job.row.link is not None:
            return _apart(job, provider, wish)
        try:
            _reserve(job, version, provider)
        except Conflict:
            continue
        return held or _make(job, provider, wish)
    raise Later("the event's row is too busy")


def _look(ground: Ground, wish: Wish) -> tuple[Work, str | None]:
    """The event's row, or a new one, and its version in the store."""
    feed = feed_id(wish.user, wish.calendar)
    key = ledger.key_of(feed, wish.event)
    document = ground.store.get(key)
    if document is None:
        row = Row(feed, wish.event, wish.user, wish.calendar, zone=_zone(ground, feed, wish))
        return Work(ground, key, "", row, row), None
    return Work.on(ground, document), document.version


def _zone(ground: Ground, feed: str, wish: Wish) -> str:
    document = ground.store.get(feeds.key_of(feed))
    return feeds.decode(document).zone if document else wish.zone


def _held(link: Link | None, provider: ConferenceProvider) -> Meeting | None:
    """The provider's meeting that the event has, or had just been given."""
    if link is None or link.meeting is None or not link.meeting.ref.owned:
        return None
    return link.meeting if (link.provider, link.account) == (provider.name, provider.account) else None


def _asked_of(job: Work) -> str | None:
    """The provider whose conference the event was saved with, if it is one of ours."""
    seen = job.row.seen
    return provider_of(seen, job.ground.solutions) if seen is not None and not seen.cancelled else None


def _reserve(job: Work, version: str | None, provider: ConferenceProvider) -> None:
    """Take the row and leave in it that a meeting of this provider is meant to be. Raises Conflict."""
    ground, now = job.ground, job.ground.now()
    link = job.row.link
    if link is not None and (link.provider, link.account) != (provider.name, provider.account):
        # What another provider made for the event was not saved with it: nobody's now, it is left to the sweep.
        link = None
    meant = link or effects.intent(job, provider, anew=True)
    job.set_link(meant)
    made = meant.meeting is not None
    seen = None if job.row.seen is None or job.row.seen.cancelled else job.row.seen
    row = ledger.marked(job.row, ground, seen=seen, refresh=True, awaited_until=now + ground.policy.unsaved)
    until = now + ground.policy.lease
    job.row = msgspec.structs.replace(
        row,
        fence=row.fence + 1,
        claimed_until=0.0 if made else until,
        due=row.awaited_until if made else until + ground.policy.forgotten,
    )
    (committed,) = ground.store.commit(ledger.put(job.row, version))
    job.version, job.stored = committed or "", job.row


def _make(job: Work, provider: ConferenceProvider, wish: Wish) -> Meeting:
    spec = _spec(job.row, wish, job.ground)
    try:
        meeting = effects.create(job, CreateMeeting(provider.name, spec, digest(spec), anew=False))
    except OutcomeUnknown:
        # It may be there: asked for again it is found by its key, else it is deleted in time.
        _rest(job)
        raise
    except LockstepError:
        _undo(job)
        raise
    _rest(job)
    return meeting


def _rest(job: Work) -> None:
    """Give the claim back; the row waits for its event, unless that has come already."""
    mark, now = job.row.mark, job.ground.now()

    def resting(row: Row) -> Row:
        due = row.awaited_until if row.mark == mark else now + job.ground.policy.forgotten
        return msgspec.structs.replace(row, claimed_until=0.0, due=due)

    job.save(resting)
    if job.row.mark > mark:
        ledger.enqueue(job.ground, job.row)


def _undo(job: Work) -> None:
    """Nothing was made: leave nothing that waits for it."""
    job.set_link(None)
    job.row = msgspec.structs.replace(job.row, awaited_until=0.0)
    try:
        if not job.finish():
            ledger.enqueue(job.ground, job.row)
    except LockstepError as error:
        # The row falls due, and then says that there is no meeting.
        log.warning("a meeting that was not made is still noted", row=job.document_key, error=str(error))


def _apart(job: Work, provider: ConferenceProvider, wish: Wish) -> Meeting:
    """A meeting beside the one that the event still has: if it is saved with it, the sync takes it up by its id."""
    meant = effects.intent(job, provider, anew=True)
    found = provider.find(meant.key) if provider.capabilities.create_key in effects.LOOK_FIRST else None
    meeting = found or provider.create(_spec(job.row, wish, job.ground), key=meant.key).meeting
    sweep.spare(job.ground, meeting.ref, job.ground.policy.unsaved)
    return meeting


def _spec(row: Row, wish: Wish, ground: Ground) -> MeetingSpec:
    """What the event as last seen says, or a placeholder: an untitled hour from the next full hour on."""
    if row.seen is not None:
        try:
            return spec_of(row.seen, tuple(row.exceptions.values()), zone=ZoneInfo(row.zone), host=wish.user)
        except Poison:
            log.info("an event that cannot be read is given a placeholder", row=ledger.key_of(row.feed, row.event))
    start = datetime.fromtimestamp(ground.now() // 3600 * 3600, UTC) + HOUR
    return MeetingSpec(text.UNTITLED, Slot(start, start + HOUR, wish.zone), wish.user)
