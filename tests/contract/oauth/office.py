"""The Calendar server's authorization side, as a browser, a client's backend and Google's own libraries meet it."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from html import unescape
from random import Random
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import google.auth.transport
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from requests.adapters import BaseAdapter

from infra.local.calendar.messages import Request, Response
from infra.local.calendar.persistence import State
from infra.local.calendar.server import CalendarServer
from tests.contract.calendar_server.desk import ALICE, START, read

CLIENT, SECRET, BACK = (
    "web.apps.googleusercontent.com",
    "web-secret",
    "https://app.example.com/oauth/callback?from=google",
)
PREFIX = "https://www.googleapis.com/auth/"
EVENTS, LISTS = f"{PREFIX}calendar.events", f"{PREFIX}calendar.calendarlist.readonly"
EMAIL = f"{PREFIX}userinfo.email"
VERIFIER = "a-verifier-of-forty-three-letters-or-more-_~."
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ROBOT = "robot@project.iam.gserviceaccount.com"


class Office:
    """One server with one registered web client, and its clock."""

    def __init__(self, state: State | None = None, seed: int = 1, now: datetime = START) -> None:
        self.now = now
        self.server = CalendarServer(lambda: self.now, Random(seed), state, new_key=lambda: pems()[0])  # noqa: S311 - seeded on purpose
        self.control("clients", clientId=CLIENT, clientSecret=SECRET, redirectUris=[BACK], name="Planner")

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def control(self, route: str, **body: Any) -> dict[str, Any]:
        """Post to a control route, which must accept it."""
        answer = self.send("POST", f"/control/{route}", body=json.dumps(body).encode())
        assert answer.status == 200, answer.body
        return read(answer)

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """One request as it is."""
        parsed = {name: [value] for name, value in (query or {}).items()}
        return self.server.handle(Request(method, path, parsed, headers or {}, body))

    def post(self, path: str, form: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
        """Post a form."""
        return self.send("POST", path, body=urlencode(form, doseq=True).encode(), headers=headers)

    # ---- a browser

    def open(self, **changes: str | None) -> Response:
        """Go where a client sends the user; None leaves a parameter out."""
        return self.send("GET", "/o/oauth2/v2/auth", asked(**changes))

    def answer(self, *grant: str, decision: str = "allow", user: str = ALICE, **changes: str | None) -> Response:
        """Press a button on the consent page, with these boxes ticked."""
        form = {**asked(**changes), "account": user, "decision": decision, "grant": list(grant)}
        return self.post("/o/oauth2/v2/auth", form=form)

    def code(self, *grant: str, **changes: Any) -> str:
        """A code for what the user allows."""
        return returned(self.answer(*grant, **changes))["code"]

    # ---- a client's backend

    def exchange(self, given: str, /, **changes: str | None) -> Response:
        """Ask for tokens in exchange for a code."""
        form = {"grant_type": "authorization_code", "code": given, "redirect_uri": BACK, **changes}
        return self.token(**form)

    def token(self, **form: str | None) -> Response:
        """Ask the token endpoint, as the registered client."""
        whole = {"client_id": CLIENT, "client_secret": SECRET, **form}
        return self.post("/token", form={name: value for name, value in whole.items() if value is not None})

    def tokens(self, *grant: str, **changes: Any) -> dict[str, Any]:
        """What a user's consent with offline access yields."""
        return read(self.exchange(self.code(*grant, **{"access_type": "offline", **changes})))

    def refresh(self, text: str, **changes: str | None) -> Response:
        """Ask for another access token."""
        return self.token(grant_type="refresh_token", refresh_token=text, **changes)

    def bearer(self, scope: str, user: str = ALICE) -> dict[str, str]:
        """The header with an access token of just this scope."""
        return {"authorization": f"Bearer {self.tokens(scope=scope, user=user)['access_token']}"}

    def call(self, token: str, path: str = "/calendar/v3/calendars/primary/events") -> Response:
        """Read from the API with an access token."""
        return self.send("GET", path, headers={"authorization": f"Bearer {token}"})


def asked(**changes: str | None) -> dict[str, str]:
    """What the registered client asks for."""
    usual = {"client_id": CLIENT, "redirect_uri": BACK, "response_type": "code", "scope": EVENTS, "state": "s&1"}
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def returned(answer: Response) -> dict[str, str]:
    """What goes back to the client with the user."""
    assert answer.status == 302, answer.body
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def shown(answer: Response) -> str:
    """The page's text, without markup."""
    assert answer.headers["content-type"].startswith("text/html")
    text = re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", answer.body.decode(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def error(answer: Response) -> tuple[int, str, str]:
    """Status, error and description of a refusal."""
    told = read(answer)
    return answer.status, told["error"], told["error_description"]


def challenge(verifier: str = VERIFIER) -> str:
    """The S256 challenge to a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


@functools.cache
def pems() -> tuple[str, str]:
    """A private RSA key and its public half, the same for every test of a process: making one takes a while."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


class GoogleTransport(google.auth.transport.Request):
    """What google-auth sends its requests through: here they end in the server, whichever host they name."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def __call__(
        self, url: str, method: str = "GET", body: Any = None, headers: Any = None, timeout: Any = None, **_: Any
    ) -> Any:
        """One exchange."""
        prepared = requests.Request(method, url, headers or {}, data=body or b"").prepare()
        answer = _served(self._office, prepared)
        del timeout  # nothing here takes time
        return _Answer(answer.status, dict(answer.headers), answer.body)


class _Answer(google.auth.transport.Response):
    def __init__(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self._told = status, headers, data

    status = property(lambda self: self._told[0])
    headers = property(lambda self: self._told[1])
    data = property(lambda self: self._told[2])


class RequestsAdapter(BaseAdapter):
    """What a requests session sends through: here every host is the server."""

    def __init__(self, office: Office) -> None:
        super().__init__()
        self._office = office

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """One exchange."""
        answer = _served(self._office, request)
        response = requests.Response()
        response.status_code = answer.status
        response.headers.update(answer.headers)
        response._content = answer.body  # noqa: SLF001 - how requests' own adapters hand over a body that is there
        response.request = request
        response.url = request.url or ""
        return response

    def close(self) -> None:
        """Nothing is open."""


def _served(office: Office, request: requests.PreparedRequest) -> Response:
    parts = urlsplit(request.url or "")
    body = request.body.encode() if isinstance(request.body, str) else request.body or b""
    assert isinstance(body, bytes)
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    query = parse_qs(parts.query, keep_blank_values=True)
    return office.server.handle(Request(request.method or "", unquote(parts.path), query, headers, body))


def wall_clock() -> datetime:
    """The present, for Google's libraries, which ask nobody else."""
    return datetime.now(UTC)
