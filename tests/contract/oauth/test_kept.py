"""What the authorization server keeps in the state file, and that equal seeds give equal tokens (contract 14)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from infra.local.calendar.persistence import SqliteState
from tests.contract.calendar_server.desk import ALICE, BOB, read
from tests.contract.oauth.office import (
    BACK,
    EVENTS,
    JWT_BEARER,
    ROBOT,
    Office,
    error,
    pems,
    returned,
)


def test_everything_outlives_the_process(tmp_path: Path) -> None:
    """Clients, consents, codes with their proofs, tokens, service accounts and the signing key; ends stay ended."""
    with closing(SqliteState(tmp_path / "state.db")) as state:
        office = Office(state)
        office.control("clients", clientId="second", clientSecret="s2", redirectUris=[BACK])
        office.control("service-accounts", email=ROBOT, publicKey=pems()[1])
        told, gone = office.tokens(scope=f"openid {EVENTS}"), office.tokens(user=BOB)
        code, used = office.code(), office.code()
        office.exchange(used)
        office.control("tokens", user=BOB)
        keys = office.send("GET", "/oauth2/v3/certs").body
    with closing(SqliteState(tmp_path / "state.db")) as state:
        again = Office(state, seed=2)

        assert again.call(told["access_token"]).status == 200
        assert again.refresh(told["refresh_token"]).status == 200
        assert again.exchange(code).status == 200
        assert error(again.exchange(used))[1] == "invalid_grant"
        assert error(again.refresh(gone["refresh_token"]))[1] == "invalid_grant"
        assert "code" in returned(again.open(login_hint=ALICE, prompt="none"))
        assert again.open(client_id="second", login_hint=ALICE).status == 200
        assert again.send("GET", "/oauth2/v3/certs").body == keys
        unsigned = again.post("/token", {"grant_type": JWT_BEARER, "assertion": "x"})
        assert unsigned.status == 400
        assert again.server.world.book.accounts.get(ROBOT) is not None


def test_equal_seeds_give_equal_tokens() -> None:
    """The clock and the seed decide; another seed gives others."""
    first, second, other = (Office(seed=seed).tokens() for seed in (1, 1, 2))

    assert first == second
    assert first["access_token"] != other["access_token"]


def test_no_token_is_ever_made_twice(tmp_path: Path) -> None:
    """A restart with the same seed draws the same numbers, and yet none of the tokens that were given before."""
    made = []
    for _ in range(3):
        with closing(SqliteState(tmp_path / "state.db")) as state:
            told = Office(state).tokens()
            made += [told["access_token"], told["refresh_token"]]

    assert len(set(made)) == 6


def test_a_reset_forgets_clients_and_tokens(office: Office) -> None:
    """What was registered must be registered again; the development client is always there."""
    told = office.tokens()
    office.control("reset")

    assert office.call(told["access_token"]).status == 401
    assert office.open().status == 401
    assert read(office.refresh(told["refresh_token"]))["error"] == "invalid_client"
