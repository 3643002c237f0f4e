"""A secret kept in a file that only its owner can read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def secret_in(path: Path, make: Callable[[], bytes]) -> bytes:
    """The secret in the file at `path`, made and written there if there is none.

    Processes that start together agree on one secret: the file appears whole or not at all, and once.
    """
    with suppress(FileNotFoundError):
        path.chmod(0o600)
        return path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as draft:  # made with mode 0600
        draft.write(make())
        draft.flush()
        os.fsync(draft.fileno())
        with suppress(FileExistsError):
            os.link(draft.name, path)
    return path.read_bytes()
