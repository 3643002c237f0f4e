"""One user, one vendor and the real flow between them, calm and right: what the judge's own tests break."""

from __future__ import annotations

from collections import Counter
from typing import Any

from functions.ports import Delete, Document, Put, Version, Where
from infra.local.memory import MemoryStore
from tests.simulation.judge import Judge
from tests.simulation.shadow import Shadow, Wish
from tests.simulation.vendor import ModelProvider
from tests.simulation.vendor_model import Traits, VendorModel
from tests.world import ALICE, World

Json = dict[str, Any]


class Told:
    """A memory store whose every commit the judge is told of."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.judge: Judge | None = None

    def get(self, key: str) -> Document | None:
        """As the port says."""
        return self.store.get(key)

    def query(self, collection: str, where: Any = (), **rest: Any) -> list[Document]:
        """As the port says."""
        conditions: list[Where] = list(where)
        return self.store.query(collection, conditions, **rest)

    def commit(self, *writes: Put | Delete) -> tuple[Version | None, ...]:
        """As the port says."""
        before = [self.store.get(write.key) for write in writes]
        versions = self.store.commit(*writes)
        for write, was in zip(writes, before, strict=True):
            after = dict(write.data) if isinstance(write, Put) else None
            if self.judge is not None:
                self.judge.store_changed(write.key, was.data if was else None, after, "flow")
        return versions


class Situation:
    """A right world with three events: E1, a series E2 with changed occurrences, and E3 of which nothing is wanted."""

    def __init__(self, traits: Traits | None = None) -> None:
        self.world = World()
        self.vendor = VendorModel(traits or Traits("http"), self.world.clock.now)
        self.store, told = self.world.store, Told(self.world.store)
        self.world.change_ground(providers={"http": ModelProvider(self.vendor)}, store=told)
        self.shadow = Shadow()
        self.judge = Judge(
            self.world.google,
            {"http": self.vendor},
            self.shadow,
            self.store,
            self.world.queue,
            self.world.clock,
            deep=True,
        )
        told.judge = self.judge
        self.feed = self.world.connect()
        self._make()
        self.world.settle()

    def _make(self) -> None:
        self.want("E1", summary="E1 plan", description="<b>Agenda</b>", attendees=[{"email": "Guest@example.org"}])
        self.want("E2", summary="E2 daily", recurrence=["RRULE:FREQ=DAILY;COUNT=5"])
        self.want("E3", summary="E3 alone", conferenceData=None)
        series = self.shadow.wishes["E2"].event
        self.world.patch(f"{series}_20261125T090000Z", summary="E2 otherwise")
        self.world.patch(f"{series}_20261126T090000Z", status="cancelled")
        for day in ("20261125", "20261126"):
            self.except_("E2", f"{series}_{day}T090000Z")

    def close(self) -> None:
        """Let go of everything."""
        self.world.close()

    # ---- what people do ---------------------------------------------------------------------

    def want(self, token: str, **fields: Any) -> Wish:
        """A person makes an event."""
        event = self.world.insert(**fields)
        provider = "http" if "conferenceData" in event else None
        wish = Wish(token, ALICE, ALICE, event["id"], provider, own(event), changed_at=self.now, edited_at=self.now)
        self.shadow.wishes[token] = wish
        return wish

    def except_(self, token: str, occurrence: str) -> None:
        """Note a changed occurrence as it is."""
        self.shadow.wishes[token].exceptions[occurrence] = own(self.world.event(occurrence))

    def left(self, token: str) -> None:
        """Note an event as a person has just left it."""
        wish = self.shadow.wishes[token]
        wish.fields = own(self.world.event(wish.event))
        wish.alive = wish.fields["status"] != "cancelled"
        wish.changed_at = wish.edited_at = self.now

    # ---- what is there ----------------------------------------------------------------------

    @property
    def now(self) -> float:
        """The present, in seconds since the epoch."""
        return self.world.clock.now().timestamp()

    def event(self, token: str) -> str:
        """The event's id."""
        return self.shadow.wishes[token].event

    def meeting(self, token: str) -> str:
        """The id of the meeting that the event names."""
        named: str = self.world.event(self.event(token))["conferenceData"]["conferenceId"]
        return named

    def row(self, token: str) -> Document:
        """The event's ledger row."""
        return next(d for d in self.store.query("ledger") if d.data["event"] == self.event(token))

    def only(self, collection: str) -> Document:
        """The one document of a collection."""
        (document,) = self.store.query(collection)
        return document

    # ---- what goes wrong --------------------------------------------------------------------

    def spoil(self, document: Document, **fields: Any) -> None:
        """Write into a document behind the judge's back; None takes a field out."""
        data = {name: value for name, value in {**document.data, **fields}.items() if value is not None}
        self.store.commit(Put(document.key, data, document.version))

    def hold(self, token: str, **state: Any) -> None:
        """Have the vendor hold something else of a meeting, as if we had written it."""
        self.vendor.update(self.meeting(token), state)

    def judge_rest(self) -> None:
        """Have everything judged that can be judged of a world at rest."""
        self.judge.meetings_changed()
        self.judge.at_rest()
        self.judge.fresh(self.now)
        self.judge.budget(5, 0)
        self.judge.fixpoint(Counter({"calendar.GET events": 3, "provider.list": 1, "store.commit": 4}))


def own(event: Json) -> Json:
    """What of an event people write."""
    counted = {"conferenceData", "etag", "updated", "sequence", "htmlLink", "created", "kind"}
    return {name: value for name, value in event.items() if name not in counted}
