"""Tells dispatchers that live from those whose process is no more.

Each holds the write lock of a small SQLite file of its own for as long as it lives; the operating system takes the
lock away from a process that dies, however it dies (https://www.sqlite.org/lockingv3.html).
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


class Alive:
    """The sign that the instance called `name` lives; its files stand in `folder`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self.name = name
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _connect(self._file(name))
        try:
            self._lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            self._lock.close()
            raise ValueError("an instance of this name lives already") from error

    def close(self) -> None:
        """Be gone."""
        self._lock.close()
        self._file(self.name).unlink(missing_ok=True)

    def bury(self, name: str) -> bool:
        """Whether another instance lives no more; its sign is then removed."""
        file = self._file(name)
        if name == self.name:
            return False
        with closing(_connect(file)) as lock:
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                return False
            file.unlink(missing_ok=True)
        return True

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.alive"


def _connect(file: Path) -> sqlite3.Connection:
    # A dispatcher's worker may be the one to close it.
    return sqlite3.connect(file, timeout=0, isolation_level=None, check_same_thread=False)
