"""What each of the add-on's endpoints does, once Google's call is verified.

Authority: https://developers.google.com/workspace/add-ons/guides/alternate-runtimes
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from types import MappingProxyType

import structlog

from conference.errors import Forged, Gone, LockstepError, Refused, Where
from functions import ledger
from functions.addon import answer, connect, request
from functions.addon.answer import Json
from functions.addon.connect import Connection
from functions.addon.create import Wish, create
from functions.addon.offer import EMAIL, EXECUTE, SCOPES, WRITE, AddOn
from functions.addon.request import Ask
from functions.feed import feed_id
from functions.ground import Ground

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """One verified call of Google's: what it says and, from the token inside it, of which user."""

    ground: Ground
    addon: AddOn
    ask: Ask
    user: str | None
    solution: str = ""


def check_host(addon: AddOn, token: str) -> None:
    """Return if the bearer token is Google's for this deployment. Raises Forged."""
    account = _address(addon, token, addon.audiences)
    if account != addon.account:
        log.warning("add-on call refused", why="another service account")
        raise Forged("the call is not of the add-on's account")


def serve(ground: Ground, addon: AddOn, endpoint: str, body: bytes, solution: str = "") -> Json:
    """Do what the endpoint is for and say what to answer; `endpoint` is one of ENDPOINTS.

    Raises Poison if the body cannot be read, Forged if the user's token is no good, Later.
    """
    ask = request.read(body)
    call = Call(ground, addon, ask, _user(addon, ask), solution)
    return ENDPOINTS[endpoint](call)


def _user(addon: AddOn, ask: Ask) -> str | None:
    return None if ask.user_token is None else _address(addon, ask.user_token, (addon.client,))


def _address(addon: AddOn, token: str, audiences: Collection[str]) -> str:
    try:
        return addon.identity.address(token, audiences=audiences)
    except Forged as error:
        log.warning("add-on call refused", why=str(error))
        raise


def _missing(call: Call, needed: tuple[str, ...]) -> Json | None:
    """The answer that asks for scopes, if some are missing. Raises Forged if no user is told though all are there."""
    granted = call.ask.scopes
    missing = {one for one in needed if granted is not None and one not in granted}
    if call.user is None and granted is None:
        missing.add(EMAIL)
    if missing:
        return answer.scopes(missing, SCOPES)
    if call.user is None:
        raise Forged("the call names no user")
    return None


def home(call: Call) -> Json:
    """The homepage, and what is shown on an open event: how all stands.

    Being opened, as just after it was installed, connects the user's own calendar. Another one, on which an event was
    opened, is connected by its first conference only: people look at many calendars.
    """
    asking = _missing(call, (EMAIL,))
    if asking is not None:
        return asking
    user = call.user or ""
    try:
        calendar = connect.canonical(call.ground, user, call.ask.calendar)
    except LockstepError:
        calendar = user
    stands = connect.ensure if calendar == user else connect.state
    state, trouble = stands(call.ground, user, calendar)
    lines = [_told(state, trouble), *_event_line(call, calendar)]
    told = answer.card(call.addon.name, lines, call.addon.settings_url)
    wanted = call.addon.subscribe and state in {Connection.FOLLOWED, Connection.CONNECTING}
    return {**told, **answer.subscribe(calendar)} if wanted else told


def _told(state: Connection, trouble: str | None) -> str:
    match state:
        case Connection.FOLLOWED:
            return f"This calendar is kept in step. Last trouble: {trouble}" if trouble else "This calendar is in step."
        case Connection.CONNECTING:
            return "This calendar is being connected."
        case Connection.APART:
            return "This calendar will be followed from its first conference on."
        case Connection.STOPPED:
            return f"This calendar is not followed any more: {trouble}. Connect it again."


def _event_line(call: Call, calendar: str) -> list[str]:
    """How the open event stands, if it carries a conference of ours."""
    ask = call.ask
    if ask.event is None or ask.provider is None or call.user is None:
        return []
    document = call.ground.store.get(ledger.key_of(feed_id(call.user, calendar), ask.event))
    row = ledger.decode(document) if document else None
    if row is not None and row.parked:
        return [f"The meeting of this event is left as it is: {row.parked}"]
    if row is None or row.pending:
        return ["The meeting of this event follows as soon as the event is saved."]
    return ["The meeting of this event is in step."]


def create_conference(call: Call) -> Json:
    """The user has chosen one of our conference solutions: make the meeting, and say how to join it."""
    asking = _missing(call, (EXECUTE, WRITE, EMAIL))
    if asking is not None:
        return asking
    try:
        return _created(call)
    except LockstepError as error:
        log.warning("no conference made", error=str(error))
        return answer.failed(error, call.addon.login_url)
    except Exception as error:
        # A bug; the user is told all the same that there will be no conference.
        log.exception("no conference made")
        return answer.failed(error, call.addon.login_url)


def _created(call: Call) -> Json:
    ask, user = call.ask, call.user or ""
    offer = call.addon.offer(call.solution, user)
    if ask.event is None:
        raise Refused("the call names no event")
    if not ask.writable:
        raise Refused("the event's conference may not be set", Where("calendar", "create", 403))
    calendar = connect.canonical(call.ground, user, ask.calendar)
    meeting = create(call.ground, Wish(user, calendar, ask.event, offer.provider, ask.zone))
    told = answer.created(meeting, offer)
    try:
        connect.ensure(call.ground, user, calendar)
    except LockstepError as error:
        # The meeting is there; the homepage, or the next conference, tries again.
        log.warning("calendar not connected yet", error=str(error))
    return told


def settings(call: Call) -> Json:
    """Where the user's settings are. Raises Gone if there are none."""
    if call.addon.settings_url is None:
        raise Gone("there are no settings")
    return answer.settings(call.addon.settings_url)


def changed(call: Call) -> Json:
    """Something changed in a calendar: a second source of notices, believed as little as push channels are."""
    if call.user is None and call.ask.calendar is None:
        log.warning("a change of nobody's calendar")
        return answer.NOTHING
    connect.changed(call.ground, call.user, call.ask.calendar)
    return answer.NOTHING


ENDPOINTS: MappingProxyType[str, Callable[[Call], Json]] = MappingProxyType(
    {"home": home, "create": create_conference, "settings": settings, "changed": changed}
)
"""What stands at which path."""
