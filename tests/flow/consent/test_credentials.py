"""The credentials of users who consented: given while they are good, renewed by one at a time, ended once."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import structlog
from google.auth.transport import Request

from conference.errors import Conflict, Forged, Later, OutcomeUnknown, Revoked
from functions import credentials
from functions.credentials import Wallet, access, keep
from functions.ports import Asking, Delete, Document, Put
from infra.google.credentials import DevCredentials, StoredCredential, StoredCredentials
from infra.local.memory import ManualClock, MemoryStore
from infra.local.memory_oauth import MemoryOAuth, subject
from infra.local.vault import LocalVault
from tests.contract.oauth.office import VERIFIER, challenge
from tests.world import ALICE, START

BOB = "bob@example.com"


class Bench:
    """A wallet over the server in memory, which gives a new refresh token each time."""

    def __init__(self, *, rotating: bool = True) -> None:
        self.clock = ManualClock(START)
        self.store: Any = MemoryStore(self.clock)
        self.oauth = MemoryOAuth(self.clock, rotating=rotating)
        self.vault = LocalVault(b"v" * 32)

    @property
    def wallet(self) -> Wallet:
        """As a worker has it."""
        return Wallet(self.store, self.vault, self.clock, self.oauth)

    def consent(self, user: str = ALICE, sub: str | None = None) -> None:
        """The user consents, and it is kept."""
        asking = Asking(("a", "b"), "s", challenge(), "http://here", user)
        back = self.oauth.consent(self.oauth.address(asking), user, sub=sub)
        granted = self.oauth.exchange(back["code"], verifier=VERIFIER, redirect="http://here")
        keep(self.wallet, user, sub or subject(user), granted)

    def kept(self, user: str = ALICE) -> credentials.User:
        """What is kept of the user."""
        found = credentials.find(self.store, user)
        assert found is not None
        return found[1]


@pytest.fixture
def bench() -> Bench:
    """Alice has consented."""
    made = Bench()
    made.consent()
    return made


def test_the_granted_token_is_given_while_it_lasts(bench: Bench) -> None:
    """Nothing is asked until shortly before its end; then there is another one."""
    first = access(bench.wallet, ALICE)
    bench.clock.advance(timedelta(minutes=50))
    again = access(bench.wallet, ALICE)
    bench.clock.advance(timedelta(minutes=6))
    renewed = access(bench.wallet, ALICE)

    assert (again, bench.oauth.asked.count("refresh")) == (first, 1)
    assert renewed.token != first.token
    assert renewed.expires - bench.clock.now() > timedelta(minutes=50)


def test_rotation_is_followed_for_ever(bench: Bench) -> None:
    """Each renewal keeps the refresh token that came with it: a hundred hours on, the consent stands."""
    tokens = set()
    for _ in range(100):
        bench.clock.advance(timedelta(hours=1))
        tokens.add(access(bench.wallet, ALICE).token)

    assert len(tokens) == 100
    assert bench.kept().ended_at is None


def test_a_refused_token_is_never_given_again(bench: Bench) -> None:
    """Whoever was refused with a token gets another one, however long it would have lasted."""
    first = access(bench.wallet, ALICE)
    second = access(bench.wallet, ALICE, stale=first.token)

    assert second.token != first.token
    assert access(bench.wallet, ALICE, stale=first.token) == second


class Between:
    """An authorization server that lets something happen while it is asked for a token."""

    def __init__(self, oauth: MemoryOAuth, happen: Callable[[], None]) -> None:
        self._oauth, self._happen = oauth, happen
        self.issuer, self.origin = oauth.issuer, oauth.origin
        self.address, self.exchange = oauth.address, oauth.exchange
        self.revoke, self.person = oauth.revoke, oauth.person

    def refresh(self, refresh: str) -> Any:
        """Let it happen, then answer."""
        self._happen()
        return self._oauth.refresh(refresh)


def test_two_who_renew_at_once_do_not_end_each_other(bench: Bench) -> None:
    """While one renews the other is asked to come again; with both at the server the whole grant would end."""
    bench.clock.advance(timedelta(hours=1))
    met: list[Later] = []

    def other() -> None:
        with pytest.raises(Later) as told:
            access(bench.wallet, ALICE)
        met.append(told.value)

    slow = Wallet(bench.store, bench.vault, bench.clock, Between(bench.oauth, other))
    given = access(slow, ALICE)

    assert [later.after for later in met] == [timedelta(seconds=1)]
    assert access(bench.wallet, ALICE) == given
    assert bench.oauth.asked.count("refresh") == 1


def test_while_one_renews_early_others_go_on_with_the_old_token(bench: Bench) -> None:
    """It is renewed five minutes before its end, so nobody waits."""
    before = access(bench.wallet, ALICE)
    bench.clock.advance(timedelta(minutes=56))
    seen: list[credentials.Access] = []
    slow = Wallet(
        bench.store, bench.vault, bench.clock, Between(bench.oauth, lambda: seen.append(access(bench.wallet, ALICE)))
    )

    assert access(slow, ALICE) != before
    assert seen == [before]


def test_a_dead_workers_lease_ends(bench: Bench) -> None:
    """Whoever died while renewing holds nobody up for longer than half a minute."""
    bench.clock.advance(timedelta(hours=1))

    def die() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        access(Wallet(bench.store, bench.vault, bench.clock, Between(bench.oauth, die)), ALICE)
    with pytest.raises(Later):
        access(bench.wallet, ALICE)
    bench.clock.advance(timedelta(seconds=30))

    assert access(bench.wallet, ALICE).token


class Losing:
    """A store that loses the answer to the commits of these numbers, which it has done or not."""

    def __init__(self, store: MemoryStore, *numbers: int, done: bool) -> None:
        self._store, self._numbers, self._done = store, numbers, done
        self.commits = 0

    def get(self, key: str) -> Document | None:
        """As it stands."""
        return self._store.get(key)

    def query(self, *what: Any, **how: Any) -> list[Document]:
        """As it stands."""
        return self._store.query(*what, **how)

    def commit(self, *writes: Put | Delete) -> tuple[str | None, ...]:
        """Do it, and perhaps say nothing."""
        self.commits += 1
        lost = self.commits in self._numbers
        versions = () if lost and not self._done else self._store.commit(*writes)
        if lost:
            raise OutcomeUnknown("no answer")
        return versions


@pytest.mark.parametrize("done", [True, False])
def test_a_lost_answer_loses_no_rotated_token(bench: Bench, done: bool) -> None:
    """Whether the new tokens were written is looked up; the old ones would be good for nothing."""
    bench.clock.advance(timedelta(hours=1))
    store = bench.store
    bench.store = Losing(store, 2, 3, done=done)
    given = access(bench.wallet, ALICE)
    bench.store = store
    bench.clock.advance(timedelta(hours=1))

    assert access(bench.wallet, ALICE) != given
    assert bench.oauth.asked.count("refresh") == 2


def test_the_end_of_a_consent_is_noted_and_told_once(bench: Bench) -> None:
    """The first who is refused notes it; from then on nothing is asked, until they consent again."""
    bench.oauth.end(ALICE)
    bench.clock.advance(timedelta(hours=1))
    with structlog.testing.capture_logs() as lines:
        for _ in range(5):
            with pytest.raises(Revoked):
                access(bench.wallet, ALICE)
    told = [line["event"] for line in lines if line["log_level"] == "warning"]

    assert told == ["consent ended, its user must consent again"]
    assert bench.oauth.asked.count("refresh") == 1
    assert (bench.kept().sealed, bench.kept().ended_at) == (None, bench.clock.now().timestamp())

    bench.consent()
    assert access(bench.wallet, ALICE).token
    assert bench.kept().consent == 2


def test_an_end_that_comes_after_a_new_consent_ends_nothing(bench: Bench) -> None:
    """The old token is refused while they consent anew: the new one is used."""
    bench.clock.advance(timedelta(hours=1))

    def anew() -> None:
        bench.oauth.end(ALICE)
        bench.consent()

    happening = [anew]

    def happen() -> None:
        if happening:
            happening.pop()()

    slow = Between(bench.oauth, happen)
    given = access(Wallet(bench.store, bench.vault, bench.clock, slow), ALICE)

    assert given.token
    assert (bench.kept().consent, bench.kept().ended_at) == (2, None)


@pytest.mark.parametrize("trouble", [Later("busy"), Later("no client", after=timedelta(hours=1))])
def test_trouble_at_the_server_is_no_verdict(bench: Bench, trouble: Later) -> None:
    """Later, with its wait; the lease is given back, and the next one asks again."""
    bench.clock.advance(timedelta(hours=1))
    bench.oauth.trouble.append(trouble)
    with pytest.raises(Later) as told:
        access(bench.wallet, ALICE)

    assert told.value is trouble
    assert access(bench.wallet, ALICE).token


def test_who_never_consented_is_told_so(bench: Bench) -> None:
    """Nothing is asked."""
    with pytest.raises(Revoked, match="has not consented"):
        access(bench.wallet, BOB)

    assert bench.oauth.asked == ["exchange"]


def test_tokens_are_sealed_for_their_own_user(bench: Bench) -> None:
    """Two users' ciphertexts exchanged: neither can be opened, and no token is given (S19)."""
    bench.consent(BOB)
    one, other = bench.store.get(credentials.key_of(ALICE)), bench.store.get(credentials.key_of(BOB))
    bench.store.commit(
        Put(one.key, {**one.data, "sealed": other.data["sealed"]}, one.version),
        Put(other.key, {**other.data, "sealed": one.data["sealed"]}, other.version),
    )

    for user in (ALICE, BOB):
        with pytest.raises(Revoked, match="cannot be opened"):
            access(bench.wallet, user)
    assert "refresh-" not in str(bench.store.query("users"))


def test_another_account_does_not_overwrite(bench: Bench) -> None:
    """The address has come to be another's: what is kept stays as it is (S17)."""
    before = bench.kept()
    with pytest.raises(Forged):
        bench.consent(sub="another-number")

    assert bench.kept() == before


def test_a_consent_without_refresh_token_keeps_the_one_there_is(bench: Bench) -> None:
    """As Google does for who has consented before; without an earlier one it would not last, and is refused."""
    refresh = credentials.opened(bench.wallet, bench.kept()).refresh
    again = dataclasses.replace(bench.oauth.refresh(refresh), refresh=None)
    keep(bench.wallet, ALICE, subject(ALICE), again)

    assert credentials.opened(bench.wallet, bench.kept()).refresh == refresh
    with pytest.raises(Revoked):
        keep(bench.wallet, BOB, subject(BOB), again)


def test_who_is_leaving_cannot_be_kept(bench: Bench) -> None:
    """Everything of theirs is being deleted: they come again when it is done."""
    credentials.changed(bench.store, ALICE, lambda kept: kept and msgspec.structs.replace(kept, leaving=True))

    with pytest.raises(Later, match="leaving"):
        bench.consent()


def test_nothing_secret_is_shown(bench: Bench) -> None:
    """In no text of what is handed around."""
    given = access(bench.wallet, ALICE)
    granted = bench.oauth.refresh(credentials.opened(bench.wallet, bench.kept()).refresh)

    assert given.token not in repr(given)
    assert granted.access not in repr(granted)
    assert granted.refresh
    assert granted.refresh not in repr(granted)


# ---- as google-auth knows them ------------------------------------------------------------------


class Unasked(Request):
    """Google-auth's own way out, which is not used."""

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Nobody calls it."""
        raise AssertionError("the credential has its own way out")


def header(credential: Any) -> str:
    """What a request would carry."""
    headers: dict[str, str] = {}
    credential.before_request(Unasked(), "GET", "https://calendar.example/", headers)
    return headers["authorization"]


def test_a_credential_keeps_its_token_in_this_process(bench: Bench) -> None:
    """The store is asked once an hour, and time is the wallet's."""
    stored = StoredCredentials(bench.wallet)
    credential = stored(ALICE)
    first = header(credential)
    bench.store = None
    assert header(stored(ALICE)) == first

    bench.clock.advance(timedelta(hours=1))
    assert not credential.valid
    assert not stored.__call__(ALICE).valid


def test_near_its_end_a_token_serves_on_while_another_process_renews(bench: Bench) -> None:
    """A hundred instances hold the same token: one renews it, and nobody is made to wait for that."""
    first, second = StoredCredentials(bench.wallet), StoredCredentials(bench.wallet)
    before = header(first(ALICE))
    header(second(ALICE))
    bench.clock.advance(timedelta(minutes=56))
    seen: list[str] = []
    slow = Between(bench.oauth, lambda: seen.append(header(second(ALICE))))
    renewing = StoredCredentials(Wallet(bench.store, bench.vault, bench.clock, slow))
    after = header(renewing(ALICE))

    assert seen == [before]
    assert after != before
    assert (header(first(ALICE)), header(second(ALICE))) == (after, after)
    assert bench.oauth.asked.count("refresh") == 1


def test_a_withdrawn_consent_is_revoked_and_a_new_one_taken_up(bench: Bench) -> None:
    """By the very same credential: nobody needs to be told of a consent in another process."""
    credential = StoredCredentials(bench.wallet)(ALICE)
    header(credential)
    bench.oauth.end(ALICE)
    with pytest.raises(Revoked):
        credential.refresh(Unasked())
    bench.consent()
    credential.refresh(Unasked())

    assert header(credential).startswith("Bearer access-")


def test_threads_that_were_refused_together_renew_once(bench: Bench) -> None:
    """All that had the same token get the same next one."""
    credential = StoredCredential(bench.wallet, ALICE)
    header(credential)
    gathered = threading.Barrier(8)
    asked = bench.oauth.asked.count("refresh")
    stale = credential.token

    def renew() -> None:
        gathered.wait()
        if credential.token == stale:
            credential.refresh(Unasked())

    threads = [threading.Thread(target=renew) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert bench.oauth.asked.count("refresh") <= asked + 8
    assert bench.kept().ended_at is None
    assert credential.token != stale


def test_users_without_consent_may_have_another_way(bench: Bench) -> None:
    """Until they consent, and again after they have left."""
    stored = StoredCredentials(bench.wallet, otherwise=DevCredentials)
    before = stored(BOB)
    assert isinstance(before, DevCredentials)
    assert isinstance(stored(ALICE), StoredCredential)

    bench.consent(BOB)
    stored.forget(BOB)
    assert isinstance(stored(BOB), StoredCredential)
    assert stored(BOB) is stored(BOB)


def test_only_so_many_are_held(bench: Bench) -> None:
    """The oldest is let go of; it is made again when it is needed."""
    stored = StoredCredentials(bench.wallet, most=2)
    first = stored("1@x.test")
    stored("2@x.test")
    stored("3@x.test")

    assert stored("1@x.test") is not first


def test_a_conflict_is_begun_anew(bench: Bench) -> None:
    """Somebody else writes the document at the same moment."""
    bench.clock.advance(timedelta(hours=1))
    store, conflicts = bench.store, iter([True])

    class Busy(Losing):
        def commit(self, *writes: Put | Delete) -> tuple[str | None, ...]:
            if next(conflicts, False):
                raise Conflict("busy")
            return super().commit(*writes)

    bench.store = Busy(store, done=True)
    assert access(bench.wallet, ALICE).token
