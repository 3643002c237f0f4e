"""The contract of functions.ports.Vault, for every ground."""

from __future__ import annotations

import base64
import string
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conference.errors import Forged
from functions.ports import Vault
from infra.envelope import Envelope
from infra.google.kms import KmsKey, local_client
from infra.local.kms import LocalKms
from infra.local.vault import LocalVault

OpenVault = Callable[[Path], Vault]
"""Opens the vault whose key is kept at the path; each path has a key of its own."""


@contextmanager
def local() -> Iterator[OpenVault]:
    """The key in a file."""
    yield LocalVault.from_file


@contextmanager
def kms() -> Iterator[OpenVault]:
    """The key with Cloud KMS, asked by Google's client over a socket; a path chooses the key's name."""
    with LocalKms() as server, ExitStack() as to_close:

        def opened(path: Path) -> Vault:
            name = f"projects/a-project/locations/europe-west6/keyRings/lockstep/cryptoKeys/{path.stem}"
            server.make(name)
            key = KmsKey(partial(local_client, server.target), name)
            to_close.callback(key.close)
            return Envelope(key)

        yield opened


VAULTS: dict[str, Callable[[], AbstractContextManager[OpenVault]]] = {"local": local, "kms": kms}
every_example = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture(params=sorted(VAULTS))
def open_vault(request: pytest.FixtureRequest) -> Iterator[OpenVault]:
    """Every kind of vault in turn."""
    with VAULTS[request.param]() as opened:
        yield opened


@pytest.fixture
def vault(open_vault: OpenVault, tmp_path: Path) -> Vault:
    """A vault of its own."""
    return open_vault(tmp_path / "vault.key")


@every_example
@given(tenant=st.text(), secret=st.binary(max_size=3000))
def test_what_was_sealed_is_opened(vault: Vault, tenant: str, secret: bytes) -> None:
    """Any bytes come back for any tenant whose name is valid text, and the sealed text is plain ASCII."""
    sealed = vault.seal(tenant, secret)

    assert vault.open(tenant, sealed) == secret
    assert sealed.isascii()
    assert sealed.isprintable()


def test_a_sealed_text_shows_nothing_of_the_secret(vault: Vault) -> None:
    """Sealing the same twice gives two texts that have neither the secret nor each other's bytes in them."""
    secret = b"refresh-token-" * 3
    one, two = vault.seal("t", secret), vault.seal("t", secret)

    assert one != two
    for sealed in (one, two):
        assert secret[:14] not in base64.urlsafe_b64decode(sealed.partition(".")[2])


def test_another_tenant_cannot_open(vault: Vault) -> None:
    """Swapping the sealed texts of two tenants opens neither."""
    sealed = vault.seal("alice@example.com", b"hers")

    for tenant in ("bob@example.com", "", "alice@example.co", "alice@example.com "):
        with pytest.raises(Forged):
            vault.open(tenant, sealed)


def test_another_key_cannot_open(open_vault: OpenVault, vault: Vault, tmp_path: Path) -> None:
    """What one vault sealed is worthless to another."""
    with pytest.raises(Forged):
        open_vault(tmp_path / "another.key").open("t", vault.seal("t", b"secret"))


def test_the_key_is_kept(open_vault: OpenVault, vault: Vault, tmp_path: Path) -> None:
    """After a restart the same vault opens what it sealed before."""
    sealed = vault.seal("t", b"secret")

    assert open_vault(tmp_path / "vault.key").open("t", sealed) == b"secret"


def test_the_end_of_a_sealed_text_has_no_room_for_play(vault: Vault) -> None:
    """Bits of the last characters that carry nothing must stand as they were written, whatever the length."""
    for length in range(3):
        sealed = vault.seal("t", b"x" * length)
        for at in range(len(sealed) - 3, len(sealed)):
            for character in set(string.ascii_letters + string.digits + "-_=+/ \n") - {sealed[at]}:
                with pytest.raises(Forged):
                    vault.open("t", sealed[:at] + character + sealed[at + 1 :])


def test_every_altered_character_is_noticed(vault: Vault) -> None:
    """No place of the sealed text can be changed, left out or doubled."""
    sealed = vault.seal("t", b"secret")
    for at, character in enumerate(sealed):
        other = "A" if character != "A" else "B"
        for altered in (sealed[:at] + other + sealed[at + 1 :], sealed[:at] + sealed[at + 1 :], sealed[:at]):
            with pytest.raises(Forged):
                vault.open("t", altered)


@every_example
@given(sealed=st.text() | st.binary(max_size=200).map(lambda raw: "v2." + base64.urlsafe_b64encode(raw).decode()))
def test_any_text_ends_in_forged(vault: Vault, sealed: str) -> None:
    """What is no sealed text is Forged, whatever it is, and the error does not repeat it."""
    with pytest.raises(Forged) as caught:
        vault.open("t", sealed)

    assert len(sealed) < 20 or sealed not in str(caught.value)


# ---- The key of the local vault -----------------------------------------------------------------


@pytest.mark.parametrize("key", [b"", b"x" * 31, b"x" * 33])
def test_a_key_of_another_length_is_refused(key: bytes, tmp_path: Path) -> None:
    """A damaged key file is a clear error at the start, and is not written over."""
    file = tmp_path / "vault.key"
    file.write_bytes(key)

    with pytest.raises(ValueError, match="32"):
        LocalVault(key)
    with pytest.raises(ValueError, match="32"):
        LocalVault.from_file(file)
    assert file.read_bytes() == key


def test_only_the_owner_can_read_the_key(tmp_path: Path) -> None:
    """The key file is made with mode 0600, and one that was laid open is closed."""
    file = tmp_path / "state" / "vault.key"
    modes = []
    for _ in range(2):
        LocalVault.from_file(file)
        modes.append(file.stat().st_mode & 0o777)
        file.chmod(0o644)

    assert modes == [0o600, 0o600]
    assert list(file.parent.iterdir()) == [file]


def test_randomness_is_a_parameter() -> None:
    """With the same entropy the same text comes out, and each of the three draws is used."""

    def drawn(changed: int) -> str:
        draws = count()
        return LocalVault(bytes(32), lambda size: bytes([next(draws) == changed] * size)).seal("t", b"secret")

    assert drawn(-1) == drawn(-1)
    assert len({drawn(changed) for changed in (-1, 0, 1, 2)}) == 4
