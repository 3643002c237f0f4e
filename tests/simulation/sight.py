"""What the judge sees: Google's calendars by their API, the vendors by what they hold and log, people's wishes.

Nothing here is the product's: what the judge compares with must not be wrong in the same way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

import msgspec

from infra.local.calendar.messages import Request
from infra.local.calendar.server import CalendarServer
from tests.simulation.shadow import Shadow, Wish

Json = dict[str, Any]

_decode = msgspec.json.Decoder(Json).decode
_QUIET = {"quotaUser": ["page"], "prettyPrint": ["false"]}
"""The Calendar server passes its faults by for this payer, and counts its calls apart."""


HEARD = 4.0
"""Seconds within which a push has been heard, where nothing goes wrong."""


class Broken(BaseException):
    """A promise is broken. Not an Exception, so that no handler of the product swallows it."""

    def __init__(self, oracle: str, what: str) -> None:
        super().__init__(f"{oracle}: {what}")
        self.oracle = oracle
        self.what = what


def plain(document: Json) -> Json:
    """A document as it is read again: what was written may hold tuples."""
    return _decode(msgspec.json.encode(document))


class Now(Protocol):
    """A clock."""

    def now(self) -> datetime:
        """The present instant, aware."""


class Held(Protocol):
    """One live meeting at a vendor."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def state(self) -> Json:
        """What it holds."""

    @property
    def by_us(self) -> bool:
        """True if we made it."""


class Traits(Protocol):
    """What kind of vendor it is."""

    @property
    def conditional(self) -> bool:
        """It tells versions."""

    @property
    def list_lag(self) -> float:
        """Seconds after which its lists show a meeting."""

    @property
    def readable(self) -> bool:
        """All it holds can be read back."""

    @property
    def lists(self) -> bool:
        """Its meetings can be listed."""

    @property
    def pushes(self) -> bool:
        """It tells of changes."""

    @property
    def tells_key(self) -> bool:
        """A meeting says with which key it was made."""

    @property
    def ignores(self) -> Enum | None:
        """A part that it answers with success but does not store."""


Change = tuple[float, str, str, str, bool]
"""When, what (made, edited, deleted), the meeting's id, its title, and whether it was us."""


class Vendor(Protocol):
    """What one vendor holds, and every change that it has seen."""

    @property
    def traits(self) -> Traits:
        """What kind it is."""

    @property
    def live(self) -> Mapping[str, Held]:
        """Its meetings by id."""

    @property
    def log(self) -> Sequence[Change]:
        """Every change, in order."""

    def join_url(self, meeting: str) -> str:
        """Where a live meeting is joined now."""


class Google:
    """The Calendar server, asked as its users would; what is read is not counted among the product's calls."""

    def __init__(self, server: CalendarServer) -> None:
        self.server = server

    def events(self, user: str, calendar: str) -> tuple[dict[str, Json], str]:
        """Every event of a calendar by its id, cancelled ones too; and the calendar's zone."""
        listed, zone = self._listed(user, calendar, {"showDeleted": ["true"]})
        return {event["id"]: event for event in listed or ()}, zone

    def changed(self, user: str, calendar: str, token: str) -> dict[str, Json] | None:
        """What changed since a sync token, by id; None if the token is not good any more."""
        listed, _ = self._listed(user, calendar, {"syncToken": [token]})
        return None if listed is None else {event["id"]: event for event in listed}

    def updated(self, user: str, calendar: str, since: datetime) -> dict[str, Json]:
        """What has been written at this instant or later, cancelled ones too, by id."""
        listed, _ = self._listed(user, calendar, {"showDeleted": ["true"], "updatedMin": [since.isoformat()]})
        return {event["id"]: event for event in listed or ()}

    def channels(self) -> list[Any]:
        """The push channels that are live now."""
        world = self.server.world
        return [channel for channel in world.channels.newest(100_000) if channel.live(world.now())]

    def _listed(self, user: str, calendar: str, query: Mapping[str, Sequence[str]]) -> tuple[list[Json] | None, str]:
        found: list[Json] = []
        page: dict[str, Sequence[str]] = {"maxResults": ["2500"], **query, **_QUIET}
        headers = {"authorization": f"Bearer dev:{user}"}
        while True:
            answer = self.server.handle(Request("GET", f"/calendar/v3/calendars/{calendar}/events", page, headers))
            if answer.status != 200:
                return None, "UTC"
            body = _decode(answer.body)
            found += body["items"]
            if "nextPageToken" not in body:
                return found, str(body["timeZone"])
            page["pageToken"] = [body["nextPageToken"]]


class Vendors:
    """The vendors by name, with what their logs tell of each meeting's life."""

    def __init__(self, models: Mapping[str, Vendor], shadow: Shadow) -> None:
        self.models = models
        self.made: dict[str, bool] = {}
        """Every meeting there ever was, by "vendor/id": whether we made it."""
        self.by_hand: dict[str, bool] = {}
        """Whether people changed it last."""
        self.deleted: list[tuple[str, str]] = []
        """What we have deleted, by vendor and id; whoever judges it takes it away."""
        self.overtaken = 0
        """How often we changed a meeting again before the push of our change before that can have been heard."""
        self._first: dict[str, str] = {}
        self._ours: dict[str, float] = {}
        self._shadow = shadow
        self._read = dict.fromkeys(models, 0)

    def look(self) -> None:
        """Read what is new in the logs. Raises Broken(I9) if we touched a meeting that people had made."""
        for name, model in self.models.items():
            for at, what, meeting, title, by_us in model.log[self._read[name] :]:
                key = f"{name}/{meeting}"
                if what == "made":
                    self.made[key] = by_us
                    self._first.setdefault(key, title.partition(" ")[0])
                elif by_us and not self.made.get(key, True):
                    raise Broken("I9", f"we {what} {key} ({title[:40]!r}) at {at}, which people had made by hand")
                if what == "deleted" and by_us:
                    self.deleted.append((name, meeting))
                self.by_hand[key] = not by_us
                if by_us:
                    self.overtaken += at < self._ours.get(key, -HEARD) + HEARD
                    self._ours[key] = at
            self._read[name] = len(model.log)

    def token(self, vendor: str, held: Held) -> str:
        """The event for which a meeting is: by its title, or if people renamed it by the one it was made with."""
        named = str(held.state["title"]).partition(" ")[0]
        return named if named in self._shadow.wishes else self._first.get(f"{vendor}/{held.id}", named)

    def live(self) -> Counter[str]:
        """How many meetings of ours are live for each event; one without a title does not tell whose it is."""
        found: Counter[str] = Counter()
        for name, model in self.models.items():
            for held in model.live.values():
                token = self.token(name, held)
                if held.by_us and token in self._shadow.wishes:
                    found[token] += 1
        return found


def kin(shadow: Shadow, token: str) -> set[str]:
    """The event and all those with which it may share a meeting, directly or through others."""
    found, new = {token}, [token]
    while new:
        one = new.pop()
        wish = shadow.wishes.get(one)
        near = {other.token for other in shadow.wishes.values() if one in other.shares}
        for other in sorted((near | (wish.shares if wish else frozenset())) - found):
            found.add(other)
            new.append(other)
    return found


def related(shadow: Shadow, wishes: Iterable[Wish]) -> bool:
    """True if all of them may share one meeting."""
    tokens = [wish.token for wish in wishes]
    return not tokens or kin(shadow, tokens[0]).issuperset(tokens)


COUNTED = frozenset({"kind", "etag", "updated", "sequence", "conferenceData"})
"""What Google counts up, or what is looked at apart, when somebody writes an event."""
_COMPLETED = frozenset({"creator", "organizer", "reminders", "eventType", "htmlLink", "created", "iCalUID"})
"""What Google completes by itself when an event is written that another program had made without it."""


def changed(before: Json, after: Json) -> list[str]:
    """The fields of an event that differ and that somebody must have written."""
    return [
        name
        for name in {**before, **after}
        if name not in COUNTED
        and before.get(name) != after.get(name)
        and not (name in _COMPLETED and _contains(after.get(name), before.get(name)))
    ]


def _contains(whole: object, part: object) -> bool:
    if isinstance(whole, dict) and isinstance(part, dict):
        return part.items() <= whole.items()
    return part is None


def asked(event: Json | None) -> str | None:
    """The provider whose conference the event carries or asks for by our add-on parameter."""
    conference = (event or {}).get("conferenceData") or {}
    if ((conference.get("conferenceSolution") or {}).get("key") or {}).get("type") != "addOn":
        return None
    parameters = (conference.get("parameters") or {}).get("addOnParameters") or {}
    named = (parameters.get("parameters") or {}).get("lockstep")
    return named if isinstance(named, str) else None


def names(event: Json | None) -> tuple[str | None, str | None]:
    """The meeting's id and the address to join that the event's conference data tells."""
    conference = (event or {}).get("conferenceData") or {}
    points = conference.get("entryPoints") or ()
    video = next((point.get("uri") for point in points if point.get("entryPointType") == "video"), None)
    return conference.get("conferenceId"), video
