"""Readers of structs: exact by default, lenient where a form sends everything as text."""

from __future__ import annotations

import msgspec
import pytest

from conference.decoding import from_json, from_plain
from conference.errors import UNDECODABLE


class Counted(msgspec.Struct, frozen=True):
    """Something with a number."""

    number: int


def test_a_number_is_a_number() -> None:
    """Text, bytes or plain values are read into the kind that was asked for."""
    assert from_json(Counted)(b'{"number":1}') == Counted(1)
    assert from_json(Counted)('{"number":1}') == Counted(1)
    assert from_plain(Counted)({"number": 1}) == Counted(1)


def test_text_is_no_number() -> None:
    """What is not of the kind is an error that every caller knows."""
    with pytest.raises(UNDECODABLE):
        from_json(Counted)(b'{"number":"1"}')
    with pytest.raises(msgspec.ValidationError):
        from_plain(Counted)({"number": "1"})


def test_a_lenient_reader_takes_text_for_a_number() -> None:
    """Forms and environments know nothing else."""
    assert from_json(Counted, strict=False)(b'{"number":"1"}') == Counted(1)
    assert from_plain(Counted, strict=False)({"number": "1"}) == Counted(1)
