"""Runs the local stack's Janus until SIGTERM: python -m infra.local.janus_process FOLDER API_PORT ADMIN_PORT.

A process of its own, so that Janus ends with the stack however the stack ends.
"""

from __future__ import annotations

import sys
from pathlib import Path

from infra.local.ending import ending
from infra.local.janus import running


def main() -> int:
    """Start Janus, wait, stop it; return the exit code."""
    folder, api_port, admin_port = sys.argv[1:]
    ended = ending()
    try:
        with running(Path(folder), api_port=int(api_port), admin_port=int(admin_port)):
            ended.wait()
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
