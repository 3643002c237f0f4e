"""A process that commits pairs of documents to a SqliteStore until it is killed.

Each commit is told on standard output once it is done, so that the test knows what must be found afterwards.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

from functions.ports import Put
from infra.local.clock import SystemClock
from infra.local.sqlite_store import SqliteStore


def main(path: Path, name: str) -> None:
    """Commit for ever: the n-th commit holds n in both documents of the pair, and 20 documents of its own."""
    store = SqliteStore(path, SystemClock())
    versions: tuple[str | None, ...] = (None, None)
    for n in count(1):
        pair = [Put(f"pairs/{name}-{side}", {"n": n}, versions[at]) for at, side in enumerate("ab")]
        own = [Put(f"own/{name}-{n:06}-{at:02}", {"n": n, "writer": name}, None) for at in range(20)]
        versions = store.commit(*pair, *own)[:2]
        sys.stdout.write(f"{n}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
