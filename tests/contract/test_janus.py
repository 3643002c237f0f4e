"""What only a real Janus shows: rooms through restarts and crashes, many creators at once, and who may come in."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from conference.errors import Later, Refused, Revoked
from conference.meeting import MeetingId, MeetingRef
from conference.providers.janus import JanusProvider
from conference.providers.janus_join import grant
from infra.local.janus import Janus, find_binary
from tests.contract.providers import PLAIN, janus_providers, new_key, single

pytestmark = pytest.mark.janus

PLUGIN = "janus.plugin.videoroom"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Janus]:
    """A Janus of the test's own, which it may stop and kill."""
    if find_binary() is None:
        pytest.skip("janus is not installed (Debian package janus)")
    made = Janus(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    """Connections, closed at the end."""
    with httpx.Client(trust_env=False, verify=PLAIN) as made:
        yield made


def _provider(server: Janus, client: httpx.Client) -> JanusProvider:
    # The ports are free ones, so they change with every start.
    return janus_providers(server, client)(server.secrets.admin)


def test_twenty_creators_make_one_room(server: Janus, client: httpx.Client) -> None:
    """Of 20 creates at once with one key exactly one makes the room, and all yield it."""
    provider, key = _provider(server, client), new_key()

    with ThreadPoolExecutor(20) as pool:
        written = list(pool.map(lambda _: provider.create(single(), key=key), range(20)))

    assert [one.created for one in written].count(True) == 1
    assert {one.meeting.ref.id for one in written} == {key}
    assert [meeting.key for meeting in provider.list()] == [key]


@pytest.mark.parametrize("end", [Janus.stop, Janus.kill], ids=["stop", "kill"])
def test_rooms_survive(server: Janus, client: httpx.Client, end: Any) -> None:
    """After a stop or a crash what was made is there, what was edited is edited, what was deleted stays deleted."""
    provider = _provider(server, client)
    made, edited, deleted = (provider.create(single('A "quoted"\ntitle é🎉'), key=new_key()).meeting for _ in range(3))
    edited = provider.update(edited.ref, single("Edited"), key="", base=edited).meeting
    provider.delete(deleted.ref)

    end(server)
    server.start()

    provider = _provider(server, client)
    assert sorted(provider.list(), key=lambda one: one.ref.id) == sorted([made, edited], key=lambda one: one.ref.id)
    assert provider.find(deleted.ref.id) is None
    assert provider.update(edited.ref, single("Again"), key="").meeting.title == "Again"


def test_server_that_is_down(server: Janus, client: httpx.Client) -> None:
    """While Janus is down nothing is done, and it is worth trying later."""
    provider = _provider(server, client)
    server.kill()

    with pytest.raises(Later):
        provider.create(single(), key=new_key())


def test_room_of_another(server: Janus, client: httpx.Client) -> None:
    """A room with our key that our secret does not open is neither adopted, renamed nor destroyed."""
    ours, key = _provider(server, client), new_key()
    theirs = JanusProvider(
        server.admin_url,
        admin_secret=server.secrets.admin,
        admin_key=server.secrets.room,
        room_secret_seed=b"another deployment",
        join_base="https://elsewhere.example",
        account="main",
        client=client,
    )
    made = theirs.create(single("Theirs"), key=key).meeting

    with pytest.raises(Refused):
        ours.create(single("Ours"), key=key)
    with pytest.raises(Revoked):
        ours.update(made.ref, single("Ours"), key=key)
    with pytest.raises(Revoked):
        ours.delete(made.ref)
    assert theirs.get(made.ref) == made


@pytest.mark.parametrize("admin_key", ["wrong", ""])
def test_private_rooms_that_are_not_shown(server: Janus, client: httpx.Client, admin_key: str) -> None:
    """Without the right admin key a private room is not shown; it must not be taken for gone."""
    meeting = _provider(server, client).create(single(), key=new_key()).meeting
    blind = JanusProvider(
        server.admin_url,
        admin_secret=server.secrets.admin,
        admin_key=admin_key,
        room_secret_seed=b"seed",
        join_base="https://meet.example",
        account="main",
        client=client,
    )

    with pytest.raises(Revoked):
        blind.get(meeting.ref)
    with pytest.raises(Revoked):
        blind.find(meeting.ref.id)


def test_room_made_public_is_not_right(server: Janus, client: httpx.Client) -> None:
    """A room that somebody made public is seen to be wrong, and the next update makes it private again."""
    provider, key = _provider(server, client), new_key()
    made = provider.create(single(), key=key).meeting
    room = {"request": "edit", "room": key, "new_is_private": False, "permanent": True}
    _admin(server, client, {**room, "secret": provider._secret(key)})  # noqa: SLF001 - a person with the room's secret

    found = provider.get(made.ref)

    assert found.digest != provider.expected_digest(single())
    assert provider.update(made.ref, single(), key=key, base=found).meeting == made == provider.get(made.ref)


def test_address_that_is_not_janus(server: Janus, client: httpx.Client) -> None:
    """An address where something else answers is refused, and nothing there is believed."""
    wrong = server.admin_url.replace("/admin", "/elsewhere")
    provider = JanusProvider(
        wrong,
        admin_secret="x",
        admin_key="x",
        room_secret_seed=b"x",
        join_base="https://meet.example",
        account="main",
        client=client,
    )

    with pytest.raises(Refused):
        provider.get(MeetingRef("janus", "main", MeetingId("room")))


def test_folder_is_private(server: Janus, tmp_path: Path) -> None:
    """Secrets are made once and no other user can read them."""
    server.stop()
    again = Janus(tmp_path)

    assert again.secrets == server.secrets
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "etc").stat().st_mode) == 0o700
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in (tmp_path / "etc").iterdir())


def test_server_left_behind_is_replaced(server: Janus, client: httpx.Client, tmp_path: Path) -> None:
    """A start in the folder of a server that was left running ends that one, and finds its rooms."""
    made = _provider(server, client).create(single(), key=new_key()).meeting
    second = Janus(tmp_path)

    second.start()

    try:
        assert _provider(second, client).get(made.ref) == made
        with pytest.raises(Later):
            _provider(server, client).get(made.ref)
    finally:
        second.stop()


# ---- who may come in --------------------------------------------------------------------------


def test_right_grant_opens_its_room(server: Janus, client: httpx.Client) -> None:
    """Who has a grant for the room comes in."""
    key = new_key()
    _provider(server, client).create(single(), key=key)

    assert _join(server, client, key, key, minutes=5).get("videoroom") == "joined"


def test_grant_of_another_room_is_refused(server: Janus, client: httpx.Client) -> None:
    """A grant opens no other room, and the room's id alone opens nothing."""
    provider, key, other = _provider(server, client), new_key(), new_key()
    provider.create(single(), key=key)
    provider.create(single(), key=other)

    assert _join(server, client, key, other, minutes=5).get("error_code") == 433


def test_expired_grant_is_refused(server: Janus, client: httpx.Client) -> None:
    """A grant whose time is over does not even open a session."""
    refused = client.post(server.api_url, json=_session(server, minutes=-5)).json()

    assert refused["error"]["code"] == 403


@pytest.mark.parametrize("room", ["", "a,b", "a:b"])
def test_grant_for_no_room(room: str) -> None:
    """An id that would change what is signed gets no grant."""
    with pytest.raises(ValueError, match="no room"):
        grant("secret", room, datetime(2026, 1, 1, tzinfo=UTC))


def _admin(server: Janus, client: httpx.Client, request: dict[str, Any]) -> Any:
    envelope = {"janus": "message_plugin", "plugin": PLUGIN, "transaction": "t", "admin_secret": server.secrets.admin}
    return client.post(server.admin_url, json={**envelope, "request": request}).json()["response"]


def _grant(server: Janus, room: str, minutes: int) -> Any:
    return grant(server.secrets.token, room, datetime.now(UTC) + timedelta(minutes=minutes))


def _session(server: Janus, minutes: int) -> dict[str, Any]:
    return {"janus": "create", "transaction": "t", "token": _grant(server, "room", minutes).core}


def _join(server: Janus, client: httpx.Client, granted: str, room: str, minutes: int) -> Any:
    """What Janus answers to somebody who joins `room` with a grant for `granted`."""
    pass_ = _grant(server, granted, minutes)
    token = {"transaction": "t", "token": pass_.core}
    session = client.post(server.api_url, json={**token, "janus": "create"}).json()["data"]["id"]
    url = f"{server.api_url}/{session}"
    handle = client.post(url, json={**token, "janus": "attach", "plugin": PLUGIN}).json()["data"]["id"]
    body = {"request": "join", "ptype": "publisher", "room": room, "token": pass_.room}
    client.post(f"{url}/{handle}", json={**token, "janus": "message", "body": body})
    event = client.get(url, params={"token": pass_.core, "maxev": 1}).json()
    return event[0]["plugindata"]["data"] if isinstance(event, list) else event["plugindata"]["data"]
