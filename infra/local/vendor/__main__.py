"""Serve the conferencing service from the command line: python -m infra.local.vendor --port 8790 --state vendor.db."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.local.ending import ending
from infra.local.vendor.server import Account
from infra.local.vendor.serving import running


def serve(
    *,
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.")] = 8790,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    state: Annotated[Path | None, typer.Option(help="The file that keeps everything; none keeps it in memory.")] = None,
    webhook: Annotated[str | None, typer.Option(help="Where changes are told to.")] = None,
    token: Annotated[str, typer.Option(envvar="VENDOR_TOKEN", help="The API token.")] = "vendor-token",  # noqa: S107 - for the local stack only
    webhook_secret: Annotated[
        str, typer.Option(envvar="VENDOR_WEBHOOK_SECRET", help="What webhooks are signed with.")
    ] = "vendor-webhook-secret",  # noqa: S107 - for the local stack only
) -> None:
    """Serve until SIGINT or SIGTERM."""
    ended = ending()
    try:
        with running(Account(token, webhook, webhook_secret), port=port, host=host, state=state) as base:
            typer.echo(f"The conferencing service answers at {base}")
            ended.wait()
    except OSError as error:
        typer.echo(f"The conferencing service cannot listen on {host}:{port}: {error.strerror}", err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(serve)
