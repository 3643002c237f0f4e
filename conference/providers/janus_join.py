"""Who may come into a Janus room, and until when: signed tokens (https://janus.conf.meetecho.com/docs/auth.html).

Rooms are made with `signed_tokens`, so that a room's id alone opens nothing; and since a token ends by itself, the
calendar's times hold although Janus knows none.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime

_PLUGIN = "janus.plugin.videoroom"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a browser needs: `core` with every request, `room` in the message by which it joins."""

    core: str = field(repr=False)
    room: str = field(repr=False)


def grant(token_secret: str, room: str, until: datetime) -> Grant:
    """Tokens that let their bearer into one room until then. Raises ValueError for an id that is no room's."""
    if not room or "," in room or ":" in room:
        raise ValueError("no room can have this id")
    return Grant(_sign(token_secret, until, "janus", _PLUGIN), _sign(token_secret, until, _PLUGIN, f"room={room}"))


def _sign(secret: str, until: datetime, *parts: str) -> str:
    data = ",".join((str(int(until.timestamp())), *parts))
    mac = hmac.new(secret.encode(), data.encode(), hashlib.sha1)  # Janus knows no other hash
    return f"{data}:{base64.b64encode(mac.digest()).decode()}"
