"""Any service that keeps the contract of docs/http-provider.md: one call per write, whose answer is the read-back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from urllib.parse import quote, urlencode, urlsplit

import httpx
import msgspec

from conference.decoding import from_json
from conference.errors import (
    UNDECODABLE,
    Gone,
    Later,
    LockstepError,
    NotOwned,
    OutcomeUnknown,
    Refused,
    Revoked,
    Stale,
    Unsupported,
    Where,
)
from conference.meeting import Meeting, MeetingRef, MeetingSpec, digest
from conference.providers.exchange import TIMEOUT, Answer, Exchange, retry_after, unanswered
from conference.providers.http_wire import MAX_AGENDA, Reader, differing, encode, held, read_list
from conference.providers.protocol import (
    Attendees,
    Capabilities,
    CreateKey,
    Deletion,
    Field,
    Notification,
    Recurrence,
    Schedule,
    Update,
    Written,
)
from conference.providers.signature import read_push

MAX_TITLE = 200
_PAGE = 100
_MAX_PAGES = 10_000
_MAX_ID = 512
_KEY = re.compile(r"[!-~]{1,200}")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")

Secret = str | Callable[[], str]
"""A secret, or what yields it."""

_UPDATABLE = frozenset(Field) - {Field.PASSCODE}


class HttpProvider:
    """A ConferenceProvider, MeetingLister and NotificationReader over HTTP.

    `base_url` is the address above /meetings, `token` the account's API token. `join_hosts`, if given, are the only
    hosts a join URL may name; it is https if `base_url` is. Without `webhook_secret` every push is Forged. Either
    secret may be given as what yields it when it is needed, and raises Later when it cannot.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        token: Secret,
        account: str,
        client: httpx.Client,
        webhook_secret: Secret = "",
        join_hosts: frozenset[str] = frozenset(),
        max_title: int = MAX_TITLE,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> None:
        self._name, self._account = name, account
        self._root = base_url.rstrip("/") + "/meetings"
        self._token = token
        self._exchange = Exchange(client, name, timeout=timeout)
        self._secret = webhook_secret
        # Who is reached in the clear himself (on this machine) may be joined so; nobody else.
        self._reader = Reader(name, account, join_hosts, join_plainly=urlsplit(base_url).scheme == "http")
        self._max_title = max_title

    @property
    def name(self) -> str:
        """The name by which events and links call it."""
        return self._name

    @property
    def account(self) -> str:
        """The account whose token it uses."""
        return self._account

    @property
    def capabilities(self) -> Capabilities:
        """All that a calendar can say, except that the passcode is the vendor's own affair."""
        return Capabilities(
            schedule=Schedule.EXACT,
            update=Update.IN_PLACE,
            recurrence=Recurrence.OCCURRENCES,
            create_key=CreateKey.EXTERNAL_KEY,
            attendees=Attendees.INVITEES,
            conditional_writes=True,
            reports_remote_changes=bool(self._secret),
            updatable=_UPDATABLE,
            max_title=self._max_title,
            max_agenda=MAX_AGENDA,
        )

    def losses(self, spec: MeetingSpec) -> frozenset[Field]:
        """The title or the agenda, where it must be cut."""
        kept = held(spec, self._max_title)
        lost = {Field.TITLE} if kept.title != spec.title else set()
        if kept.agenda != spec.agenda:
            lost.add(Field.AGENDA)
        titles = {one.original_start: one.title for one in kept.exceptions}
        if any(one.slot and titles.get(one.original_start) != (one.title or None) for one in spec.exceptions):
            lost.add(Field.EXCEPTIONS)
        return frozenset(lost)

    def expected_digest(self, spec: MeetingSpec) -> str | None:
        """The `Meeting.digest` of a meeting that holds the spec."""
        return digest(held(spec, self._max_title))

    def create(self, spec: MeetingSpec, *, key: str) -> Written:
        """Make a meeting, or yield the live one made with `key` as it is. Raises as the protocol says."""
        if not _KEY.fullmatch(key):
            raise Unsupported("a creation key has 1 to 200 printable characters", Where(self._name, "create"))
        wanted = held(spec, self._max_title)
        answer = self._call("create", "POST", self._root, {"Idempotency-Key": key}, encode(wanted))
        meeting, stored = self._written("create", answer)
        created = answer.status == 201
        ignored = differing(wanted, stored) if created and stored else frozenset[Field]()
        return Written(meeting, created=created, ignored=ignored)

    def find(self, key: str) -> Meeting | None:
        """The live meeting made with `key`. Raises Later, Revoked, Refused."""
        for meeting in self._page("find", {"key": key})[0]:
            # A service that does not know the question lists everything.
            if meeting.key == key:
                return meeting
        return None

    def get(self, ref: MeetingRef) -> Meeting:
        """What it holds now. Raises Gone, Later, Revoked, Refused."""
        answer = self._call("get", "GET", self._url(ref, "get"))
        meeting, _ = self._read("get", answer, lambda where: Refused("the answer is no meeting", where))
        return meeting

    def update(
        self,
        ref: MeetingRef,
        spec: MeetingSpec,
        *,
        key: str,  # noqa: ARG002 - the meeting keeps the key it was made with
        base: Meeting | None = None,
    ) -> Written:
        """Replace the whole state; with `base`, only if it still is at that version. Raises as the protocol says."""
        _own(ref, Where(self._name, "update"))
        wanted = held(spec, self._max_title)
        condition = {"If-Match": f'"{base.version}"'} if base and base.version else {}
        answer = self._call("update", "PUT", self._url(ref, "update"), condition, encode(wanted))
        meeting, stored = self._written("update", answer)
        return Written(meeting, ignored=differing(wanted, stored) if stored else frozenset())

    def delete(self, ref: MeetingRef) -> Deletion:
        """Delete it; a meeting that is not there is deleted already. Raises as the protocol says."""
        _own(ref, Where(self._name, "delete"))
        try:
            self._call("delete", "DELETE", self._url(ref, "delete"))
        except Gone:
            return Deletion.ALREADY_GONE
        return Deletion.DONE

    def list(self) -> Iterator[Meeting]:
        """Every live meeting of the account, page by page. Raises Later, Revoked, Refused."""
        after = ""
        for _ in range(_MAX_PAGES):
            meetings, following = self._page("list", {"limit": str(_PAGE), **({"after": after} if after else {})})
            yield from meetings
            if following is None:
                return
            if following == after:
                break
            after = following
        raise Refused("the list of meetings does not end", Where(self._name, "list"))

    def read(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notification:
        """Verify a push over its raw bytes. Raises Forged; Later while the secret cannot be had."""
        return read_push(_told(self._secret).encode(), headers, body, now=now)

    # ---- one call ---------------------------------------------------------------------------

    def _url(self, ref: MeetingRef, operation: str) -> str:
        # The id may come from an event, so from anybody: it must not lead to another path.
        if ref.id in {"", ".", ".."} or len(ref.id) > _MAX_ID:
            raise Gone("no meeting can have this id", Where(self._name, operation))
        return f"{self._root}/{quote(ref.id.encode('utf-8', 'replace'), safe='')}"

    def _call(
        self, operation: str, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        ours = {"Authorization": f"Bearer {_told(self._token)}", "Content-Type": "application/json"}
        sent = {**ours, **(headers or {})}
        answer = self._exchange.send(operation, method, url, headers=sent, body=body, writes=method != "GET")
        if not 200 <= answer.status < 300:
            raise _refusal(answer, Where(self._name, operation, answer.status, _code(answer)))
        return answer

    def _written(self, operation: str, answer: Answer) -> tuple[Meeting, MeetingSpec | None]:
        return self._read(operation, answer, lambda where: unanswered(where, writes=True))

    def _read(
        self, operation: str, answer: Answer, otherwise: Callable[[Where], LockstepError]
    ) -> tuple[Meeting, MeetingSpec | None]:
        where = Where(self._name, operation, answer.status)
        try:
            return self._reader.meeting(answer.body, where)
        except UNDECODABLE as error:
            raise otherwise(where) from error

    def _page(self, operation: str, query: Mapping[str, str]) -> tuple[tuple[Meeting, ...], str | None]:
        answer = self._call(operation, "GET", f"{self._root}?{urlencode(query)}")
        where = Where(self._name, operation, answer.status)
        try:
            page = read_list(answer.body)
            return tuple(self._reader.meeting(raw, where)[0] for raw in page.meetings), page.next
        except UNDECODABLE as error:
            raise Refused("the answer is no list of meetings", where) from error


def _own(ref: MeetingRef, where: Where) -> None:
    if not ref.owned:
        raise NotOwned("the meeting is not ours to change", where)


_DEFINITE: dict[int, tuple[type[LockstepError], str]] = {
    401: (Revoked, "the provider does not accept the API token"),
    403: (Revoked, "the provider's account may not do this"),
    412: (Stale, "the meeting has changed at the provider"),
}
_BUSY = frozenset({408, 409, 423, 425, 429})
_LOOKED_AT = frozenset({"create", "update"})  # a delete is just repeated
_ABOUT_ONE = frozenset({"get", "update", "delete"})


def _refusal(answer: Answer, where: Where) -> LockstepError:
    """The error that a status means; the body only lends its code, since it may be a proxy's page."""
    status = answer.status
    if status in _DEFINITE:
        error, message = _DEFINITE[status]
        return error(message, where)
    if status in {404, 410} and where.operation in _ABOUT_ONE:
        return Gone("the meeting is no more", where)
    if status >= 500 and where.operation in _LOOKED_AT:
        return OutcomeUnknown("the provider failed while writing", where)
    if status in _BUSY or status >= 500:
        return Later("the provider is busy or failing", where, retry_after(answer.headers))
    return Refused("the provider refuses", where)


def _told(secret: Secret) -> str:
    return secret if isinstance(secret, str) else secret()


class _Error(msgspec.Struct):
    code: str = ""


class _Failure(msgspec.Struct):
    error: _Error


_read_failure = from_json(_Failure)


def _code(answer: Answer) -> str | None:
    try:
        code = _read_failure(answer.body).error.code
    except UNDECODABLE:
        return None
    # Nothing but a code: a message may quote what people wrote.
    return code if _CODE.fullmatch(code) else None
