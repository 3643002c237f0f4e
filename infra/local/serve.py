"""Serves every deployed function in one process, with the queue that calls them: python -m infra.local.serve.

Authority: https://github.com/GoogleCloudPlatform/functions-framework-python
Each function of main.py runs under functions-framework exactly as it would when deployed; only what stands around
them (queue, scheduler, issuer, clock) is local. Settings come from LOCKSTEP_… environment variables.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import structlog
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from functions.console.page import console
from functions.http.webhooks import WEBHOOK_BYTES
from functions.join.page import join_page
from infra import logs
from infra.local.connector import Connector
from infra.local.control import control
from infra.local.ending import ending
from infra.local.framework import mounted
from infra.local.issuer import ServiceAccount
from infra.local.janus_browser import browser_library
from infra.local.listening import bound, listening
from infra.local.scheduler import Scheduler
from infra.script import reconcile
from infra.settings import BadSettings, variable
from infra.wiring import SCHEDULER_ACCOUNT, TASKS_ACCOUNT, Local, rooms, standing

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

THREADS = 24
"""More than the queue calls at once, so that notices and the console never wait for tasks."""
LARGEST_BODY = 2 * WEBHOOK_BYTES
"""What no function would read anyway ends here; each has its own, smaller limit."""

log = structlog.get_logger(__name__)


def application(local: Local, connector: Connector, scheduler: Scheduler) -> WSGIApplication:
    """Everything at one address: each function under its name, the console, and the local stack's own routes."""
    mounts = mounted()
    mounts["/console"] = console(local.door.ground)
    joined = rooms(local.settings)
    if joined is not None:
        mounts["/j"] = join_page(local.door.ground, joined, browser_library())
    return DispatcherMiddleware(control(local, connector.feed, scheduler.tick), mounts)


def _declare(local: Local) -> None:
    if local.door.project is not None:
        reconcile(local.door.project, [local.settings.user])


@contextmanager
def serving(local: Local) -> Iterator[None]:
    """Serve until the block ends; then stop in order: no more ticks, no more tasks, no more requests."""
    settings = local.settings
    clock = local.clock
    tasks = ServiceAccount(local.issuer, clock, account=TASKS_ACCOUNT)
    ticks = ServiceAccount(local.issuer, clock, account=SCHEDULER_ACCOUNT)
    scheduler = Scheduler(settings.base_url, ticks.bearer, seconds=settings.tick, timeout=settings.lease)
    connector = Connector(local.door.ground, settings.user, settings.calendar, partial(_declare, local))
    with (
        listening(
            application(local, connector, scheduler), bound(settings.port), threads=THREADS, largest_body=LARGEST_BODY
        ),
        local.tasks.calling(tasks.bearer),
    ):
        if settings.calendar_api == "local":
            connector.start()
        if settings.ticks:
            scheduler.start()
        try:
            yield
        finally:
            scheduler.stop()
            connector.stop()


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    try:
        local = standing()
    except BadSettings as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if not isinstance(local, Local):
        sys.stderr.write(f"setting {variable('GROUND')}: the local stack stands on this machine, so leave it out\n")
        return 2
    logs.set_up(local.settings, now=local.clock.now)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a burst makes a queue; that is what it is for
    ended = ending()
    local.store.purge(local.clock.now())
    with serving(local):
        log.info("serving", port=local.settings.port)
        ended.wait()
    local.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
