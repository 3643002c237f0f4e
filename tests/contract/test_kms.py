"""The vault's key with Cloud KMS: Google's own client against the local server, over a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import grpc
import pytest
from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import kms_v1

from conference.errors import Forged, Later, LockstepError, Refused
from infra.crc32c import crc32c
from infra.envelope import Envelope
from infra.google.kms import KmsKey, key_name, local_client
from infra.local.kms import LocalKms

NAME = key_name("a-project", "europe-west6")
ALICE, BOB = "alice@example.com", "bob@example.com"
SECRET = b"1//refresh-token-of-alice"


@pytest.fixture
def server() -> Iterator[LocalKms]:
    """A server with the key."""
    with LocalKms() as server:
        server.make(NAME)
        yield server


@pytest.fixture
def client(server: LocalKms) -> Iterator[kms_v1.KeyManagementServiceClient]:
    """Google's client, as an operator would use it."""
    client = local_client(server.target)
    with closing(client.transport):
        yield client


@pytest.fixture
def vault(server: LocalKms) -> Iterator[Envelope]:
    """A vault by the key."""
    with closing(KmsKey(partial(local_client, server.target), NAME, timeout=2.0)) as key:
        yield Envelope(key)


# ---- Sealing and opening ----------------------------------------------------------------------


def test_one_call_seals_and_one_opens(server: LocalKms, vault: Envelope) -> None:
    """However long the secret is: only the data key travels."""
    secret = b"s" * 200_000
    sealed = vault.seal(ALICE, secret)

    assert vault.open(ALICE, sealed) == secret
    assert server.calls == {"Encrypt": 1, "Decrypt": 1}


def test_cloud_kms_itself_refuses_another_tenant(server: LocalKms, vault: Envelope) -> None:
    """The wrapped key names its tenant: the service opens it for no other, whatever we do."""
    sealed = vault.seal(ALICE, SECRET)

    with pytest.raises(Forged):
        vault.open(BOB, sealed)
    assert server.calls["Decrypt"] == 1


def test_what_is_no_sealed_text_is_not_asked_about(server: LocalKms, vault: Envelope) -> None:
    """A stranger's bytes cost no call."""
    for text in ("", "v2.", "v2.AAAA", "v1.", "x" * 5000):
        with pytest.raises(Forged):
            vault.open(ALICE, text)

    assert not server.calls


def test_older_versions_open_what_they_sealed(
    server: LocalKms, vault: Envelope, client: kms_v1.KeyManagementServiceClient
) -> None:
    """After a rotation new secrets are sealed by the new version, and old ones open as before."""
    sealed = [vault.seal(ALICE, SECRET)]
    for number in ("2", "3"):
        client.create_crypto_key_version(parent=NAME, crypto_key_version=kms_v1.CryptoKeyVersion())
        client.update_crypto_key_primary_version(name=NAME, crypto_key_version_id=number)
        sealed.append(vault.seal(ALICE, SECRET))

    assert [vault.open(ALICE, one) for one in sealed] == [SECRET] * 3
    client.destroy_crypto_key_version(name=f"{NAME}/cryptoKeyVersions/1")
    with pytest.raises(Refused, match="destroyed"):
        vault.open(ALICE, sealed[0])
    assert [vault.open(ALICE, one) for one in sealed[1:]] == [SECRET] * 2
    assert server.calls["Encrypt"] == 3


def test_a_version_that_is_switched_off_opens_once_it_is_on_again(
    vault: Envelope, client: kms_v1.KeyManagementServiceClient
) -> None:
    """Refused says what an operator must do; nothing is lost."""
    sealed = vault.seal(ALICE, SECRET)
    version = kms_v1.CryptoKeyVersion(name=f"{NAME}/cryptoKeyVersions/1", state="DISABLED")
    client.update_crypto_key_version(crypto_key_version=version, update_mask={"paths": ["state"]})
    acts: list[Callable[[], object]] = [lambda: vault.open(ALICE, sealed), lambda: vault.seal(ALICE, SECRET)]
    for act in acts:
        with pytest.raises(Refused, match="enable it again"):
            act()

    version.state = kms_v1.CryptoKeyVersion.CryptoKeyVersionState(1)
    client.update_crypto_key_version(crypto_key_version=version, update_mask={"paths": ["state"]})
    assert vault.open(ALICE, sealed) == SECRET


# ---- What goes wrong --------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["unavailable", "silent", "garbled_request", "garbled_answer"])
def test_what_passes_is_outlasted(server: LocalKms, vault: Envelope, fault: str) -> None:
    """A call that fails for a moment, or arrives damaged either way, is made again."""
    server.faults[fault] = 1
    sealed = vault.seal(ALICE, SECRET)
    server.faults[fault] = 1

    assert vault.open(ALICE, sealed) == SECRET
    assert server.calls == {"Encrypt": 2, "Decrypt": 2}


def test_an_answer_without_its_checks_is_not_believed(server: LocalKms, vault: Envelope) -> None:
    """Cloud KMS says whether it has compared what it was sent; if not, it is asked again."""
    server.faults["unverified"] = 1
    sealed = vault.seal(ALICE, SECRET)

    assert server.calls["Encrypt"] == 2
    assert vault.open(ALICE, sealed) == SECRET


@pytest.mark.parametrize("fault", ["unavailable", "silent", "garbled_request", "garbled_answer"])
def test_what_lasts_ends_in_later(server: LocalKms, fault: str) -> None:
    """Within the time that was given, with the place of the failure and nothing of the secret."""
    with closing(KmsKey(partial(local_client, server.target), NAME, timeout=1.5)) as key:
        vault = Envelope(key)
        sealed = vault.seal(ALICE, SECRET)
        server.faults[fault] = 10_000
        acts: list[Callable[[], object]] = [lambda: vault.open(ALICE, sealed), lambda: vault.seal(ALICE, SECRET)]
        for act in acts:
            with pytest.raises(Later, match="kms") as caught:
                act()
            _quiet(caught.value)


def test_without_the_right_it_is_later(server: LocalKms, vault: Envelope) -> None:
    """Rights come some minutes after they are given, and an operator mends them: nothing is given up."""
    sealed = vault.seal(ALICE, SECRET)
    server.denied = True
    with pytest.raises(Later, match="PERMISSION_DENIED") as caught:
        vault.open(ALICE, sealed)
    _quiet(caught.value)

    server.denied = False
    assert vault.open(ALICE, sealed) == SECRET


def test_a_key_that_is_missing_is_later(server: LocalKms) -> None:
    """As for a right: it is mended outside."""
    with (
        closing(KmsKey(partial(local_client, server.target), f"{NAME}2")) as key,
        pytest.raises(Later, match="NOT_FOUND"),
    ):
        Envelope(key).seal(ALICE, SECRET)


def test_a_server_that_is_gone_is_later(server: LocalKms) -> None:
    """Nobody listens, or nobody has credentials for it."""

    def nobody() -> kms_v1.KeyManagementServiceClient:
        raise DefaultCredentialsError("none here")

    with LocalKms() as other:
        target = other.target
    assert target != server.target
    for make in (partial(local_client, target), nobody):
        with closing(KmsKey(make, NAME, timeout=0.3)) as key, pytest.raises(Later) as caught:
            Envelope(key).seal(ALICE, SECRET)
        _quiet(caught.value)


def test_it_is_connected_at_the_first_secret_and_again_after_a_close(server: LocalKms) -> None:
    """A function that touches no credential pays for no client."""
    made: list[object] = []

    def client() -> kms_v1.KeyManagementServiceClient:
        made.append(None)
        return local_client(server.target)

    key = KmsKey(client, NAME)
    vault = Envelope(key)
    assert not made
    sealed = vault.seal(ALICE, SECRET)
    key.close()

    assert vault.open(ALICE, sealed) == SECRET
    assert len(made) == 2
    key.close()
    key.close()


def _quiet(error: LockstepError) -> None:
    told = f"{error} {error.__cause__} {error.where}"
    assert error.__suppress_context__ or error.__context__ is None
    for secret in (SECRET.decode(), ALICE, "a-project"):
        assert secret not in told


# ---- The server -------------------------------------------------------------------------------


def test_the_server_judges_checksums_and_bindings(client: kms_v1.KeyManagementServiceClient) -> None:
    """As Google's does: a checksum that does not fit is refused, one that fits is confirmed, none is not."""
    plain, aad = b"k" * 32, b"alice"
    confirmed = client.encrypt(request={"name": NAME, "plaintext": plain, "plaintext_crc32c": crc32c(plain)})
    bare = client.encrypt(request={"name": NAME, "plaintext": plain, "additional_authenticated_data": aad})

    assert confirmed.verified_plaintext_crc32c
    assert not bare.verified_plaintext_crc32c
    opened = client.decrypt(request={"name": NAME, "ciphertext": bare.ciphertext, "additional_authenticated_data": aad})
    assert (opened.plaintext, opened.plaintext_crc32c) == (plain, crc32c(plain))
    for wrong in (
        {"ciphertext": bare.ciphertext},
        {"ciphertext": bare.ciphertext, "additional_authenticated_data": b"bob"},
        {"ciphertext": bare.ciphertext[:-1], "additional_authenticated_data": aad},
        {"ciphertext": b"no ciphertext"},
        {"ciphertext": bare.ciphertext, "additional_authenticated_data": aad, "ciphertext_crc32c": 1},
    ):
        with pytest.raises(exceptions.InvalidArgument):
            client.decrypt(request={"name": NAME, **wrong})


def test_the_server_knows_its_rings_and_keys(client: kms_v1.KeyManagementServiceClient) -> None:
    """Rings before keys, each name once, and ciphertexts of one key are nothing to another."""
    place = "projects/a-project/locations/us-east1"
    purpose = kms_v1.CryptoKey.CryptoKeyPurpose.ENCRYPT_DECRYPT
    key = kms_v1.CryptoKey(purpose=purpose)
    with pytest.raises(exceptions.NotFound):
        client.create_crypto_key(parent=f"{place}/keyRings/r", crypto_key_id="k", crypto_key=key)
    ring = client.create_key_ring(parent=place, key_ring_id="r", key_ring=kms_v1.KeyRing())
    made = client.create_crypto_key(parent=ring.name, crypto_key_id="k", crypto_key=key)

    assert client.get_crypto_key(name=made.name).primary.name == f"{made.name}/cryptoKeyVersions/1"
    with pytest.raises(exceptions.AlreadyExists):
        client.create_key_ring(parent=place, key_ring_id="r", key_ring=kms_v1.KeyRing())
    with pytest.raises(exceptions.AlreadyExists):
        client.create_crypto_key(parent=ring.name, crypto_key_id="k", crypto_key=key)
    with pytest.raises(exceptions.InvalidArgument, match="refers to the correct"):
        client.decrypt(name=made.name, ciphertext=client.encrypt(name=NAME, plaintext=b"x").ciphertext)
    for odd in ("", "projects/p", f"{made.name}/cryptoKeyVersions/1"):
        with pytest.raises(exceptions.GoogleAPICallError) as caught:
            client.encrypt(name=odd, plaintext=b"x")
        assert caught.value.grpc_status_code in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}


def test_the_checksum_is_the_one_of_the_standard() -> None:
    """The examples of RFC 3720."""
    told = [crc32c(data) for data in (b"", bytes(32), b"\xff" * 32, bytes(range(32)), b"123456789")]

    assert told == [0, 0x8A9136AA, 0x62A8AB43, 0x46DD794E, 0xE3069283]
