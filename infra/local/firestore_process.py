"""Runs Firestore's emulator until SIGTERM: python -m infra.local.firestore_process FOLDER PORT PROJECT JAR.

A process of its own, which leaves the documents in the folder when it ends; when the emulator does, it fails.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from infra.local.ending import ending
from infra.local.firestore_emulator import Emulator, Missing, running

LOOK = 0.2
"""Seconds between two looks whether it still runs."""


def main() -> int:
    """Start the emulator, wait, keep its documents, end it; return the exit code."""
    folder, port, project, jar = sys.argv[1:]
    ended = ending()
    try:
        with running(Path(folder), port=int(port), jar=Path(jar) if jar else None) as emulator:
            _watch(emulator, ended)
            emulator.keep(project)
    except (Missing, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _watch(emulator: Emulator, ended: threading.Event) -> None:
    while not ended.wait(LOOK):
        if emulator.exit_code is not None:
            raise RuntimeError(
                f"the Firestore emulator ended with exit code {emulator.exit_code}; "
                "what came after its last start is lost, since it keeps its documents in memory"
            )


if __name__ == "__main__":
    sys.exit(main())
