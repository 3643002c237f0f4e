"""The acceptance story, its steps in order, and the settings under which it is told.

`make demo` tells it to a person, `tests/story` to the test suite: the steps are the same.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from infra.local.demo import channel, crowds, following, janus, series, trouble
from infra.local.demo.step import Step
from infra.settings import Settings, read_settings

FIRST_PORT, LAST_PORT = 15_000, 32_000

STEPS: tuple[Step, ...] = (
    *following.STEPS,
    *series.STEPS,
    *trouble.STEPS,
    *crowds.STEPS,
    *janus.STEPS,
    *channel.STEPS,
)


def steps(*, with_janus: bool) -> Iterator[Step]:
    """The steps that can be told here."""
    return (step for step in STEPS if with_janus or not step.needs_janus)


def demo_settings(state: Path) -> Settings:
    """A stack of its own in the folder `state`, on free ports, with short waits; the story ticks by hand."""
    port, calendar, vendor, janus_port, janus_admin, tasks, tasks_http, firestore = free_ports(8)
    return replace(
        read_settings(),
        state=state,
        port=port,
        calendar_port=calendar,
        vendor_port=vendor,
        janus_port=janus_port,
        janus_admin_port=janus_admin,
        tasks_port=tasks,
        tasks_http_port=tasks_http,
        firestore_port=firestore,
        user="alice@example.com",
        calendar="primary",
        time_zone="Europe/Zurich",
        ticks=False,
        burst=0.3,
        retry_first=0.3,
        lease=5,
        poll=1,
        timeout=2,
    )


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at this moment, all different.

    They lie below those that connections get for themselves, so that none is taken while its server restarts.
    """
    found: set[int] = set()
    while len(found) < count:
        port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.add(port)
    return sorted(found)
