"""Runs everything on this machine until Ctrl-C, and says where it is and what to try (`make run`)."""

from __future__ import annotations

import json
import signal
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import typer

from infra.local.following import client_of, prepared
from infra.local.stack import Stack, StackError
from infra.settings import FIELDS, PREFIX, BadSettings, Settings, read_settings

LOOK = 0.3
"""Seconds between two looks whether every part still runs."""

app = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})


def _help() -> str:
    listed = "\n".join(f"  {name.upper():<17}{one.metadata['says']} [{one.default}]" for name, one in FIELDS.items())
    return (
        "Run Lockstep whole on this machine: a Calendar server, a conferencing service, Janus if it is installed, the "
        "functions with their queue, and the console. Everything is kept in the state folder; the next start goes on "
        "from there.\n\n"
        f"Settings are environment variables, {PREFIX} and the name; with make: make run PORT=9000 STATE=/tmp/try\n\n"
        f"\b\n{listed}"
    )


@app.command(help=_help())
def run() -> None:
    """Run until Ctrl-C or SIGTERM; exit with 2 for wrong settings, with 1 if a part does not come up or falls."""
    # SIGINT too: a shell that starts a job in the background has it ignored, and so would its child.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        settings = prepared(read_settings())
        if settings.client_file:
            client_of(settings)  # a wrong one is said before anything starts
        typer.echo("Starting …")
        with Stack(settings) as stack:
            typer.echo(greeting(stack))
            _watch(stack)
    except BadSettings as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except StackError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("\nStopped. The next start goes on from here.")


def _watch(stack: Stack) -> None:
    while (fallen := stack.fallen()) is None:
        time.sleep(LOOK)
    raise StackError(fallen)


def greeting(stack: Stack) -> str:
    """Where everything is, and what to try."""
    settings = stack.settings
    janus = f"http://127.0.0.1:{settings.janus_port}/janus" if "janus" in stack.parts() else _no_janus(settings)
    return f"""
Lockstep is ready after {stack.seconds_to_ready:.1f} seconds. Ctrl-C stops it; its state is kept in {settings.state}

  Console                {settings.base_url}/console/
  Consent                {settings.base_url}/consent
  Conferencing service   {settings.vendor_url}/
  Calendar API           {settings.calendar_url if "calendar" in stack.parts() else "Google's own"}
  Janus                  {janus}{_tasks(stack)}

{_what_to_try(settings) if settings.calendar_api == "local" else _how_to_connect(settings)}"""


def _how_to_connect(settings: Settings) -> str:
    return f"""Open this page, and connect your account:

  {settings.base_url}/consent

Then change an event in your calendar: the console shows it within {settings.poll + settings.tick:.0f} seconds. The
page above also ends it: Disconnect takes your consent back and deletes everything that is kept of you. More in
docs/own-account.md.
"""


def _what_to_try(settings: Settings) -> str:
    return f"""Open the console, then make an event that asks for a conference, as {settings.user}:

  {_curl(settings)}

Its meeting appears in the console and at {settings.vendor_url}/ in about {settings.burst + 0.1:.1f} seconds. The event
then carries its join link:

  curl -s -H 'Authorization: Bearer dev:{settings.user}' '{settings.calendar_url}calendars/primary/events'
"""


def _tasks(stack: Stack) -> str:
    if "cloudtasks" not in stack.parts():
        return ""
    settings = stack.settings
    rest = f"http://127.0.0.1:{settings.tasks_http_port}/v2/"
    return f"\n  Cloud Tasks            127.0.0.1:{settings.tasks_port} (gRPC), {rest}"


def _no_janus(settings: Settings) -> str:
    return "left out (setting LOCKSTEP_JANUS)" if settings.janus == "off" else "not installed (Debian package janus)"


def _curl(settings: Settings) -> str:
    zone = ZoneInfo(settings.time_zone)
    start = (datetime.now(zone) + timedelta(days=1)).replace(hour=10, minute=0, second=0, microsecond=0)
    wish = {
        "conferenceSolution": {"key": {"type": "addOn"}, "name": "Lockstep"},
        "entryPoints": [{"entryPointType": "video", "uri": "https://lockstep.invalid/pending"}],
        "parameters": {"addOnParameters": {"parameters": {"lockstep": "http"}}},
    }
    body = {
        "summary": "Weekly review",
        "start": {"dateTime": start.isoformat(), "timeZone": str(zone)},
        "end": {"dateTime": (start + timedelta(minutes=30)).isoformat(), "timeZone": str(zone)},
        "conferenceData": wish,
    }
    return (
        f"curl -s '{settings.calendar_url}calendars/primary/events?conferenceDataVersion=1' "
        f"-H 'Authorization: Bearer dev:{settings.user}' -H 'Content-Type: application/json' -d '{json.dumps(body)}'"
    )


if __name__ == "__main__":
    app()
