"""Firestore among the grounds: a store in Google's own emulator, one emulator for each process that runs tests."""

from __future__ import annotations

import atexit
import random
import shutil
import tempfile
import time
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest

from functions.ports import Clock
from infra.google.firestore import FirestoreStore
from infra.google.firestore_rest import RestStore
from infra.google.firestore_wire import Wire
from infra.google.rest import Rest
from infra.local.firestore_emulator import Emulator, Missing, find_jar, find_java


def new_project() -> str:
    """The name of a project that nobody else has: its documents are apart from all others."""
    return f"test-{uuid4().hex[:12]}"


def store_in(project: str, address: str, clock: Clock, to_close: ExitStack) -> FirestoreStore:
    """A store in the project of the emulator at this address, closed at the end."""
    store = FirestoreStore(Wire(project, emulator=address), clock, new_mark=new_mark, pause=pause)
    to_close.callback(store.close)
    return store


def firestore(_folder: Path, clock: Clock, to_close: ExitStack) -> FirestoreStore:
    """An empty store; skips the test where there is no emulator."""
    return store_in(new_project(), emulator().address, clock, to_close)


def firestore_rest(_folder: Path, clock: Clock, to_close: ExitStack) -> RestStore:
    """An empty store that asks over REST as long as that will do; skips the test where there is no emulator."""
    project, address = new_project(), emulator().address

    def whole() -> FirestoreStore:
        return FirestoreStore(Wire(project, emulator=address), clock, new_mark=new_mark, pause=pause)

    rest = Rest(f"http://{address}", token=lambda: "owner", timeout=10.0)
    store = RestStore(rest, f"projects/{project}/databases/(default)", clock, new_mark=new_mark, whole=whole)
    to_close.callback(store.close)
    return store


def new_mark() -> str:
    """A mark that no other commit has."""
    return uuid4().hex


def pause() -> None:
    """Let others go first."""
    time.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - to be apart from others


def needs_emulator() -> None:
    """Skip the test where there is no emulator."""
    try:
        find_java()
        find_jar()
    except Missing as why:
        pytest.skip(f"Firestore's emulator: {why}")


@cache
def emulator() -> Emulator:
    """The emulator of this process, started when first asked for; skips the test where there is none."""
    needs_emulator()
    folder = tempfile.mkdtemp(prefix="lockstep-firestore-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    one = Emulator(Path(folder))
    one.start()
    atexit.register(one.kill)
    return one
