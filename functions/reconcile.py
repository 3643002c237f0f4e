"""One marked event: compare it with its meeting and what both agreed on; decide, do, and ask again until all agree."""

from __future__ import annotations

import enum
from datetime import timedelta
from zoneinfo import ZoneInfo

import msgspec
import structlog

from conference.errors import Gone, Later, LockstepError, OutcomeUnknown, Poison, Refused, Revoked, Stale
from conference.event import Event
from conference.meeting import digest, spec_of
from conference.plan import (
    Action,
    Adopt,
    Agree,
    CreateMeeting,
    EventSays,
    PublishMeeting,
    ReleaseMeeting,
    Unwanted,
    UpdateMeeting,
    Wanted,
    decide,
)
from conference.solution import provider_of
from functions import dead, effects, ledger
from functions.ground import Ground
from functions.ports import Document
from functions.work import Work, remark

ROUNDS = 8
"""Decisions settle within three rounds; newer marks that come meanwhile add some."""

log = structlog.get_logger(__name__)


class Outcome(enum.Enum):
    """What became of a mark."""

    SETTLED = "settled"
    PUBLISHING = "publishing"
    AWAITING = "awaiting"  # the event has not been saved with its meeting yet
    POSTPONED = "postponed"
    PARKED = "parked"
    OVERTAKEN = "overtaken"


class Claim(enum.Enum):
    """How a worker comes by its row."""

    TAKE = "take"  # only if nobody else has it
    INHERIT = "inherit"  # it was claimed for this worker
    HANDED = "handed"  # it was claimed for whoever comes with its task, which may be delivered twice
    SEIZE = "seize"  # from a worker that is known to be dead


def reconcile_event(ground: Ground, feed: str, event: str, fence: int | None = None) -> Outcome:
    """Work off the newest mark of an event, unless that is done; `fence` is the claim that was made for the task."""
    document = ground.store.get(ledger.key_of(feed, event))
    if document is None:
        return Outcome.SETTLED
    row = ledger.decode(document)
    inherited = row.fence == fence and row.by_run and row.claimed_until > ground.now()
    return work(ground, document, Claim.HANDED if inherited else Claim.TAKE)


def work(ground: Ground, document: Document, claim: Claim = Claim.TAKE) -> Outcome:
    """Work off a row as read. Never raises one of our errors."""
    job = Work.on(ground, document)
    if not job.row.pending:
        return Outcome.SETTLED
    if ledger.awaited(job.row, ground):
        job.wait()
        return Outcome.AWAITING
    if not _claimed(job, claim):
        job.stand_back("reconcile_event")
        return Outcome.POSTPONED
    with ground.telemetry.span("reconcile", link=job.row.trace) as span:
        try:
            outcome = _guarded(job)
        except Stale:
            outcome = _overtaken(job)
        span.say(outcome=outcome.value)
    return outcome


def _claimed(job: Work, claim: Claim) -> bool:
    match claim:
        case Claim.INHERIT:
            return True
        case Claim.HANDED:
            return job.take_over()
        case _:
            return job.claim(seize=claim is Claim.SEIZE)


def _guarded(job: Work) -> Outcome:
    try:
        return _settle(job)
    except Later as error:
        job.postpone(error, error.after)
    except OutcomeUnknown as error:
        job.row = msgspec.structs.replace(job.row, verify=True, resend=True)
        job.postpone(error, None)
    except Revoked as error:
        # The mark is kept: all is made good when a person has acted.
        log.warning("a person must act", feed=job.row.feed, row=job.document_key, error=str(error))
        job.postpone(error, timedelta(hours=1))
    except (Refused, Poison, Gone) as error:
        return _give_up(job, error)
    return Outcome.POSTPONED


def _settle(job: Work) -> Outcome:
    for _ in range(ROUNDS):
        if job.row.refresh:
            _read_event(job)
        event = event_says(job)
        if job.row.releasing and isinstance(event, Wanted):
            # The meeting may have been deleted before the event came back.
            job.row = msgspec.structs.replace(job.row, releasing=False, verify=True)
        if job.row.verify and not _looked(job, event):
            continue
        if job.row.resend:
            _forget_agreement(job)
        actions = decide(event, job.meeting, job.row.link)
        if not actions and job.finish():
            return Outcome.SETTLED
        for action in actions:
            _do(job, action)
            if isinstance(action, PublishMeeting):
                return Outcome.PUBLISHING
    raise Later("the event does not come to rest")


def _do(job: Work, action: Action) -> None:
    match action:
        case Adopt():
            effects.adopt(job, action)
        case CreateMeeting():
            effects.create(job, action)
        case UpdateMeeting():
            effects.update(job, action)
        case ReleaseMeeting():
            effects.release(job, action)
        case Agree():
            effects.agree(job, action)
        case PublishMeeting():
            effects.publish(job, action)


def event_says(job: Work) -> EventSays:
    """What the event as last seen asks for. Raises Poison if that cannot be read."""
    row = job.row
    seen = row.seen
    if seen is None or seen.cancelled or not seen.organized_here:
        return Unwanted()
    provider = provider_of(seen, job.ground.solutions)
    if provider is None:
        return Unwanted()
    spec = spec_of(seen, tuple(row.exceptions.values()), zone=ZoneInfo(row.zone), host=row.user)
    return Wanted(provider, spec, digest(spec), seen.conference)


def _looked(job: Work, event: EventSays) -> bool:
    """Ask the provider what it holds; False if a change, or that another look is asked for, was learnt meanwhile."""
    before = job.version
    if isinstance(event, Wanted):
        effects.ask(job, event.spec)
    # Only who yields to another leader has saved.
    job.row = msgspec.structs.replace(job.row, verify=job.version != before)
    return not job.row.verify


def _forget_agreement(job: Work) -> None:
    link = job.row.link
    job.row = msgspec.structs.replace(job.row, resend=False)
    if link is not None and link.leads:
        job.set_link(msgspec.structs.replace(link, agreed=None))


def _read_event(job: Work) -> None:
    row = job.row
    try:
        seen = job.ground.calendar.get(row.user, row.calendar, row.event)
    except Gone:
        seen = Event(row.event, "cancelled")
    job.row = msgspec.structs.replace(row, seen=seen, refresh=False, ical_uid=seen.ical_uid or row.ical_uid)


def _give_up(job: Work, error: LockstepError) -> Outcome:
    if isinstance(error, Poison):
        dead.note(job.ground, job.row.feed, job.row.event, str(error))
    job.park(str(error))
    return Outcome.PARKED


def _overtaken(job: Work) -> Outcome:
    log.info("row overtaken", feed=job.row.feed, row=job.document_key)
    if job.touched:
        # What we sent may stand at the provider after what the other worker sent: have it looked at.
        remark(job.ground, job.document_key, verify=True, resend=True)
    return Outcome.OVERTAKEN
