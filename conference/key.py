"""Creation keys: the name a meeting is made under, the same at every try, unguessable, and recognisably ours.

Authority: docs/http-provider.md (`Idempotency-Key`); docs/design.md, *The flow, and what each step owes* (Create)
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode

_MARK = 8  # characters that prove the key is ours: 40 bits
_NAME = 32  # characters that name the meeting: 160 bits
_FORM = re.compile(f"[a-z2-7]{{{_MARK + _NAME}}}")


def mint_key(secret: bytes, *, calendar: str, ical_uid: str, provider: str, account: str, generation: int) -> str:
    """40 characters of [a-z2-7]: short and plain enough for every vendor's id, tag or room name.

    The same arguments give the same key; `generation` rises when a conference is removed and added again. Raises
    ValueError if the secret is empty.
    """
    if not secret:
        raise ValueError("a key needs a secret")
    fields = (calendar, ical_uid, provider, account, str(generation))
    name = _letters(secret, b"name", *(field.encode("utf-8", "surrogatepass") for field in fields))[:_NAME]
    return _mark(secret, name) + name


def is_ours(secret: bytes, key: str) -> bool:
    """True if the key was minted with this secret; compared in constant time."""
    if not secret or not _FORM.fullmatch(key):
        return False
    return hmac.compare_digest(key[:_MARK], _mark(secret, key[_MARK:]))


def _mark(secret: bytes, name: str) -> str:
    return _letters(secret, b"mark", name.encode())[:_MARK]


def _letters(secret: bytes, *fields: bytes) -> str:
    # Each field goes in with its length, so that no text inside one can pass for the border of two.
    message = b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    return b32encode(hmac.digest(secret, message, "sha256")).decode().lower()
