"""What must be when all has come to rest: each wish fulfilled once, and nothing left behind.

Authority: docs/reliability.md, *Oracles* (convergence, freshness) and *Invariants* (I1, I8, I9, I12)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from infra.local.memory import MemoryQueue, MemoryStore
from tests.simulation.expected import differences, expected, is_over
from tests.simulation.invariants import Steps
from tests.simulation.leftovers import leftovers
from tests.simulation.shadow import Shadow, Wish
from tests.simulation.sight import Broken, Google, Held, Json, Now, Vendor, Vendors, asked, changed, kin, names, related

Finding = tuple[str, str]
"""Which promise, and what is wrong, for a person to read."""

LOOKED_UP = 30 * 86400.0
"""Seconds; a full pass looks up linked events that it was not shown, if they ended less long ago."""
TOLD = 8
"""Findings in one message; where everything is wrong, more would not help."""

_ASIDE = frozenset({"htmlLink", "created", "hangoutLink"})
_PARTS = {"schedule": ("start", "end", "zone")}
"""The names in a vendor's state of a part that it may ignore; other parts have one name, their own."""


@dataclass(slots=True)
class Look:
    """All there is, read once."""

    rows: dict[tuple[str, str, str], Json]
    """Ledger rows by user, calendar and event."""
    events: dict[tuple[str, str], dict[str, Json]] = field(default_factory=dict)
    zones: dict[tuple[str, str], str] = field(default_factory=dict)
    naming: dict[tuple[str, str], list[Wish]] = field(default_factory=dict)
    """Wishes by vendor and the meeting that their event names."""

    def event(self, wish: Wish) -> Json | None:
        """The wish's event as Google has it."""
        return self.events[wish.user, wish.calendar].get(wish.event)

    def row(self, wish: Wish) -> Json | None:
        """The wish's ledger row."""
        return self.rows.get((wish.user, wish.calendar, wish.event))


@dataclass(frozen=True, slots=True)
class Rest:
    """Judges a world that does nothing any more."""

    google: Google
    vendors: Vendors
    shadow: Shadow
    store: MemoryStore
    queue: MemoryQueue
    clock: Now
    excuses: Counter[str]
    doubles: Counter[str]
    steps: Steps

    def at_rest(self) -> None:
        """Judge everything. Raises Broken with all that was found."""
        look = self._look()
        found = [*self._left_as_was(look)]
        for wish in self.shadow.wishes.values():
            found += self._fulfilled(look, wish, swept=True)
        found += self._ghosts(look)
        found += self._strangers()
        found += leftovers(self.google, self.shadow, self.store, self.queue, self.clock.now(), self.steps)
        _raise(found)

    def fresh(self, since: float) -> None:
        """Judge the wishes of which nothing has been changed after `since`, no sweep having run.

        Nor of those that may share their meetings: it is as one of them says.
        """
        look = self._look()
        found: list[Finding] = []
        for wish in self.shadow.wishes.values():
            place = wish.user, wish.calendar
            changed_at = max(self.shadow.wishes[one].changed_at for one in kin(self.shadow, wish.token))
            if self.steps.followed.get(place, 0.0) < wish.changed_at and changed_at <= since:
                found += self._fulfilled(look, wish, swept=False)
            found += self._acted_upon(look, wish)
        _raise([("freshness", f"{oracle}: {what}") for oracle, what in found])

    def _look(self) -> Look:
        self.vendors.look()
        documents = self.store.query("ledger", limit=10_000)
        look = Look({(d.data.get("user", ""), d.data.get("calendar", ""), d.data["event"]): d.data for d in documents})
        for place in dict.fromkeys((wish.user, wish.calendar) for wish in self.shadow.wishes.values()):
            look.events[place], look.zones[place] = self.google.events(*place)
        for wish in self.shadow.wanted():
            meeting, _ = names(look.event(wish))
            if wish.provider is not None and meeting is not None:
                look.naming.setdefault((wish.provider, meeting), []).append(wish)
        return look

    # ---- events -----------------------------------------------------------------------------

    def _left_as_was(self, look: Look) -> Iterator[Finding]:
        """I1: every event is as people left it, but for our ways to join."""
        for wish in self.shadow.wishes.values():
            event = look.event(wish)
            gone = event is None or event.get("status") == "cancelled"
            if gone is wish.alive:
                yield "I1", f"{_of(wish)}: people left it {'alive' if wish.alive else 'cancelled'}, and it is not"
            elif event is not None and wish.alive:
                yield from _unlike(_of(wish), wish.fields, event)
                for one, fields in wish.exceptions.items():
                    yield from _exception_unlike(wish, one, fields, look.events[wish.user, wish.calendar].get(one))
                if self._given_one(wish, event):
                    yield "I1", f"{_of(wish)}: people left it without a conference, and it has one of {asked(event)}"

    def _given_one(self, wish: Wish, event: Json) -> bool:
        """True if it has a conference of ours that nobody wants; an event of other people may ask for one in vain."""
        own = (event.get("organizer") or {}).get("self", False) and (wish.user, wish.calendar) in self.steps.began
        return own and wish.provider is None and not wish.unreadable and asked(event) in self.vendors.models

    # ---- meetings ---------------------------------------------------------------------------

    def _acted_upon(self, look: Look, wish: Wish) -> Iterator[Finding]:
        """I14: what was there before us, and nobody has changed, is noted, and nothing is done about it."""
        place = wish.user, wish.calendar
        first, _ = self.steps.began.get(place, (0.0, 0.0))
        row = look.row(wish)
        # A later full pass, even one that breaks off, compares all; a script's trigger that begins to follow has one.
        compared = self.steps.listed.get(place, 0.0) > first
        before = wish.changed_at < self.steps.noted.get(place, 0.0)
        if not compared and before and (row or {}).get("link"):
            yield (
                "I14",
                f"{_of(wish)}: it was there before the calendar was connected, yet its row holds {_linked(row)}",
            )

    def _fulfilled(self, look: Look, wish: Wish, *, swept: bool) -> Iterator[Finding]:
        """I8: wanted, if and only if there is exactly one live meeting, linked, named by the event, and right."""
        if wish.unreadable or self._passed_unseen(look, wish):
            return
        row = look.row(wish)
        link = (row or {}).get("link")
        if not wish.wanted or wish.provider is None:
            if link is not None:
                yield "I8", f"{_of(wish)}: no meeting is wanted, yet its row holds {_linked(row)}"
            if not swept and not self.doubles[wish.token]:
                yield from self._unwanted(wish)
            return
        meeting, address = names(look.event(wish))
        if self._unnoticed(wish.provider, meeting, swept=swept):
            return
        held = self.vendors.models[wish.provider].live.get(meeting or "")
        if held is None:
            yield "I8", f"{_of(wish)}: {self._missing(wish.provider, wish.token, meeting)}"
            return
        if not held.by_us:
            yield "I8", f"{_of(wish)}: its event names {meeting}, which people made by hand"
        if _linked(row) != f"{wish.provider}/{meeting}":
            yield "I8", f"{_of(wish)}: its event names {wish.provider}/{meeting}, its row is linked to {_linked(row)}"
        wrong = self._all_wrong(look, wish, held, address)
        if wrong:
            yield "I8", f"{_of(wish)}: of meeting {meeting}, {'; '.join(wrong)}"

    def _all_wrong(self, look: Look, wish: Wish, held: Held, address: str | None) -> list[str]:
        provider = wish.provider or ""
        model = self.vendors.models[provider]
        wrong = self._wrong(look, wish, model, held)
        if address != model.join_url(held.id):
            return [*wrong, f"the event tells {address}, people join at {model.join_url(held.id)}"]
        return [] if self._hidden(provider, model, wrong, held) else wrong

    def _wrong(self, look: Look, wish: Wish, model: Vendor, held: Held) -> list[str]:
        """How the meeting differs from what the event says; nothing if it is as one of those that share it says."""
        ignored = model.traits.ignores
        passed_over = _PARTS.get(ignored.value, (str(ignored.value),)) if ignored is not None else ()
        wrong: list[str] = []
        sharing = look.naming[wish.provider or "", held.id]
        if any(self._passed_unseen(look, one) for one in [*sharing, *self._linked_too(look, wish, held)]):
            # It may be as an event says that nobody can see any more.
            return []
        for one in (wish, *sharing):
            zone = look.zones[one.user, one.calendar]
            want = expected(one.fields, one.exceptions, zone, one.user)
            _, listed = self.steps.began.get((one.user, one.calendar), (0.0, 0.0))
            differs = differences(held.state, want, passed_over, unseen=listed)
            if not differs:
                return []
            wrong = wrong or differs
        return wrong

    def _linked_too(self, look: Look, wish: Wish, held: Held) -> Iterator[Wish]:
        """Events whose rows hold the meeting, though they may be cancelled."""
        for token in sorted(kin(self.shadow, wish.token)):
            one = self.shadow.wishes[token]
            if _linked(look.row(one)) == f"{wish.provider}/{held.id}":
                yield one

    def _missing(self, provider: str, token: str, meeting: str | None) -> str:
        lives = [
            f"{name}/{held.id}"
            for name, model in self.vendors.models.items()
            for held in model.live.values()
            if self.vendors.token(name, held) == token
        ]
        named = f"the event names {meeting}, which is not live at {provider}" if meeting else "the event names none"
        return f"no live meeting: {named}; live for {token}: {', '.join(lives) or 'none'}"

    def _unwanted(self, wish: Wish) -> Iterator[Finding]:
        """Without a sweep and without a fault: a meeting that nobody wants any more is gone."""
        for name, model in self.vendors.models.items():
            for held in model.live.values():
                its = held.by_us and str(held.state["title"]).partition(" ")[0] == wish.token
                if its and not self._unnoticed(name, held.id, swept=False):
                    yield "I8", f"{_of(wish)}: no meeting is wanted, yet {name}/{held.id} lives"

    def _unnoticed(self, provider: str, meeting: str | None, *, swept: bool) -> bool:
        """True if people at the vendor changed the meeting last and nobody can have told us."""
        traits = self.vendors.models[provider].traits
        told = traits.pushes or (traits.lists and swept)
        return not told and self.vendors.by_hand.get(f"{provider}/{meeting}", False)

    def _hidden(self, provider: str, model: Vendor, wrong: Sequence[str], held: Held) -> bool:
        """True if people at the vendor changed what neither a version nor a read-back shows."""
        traits = model.traits
        shown = traits.conditional or traits.readable or any(one.startswith("title ") for one in wrong)
        return not shown and self.vendors.by_hand.get(f"{provider}/{held.id}", False)

    def _passed_unseen(self, look: Look, wish: Wish) -> bool:
        """True if it changed before the latest full pass, and was over by then: such a pass does not show it.

        What is linked is looked up all the same, unless it was over long ago.
        """
        place = wish.user, wish.calendar
        _, since = self.steps.began.get(place, (0.0, 0.0))
        if wish.edited_at > since or not is_over(wish.fields, look.zones[place], since):
            return False
        seen = self.steps.linked.get(place, {}).get(wish.event)
        if seen is None or not (seen.get("start") and seen.get("end")):
            return True
        return is_over(seen, look.zones[place], since - LOOKED_UP)

    def _ghosts(self, look: Look) -> Iterator[Finding]:
        """I9: every meeting of ours is wanted; I2: and shared only by events that may share one."""
        wishes = self.shadow.wishes.values()
        kept = {_linked(look.row(wish)) for wish in wishes if wish.unreadable or self._passed_unseen(look, wish)}
        for name, model in self.vendors.models.items():
            for held in model.live.values():
                if not held.by_us:
                    continue
                naming = look.naming.get((name, held.id), [])
                token = self.vendors.token(name, held)
                if not naming and f"{name}/{held.id}" not in kept and not self._hopeless(model, token):
                    yield "I9", self._ghost(name, held, token, look)
                if not related(self.shadow, naming):
                    yield "I2", f"{name}/{held.id} is named by {', '.join(map(_of, naming))}, which may not share one"

    def _hopeless(self, model: Vendor, token: str) -> bool:
        """True if a fault has left the meeting behind where nobody can find it again."""
        findable = model.traits.lists and model.traits.tells_key
        return not findable and self.excuses[token] > 0

    def _ghost(self, provider: str, held: Held, token: str, look: Look) -> str:
        wish = self.shadow.wishes.get(token)
        place = f"{provider}/{held.id} ({held.state['title'][:40]!r})"
        if wish is None or not wish.wanted:
            return f"{_of(wish) if wish else token}: nobody wants a meeting, yet {place} lives"
        return f"{_of(wish)}: {place} lives besides the meeting that the event names, {names(look.event(wish))[0]}"

    def _strangers(self) -> Iterator[Finding]:
        """I9: meetings that people made by hand are as they left them."""
        for name, state in self.shadow.strangers.items():
            meeting = name.rpartition("/")[2]
            held = [model.live[meeting] for model in self.vendors.models.values() if meeting in model.live]
            if not any(one.state == state and not one.by_us for one in held):
                now = held[0].state if held else "gone"
                yield "I9", f"the meeting {name} that people made by hand was {state}, is {now}"


def _raise(found: Sequence[Finding]) -> None:
    if found:
        more = f"\n… and {len(found) - TOLD} more" if len(found) > TOLD else ""
        lines = "\n".join(f"[{oracle}] {what}" for oracle, what in found[:TOLD])
        raise Broken(found[0][0], found[0][1] if len(found) == 1 else lines + more)


def _of(wish: Wish) -> str:
    return f"{wish.token} (event {wish.event} of {wish.calendar})"


def _linked(row: Json | None) -> str:
    ref = (((row or {}).get("link") or {}).get("meeting") or {}).get("ref")
    return f"{ref['provider']}/{ref['id']}" if ref else "nothing"


def _exception_unlike(wish: Wish, event_id: str, fields: Json, event: Json | None) -> Iterator[Finding]:
    which = f"{_of(wish)}, occurrence {event_id}"
    cancelled = event is None or event.get("status") == "cancelled"
    if cancelled is not (fields.get("status") == "cancelled"):
        yield "I1", f"{which}: people left it {fields.get('status')}, it is {'cancelled' if cancelled else 'alive'}"
    elif event is not None and not cancelled:
        yield from _unlike(which, fields, event)


def _unlike(which: str, left: Json, event: Json) -> Iterator[Finding]:
    unlike = [name for name in changed(left, event) if name not in _ASIDE]
    if unlike:
        told = "; ".join(f"{name} was {_short(left.get(name))}, is {_short(event.get(name))}" for name in unlike)
        yield "I1", f"{which}: not as people left it: {told}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 160 else f"{text[:120]}… ({len(text)} characters)"
