"""What survives the end of the process, even a killed one: rows of bytes in one SQLite file.

Authority: https://www.sqlite.org/wal.html - with WAL and synchronous=OFF a commit survives the process, though not the
machine, which is what a development server owes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

Key = tuple[str, str, str]
"""(kind, parent, id)"""


class State(Protocol):
    """Where a server keeps its rows."""

    def load(self) -> Iterator[tuple[Key, bytes]]:
        """Every row."""

    def write(self, rows: Mapping[Key, bytes | None]) -> None:
        """Put rows (None: delete), all or none; when this returns they survive the process."""

    def clear(self) -> None:
        """Delete every row."""


class SqliteState:
    """A State in a file. Raises sqlite3.Error when the file cannot be used; close it at the end."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS rows (kind TEXT, parent TEXT, id TEXT, value BLOB, "
            "PRIMARY KEY (kind, parent, id)) WITHOUT ROWID"
        )

    def load(self) -> Iterator[tuple[Key, bytes]]:
        """Every row."""
        for kind, parent, row_id, value in self._database.execute("SELECT kind, parent, id, value FROM rows"):
            yield (kind, parent, row_id), value

    def write(self, rows: Mapping[Key, bytes | None]) -> None:
        """Put and delete rows in one transaction."""
        puts = [(*key, value) for key, value in rows.items() if value is not None]
        gone = [key for key, value in rows.items() if value is None]
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany("REPLACE INTO rows VALUES (?, ?, ?, ?)", puts)
            self._database.executemany("DELETE FROM rows WHERE kind = ? AND parent = ? AND id = ?", gone)

    def clear(self) -> None:
        """Delete every row."""
        self._database.execute("DELETE FROM rows")

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()
