"""What a function is given: the ports it may use and the figures it keeps to. Made once, by `infra.wiring`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from functions.ports import Calendar, Clock, Identity, Lanes, Queue, Store, Vault
from functions.telemetry import NOBODY, Telemetry

if TYPE_CHECKING:
    # Whoever answers notices meets neither of them, and waits for no import of theirs.
    from conference.providers.protocol import ConferenceProvider
    from conference.solution import Solution

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Policy:
    """The figures of the flow, in seconds unless said; each default with its reason."""

    burst: float = 1.0
    """A run starts so long after the first notice: one edit gives several notices, and they cost one run."""
    lease: float = 90.0
    """How long a run or a reconcile may hold its feed or row; longer than the deadline of a call."""
    run: float = 10 * MINUTE
    """How long a trigger is held for one run of its handler; longer than a function may take."""
    inline: float = 40.0
    """A run reconciles by itself for so long; what is left becomes tasks."""
    share: float = 20.0
    """What is left becomes so many tasks a second, so that another user's stand not behind thousands of one's."""
    poll: float = 15 * MINUTE
    """A lost notice is healed within this time."""
    sweep: float = DAY
    """Each feed and each provider account is compared as a whole this often."""
    window: float = DAY
    """A full pass marks events without a ledger row only if they were modified within this time (R3)."""
    look_back: float = 30 * DAY
    """A full pass looks up what it did not show, except single events that ended longer ago than this."""
    full_pass_cooldown: float = 10 * MINUTE
    """A token dropped again within this time does not lead to another full pass at once."""
    channel_life: float = 2 * DAY
    """What we ask of a channel; short, since channels die silently."""
    channel_renewal: float = DAY
    """A new channel is opened when the old one has less than this left."""
    forgotten: float = 30.0
    """A mark nobody worked on for so long is given to the queue again by the tick."""
    retry_first: float = 5.0
    retry_most: float = HOUR
    retry_for: float = 3 * DAY
    """Retries go on at least this long before a row is parked as dead."""
    spare_life: float = HOUR
    """A meeting of ours without a link is left alone until it is this old: its create may be on its way."""
    unsaved: float = DAY
    """A meeting made for an event that its editor has not saved yet waits so long for it, then it is deleted."""
    deletions: int = 10
    deletions_share: float = 0.3
    """A sweep that would delete more meetings than this number and this share stops and alerts."""
    run_record: float = 30 * DAY
    row_record: float = 90 * DAY
    """How long runs and the rows of dead events are kept."""


class Edge(Protocol):
    """The part of the ground that notices are answered on: no credential, no calendar, no provider."""

    @property
    def store(self) -> Store:
        """Where channels and feeds are."""

    @property
    def queue(self) -> Queue:
        """Where runs are asked for."""

    @property
    def policy(self) -> Policy:
        """The figures to keep to."""

    @property
    def telemetry(self) -> Telemetry:
        """Who is told of the work."""

    def now(self) -> float:
        """The present, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Everything a function needs of the world."""

    store: Store
    queue: Queue
    vault: Vault
    clock: Clock
    lanes: Lanes
    identity: Identity
    calendar: Calendar
    providers: Mapping[str, ConferenceProvider]
    solutions: tuple[Solution, ...]
    meeting_keys: Callable[[], bytes] = field(repr=False)
    """Yields the secret that marks meetings as ours; raises Later while it cannot be had."""
    new_secret: Callable[[], str]
    """A new unguessable text of at least 128 bits and at most 64 characters: channel ids and secrets."""
    notice_address: str | None
    """Where Google may send notices (https, or loopback); None: poll only."""
    policy: Policy = Policy()
    telemetry: Telemetry = NOBODY

    @property
    def key_secret(self) -> bytes:
        """The secret that marks meetings as ours. Raises Later; whoever meets none never asks for it."""
        return self.meeting_keys()

    def now(self) -> float:
        """The present, in seconds since the epoch."""
        return self.clock.now().timestamp()
