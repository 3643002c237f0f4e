"""How a process of the local stack learns that it is to end: by SIGTERM from the stack, by SIGINT from a terminal."""

from __future__ import annotations

import signal
import threading


def ending() -> threading.Event:
    """Set as soon as one of the signals comes; only the main thread may ask for it."""
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    return told
