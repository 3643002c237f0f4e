"""One pass over a calendar's events: incremental from a sync token, or full, with the comparison that it asks for.

Authority: https://developers.google.com/workspace/calendar/api/guides/sync
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import msgspec

from conference.errors import Conflict, Gone, Later, Poison, Refused, Stale
from conference.event import Event, Unreadable
from conference.series import series_of
from functions import dead, ledger, marking
from functions import feed as feeds
from functions.feed import Feed
from functions.ground import Ground
from functions.ledger import Row
from functions.marking import Marked, Sighting, sightings
from functions.pages import every
from functions.ports import Document, Page, Put, Where
from functions.script.noting import Noting

PAGES = 1000
CHUNK = 200
LOAD = 2_000_000
"""Events in one commit, and the bytes of rows after which it is full: a request to Firestore may have 10 MiB.

The last commit also holds the feed with its new token.
"""

Judge = Callable[[Row | None, Sighting, str], Row | None]
"""From a row as it is (None: there is none) and what was seen: the row to write, or None for nothing."""


@dataclass(slots=True)
class Pass:
    """A pass under a run's lease; `feed` is the feed as last written, `seen` the number of events listed.

    `marked` grows with each commit, so that a pass that breaks off leaves what it has marked to be worked off.
    """

    ground: Ground
    feed_id: str
    feed: Feed
    marked: list[Marked]
    seen: int = 0
    baseline: bool = False
    noting: Noting | None = None
    apart: dict[str, dict[str, Event]] = field(default_factory=dict)
    """Exceptions of which only a later page shows the series, by series."""
    noted: set[str] = field(default_factory=set)
    """The series that this pass has noted as there before us."""
    completed: dict[str, Sighting | None] = field(default_factory=dict)
    """What series had for exceptions before they were ours, as read in this pass."""


def incremental(a_pass: Pass) -> None:
    """Mark what changed since the feed's token, and move the token. Raises Gone(TOKEN) if the server dropped it."""
    for page in _pages(a_pass, token=a_pass.feed.token, ends_after=None):
        _note(a_pass, page, partial(_changed, a_pass), token=page.sync_token)


def full_pass(a_pass: Pass) -> None:
    """Compare the whole calendar with the ledger, mark what differs, and take a new token if there is none.

    The first pass of a feed is a baseline and marks nothing. Later ones mark every row that differs, events without
    a row only if they were modified within the window (R3), and look up every linked event that was not shown.
    """
    now = a_pass.ground.clock.now()
    a_pass.baseline = not a_pass.feed.full_at
    if a_pass.noting is not None:
        a_pass.noting.full = True
    since = now - timedelta(seconds=a_pass.ground.policy.window)
    shown: set[str] = set()
    for page in _pages(a_pass, token=None, ends_after=now):
        if a_pass.feed.conferences:
            # An exception that is to come may be shown without its series, which is over.
            shown.update(one.series for one in _sightings(a_pass, page) if one.event is not None)
        if page.sync_token is None:
            _note(a_pass, page, partial(_compared, a_pass, since), token=None)
            continue
        # Absence is no proof: what the pass did not show is looked up before its token is kept.
        _look_up(a_pass, shown, page.zone)
        # A token that held tells what came since it was taken, of events that are over too; a new one would skip them.
        token = a_pass.feed.token or page.sync_token
        _note(a_pass, page, partial(_compared, a_pass, since), token=token, full_at=now.timestamp())


def _pages(a_pass: Pass, *, token: str | None, ends_after: datetime | None) -> Iterator[Page]:
    page_token: str | None = None
    used: set[str] = set()
    feed = a_pass.feed
    how = {"whole": True} if a_pass.noting else {}
    for _ in range(PAGES):
        page = a_pass.ground.calendar.changes(
            feed.user, feed.calendar, token=token, page=page_token, ends_after=ends_after, **how
        )
        a_pass.seen += len(page.items)
        yield page
        page_token = page.next_page
        if page_token is None:
            return
        if page_token in used:
            raise Refused("the calendar repeats a page token")
        used.add(page_token)
    raise Refused("the calendar's pages do not end")


def _sightings(a_pass: Pass, page: Page) -> list[Sighting]:
    events = (item for item in page.items if isinstance(item, Event))
    found = sightings(events, lambda event: a_pass.ground.store.get(ledger.key_of(a_pass.feed_id, event)) is not None)
    for one in found:
        if one.event is None:
            a_pass.apart.setdefault(one.series, {}).update(one.exceptions)
        else:
            one.exceptions = {**a_pass.apart.get(one.series, {}), **one.exceptions}
    return found


def _note(a_pass: Pass, page: Page, judge: Judge, *, token: str | None, full_at: float | None = None) -> None:
    """Write what a page says; with `token`, the last commit moves the token together with the marks it covers."""
    if a_pass.noting is not None:
        _note_for_triggers(a_pass, a_pass.noting, page, last=full_at is not None)
    for item in page.items:
        if isinstance(item, Unreadable):
            dead.note(a_pass.ground, a_pass.feed_id, item.id, item.cause)
    # Before the baseline of who has only just connected, nothing is acted upon: they begin with that.
    ours = a_pass.feed.conferences and (a_pass.feed.full_at > 0 or a_pass.baseline)
    groups = [_readable(a_pass, one, page.zone) for one in _sightings(a_pass, page)] if ours else []
    found = [one for one in groups if one is not None]
    _write(a_pass, found, judge, page.zone, {} if token is None else _moved(token, page.zone, full_at))


def _note_for_triggers(a_pass: Pass, noting: Noting, page: Page, *, last: bool) -> None:
    noting.page(page.whole)
    if last and not noting.baseline:
        noting.look_up(dropped=a_pass.feed.token is None)


def _moved(token: str, zone: str, full_at: float | None) -> dict[str, object]:
    moved: dict[str, object] = {"token": token, "zone": zone}
    if full_at is None:
        return moved
    return {**moved, "full_at": full_at, "seen_at": full_at, "full_wanted": False, "deletions_accepted": False}


def _fitting(moved: dict[str, object], a_pass: Pass, current: Feed) -> dict[str, object]:
    """What is moved in the feed as it is now: whoever has begun to follow it meanwhile has no baseline yet."""
    if (current.followers, current.epoch) == (a_pass.feed.followers, a_pass.feed.epoch):
        return moved if current.triggers else {**moved, **({"seen_at": 0.0} if "seen_at" in moved else {})}
    return {name: value for name, value in moved.items() if name in {"token", "zone"}}


def _write(a_pass: Pass, found: Sequence[Sighting], judge: Judge, zone: str, moved: dict[str, object]) -> None:
    """Commit what was found in portions, the last one together with what is `moved` in the feed."""
    while True:
        done = _commit(a_pass, found, judge, zone, moved)
        found = found[done:]
        if not found:
            return


def _commit(a_pass: Pass, found: Sequence[Sighting], judge: Judge, zone: str, moved: dict[str, object]) -> int:
    """Commit the first portion; how many sightings that were."""
    ground = a_pass.ground
    for _ in range(feeds.TRIES):
        rows, puts, claimed, judged = _judged(a_pass, found, judge, zone)
        feed = a_pass.feed
        if moved and judged == len(found):
            document, current = feeds.load(ground, a_pass.feed_id)
            if current.fence != feed.fence:
                raise Stale("another run has begun")
            feed = msgspec.structs.replace(current, **_fitting(moved, a_pass, current))
            puts.append(feeds.put(document, document.key, feed))
        if not puts:
            return judged
        try:
            versions = ground.store.commit(*puts)
        except Conflict:
            continue
        a_pass.feed = feed
        written = zip(rows, puts, versions, strict=False)
        a_pass.marked += [
            Marked(Document(put.key, dict(put.data), version or ""), row)
            for row, put, version in written
            if put.key in claimed
        ]
        return judged
    raise Later("the ledger is too busy")


def _judged(
    a_pass: Pass, found: Sequence[Sighting], judge: Judge, zone: str
) -> tuple[list[Row], list[Put], set[str], int]:
    """Of one portion: the rows to write, their writes, the keys of those that this run has claimed, and its size."""
    rows: list[Row] = []
    puts: list[Put] = []
    claimed: set[str] = set()
    load = 0
    for number, sighting in enumerate(found):
        if number == CHUNK or load >= LOAD:
            return rows, puts, claimed, number
        document = a_pass.ground.store.get(ledger.key_of(a_pass.feed_id, sighting.series))
        before = ledger.decode(document) if document else None
        row = judge(before, sighting, zone)
        if row is None:
            continue
        row = _noticed(a_pass, row)
        weight = ledger.size(row)
        load += weight
        if weight > ledger.LARGEST:
            dead.note(a_pass.ground, a_pass.feed_id, row.event, "the event is too large to be kept")
            continue
        if before is None:
            row = _following(row, rows)
        rows.append(row)
        puts.append(ledger.put(row, document.version if document else None))
        if row.fence > (before.fence if before else 0):
            claimed.add(puts[-1].key)
    return rows, puts, claimed, len(found)


def _noticed(a_pass: Pass, row: Row) -> Row:
    """The row as one whose change was noticed when the oldest notice came that the run is for."""
    since = a_pass.feed.owed_since
    return msgspec.structs.replace(row, noticed_at=min(row.noticed_at, since)) if row.pending and since else row


def _following(row: Row, earlier: Sequence[Row]) -> Row:
    """The new row; if one that is written in the same commit leads the meeting they share, it follows."""
    if row.link is None or row.meeting not in {one.meeting for one in earlier}:
        return row
    return msgspec.structs.replace(row, link=msgspec.structs.replace(row.link, leads=False))


def _changed(a_pass: Pass, row: Row | None, sighting: Sighting, zone: str) -> Row | None:
    """In an incremental pass every item is a change."""
    ground = a_pass.ground
    if row is not None:
        sighting = marking.still_new(sighting, row)
    idle = row is None or row.idle
    if idle and not marking.is_ours(marking.with_series(sighting, row), ground.solutions):
        return _noted(row, sighting, zone)
    if row is None or row.seen is None:
        sighting = _whole_series(a_pass, sighting, zone)
    # One that a baseline noted without a meeting is a change, though it looks the same: it came during that pass.
    return marking.mark(ground, row or _new_row(a_pass, sighting), sighting, zone, anyway=idle)


def _whole_series(a_pass: Pass, sighting: Sighting, zone: str) -> Sighting:
    """What was seen of a series that was none of ours until now, with the exceptions that it had before."""
    event, exceptions = sighting.event, list(sighting.exceptions.values())
    uid = next((one.ical_uid for one in [*([event] if event else []), *exceptions] if one.ical_uid), None)
    if uid is None or (event and not event.recurrence):
        return sighting
    if sighting.series not in a_pass.completed:
        found = _same_series(a_pass, sighting.series, uid)
        a_pass.completed[sighting.series] = _readable(a_pass, Sighting(sighting.series, None, found), zone)
    before = a_pass.completed[sighting.series]
    if before is None:
        return sighting
    return Sighting(sighting.series, event, {**before.exceptions, **sighting.exceptions})


def _same_series(a_pass: Pass, series: str, uid: str) -> dict[str, Event]:
    try:
        found = a_pass.ground.calendar.find(a_pass.feed.user, a_pass.feed.calendar, uid)
    except (Poison, Refused) as error:
        dead.note(a_pass.ground, a_pass.feed_id, series, str(error))
        return {}
    except Gone as error:
        # Whether calendar and token are gone, the list itself tells.
        raise Later("a series' occurrences are not shown at this moment") from error
    return {item.id: item for item in found if item.id != series and series_of(item) == series}


def _noted(row: Row | None, sighting: Sighting, zone: str) -> Row | None:
    """An idle row keeps up with its event: of a series that is brought back, the exceptions stay silent."""
    fresh = marking.seen_by(row, sighting, zone) if row else None
    return fresh if fresh != row else None


def _compared(a_pass: Pass, since: datetime, row: Row | None, sighting: Sighting, zone: str) -> Row | None:
    """In a full pass an item may say nothing new."""
    ground = a_pass.ground
    ours = marking.is_ours(sighting, ground.solutions)
    if row is not None and not row.mark and sighting.series in a_pass.noted:
        # An earlier page has noted the series: what belongs to it was there before us too.
        return marking.noted_further(row, sighting, zone)
    if row is not None:
        missing = ours and row.link is None and row.parked is None and not row.pending
        return marking.mark(ground, row, sighting, zone, anyway=missing and not a_pass.baseline)
    if not ours:
        return None
    row = _new_row(a_pass, sighting)
    if not a_pass.baseline and marking.recently_modified(sighting, since):
        return marking.mark(ground, row, sighting, zone)
    a_pass.noted.add(sighting.series)
    return marking.baseline(ground, row, sighting, zone)


def _new_row(a_pass: Pass, sighting: Sighting) -> Row:
    return Row(a_pass.feed_id, sighting.series, a_pass.feed.user, a_pass.feed.calendar)


def _look_up(a_pass: Pass, shown: set[str], zone: str) -> None:
    """Read each event of ours that a full pass did not show, and mark it if it changed or is gone.

    One that was over long ago is not shown because it is past; years of them would cost a call each.
    """
    ground = a_pass.ground
    known = list(_known(a_pass)) if a_pass.feed.conferences else []
    before = ground.clock.now() - timedelta(seconds=ground.policy.look_back)
    absent = [
        row
        for row in known
        if row.event not in shown and not _was_over(row, before) and not ledger.awaited(row, ground)
    ]
    outcomes = ground.lanes.run([partial(_read, a_pass, row) for row in absent])
    found: list[Sighting] = []
    for row, outcome in zip(absent, outcomes, strict=True):
        if isinstance(outcome, Poison | Refused):
            dead.note(a_pass.ground, a_pass.feed_id, row.event, str(outcome))
        elif isinstance(outcome, Exception):
            raise outcome
        else:
            found.append(Sighting(row.event, outcome))
    _guard_deletions(a_pass, sum(1 for one in found if one.event and one.event.cancelled), len(known))
    _write(a_pass, found, partial(_changed, a_pass), zone, {})


def _was_over(row: Row, before: datetime) -> bool:
    return row.seen is not None and not row.seen.cancelled and marking.is_over(row.seen, row.zone, before)


def _guard_deletions(a_pass: Pass, gone: int, known: int) -> None:
    """Stop rather than take lost access for a great many deletions (reliability I16). Raises Refused."""
    policy = a_pass.ground.policy
    if a_pass.feed.deletions_accepted:
        return
    if gone > policy.deletions and gone > policy.deletions_share * known:
        raise Refused(f"{gone} of {known} followed events are gone at once; connect the calendar again to accept that")


def _known(a_pass: Pass) -> Iterator[Row]:
    documents = every(a_pass.ground.store, ledger.COLLECTION, [Where("feed", "==", a_pass.feed_id)])
    return (row for row in map(ledger.decode, documents) if not row.idle)


def _read(a_pass: Pass, row: Row) -> Event:
    try:
        return a_pass.ground.calendar.get(a_pass.feed.user, a_pass.feed.calendar, row.event)
    except Gone:
        return Event(row.event, "cancelled")


def _readable(a_pass: Pass, sighting: Sighting, zone: str) -> Sighting | None:
    for item in marking.unreadable_exceptions(sighting, zone):
        dead.note(a_pass.ground, a_pass.feed_id, item.id, item.cause)
        sighting.exceptions.pop(item.id or "")
    return sighting if sighting.event or sighting.exceptions else None
