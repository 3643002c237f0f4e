"""The consent pages: which path leads where, and what each shows.

Only forms change anything. Whoever has shown at the authorization server who they are is known for an hour; nobody else
can have an account checked or disconnected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import msgspec
import structlog
from flask import Request, Response

from conference.errors import Gone, LockstepError, Refused
from functions import credentials
from functions.consent import browser, causes, granting, leaving, session, state
from functions.consent.causes import Act, cause_of
from functions.consent.check import check
from functions.consent.connecting import feeds_of
from functions.consent.granting import Ended, Outcome
from functions.consent.offer import Consent
from functions.consent.page import FILES, closed, file, page
from functions.consent.session import Session
from functions.consent.words import Told, told
from functions.credentials import User
from functions.feed import Feed
from functions.ground import Ground
from functions.http.answers import Refusal, data_of
from functions.initialise import initialise
from functions.script.errors import CalendarApiError

FORM_BYTES = 4096
QUERY_BYTES = 8192
_OURS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_CALENDAR = re.compile(r"(?!primary$)[^\s/<>\"]{3,320}")
_FEED = re.compile(r"[0-9a-f]{20}")
_ADDRESS = re.compile(r"[^\s@/<>\"]{1,64}@[^\s@/<>\"]{1,255}")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a browser; `secret` is what it holds, `known` who has shown themselves in it."""

    ground: Ground
    consent: Consent
    request: Request
    secret: str = field(repr=False)
    known: Session | None

    def show(self, template: str, status: int = 200, *, secret: str = "", **shown: object) -> Response:
        """A page, for a browser that holds a secret from now on at the latest."""
        held = secret or self.secret or self.ground.new_secret()
        common = {"service": self.consent.name, "pages": self.consent.pages, "token": browser.form_token(held)}
        return browser.hold(page(template, status, **common, **shown), self.consent, held)


def serve(ground: Ground, consent: Consent, request: Request) -> Response:
    """The answer to a browser. Raises Refusal for what does not belong here."""
    path = _path(request)
    forms, views = _FORMS.get(path), _VIEWS.get(path)
    if request.method != "POST" and (request.content_length or request.headers.get("Transfer-Encoding")):
        raise Refusal(413, "a page is asked for without a body")
    if path in FILES and request.method in {"GET", "HEAD"}:
        return file(path)
    if views is None and forms is None:
        raise Refusal(404, "there is nothing at this path")
    # What a person comes back with is good once, and a look ahead would use it up.
    reading = {"GET"} if path == "callback" else {"GET", "HEAD"}
    if request.method not in {*(reading if views else ()), *(["POST"] if forms else [])}:
        raise Refusal(405, "this page is not asked for like that")
    if _is_elsewhere(request, consent):
        # The authorization server sends people back to one name, and cookies are kept by name.
        return closed(Response(status=302, headers={"Location": f"{consent.pages}/{path}".rstrip("/")}))
    secret = browser.secret_of(request)
    try:
        visit = Visit(ground, consent, request, secret, session.find(ground, secret))
        if request.method != "POST":
            return (views or _home)(visit)
        _check_body(request)
        browser.check_form(request, consent, secret)
        return (forms or _home)(visit)
    except LockstepError as error:
        log.warning("consent page cannot answer", error=str(error))
        unsaid: Session | None = None
        return Visit(ground, consent, request, secret, unsaid).show("problem.html", 503, told=_LATER)


def _path(request: Request) -> str:
    path = request.path.strip("/")
    return path.removeprefix("consent").strip("/") if re.match(r"consent(/|$)", path) else path


def _is_elsewhere(request: Request, consent: Consent) -> bool:
    """True if this machine is asked by another name of its own than the one that people are sent back to."""
    here, asked = urlsplit(consent.address), request.headers.get("Host", "")
    return here.hostname in _OURS and asked != here.netloc and asked.rpartition(":")[0] in _OURS


def _check_body(request: Request) -> None:
    """Return if it is a form of our size, read. Raises Refusal."""
    if request.content_length is None:
        raise Refusal(411, "a request must say how long it is")
    if request.content_length > FORM_BYTES:
        raise Refusal(413, f"a form may have at most {FORM_BYTES} bytes here")
    if request.mimetype != "application/x-www-form-urlencoded":
        raise Refusal(415, "forms are sent as application/x-www-form-urlencoded")
    data_of(request)


# ---- what is shown ----------------------------------------------------------------------------


def _home(visit: Visit) -> Response:
    if visit.known is None:
        return visit.show("welcome.html", account="")
    return _account(visit, visit.known)


def _account(visit: Visit, known: Session, status: int = 200, says: str = "", calendar: str = "") -> Response:
    followed = [_line(name, feed, known.user) for name, feed in feeds_of(visit.ground, known.user)]
    return visit.show(
        "account.html",
        status,
        user=known.user,
        standing=_standing(visit, known),
        followed=followed,
        says=says,
        calendar=calendar,
    )


def _standing(visit: Visit, known: Session) -> str:
    found = credentials.find(visit.ground.store, known.user)
    return _state(found[1] if found else None, known)


def _state(kept: User | None, known: Session) -> str:
    if kept is None:
        return "none"
    if kept.leaving:
        return "leaving"
    if kept.sub != known.sub:
        return "taken"
    return "ended" if kept.sealed is None else "connected"


class _Line(msgspec.Struct, frozen=True):
    feed: str
    calendar: str
    state: str
    says: str


def _line(name: str, feed: Feed, user: str) -> _Line:
    called = "Your calendar" if feed.calendar == user else feed.calendar
    if feed.stopped:
        return _Line(name, called, "stopped", f"stopped: {feed.trouble or 'a person must act'}")
    if feed.token is None:
        return _Line(name, called, "early", "being connected")
    return _Line(name, called, "early" if feed.trouble else "open", feed.trouble or "followed")


def _callback(visit: Visit) -> Response:
    ended = granting.come_back(visit.ground, visit.consent, visit.secret, _query(visit.request))
    if ended.outcome in {Outcome.CONNECTED, Outcome.SIGNED_IN}:
        # Away from the address that holds the code: it must not be loaded again.
        gone = closed(Response(status=303, headers={"Location": visit.consent.pages}))
        return browser.hold(gone, visit.consent, ended.secret)
    return _problem(visit, ended)


def _problem(visit: Visit, ended: Ended) -> Response:
    says = told(ended)
    return visit.show("problem.html", says.status, secret=ended.secret, told=says, known=bool(ended.secret))


def _query(request: Request) -> Mapping[str, str]:
    """The parameters that stand there once; others count as missing. Raises Refusal(414)."""
    raw = request.query_string
    if len(raw) > QUERY_BYTES:
        raise Refusal(414, "the address is too long")
    try:
        parsed = parse_qs(raw.decode("ascii"), keep_blank_values=True, max_num_fields=40, errors="strict")
    except ValueError:
        return {}
    return {name: values[0] for name, values in parsed.items() if len(values) == 1}


def _confirm(visit: Visit) -> Response:
    if visit.known is None:
        return _unknown(visit)
    return visit.show("disconnect.html", user=visit.known.user)


def _unknown(visit: Visit) -> Response:
    return visit.show("welcome.html", 403, account="", says="Show first whose account it is.")


# ---- what is done -----------------------------------------------------------------------------


def _start(visit: Visit) -> Response:
    account = visit.request.form.get("account", "").strip().casefold()
    purpose: state.Purpose = "sign-in" if visit.request.form.get("purpose") == "sign-in" else "connect"
    if (account and not _ADDRESS.fullmatch(account)) or not account.isprintable():
        return visit.show("welcome.html", 400, account=account[:320], says="That is no e-mail address.")
    address = granting.start(visit.ground, visit.consent, visit.secret, purpose, account)
    # A page that goes on by itself, and no redirect: browsers hold a form's redirects to form-action, and the
    # authorization server may lead on to an organisation's own.
    return visit.show("going.html", address=address)


def _check(visit: Visit) -> Response:
    programs = visit.request.accept_mimetypes.best == "application/json"
    if visit.known is None:
        return _json({"error": "sign in first"}, 403) if programs else _unknown(visit)
    if _standing(visit, visit.known) == "taken":
        return _json({"error": causes.TAKEN.name}, 409) if programs else _account(visit, visit.known, 409)
    checked = check(visit.ground, visit.consent, visit.known.user)
    if programs:
        return _json(msgspec.to_builtins(checked))
    return visit.show("checked.html", checked=checked)


def _follow(visit: Visit) -> Response:
    """Follow another calendar: one that is shared with them, by its address or id."""
    known, calendar = visit.known, visit.request.form.get("calendar", "").strip()
    if known is None:
        return _unknown(visit)
    if _standing(visit, known) != "connected":
        return _account(visit, known, 409)
    if not _CALENDAR.fullmatch(calendar):
        return _account(visit, known, 400, "That is no calendar's address.", calendar[:320])
    before = len(feeds_of(visit.ground, known.user))
    try:
        initialise(visit.ground, known.user, calendar)
    except (LockstepError, CalendarApiError) as error:
        cause = cause_of(error)
        log.warning("calendar not followed", cause=cause.name)
        if cause.act is Act.WAIT and len(feeds_of(visit.ground, known.user)) > before:
            # It is noted, so that it goes on by itself; the page shows how far it is.
            return _home_again(visit)
        # Before that nobody tries it again but the person.
        todo = "Try again later." if cause.act is Act.WAIT else cause.todo
        return _account(visit, known, 409, f"It is not followed: {cause.says} {todo}", calendar)
    return _home_again(visit)


def _unfollow(visit: Visit) -> Response:
    """Follow a calendar no more."""
    known, feed = visit.known, visit.request.form.get("feed", "")
    if known is None:
        return _unknown(visit)
    if _standing(visit, known) == "taken":
        return _account(visit, known, 409)
    try:
        leaving.stop_following(visit.ground, known.user, feed if _FEED.fullmatch(feed) else "none")
    except Gone:
        return _home_again(visit)
    except Refused:
        return _account(visit, known, 409, "A script's triggers follow this calendar: they must be deleted first.")
    return _home_again(visit)


def _home_again(visit: Visit) -> Response:
    return closed(Response(status=303, headers={"Location": visit.consent.pages}))


def _disconnect(visit: Visit) -> Response:
    if visit.known is None:
        return _unknown(visit)
    done = leaving.leave(visit.ground, visit.consent, visit.known.user, visit.known.sub)
    answer = visit.show("left.html", user=visit.known.user, done=done)
    return browser.hold(answer, visit.consent, "")


def _sign_out(visit: Visit) -> Response:
    session.end(visit.ground, visit.secret)
    gone = closed(Response(status=303, headers={"Location": visit.consent.pages}))
    return browser.hold(gone, visit.consent, "")


def _json(value: object, status: int = 200) -> Response:
    return closed(Response(msgspec.json.encode(value), status=status, content_type="application/json"))


_LATER = Told(503, "Not just now", "This deployment cannot reach what it keeps.", "Try again in a moment.")

_VIEWS: dict[str, Callable[[Visit], Response]] = {
    "": _home,
    "callback": _callback,
    "check": _home,
    "disconnect": _confirm,
}
_FORMS: dict[str, Callable[[Visit], Response]] = {
    "start": _start,
    "check": _check,
    "follow": _follow,
    "unfollow": _unfollow,
    "disconnect": _disconnect,
    "sign-out": _sign_out,
}
