"""A person on their way to the authorization server and back: what they come back with, and what is made of it.

Authority: https://developers.google.com/identity/protocols/oauth2/web-server, RFC 9207, RFC 9700 4.4 (mix-up)
"""

from __future__ import annotations

import enum
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from conference.errors import Forged, Later, LockstepError, OutcomeUnknown, Refused, Revoked
from functions import credentials
from functions.consent import session, state
from functions.consent.connecting import connect
from functions.consent.offer import WHO, Consent, missing
from functions.ground import Ground
from functions.ports import Asking, Granted, Person

log = structlog.get_logger(__name__)


class Outcome(enum.Enum):
    """How a person's way ended."""

    CONNECTED = "connected"
    SIGNED_IN = "signed in"
    STRANGE = "strange"  # a state that is none, used, too old, or another browser's
    MIXED = "mixed"  # another server's answer
    DENIED = "denied"
    FAILED = "failed"  # the server's own error
    CODE = "code"  # a code that is no good (any more)
    CLIENT = "client"  # the server does not know our application as it is
    NOBODY = "nobody"  # whose account it is was not told
    OTHER = "other"  # another account than the one that was asked for
    TAKEN = "taken"  # the address was connected by another account before
    NARROW = "narrow"  # needed scopes were not granted
    BRIEF = "brief"  # no refresh token
    LEAVING = "leaving"  # all of theirs is still being deleted
    SILENT = "silent"  # no usable answer


@dataclass(frozen=True, slots=True)
class Ended:
    """The outcome with what there is to say; `secret` is what the browser is to hold, if they are known now."""

    outcome: Outcome
    user: str = ""  # who they are, or were asked to be
    chosen: str = ""  # whom they chose instead
    missing: tuple[str, ...] = ()
    secret: str = field(default="", repr=False)


def start(ground: Ground, consent: Consent, browser: str, purpose: state.Purpose, user: str) -> str:
    """Where to send the browser; `user` is whom the person says they are, "" if they choose there."""
    made = state.begin(ground, browser, purpose, user)
    connecting = purpose == "connect"
    asking = Asking(
        consent.scopes if connecting else WHO,
        made,
        state.challenge(state.verifier(browser, made)),
        consent.redirect,
        account=user,
        offline=connecting,
    )
    return consent.oauth.address(asking)


def come_back(ground: Ground, consent: Consent, browser: str, told: Mapping[str, str]) -> Ended:
    """What becomes of a person who is sent back with `told`. Raises Later, OutcomeUnknown if the store is down."""
    try:
        begun = state.take(ground, browser, told.get("state", ""))
    except Forged:
        return Ended(Outcome.STRANGE)
    if "iss" in told and not hmac.compare_digest(told["iss"].encode(), consent.oauth.issuer.encode()):
        log.warning("consent answered by another server")
        return Ended(Outcome.MIXED, begun.user)
    if "error" in told or not told.get("code"):
        denied = told.get("error") == "access_denied"
        return Ended(Outcome.DENIED if denied else Outcome.FAILED, begun.user)
    proof = state.verifier(browser, told["state"])
    found = _exchanged(consent, begun, told["code"], proof)
    if isinstance(found, Ended):
        return found
    granted, person = found
    if begun.purpose == "sign-in":
        return Ended(Outcome.SIGNED_IN, person.email, secret=session.begin(ground, person))
    return _keep(ground, consent, granted, person)


def _exchanged(consent: Consent, begun: state.State, code: str, proof: str) -> tuple[Granted, Person] | Ended:
    try:
        granted = consent.oauth.exchange(code, verifier=proof, redirect=consent.redirect)
        person = consent.oauth.person(granted)
    except Refused as error:
        return Ended(_refusal(error), begun.user)
    except (Later, OutcomeUnknown) as error:
        log.warning("consent not exchanged", error=str(error))
        return Ended(Outcome.SILENT, begun.user)
    if begun.user and begun.user != person.email:
        if credentials.find(consent.wallet.store, person.email) is None:
            # If they are connected, all of their tokens would end with this one.
            _give_back(consent, granted)
        return Ended(Outcome.OTHER, begun.user, chosen=person.email)
    return granted, person


def _refusal(error: Refused) -> Outcome:
    where = error.where
    if where is not None and where.operation == "userinfo":
        return Outcome.NOBODY
    code = where is None or where.reason in {"invalid_grant", None}
    if not code:
        log.warning("consent client refused", error=str(error))
    return Outcome.CODE if code else Outcome.CLIENT


def _give_back(consent: Consent, granted: Granted) -> None:
    """Have what was granted, and is not kept, ended at the server too."""
    try:
        consent.oauth.revoke(granted.refresh or granted.access)
    except LockstepError as error:
        log.warning("unwanted consent not given back", error=str(error))


def _keep(ground: Ground, consent: Consent, granted: Granted, person: Person) -> Ended:
    lacking = missing(granted.scopes)
    if lacking:
        return Ended(Outcome.NARROW, person.email, missing=lacking)
    try:
        kept = credentials.keep(consent.wallet, person.email, person.sub, granted)
    except Forged:
        # They have shown that the address is theirs now: they may have what was kept under it deleted.
        _give_back(consent, granted)
        return Ended(Outcome.TAKEN, person.email, secret=session.begin(ground, person))
    except Revoked:
        # Ended altogether, so that the next consent is a first one: with that a refresh token comes.
        _give_back(consent, granted)
        return Ended(Outcome.BRIEF, person.email)
    except Later as error:
        leaving = error.where is not None and error.where.reason == "leaving"
        return Ended(Outcome.LEAVING if leaving else Outcome.SILENT, person.email)
    secret = session.begin(ground, person)
    try:
        connect(ground, consent, kept)
    except LockstepError as error:
        # The consent stands, and the page shows what is not connected.
        log.warning("calendar not connected yet", error=str(error))
    return Ended(Outcome.CONNECTED, person.email, secret=secret)
