"""Serve Cloud Tasks on this machine: python -m infra.local.cloudtasks --port 8123 --http-port 8124 --state tasks.db."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Annotated

import structlog
import typer

from infra.local.cloudtasks.control import MAX_BODY, HeldClock, application
from infra.local.cloudtasks.server import CloudTasksServer
from infra.local.ending import ending
from infra.local.issuer import LocalIssuer
from infra.local.listening import bound, listening


def serve(
    *,
    port: Annotated[int, typer.Option(help="The gRPC port; 0 takes a free one.", min=0, max=65535)] = 8123,
    http_port: Annotated[int, typer.Option(help="The port of REST and controls.", min=0, max=65535)] = 8124,
    state: Annotated[Path, typer.Option(help="The file that keeps queues and tasks.")] = Path("cloudtasks.db"),
    keys: Annotated[Path, typer.Option(help="The folder with the key that signs identity tokens.")] = Path(),
    issuer: Annotated[str, typer.Option(help="Whom the tokens name as their issuer.")] = "http://127.0.0.1:8124",
) -> None:
    """Serve until SIGINT or SIGTERM."""
    ended = ending()
    structlog.configure(processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()])
    clock = HeldClock()
    signer = LocalIssuer.from_folder(keys, issuer, clock)
    try:
        with CloudTasksServer(state, clock.now, signer.mint, port=port, dispatching=False) as server:
            app = application(server, clock)
            # Not before the clock is known again.
            server.dispatcher.start()
            with listening(app, bound(http_port), threads=4, largest_body=MAX_BODY):
                typer.echo(f"Cloud Tasks answers at {server.target} (gRPC)")
                ended.wait()
    except OSError as error:
        raise _failed(f"The Cloud Tasks server cannot listen: {error.strerror or error}") from error
    except sqlite3.Error as error:
        raise _failed(f"The Cloud Tasks server cannot use its file: {error}") from error


def _failed(text: str) -> typer.Exit:
    typer.echo(text, err=True)
    return typer.Exit(1)


if __name__ == "__main__":
    typer.run(serve)
