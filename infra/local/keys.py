"""The local stack's own secrets: made at the first start, kept in one file that only its owner can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec

from conference.decoding import from_json

FILE = "keys.json"


class Keys(msgspec.Struct, frozen=True):
    """Every secret the local stack needs; none is ever logged."""

    meeting_keys: bytes
    vendor_token: str
    webhook_secret: str

    def __repr__(self) -> str:
        return "Keys(…)"

    @classmethod
    def new(cls) -> Keys:
        """Fresh secrets of 256 bits each."""
        return cls(secrets.token_bytes(32), secrets.token_urlsafe(32), secrets.token_urlsafe(32))

    @classmethod
    def in_folder(cls, folder: Path) -> Keys:
        """The folder's secrets; made if there are none yet, by whichever process comes first."""
        file = folder / FILE
        draft = folder / f".{FILE}.{secrets.token_hex(8)}"
        if not file.exists():
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(msgspec.json.encode(cls.new()))
            try:
                os.link(draft, file)
            except FileExistsError:
                # Another process was faster; its secrets are the ones.
                pass
            finally:
                draft.unlink()
        return from_json(cls)(file.read_bytes())
