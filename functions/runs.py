"""The record of what ran: written with the state it led to, shown by the console, expiring by itself."""

from __future__ import annotations

import hashlib
from typing import Any

from functions.ground import Ground
from functions.ports import Document, Put

COLLECTION = "runs"


def record(ground: Ground, function: str, run: str, *, began: float, feed: str = "", **detail: Any) -> Put:
    """The write that records a run; `run` names it for all time, `detail` holds figures and reasons."""
    now = ground.now()
    name = hashlib.sha256(f"{function}\0{run}".encode()).hexdigest()[:16]
    data = {
        "function": function,
        "feed": feed,
        "at": began,
        "seconds": round(now - began, 3),
        "newness": -began,
        "expire_at": now + ground.policy.run_record,
        **detail,
    }
    return Put(f"{COLLECTION}/{int(began * 1000):014d}-{name}", data, None)


def newest(ground: Ground, limit: int = 20) -> list[Document]:
    """The newest runs, newest first."""
    return ground.store.query(COLLECTION, order_by="newness", limit=limit)
