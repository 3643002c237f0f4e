"""Write a meeting's ways to join into its event, with If-Match, so that nobody's edit is overwritten (R7).

Authority: https://developers.google.com/workspace/calendar/api/guides/version-resources
The task names the event only: ways to join are read from the ledger and never travel in a task.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec
import structlog

from conference.errors import Gone, Later, LockstepError, OutcomeUnknown, Poison, Refused, Revoked, Stale
from conference.link import conference_data
from conference.plan import NotAsked, PublishMeeting, decide
from functions import ledger, reconcile
from functions.ground import Ground
from functions.reconcile import Outcome
from functions.work import Work

log = structlog.get_logger(__name__)


def patch_event(ground: Ground, feed: str, event: str) -> Outcome:
    """Publish the meeting of an event; anything else that turns out to be due is left to `reconcile_event`."""
    document = ground.store.get(ledger.key_of(feed, event))
    if document is None:
        return Outcome.SETTLED
    job = Work.on(ground, document)
    if not job.row.pending:
        return Outcome.SETTLED
    if not job.claim():
        job.stand_back("patch_event")
        return Outcome.POSTPONED
    try:
        return _publish(job)
    except Stale:
        log.info("row overtaken", feed=feed, row=job.document_key)
        return Outcome.OVERTAKEN


def _publish(job: Work) -> Outcome:
    action = _only_publishing(job)
    seen = job.row.seen
    if action is None or seen is None or seen.etag is None:
        return _hand_over(job)
    name = action.meeting.ref.provider
    body = {"conferenceData": msgspec.to_builtins(conference_data(seen.conference, action.meeting, name))}
    try:
        patched = job.ground.calendar.patch(job.row.user, job.row.calendar, seen.id, body, etag=seen.etag)
    except (Stale, Gone, OutcomeUnknown, Poison) as error:
        # The event has changed, or may have: read it and decide again, never write the old body once more.
        job.row = msgspec.structs.replace(job.row, refresh=True)
        job.postpone(error, timedelta() if isinstance(error, Stale) else None)
        return Outcome.POSTPONED
    except Later as error:
        job.postpone(error, error.after)
        return Outcome.POSTPONED
    except Revoked as error:
        # A person must act: to ask again and again would help nobody.
        job.postpone(error, timedelta(hours=1))
        return Outcome.POSTPONED
    except Refused as error:
        job.park(str(error))
        return Outcome.PARKED
    log.info("event patched", feed=job.row.feed, row=job.document_key)
    job.row = msgspec.structs.replace(job.row, seen=patched, wrote=patched.etag)
    return Outcome.SETTLED if job.finish() else _hand_over(job)


def _only_publishing(job: Work) -> PublishMeeting | None:
    """The publishing that is due, if nothing else is."""
    if job.row.refresh or job.row.verify:
        return None
    try:
        actions = decide(reconcile.event_says(job), NotAsked(), job.row.link)
    except LockstepError:
        return None
    match actions:
        case (PublishMeeting() as action,):
            return action
        case _:
            return None


def _hand_over(job: Work) -> Outcome:
    job.keep(claimed_until=0.0)
    ledger.enqueue(job.ground, job.row)
    return Outcome.POSTPONED
