"""The deployment's secrets: Google's own client against the local Secret Manager, over a socket."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from functools import partial
from threading import Event
from typing import Any

import pytest
from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import secretmanager_v1 as sm

from conference.errors import Later, LockstepError, Refused
from infra.crc32c import crc32c
from infra.google.secrets import HTTP_TOKEN, MEETING_KEYS, Secrets, local_client
from infra.local.memory import ManualClock
from infra.local.secret_manager import LARGEST, LocalSecretManager
from tests.contract.grounds import NOON

PROJECT = "a-project"
LIFE, PAUSE, GOOD = timedelta(minutes=5), timedelta(seconds=30), timedelta(days=1)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at noon."""
    return ManualClock(NOON)


@pytest.fixture
def server() -> Iterator[LocalSecretManager]:
    """A server with one secret."""
    with LocalSecretManager() as server:
        server.put(PROJECT, HTTP_TOKEN, b"first\n")
        yield server


@pytest.fixture
def client(server: LocalSecretManager) -> Iterator[sm.SecretManagerServiceClient]:
    """Google's client, as an operator would use it."""
    client = local_client(server.target)
    with closing(client.transport):
        yield client


@pytest.fixture
def secrets(server: LocalSecretManager, clock: ManualClock) -> Iterator[Secrets]:
    """What the functions ask."""
    make = partial(local_client, server.target)
    with closing(Secrets(make, PROJECT, clock, life=LIFE, pause=PAUSE, good=GOOD, timeout=2.0)) as secrets:
        yield secrets


# ---- Reading ----------------------------------------------------------------------------------


def test_a_secret_is_read_once_in_its_life(server: LocalSecretManager, secrets: Secrets, clock: ManualClock) -> None:
    """At the first use and again when it is old, not at the start and not at each use."""
    assert not server.calls
    for _ in range(10):
        assert secrets.text(HTTP_TOKEN) == "first"
    assert server.calls["AccessSecretVersion"] == 1

    clock.advance(LIFE)
    assert secrets.value(HTTP_TOKEN) == b"first\n"
    assert server.calls["AccessSecretVersion"] == 2


def test_threads_that_come_together_read_it_once(server: LocalSecretManager, secrets: Secrets) -> None:
    """After a cold start many requests come at once."""
    with ThreadPoolExecutor(8) as pool:
        told = [*pool.map(lambda _: secrets.text(HTTP_TOKEN), range(32))]

    assert told == ["first"] * 32
    assert server.calls["AccessSecretVersion"] == 1


class HeldBack:
    """Google's client, which leaves whoever asks for one secret without an answer until it is let go."""

    def __init__(self, client: sm.SecretManagerServiceClient, name: str) -> None:
        self._client, self._name = client, name
        self.transport = client.transport
        self.asked, self.let_go = Event(), Event()

    def access_secret_version(self, *, request: dict[str, str], **how: Any) -> sm.AccessSecretVersionResponse:
        """The answer, in its time."""
        if f"/{self._name}/" in request["name"]:
            self.asked.set()
            assert self.let_go.wait(20)
        return self._client.access_secret_version(request=request, **how)


def test_one_names_slow_answer_holds_up_no_other(server: LocalSecretManager, clock: ManualClock) -> None:
    """Each name is asked for by itself, over the same connection."""
    server.put(PROJECT, MEETING_KEYS, b"key")
    held: Any = HeldBack(local_client(server.target), HTTP_TOKEN)
    with closing(Secrets(lambda: held, PROJECT, clock)) as secrets, ThreadPoolExecutor(2) as pool:
        try:
            slow = pool.submit(secrets.text, HTTP_TOKEN)
            assert held.asked.wait(10)
            assert pool.submit(secrets.text, MEETING_KEYS).result(timeout=10) == "key"
            assert not slow.done()
        finally:
            held.let_go.set()
        assert slow.result(timeout=10) == "first"


def test_a_new_version_comes_into_use_by_itself(
    server: LocalSecretManager, secrets: Secrets, clock: ManualClock
) -> None:
    """Within the life of the old one, without a restart."""
    told = [secrets.text(HTTP_TOKEN)]
    server.put(PROJECT, HTTP_TOKEN, b"second")
    told.append(secrets.text(HTTP_TOKEN))
    clock.advance(LIFE)
    told.append(secrets.text(HTTP_TOKEN))

    assert told == ["first", "first", "second"]


def test_bytes_are_bytes(server: LocalSecretManager, secrets: Secrets) -> None:
    """A key of random bytes comes as it is; asked for as text it is a clear error that does not show it."""
    key = b"\xff\x00\n " * 8
    server.put(PROJECT, MEETING_KEYS, key)

    assert secrets.value(MEETING_KEYS) == key
    with pytest.raises(Later, match="no text") as caught:
        secrets.text(MEETING_KEYS)
    assert "\\x" not in str(caught.value)


# ---- What an operator must do -----------------------------------------------------------------


def test_a_secret_without_a_value_says_what_to_do(
    server: LocalSecretManager, secrets: Secrets, client: sm.SecretManagerServiceClient
) -> None:
    """Terraform makes secrets empty; as soon as there is a value, it is read."""
    client.create_secret(parent=f"projects/{PROJECT}", secret_id=MEETING_KEYS, secret=sm.Secret())
    for name in (MEETING_KEYS, "lockstep-nothing"):
        with pytest.raises(Later, match=rf"{name} has no value yet.*docs/deploy\.md"):
            secrets.value(name)

    server.put(PROJECT, MEETING_KEYS, b"k" * 32)
    assert secrets.value(MEETING_KEYS) == b"k" * 32


def test_a_version_that_was_taken_back_is_not_used_on(
    secrets: Secrets, client: sm.SecretManagerServiceClient, clock: ManualClock
) -> None:
    """Disabling it takes effect within its life, outage or not, and enabling it again at once."""
    assert secrets.text(HTTP_TOKEN) == "first"
    name = f"projects/{PROJECT}/secrets/{HTTP_TOKEN}/versions/1"
    client.disable_secret_version(name=name)
    clock.advance(LIFE)
    for _ in range(2):
        with pytest.raises(Later, match="disabled or destroyed"):
            secrets.text(HTTP_TOKEN)

    client.enable_secret_version(name=name)
    assert secrets.text(HTTP_TOKEN) == "first"
    client.destroy_secret_version(name=name)
    clock.advance(LIFE)
    with pytest.raises(Later, match="disabled or destroyed"):
        secrets.text(HTTP_TOKEN)


def test_a_missing_right_is_told(server: LocalSecretManager, secrets: Secrets) -> None:
    """It comes some minutes after it is given."""
    server.denied = True
    with pytest.raises(Later, match="may not read the secret lockstep-http-token"):
        secrets.text(HTTP_TOKEN)

    server.denied = False
    assert secrets.text(HTTP_TOKEN) == "first"


def test_a_name_that_can_be_none_is_refused(secrets: Secrets) -> None:
    """That is our own mistake."""
    with pytest.raises(Refused):
        secrets.value("no/name")


# ---- Trouble ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["unavailable", "silent", "garbled_answer"])
def test_what_passes_is_outlasted(server: LocalSecretManager, secrets: Secrets, fault: str) -> None:
    """A call that fails for a moment, or whose answer arrives damaged, is made again."""
    server.faults[fault] = 1

    assert secrets.text(HTTP_TOKEN) == "first"
    assert server.calls["AccessSecretVersion"] == 2


@pytest.mark.parametrize("fault", ["unavailable", "silent", "garbled_answer"])
def test_what_lasts_is_later_where_nothing_is_known(server: LocalSecretManager, secrets: Secrets, fault: str) -> None:
    """Bounded in time, with the place of the failure."""
    server.faults[fault] = 10_000

    with pytest.raises(Later, match="secretmanager AccessSecretVersion") as caught:
        secrets.text(HTTP_TOKEN)
    _quiet(caught.value)


def test_an_outage_is_survived_by_what_is_known(
    server: LocalSecretManager, secrets: Secrets, clock: ManualClock
) -> None:
    """The last value serves for a day, asked for twice a minute; then nothing is known any more."""
    secrets.text(HTTP_TOKEN)
    server.faults["unavailable"] = 10_000
    clock.advance(LIFE)
    secrets.text(HTTP_TOKEN)
    asked = server.calls["AccessSecretVersion"]
    for _ in range(5):
        assert secrets.text(HTTP_TOKEN) == "first"
    assert server.calls["AccessSecretVersion"] == asked

    clock.advance(PAUSE)
    assert secrets.text(HTTP_TOKEN) == "first"
    assert server.calls["AccessSecretVersion"] > asked
    clock.advance(GOOD)
    with pytest.raises(Later):
        secrets.text(HTTP_TOKEN)


def test_after_an_outage_the_new_version_is_found(
    server: LocalSecretManager, secrets: Secrets, clock: ManualClock
) -> None:
    """Not only after another life of the old one."""
    secrets.text(HTTP_TOKEN)
    server.faults["unavailable"] = 10_000
    clock.advance(LIFE)
    secrets.text(HTTP_TOKEN)
    server.put(PROJECT, HTTP_TOKEN, b"second")
    server.faults.clear()
    clock.advance(PAUSE)

    assert secrets.text(HTTP_TOKEN) == "second"


def test_a_server_that_is_gone_is_later(clock: ManualClock) -> None:
    """Nobody listens, or nobody has credentials for it."""

    def nobody() -> sm.SecretManagerServiceClient:
        raise DefaultCredentialsError("none here")

    with LocalSecretManager() as other:
        target = other.target
    for make in (partial(local_client, target), nobody):
        with closing(Secrets(make, PROJECT, clock, timeout=0.3)) as secrets, pytest.raises(Later) as caught:
            secrets.value(HTTP_TOKEN)
        _quiet(caught.value)


def _quiet(error: LockstepError) -> None:
    assert error.__suppress_context__
    assert PROJECT not in f"{error} {error.where}"


# ---- The server -------------------------------------------------------------------------------


def test_the_server_refuses_what_googles_would(client: sm.SecretManagerServiceClient) -> None:
    """Odd names, names twice, values that are empty, too long or damaged, versions that are not there."""
    parent = f"projects/{PROJECT}"
    made = client.create_secret(parent=parent, secret_id="s", secret=sm.Secret()).name
    with pytest.raises(exceptions.AlreadyExists):
        client.create_secret(parent=parent, secret_id="s", secret=sm.Secret())
    with pytest.raises(exceptions.InvalidArgument):
        client.create_secret(parent=parent, secret_id="no/name", secret=sm.Secret())
    for payload in (
        sm.SecretPayload(data=b""),
        sm.SecretPayload(data=b"x" * (LARGEST + 1)),
        sm.SecretPayload(data=b"x", data_crc32c=1),
    ):
        with pytest.raises(exceptions.InvalidArgument):
            client.add_secret_version(parent=made, payload=payload)
    with pytest.raises(exceptions.NotFound):
        client.access_secret_version(name=f"{made}/versions/latest")

    version = client.add_secret_version(parent=made, payload=sm.SecretPayload(data=b"x", data_crc32c=crc32c(b"x")))
    assert version.name == f"{made}/versions/1"
    assert client.access_secret_version(name=version.name).payload.data == b"x"
    with pytest.raises(exceptions.NotFound):
        client.access_secret_version(name=f"{made}/versions/2")
