"""What must not be left when all has come to rest: claims, leases, channels, tasks, letters.

Authority: docs/reliability.md, *Oracles* (convergence judges everything, not only results) and I12
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from infra.local.memory import MemoryQueue, MemoryStore
from tests.simulation.invariants import Steps
from tests.simulation.shadow import Shadow, Wish
from tests.simulation.sight import Google, Json

Finding = tuple[str, str]
_MANY = 10_000
TICK = 61.0
"""What has fallen due is seen by the next tick."""
COMPARED = 30 * 60.0
"""Where nothing goes wrong, each calendar is compared as a whole this often: a sweep, and some minutes."""


def leftovers(  # noqa: PLR0917 - one for each place where something may be left
    google: Google,
    shadow: Shadow,
    store: MemoryStore,
    queue: MemoryQueue,
    now: datetime,
    steps: Steps,
) -> Iterator[Finding]:
    """Everything that should have been tidied up: which promise it breaks, and what it is.

    `steps` knows of which events a letter may tell though they can be read now, and what no pass has shown.
    """
    unreadable = [wish for wish in shadow.wishes.values() if wish.unreadable]
    rows = [document.data for document in store.query("ledger", limit=_MANY)]
    feeds = {document.key.partition("/")[2]: document.data for document in store.query("feeds", limit=_MANY)}
    letters = [document.data for document in store.query("dead", limit=_MANY)]
    refused = {document.data["event"] for document in store.query("deliveries", limit=_MANY)}
    channels = {document.key.partition("/")[2]: document.data for document in store.query("channels", limit=_MANY)}
    for row in rows:
        yield from _row(row, shadow, unreadable)
    yield from _leaderless(rows)
    for name, feed in feeds.items():
        yield from _feed(name, feed)
        yield from _compared(name, feed, now.timestamp())
    yield from _channels(google, feeds, channels, now.timestamp())
    yield from _queue(queue, now)
    # What a script's handler has refused to the last is given up too, and judged elsewhere.
    yield from _letters([one for one in letters if one.get("event") not in refused], rows, unreadable, steps)


def _row(row: Json, shadow: Shadow, unreadable: list[Wish]) -> Iterator[Finding]:
    wish = shadow.at(row.get("calendar", ""), row["event"])
    which = f"{wish.token if wish else '?'} (row of event {row['event']} of {row.get('calendar')})"
    if row.get("parked") is not None and not _about(row["event"], unreadable):
        yield "convergence", f"{which}: parked ({row['parked']}), though the event can be read"
    if row.get("mark", 0) > row.get("done", 0):
        yield "convergence", f"{which}: mark {row.get('mark')} is pending, done is {row.get('done', 0)}"
    elif row.get("claimed_until", 0.0) > 0:
        yield "convergence", f"{which}: claimed until {row['claimed_until']}, and nobody gave it back"
    elif row.get("due") is not None or row.get("trouble") is not None:
        yield "convergence", f"{which}: nothing is pending, yet due {row.get('due')}, trouble {row.get('trouble')!r}"
    if row.get("releasing"):
        yield "convergence", f"{which}: still letting go of its meeting"


def _leaderless(rows: list[Json]) -> Iterator[Finding]:
    """Of the events that hold a meeting of ours, one leads: its title and times are the meeting's."""
    holding: dict[str, list[Json]] = {}
    for row in rows:
        if row.get("meeting") is not None and row["link"]["meeting"]["ref"].get("owned", True):
            holding.setdefault(row["meeting"], []).append(row)
    for several in holding.values():
        if not any(row["link"].get("leads", True) for row in several):
            events = ", ".join(sorted(row["event"] for row in several))
            yield "convergence", f"nobody leads the meeting that {events} hold: their changes are not followed"


def _feed(name: str, feed: Json) -> Iterator[Finding]:
    which = f"feed {name} ({feed.get('user')}, {feed.get('calendar')})"
    dirty, done = feed.get("dirty", 0), feed.get("done", 0)
    if dirty != done:
        yield "convergence", f"{which}: dirty {dirty}, done {done}: a run is owed"
    if feed.get("lease_until", 0.0) > 0:
        yield "convergence", f"{which}: leased until {feed['lease_until']}, and nobody gave it back"
    if feed.get("token") is None:
        yield "convergence", f"{which}: no sync token"
    if feed.get("stopped") or feed.get("trouble") is not None:
        yield "convergence", f"{which}: {'stopped' if feed.get('stopped') else 'in trouble'}: {feed.get('trouble')}"
    if not feed.get("push", True):
        yield "convergence", f"{which}: is polled only, though it may be watched now"
    if feed.get("full_wanted") or feed.get("wake_at") is not None:
        yield "convergence", f"{which}: a full pass or a run is still wanted"


def _compared(name: str, feed: Json, now: float) -> Iterator[Finding]:
    since = now - feed.get("full_at", 0.0)
    if since > COMPARED:
        which = f"feed {name} ({feed.get('user')}, {feed.get('calendar')})"
        yield "convergence", f"{which}: was last compared as a whole {since / 60:.0f} minutes ago"


def _channels(google: Google, feeds: dict[str, Json], records: dict[str, Json], now: float) -> Iterator[Finding]:
    """Each feed is watched by one live channel, which it names and of which there is a record; there is no other.

    One that could not be closed, and only such a one, may wait for the time at which its record says it is tried again.
    """
    live = google.channels()
    waiting = {name for name, record in records.items() if record.get("renew_at", 0.0) > now - TICK}
    failed = {name for name in waiting if records[name].get("closing") and records[name].get("resource_id")}
    right: set[str] = set()
    for name, feed in feeds.items():
        which = f"feed {name} ({feed.get('user')}, {feed.get('calendar')})"
        mine = [one.id for one in live if (one.user, one.topic) == (feed.get("user"), feed.get("calendar"))]
        own = [one for one in mine if one == feed.get("channel") or one not in failed]
        if feed.get("push", True) and own != [feed.get("channel")]:
            yield "convergence", f"{which}: names channel {feed.get('channel')}, live are {own}"
        if records.get(feed.get("channel") or "", {}).get("closing"):
            yield "convergence", f"{which}: names channel {feed['channel']}, which is to be closed"
        right.update(mine)
    for one in live:
        if one.id not in right:
            yield "convergence", f"channel {one.id} of {one.user} on {one.topic} is live, and no feed has it"
    alive = {one.id for one in live}
    for name, record in records.items():
        if name not in waiting and (name not in alive or record.get("closing")):
            yield "convergence", f"there is a record of channel {name} (feed {record.get('feed')}), which is not live"
    for name in sorted(right - records.keys()):
        yield "convergence", f"channel {name} is live, and there is no record of it"


def _queue(queue: MemoryQueue, now: datetime) -> Iterator[Finding]:
    """No task is due or being run; one for later may wait."""
    for held in queue.waiting():
        if held.at <= now:
            yield "convergence", f"the task {held.task.function} {dict(held.task.body)} is due since {held.at}"
    for held in queue.running():
        yield "convergence", f"the task {held.task.function} {dict(held.task.body)} is still being run"


_OF_A_HANDLER = "API call to "
"""How the cause begins of what a script's handler was told and could not cope with."""


def _letters(letters: list[Json], rows: list[Json], unreadable: list[Wish], steps: Steps) -> Iterator[Finding]:
    """I12: what cannot be read is given up with its cause, and nothing else is."""
    for letter in letters:
        event = letter.get("event") or ""
        if str(letter.get("cause")).startswith(_OF_A_HANDLER):
            continue  # its If-Match fails until a list shows the event anew, which may take longer than it is tried
        if (
            not _about(event, unreadable)
            and event not in steps.once_unreadable
            and (event or not steps.once_unreadable)
        ):
            yield "I12", f"event {event} was given up ({letter.get('cause')!r}), though it can be read"
        if not letter.get("cause"):
            yield "I12", f"event {event} was given up without a cause"
    given_up = {letter.get("event") for letter in letters} | {row["event"] for row in rows if row.get("parked")}
    for wish in unreadable:
        ours = wish.alive and wish.provider is not None and not wish.elsewhere
        _, since = steps.began.get((wish.user, wish.calendar), (0.0, 0.0))
        # A full pass does not show what it takes for past, and absurd dates may be that.
        if ours and wish.changed_at > since and not any(_is_of(event or "", wish) for event in given_up):
            yield "I12", f"{wish.token} (event {wish.event}) cannot be read, and nobody was told"


def _about(event: str, wishes: list[Wish]) -> bool:
    return any(_is_of(event, wish) for wish in wishes)


def _is_of(event: str, wish: Wish) -> bool:
    """True of the event itself and of each of its occurrences."""
    return event == wish.event or event.startswith(f"{wish.event}_")
