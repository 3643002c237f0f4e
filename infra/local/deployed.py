"""Serves main.py's functions alone, as a deployment has them, at one port: python -m infra.local.deployed.

Nothing stands around them: whoever runs them gives them a ground by LOCKSTEP_… environment variables, such as
LOCKSTEP_GROUND=google with services that are played on this machine, and calls them.
"""

from __future__ import annotations

import logging
import sys

from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Response

from functions.http.webhooks import WEBHOOK_BYTES
from infra.local.ending import ending
from infra.local.framework import mounted
from infra.local.listening import bound, listening
from infra.settings import BadSettings, read_settings

THREADS = 16


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    try:
        settings = read_settings()
    except BadSettings as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a burst makes a queue; that is what it is for
    ended = ending()
    functions = mounted()
    app = DispatcherMiddleware(Response("\n".join(functions)), functions)
    with listening(app, bound(settings.port), threads=THREADS, largest_body=2 * WEBHOOK_BYTES):
        ended.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
