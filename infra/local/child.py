"""Runs a module as a part of the local stack: it ends when its standard input does, that is with whoever started it.

The operating system closes the pipe however the parent ends, so no part outlives a parent that was killed.
Usage: python -m infra.local.child MODULE [ARGUMENT…]
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

PATIENCE = 10.0
"""Seconds that a part has to end in order once its parent is gone."""


def _end_with_parent() -> None:
    # The bare descriptor: the interpreter's own stdin object must not be locked by a thread while it shuts down.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run the module named on the command line as if it had been started by itself."""
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
