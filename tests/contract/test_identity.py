"""The contract of functions.ports.Identity, with the keys at hand and with the keys fetched over HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conference.errors import Forged
from functions.ports import Identity
from infra.google.identity import TokenIdentity
from infra.google.keys import JwksOverHttp
from infra.local.issuer import LocalIssuer, ServiceAccount, new_key
from infra.local.memory import ManualClock
from tests.contract.grounds import NOON

URL = "https://issuer.example"
AUDIENCE = "https://functions.example/sync_calendar"
ACCOUNT = "tasks@project.iam.example"
KEY = new_key()
OTHER_KEY = new_key()


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at noon."""
    return ManualClock(NOON)


@pytest.fixture
def issuer(clock: ManualClock) -> LocalIssuer:
    """Who signs."""
    return LocalIssuer(KEY, URL, clock)


def _at_hand(issuer: LocalIssuer, clock: ManualClock, _client: httpx.Client) -> Identity:
    return TokenIdentity(URL, issuer.jwks, clock)


def _over_http(_issuer: LocalIssuer, clock: ManualClock, client: httpx.Client) -> Identity:
    keys = JwksOverHttp("https://issuer.example/certs", client, clock)
    return TokenIdentity([URL, "issuer.example"], keys.keys, clock, newer=keys.newer)


@pytest.fixture(params=[_at_hand, _over_http])
def identity(request: pytest.FixtureRequest, issuer: LocalIssuer, clock: ManualClock) -> Iterator[Identity]:
    """Who checks, each way of having the keys in turn."""
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json=issuer.jwks()))
    with httpx.Client(transport=transport) as client:
        make: Callable[[LocalIssuer, ManualClock, httpx.Client], Identity] = request.param
        yield make(issuer, clock, client)


def accepts(identity: Identity, token: str, audience: str = AUDIENCE, account: str = ACCOUNT) -> bool:
    """Whether the token is let in; whatever else than Forged is raised is the test's failure."""
    try:
        identity.check(token, audience=audience, account=account)
    except Forged as error:
        if token and token in str(error):
            raise ValueError("an error tells the token") from error
        return False
    return True


def claims(**changed: Any) -> dict[str, Any]:
    """What a good token says, but for the changes; what is changed to `...` is left out."""
    now = int(NOON.timestamp())
    good = {
        "iss": URL,
        "aud": AUDIENCE,
        "email": ACCOUNT,
        "email_verified": True,
        "sub": "1",
        "iat": now,
        "exp": now + 3600,
    }
    return {name: value for name, value in {**good, **changed}.items() if value is not ...}


def signed(issuer: LocalIssuer, said: dict[str, Any], key: rsa.RSAPrivateKey = KEY, **header: Any) -> str:
    """A token signed with the issuer's key or another one, under the issuer's key id unless the header says other."""
    head = {"kid": issuer.jwks()["keys"][0]["kid"], **header}
    text = [_part({"typ": "JWT", "alg": "RS256", **{k: v for k, v in head.items() if v is not ...}}), _part(said)]
    signature = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(".".join(text).encode(), key)
    return ".".join([*text, _text(signature)])


def _part(said: dict[str, Any]) -> str:
    return _text(json.dumps(said).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_token_of_the_issuer_is_accepted(identity: Identity, issuer: LocalIssuer) -> None:
    """For its audience and of its account it is let in, again and again."""
    token = issuer.mint(AUDIENCE, ACCOUNT)

    assert [accepts(identity, token), accepts(identity, token)] == [True, True]


def test_a_token_says_what_googles_say(issuer: LocalIssuer) -> None:
    """Its claims and header have the names and types of a Google ID token of a service account."""
    token = issuer.mint(AUDIENCE, ACCOUNT, life=60)

    said = jwt.decode(token, options={"verify_signature": False})
    assert said.pop("sub").isdecimal()
    now = int(NOON.timestamp())
    assert said == {
        "iss": URL,
        "aud": AUDIENCE,
        "azp": ACCOUNT,
        "email": ACCOUNT,
        "email_verified": True,
        "iat": now,
        "exp": now + 60,
    }
    assert jwt.get_unverified_header(token) == {"typ": "JWT", "alg": "RS256", "kid": issuer.jwks()["keys"][0]["kid"]}


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://evil.example"},
        {"iss": "h"},
        {"iss": [URL]},
        {"iss": ...},
        {"aud": AUDIENCE + "/"},
        {"aud": [AUDIENCE]},
        {"aud": ...},
        {"email": "other@project.iam.example"},
        {"email": ACCOUNT.upper()},
        {"email": ...},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": 1},
        {"email_verified": ...},
        {"exp": ...},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": None},
        {"exp": float("nan")},
        {"exp": int(NOON.timestamp()) - 60},
        {"iat": ...},
        {"iat": int(NOON.timestamp()) + 61},
        {"iat": "1"},
        {"nbf": int(NOON.timestamp()) + 61},
        {"nbf": {}},
    ],
)
def test_a_signed_token_with_a_wrong_claim_is_forged(
    identity: Identity, issuer: LocalIssuer, changed: dict[str, Any]
) -> None:
    """The signature alone opens nothing: every claim must be there, of its type, and right."""
    assert accepts(identity, signed(issuer, claims()))

    assert not accepts(identity, signed(issuer, claims(**changed)))


@pytest.mark.parametrize(
    "header", [{"kid": "other"}, {"kid": ...}, {"kid": 7}, {"alg": "RS512"}, {"alg": "RS256 "}, {"crit": ["x"]}]
)
def test_a_signed_token_with_a_wrong_header_is_forged(
    identity: Identity, issuer: LocalIssuer, header: dict[str, Any]
) -> None:
    """The header must name a key of the issuer and the one algorithm there is."""
    assert not accepts(identity, signed(issuer, claims(), **header))


def test_a_token_signed_with_another_key_is_forged(identity: Identity, issuer: LocalIssuer, clock: ManualClock) -> None:
    """Neither another issuer's key nor another key under this issuer's key id is accepted."""
    stranger = LocalIssuer(OTHER_KEY, URL, clock)

    assert not accepts(identity, stranger.mint(AUDIENCE, ACCOUNT))
    assert not accepts(identity, signed(issuer, claims(), OTHER_KEY))


def test_a_token_without_signature_is_forged(identity: Identity, issuer: LocalIssuer) -> None:
    """Neither `none` nor an HMAC under the public key, the two classic tricks, opens anything."""
    kid = issuer.jwks()["keys"][0]["kid"]
    public = jwt.PyJWK(issuer.jwks()["keys"][0]).key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    text = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': kid})}.{_part(claims())}"
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(text.encode(), public)

    for token in (
        f"{text}.{_text(mac)}",
        f"{_part({'alg': 'none', 'kid': kid})}.{_part(claims())}.",
        issuer.mint(AUDIENCE, ACCOUNT).rpartition(".")[0] + ".",
        issuer.mint(AUDIENCE, ACCOUNT).rpartition(".")[0],
    ):
        assert not accepts(identity, token)


def test_a_token_is_judged_by_the_clock(identity: Identity, issuer: LocalIssuer, clock: ManualClock) -> None:
    """It is good from a minute before it was signed until a minute after its end, by the port's time alone."""
    token = issuer.mint(AUDIENCE, ACCOUNT)
    seen = []
    for seconds in (-61, -60, 0, 3600, 3659, 3660):
        clock.set(NOON + timedelta(seconds=seconds))
        seen.append(accepts(identity, token))

    assert seen == [False, True, True, True, True, False]


@pytest.mark.parametrize("token", ["", ".", "..", "...", "a.b.c", "Bearer x", "\ud800", "é.é.é", "a" * 100_000])
def test_what_is_no_token_is_forged(identity: Identity, token: str) -> None:
    """Nothing but Forged comes of it."""
    assert not accepts(identity, token)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_token_altered_anywhere_is_forged(identity: Identity, issuer: LocalIssuer, data: st.DataObject) -> None:
    """Whatever bytes are put in place of a piece of a good token, it is Forged or still says the very same."""
    token = issuer.mint(AUDIENCE, ACCOUNT)
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, min(len(token), start + 40)))
    altered = token[:start] + data.draw(st.text(max_size=40)) + token[end:]

    assert not accepts(identity, altered) or altered == token


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    head=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "x5c"]), json_values),
    said=json_values,
)
def test_any_header_and_claims_end_in_forged(
    identity: Identity, issuer: LocalIssuer, head: dict[str, Any], said: Any
) -> None:
    """A token properly signed by the issuer over whatever JSON is refused without another error."""
    assert not accepts(identity, signed(issuer, said, **head))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(parts=st.lists(st.binary(max_size=60), min_size=1, max_size=5))
def test_any_bytes_end_in_forged(identity: Identity, parts: list[bytes]) -> None:
    """Random parts, each rightly encoded, are refused without another error."""
    assert not accepts(identity, ".".join(map(_text, parts)))


# ---- The keys over HTTP -------------------------------------------------------------------------


class Certs:
    """The issuer's address for its keys: answers with what it is set to, and counts."""

    def __init__(self, *keys: rsa.RSAPrivateKey) -> None:
        self.asked = 0
        self.answer = self.keys(*keys)

    def keys(self, *keys: rsa.RSAPrivateKey) -> httpx.Response:
        """An answer with the public keys of these."""
        issuers = [LocalIssuer(key, URL, ManualClock(NOON)) for key in keys]
        return httpx.Response(200, json={"keys": [public for issuer in issuers for public in issuer.jwks()["keys"]]})

    def serve(self, _request: httpx.Request) -> httpx.Response:
        """Answer; 599 stands for nobody there."""
        self.asked += 1
        if self.answer.status_code == 599:
            raise httpx.ConnectError("nobody there")
        return httpx.Response(self.answer.status_code, content=self.answer.content)


def over_http(certs: Certs, clock: ManualClock) -> Identity:
    """An identity whose keys come from there."""
    client = httpx.Client(transport=httpx.MockTransport(certs.serve))
    keys = JwksOverHttp("https://issuer.example/certs", client, clock)
    return TokenIdentity(URL, keys.keys, clock, newer=keys.newer)


def test_keys_are_fetched_once_an_hour(clock: ManualClock) -> None:
    """A thousand checks cost one fetch; an hour later there is another."""
    certs = Certs(KEY)
    identity, issuer = over_http(certs, clock), LocalIssuer(KEY, URL, clock)
    token = issuer.mint(AUDIENCE, ACCOUNT)
    assert all(accepts(identity, token) for _ in range(20))
    assert certs.asked == 1

    clock.advance(timedelta(hours=1))

    assert accepts(identity, token)
    assert certs.asked == 2


def test_a_new_key_is_fetched_when_first_seen(clock: ManualClock) -> None:
    """The issuer may change its key at any time; the old one is refused once it is no longer published."""
    certs = Certs(KEY)
    identity = over_http(certs, clock)
    old, new = (LocalIssuer(key, URL, clock).mint(AUDIENCE, ACCOUNT) for key in (KEY, OTHER_KEY))
    assert accepts(identity, old)
    certs.answer = certs.keys(OTHER_KEY)
    clock.advance(timedelta(minutes=2))

    assert [accepts(identity, new), accepts(identity, old)] == [True, False]


def test_unknown_keys_cause_one_fetch_a_minute(clock: ManualClock) -> None:
    """Strangers who invent key ids cannot make us flood the issuer."""
    certs = Certs(KEY)
    identity = over_http(certs, clock)
    stranger = LocalIssuer(OTHER_KEY, URL, clock).mint(AUDIENCE, ACCOUNT)
    for _ in range(50):
        assert not accepts(identity, stranger)
    assert certs.asked == 1

    clock.advance(timedelta(minutes=1))
    for _ in range(50):
        assert not accepts(identity, stranger)

    assert certs.asked == 2


def test_an_issuer_out_of_order_is_asked_once_a_minute(clock: ManualClock) -> None:
    """However many tokens come in meanwhile, good or bad."""
    certs = Certs(KEY)
    certs.answer = httpx.Response(500)
    identity, token = over_http(certs, clock), LocalIssuer(KEY, URL, clock).mint(AUDIENCE, ACCOUNT)
    assert not any(accepts(identity, token) for _ in range(20))
    assert certs.asked == 1

    clock.advance(timedelta(minutes=1))
    assert not any(accepts(identity, token) for _ in range(20))

    assert certs.asked == 2


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(599),
        httpx.Response(302, headers={"location": "https://evil.example"}),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"other": []}),
        httpx.Response(200, json={"keys": [1]}),
        httpx.Response(200, content=b'{"keys": [' + b" " * 70_000 + b"]}"),
    ],
)
def test_the_last_keys_serve_while_there_are_no_new_ones(clock: ManualClock, answer: httpx.Response) -> None:
    """An issuer out of order is outlasted for a day, not longer; from the start it opens nothing."""
    certs = Certs(KEY)
    identity, issuer = over_http(certs, clock), LocalIssuer(KEY, URL, clock)
    assert accepts(identity, issuer.mint(AUDIENCE, ACCOUNT))
    certs.answer = answer
    seen = []
    for wait in (timedelta(hours=23, minutes=59), timedelta(minutes=1)):
        clock.advance(wait)
        seen.append(accepts(identity, issuer.mint(AUDIENCE, ACCOUNT)))

    assert seen == [True, False]
    assert not accepts(over_http(certs, clock), issuer.mint(AUDIENCE, ACCOUNT))
    certs.answer = certs.keys(KEY)
    clock.advance(timedelta(minutes=1))
    assert accepts(identity, issuer.mint(AUDIENCE, ACCOUNT))


def test_a_service_account_signs_anew_near_the_end(clock: ManualClock, issuer: LocalIssuer) -> None:
    """A token is shown again until five minutes before its end, and never one that would not be accepted."""
    caller = ServiceAccount(issuer, clock, account=ACCOUNT)
    identity = TokenIdentity(URL, issuer.jwks, clock)
    tokens = []
    for at in (0, 54, 56, 24 * 60, -60):
        clock.set(NOON + timedelta(minutes=at))
        tokens.append(caller.bearer(AUDIENCE))
        assert accepts(identity, tokens[-1])

    assert tokens[0] == tokens[1]
    assert len(set(tokens)) == 4


def test_a_folder_keeps_the_issuers_key(clock: ManualClock, tmp_path: Path) -> None:
    """A token signed before a restart is good after it, and only the owner can read the key."""
    token = LocalIssuer.from_folder(tmp_path / "state", URL, clock).mint(AUDIENCE, ACCOUNT)
    again = LocalIssuer.from_folder(tmp_path / "state", URL, clock)

    assert accepts(TokenIdentity(URL, again.jwks, clock), token)
    assert [(file.name, file.stat().st_mode & 0o777) for file in (tmp_path / "state").iterdir()] == [
        ("issuer.pem", 0o600)
    ]


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_an_issuer_needs_a_key(clock: ManualClock, tmp_path: Path, content: bytes) -> None:
    """A damaged key file is a clear error at the start, and is left as it is."""
    (tmp_path / "issuer.pem").write_bytes(content)

    with pytest.raises(ValueError, match=r".+"):
        LocalIssuer.from_folder(tmp_path, URL, clock)

    assert (tmp_path / "issuer.pem").read_bytes() == content
