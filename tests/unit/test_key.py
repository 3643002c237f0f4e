"""Creation keys: stable, distinct, plain, and recognisably ours."""

from __future__ import annotations

import hmac
import string
from base64 import b32encode
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.key import is_ours, mint_key

SECRET = b"a secret of this deployment"


class Fields(NamedTuple):
    """What a key is made of."""

    calendar: str = "alice@example.com"
    ical_uid: str = "uid@google.com"
    provider: str = "zoom"
    account: str = "account"
    generation: int = 0

    def key(self, secret: bytes = SECRET) -> str:
        """The key."""
        return mint_key(secret, **self._asdict())


FIELDS = st.builds(Fields, st.text(), st.text(), st.text(), st.text(), st.integers(0, 3))
TRICKY = st.builds(Fields, *[st.sampled_from(["", "a", "b", "ab", "\0", "a\0", "\0b"])] * 4, st.integers(0, 11))


@given(FIELDS)
def test_a_key_fits_every_vendor(fields: Fields) -> None:
    """A key is 40 characters of a-z and 2-7, the same at every try, and ours."""
    key = fields.key()

    assert len(key) == 40
    assert set(key) <= set(string.ascii_lowercase + "234567")
    assert key == fields.key()
    assert is_ours(SECRET, key)


@given(TRICKY | FIELDS, TRICKY | FIELDS)
def test_different_meetings_have_different_keys(one: Fields, other: Fields) -> None:
    """Keys are equal only if every field is, wherever the borders of the fields lie."""
    assert (one == other) is (one.key() == other.key())


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        (Fields(), "3gvasc4vejp2yfzpgjjw6leobv3blrjpursz6vvd"),
        (Fields(generation=12), "h6ydkf2xz57rvawueu4pw2hi5age3jom6yyg34ys"),
        (Fields(ical_uid="half a pair: \ud800"), "lavqwopt7ttycbykemjwfsj7gdqmcj5gkvw7g6f5"),
    ],
)
def test_a_key_does_not_change_between_versions(fields: Fields, key: str) -> None:
    """Meetings are found again by their keys: minted otherwise tomorrow, they would all be made a second time."""
    assert fields.key() == key


def test_another_secret_makes_another_key() -> None:
    """Nobody without the secret can tell a meeting's key, nor make one that passes for ours."""
    assert Fields().key() != Fields().key(b"another")
    assert not is_ours(b"another", Fields().key())


@given(st.integers(0, 39), st.sampled_from(string.ascii_lowercase + "234567"))
def test_a_key_that_was_touched_is_not_ours(at: int, letter: str) -> None:
    """Changing any one character of a key gives it away."""
    key = Fields().key()
    touched = key[:at] + letter + key[at + 1 :]

    assert (touched == key) is is_ours(SECRET, touched)


@pytest.mark.parametrize(
    "key",
    ["", "a" * 40, "a" * 39, Fields().key().upper(), Fields().key() + "\n", Fields().key() + "a", "é" * 40, "1" * 40],
)
def test_foreign_names_are_not_ours(key: str) -> None:
    """A room that somebody else named is not taken for ours."""
    assert not is_ours(SECRET, key)


@given(st.text())
def test_any_text_can_be_asked_about(key: str) -> None:
    """No text is too odd to be told from a key."""
    assert not is_ours(SECRET, key)


def test_an_empty_secret_protects_nothing() -> None:
    """Without a secret no key is made, and none is ours: not even one that anybody can reckon."""
    name = "a" * 32
    fields = b"".join(len(field).to_bytes(4, "big") + field for field in (b"mark", name.encode()))
    reckoned = b32encode(hmac.digest(b"", fields, "sha256")).decode().lower()[:8] + name

    assert not is_ours(b"", reckoned)
    with pytest.raises(ValueError, match=r"^a key needs a secret$"):
        Fields().key(b"")
    assert not is_ours(b"", Fields().key())
