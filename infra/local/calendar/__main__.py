"""Serve the Calendar API from the command line: python -m infra.local.calendar --port 8791 --state calendar.db."""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Annotated

import typer

from infra.local.calendar.persistence import SqliteState
from infra.local.calendar.server import CalendarServer
from infra.local.calendar.serving import running
from infra.local.calendar.times import zone_named
from infra.local.ending import ending


def serve(
    *,
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = 8791,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    state: Annotated[Path | None, typer.Option(help="The file that keeps everything; none keeps it in memory.")] = None,
    zone: Annotated[str, typer.Option(help="The time zone of calendars that come into being.")] = "Europe/Zurich",
    seed: Annotated[int | None, typer.Option(help="Seeds ids and drawn faults; none draws a seed.")] = None,
) -> None:
    """Serve until SIGINT or SIGTERM."""
    ended = ending()
    if zone_named(zone) is None:
        raise _failed(f"{zone} is no IANA time zone")
    random = Random(secrets.randbits(64) if seed is None else seed)  # noqa: S311 - ids of a development server
    try:
        with closing(SqliteState(state)) if state else nullcontext() as kept:
            server = CalendarServer(lambda: datetime.now(UTC), random, kept, zone)
            with running(server, port, host) as base:
                typer.echo(f"The Calendar server answers at {base}/calendar/v3/")
                ended.wait()
    except OSError as error:
        raise _failed(f"The Calendar server cannot listen on {host}:{port}: {error.strerror}") from error
    except sqlite3.Error as error:
        raise _failed(f"The Calendar server cannot use the state file: {error}") from error


def _failed(text: str) -> typer.Exit:
    typer.echo(text, err=True)
    return typer.Exit(1)


if __name__ == "__main__":
    typer.run(serve)
