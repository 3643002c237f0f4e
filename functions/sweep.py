"""The net under the flow: compare each calendar and each provider account as a whole with the ledger, and repair.

Every repair is counted and logged, since each is a fault that was seen or a bug. A sweep that would delete too much
stops and alerts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial

import msgspec
import structlog

from conference.errors import Conflict, LockstepError
from conference.key import is_ours
from conference.link import index
from conference.meeting import Meeting, MeetingRef
from conference.providers.protocol import ConferenceProvider, MeetingLister
from functions import feed as feeds
from functions import ledger, runs
from functions.feed import Feed
from functions.ground import Ground
from functions.ledger import Row
from functions.pages import every
from functions.ports import Put, Where
from functions.work import remark

COLLECTION = "sweeps"

log = structlog.get_logger(__name__)


def sweep_due(ground: Ground) -> int:
    """Start what is due: a comparing run of each feed, a comparison of each provider's meetings. Return how many."""
    started = 0
    for document in ground.store.query(
        feeds.COLLECTION, [Where("sweep_at", "<=", ground.now())], order_by="sweep_at", limit=100
    ):
        feed = document.key.removeprefix(f"{feeds.COLLECTION}/")
        next_at = ground.now() + ground.policy.sweep
        # Asked for first: whoever dies between the two leaves the sweep to the next minute.
        feeds.raise_dirty(ground, feed, full=True)
        feeds.change(ground, feed, partial(_swept, next_at))
        started += 1
    for provider in ground.providers.values():
        if isinstance(provider, MeetingLister) and _claim(ground, provider):
            started += 1
            try:
                sweep_provider(ground, provider, provider.list())
            except LockstepError as error:
                log.warning("provider not swept", provider=provider.name, error=str(error))
    return started


def _swept(next_at: float, feed: Feed) -> Feed:
    # Why a calendar may not be watched may have passed: the next poll tries once.
    return msgspec.structs.replace(feed, sweep_at=next_at, push=True)


def sweep_provider(ground: Ground, provider: ConferenceProvider, listed: Iterable[Meeting]) -> Mapping[str, int]:
    """Compare the provider's meetings with the links: missing and stale ones are marked, orphans are deleted."""
    began = ground.now()
    meetings = {index(meeting.ref): meeting for meeting in listed}
    linked = [(row.meeting, row) for row in _linked(ground, provider) if row.meeting]
    links = {held for held, _ in linked}
    found = {
        "missing": _mark(ground, (row for held, row in linked if held not in meetings)),
        "stale": _mark(ground, (row for held, row in linked if _stale(row, meetings.get(held)))),
        "orphans": _delete_orphans(ground, provider, meetings, links),
    }
    log.info("provider swept", provider=provider.name, meetings=len(meetings), links=len(links), **found)
    _record(ground, provider, began, found)
    return found


def _linked(ground: Ground, provider: ConferenceProvider) -> Iterator[Row]:
    found = every(ground.store, ledger.COLLECTION, [Where("meeting", ">", "")], order_by="meeting", page=100)
    for row in map(ledger.decode, found):
        if row.link and (row.link.provider, row.link.account) == (provider.name, provider.account):
            yield row


def _stale(row: Row, meeting: Meeting | None) -> bool:
    """True if the provider shows another meeting than it did when last asked, or written to."""
    if meeting is None or row.link is None or row.link.meeting is None or row.pending:
        return False
    known = row.link.meeting
    if meeting.version is not None:
        return meeting.version != known.version
    if None not in (meeting.digest, known.digest) and meeting.digest != known.digest:
        return True
    return (meeting.title, meeting.join_url) != (known.title, known.join_url)


def _mark(ground: Ground, rows: Iterable[Row]) -> int:
    count = 0
    for row in rows:
        remark(ground, ledger.key_of(row.feed, row.event), verify=True)
        count += 1
    return count


def _delete_orphans(
    ground: Ground, provider: ConferenceProvider, meetings: Mapping[str, Meeting], links: Collection[str]
) -> int:
    """Delete meetings that we made and nobody holds; one is spared until it was seen unlinked for a while."""
    orphans = [m for held, m in meetings.items() if held not in links and _is_orphan(ground, held, m)]
    limit, share = ground.policy.deletions, ground.policy.deletions_share
    if len(orphans) > limit and len(orphans) > share * max(len(links), 1):
        log.critical("sweep stopped: it would delete too much", provider=provider.name, orphans=len(orphans))
        return 0
    for orphan in orphans:
        try:
            provider.delete(orphan.ref)
        except LockstepError as error:
            log.warning("orphan not deleted yet", provider=provider.name, error=str(error))
    return len(orphans)


def _is_orphan(ground: Ground, held: str, meeting: Meeting) -> bool:
    if meeting.key is None or not is_ours(ground.key_secret, meeting.key):
        return False
    # Asked again now: it may have been linked, or be about to be, since the list was made.
    if ground.store.query(ledger.COLLECTION, [Where("meeting", "==", held)], limit=1):
        return False
    same_key = ground.store.query(ledger.COLLECTION, [Where("key", "==", meeting.key)])
    if any(row.meeting is None for row in map(ledger.decode, same_key)):
        # Its create may be on its way; where the row has another meeting already, this one is a twin.
        return False
    return _seen_unlinked_before(ground, held)


def spare(ground: Ground, meeting: MeetingRef, life: float) -> None:
    """Leave a meeting that nobody holds alone for `life` seconds, longer than a spare is: someone may come for it."""
    since, key = ground.now() + life - ground.policy.spare_life, f"spares/{index(meeting)}"
    document = ground.store.get(key)
    data = {"at": since, "expire_at": since + ground.policy.row_record}
    with suppress(Conflict):
        # Somebody notes the same meeting at this moment; what is noted then is soon enough.
        ground.store.commit(Put(key, data, document.version if document else None))


def _seen_unlinked_before(ground: Ground, held: str) -> bool:
    """True if the meeting was found without a link a while ago already; the first time is noted."""
    now, key = ground.now(), f"spares/{held}"
    document = ground.store.get(key)
    if document is not None:
        return now - float(document.data["at"]) >= ground.policy.spare_life
    try:
        ground.store.commit(Put(key, {"at": now, "expire_at": now + ground.policy.row_record}, None))
    except Conflict:
        return False
    return ground.policy.spare_life <= 0


def _claim(ground: Ground, provider: ConferenceProvider) -> bool:
    """True for the one tick that is to sweep the provider's account now."""
    now, key = ground.now(), f"{COLLECTION}/{provider.name}"
    document = ground.store.get(key)
    if document is not None and float(document.data["next_at"]) > now:
        return False
    # Half the life of a spare: seen once, it is deleted the next time but one at the latest.
    next_at = now + min(ground.policy.sweep, max(ground.policy.spare_life / 2, 1.0))
    try:
        ground.store.commit(Put(key, {"next_at": next_at}, document.version if document else None))
    except Conflict:
        return False
    return document is not None


def _record(ground: Ground, provider: ConferenceProvider, began: float, found: Mapping[str, int]) -> None:
    if not any(found.values()):
        return
    marks, name = found["missing"] + found["stale"], f"{provider.name}-{began}"
    ground.store.commit(
        runs.record(ground, "sweep", name, began=began, marks=marks, deleted=found["orphans"], provider=provider.name)
    )
