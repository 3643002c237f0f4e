"""The settings, read once from LOCKSTEP_… environment variables or a .env file, and checked before anything starts.

Each says what it is for; `docs/settings.md` lists them.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from infra.consistent import NO_PROJECT, contradictions
from infra.setting import (
    hosts,
    https,
    mail,
    mail_or_nothing,
    modules,
    not_empty,
    number,
    one_of,
    outside,
    setting,
    solutions,
    text,
    whole,
    yes_or_no,
    zone,
)

PREFIX = "LOCKSTEP_"

_PORT = whole(1, 65535)
_SECONDS = number(0, 90 * 86400, above=True)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be set; the defaults run the whole stack on this machine."""

    state: Path = setting(Path(".lockstep"), Path, "folder of the local stack's databases and keys")
    port: int = setting(8900, _PORT, "the functions and the console")
    calendar_port: int = setting(8901, _PORT, "the local Calendar server")
    vendor_port: int = setting(8902, _PORT, "the local conferencing service")
    janus_port: int = setting(8903, _PORT, "Janus, for browsers")
    janus_admin_port: int = setting(8904, _PORT, "Janus, for us")
    tasks_port: int = setting(8905, _PORT, "the local Cloud Tasks server, for its clients (gRPC)")
    tasks_http_port: int = setting(8906, _PORT, "the local Cloud Tasks server, over REST")
    firestore_port: int = setting(8907, _PORT, "the Firestore emulator")
    kms_port: int = setting(8908, _PORT, "a Cloud KMS that is played on this machine")
    secrets_port: int = setting(8909, _PORT, "a Secret Manager that is played on this machine")
    iam_port: int = setting(8910, _PORT, "the signing for service accounts that is played on this machine")

    ground: Literal["local", "google"] = setting(
        "local", one_of("local", "google"), "what the functions stand on: this machine, or Google Cloud"
    )
    services: Literal["google", "local"] = setting(
        "google",
        one_of("google", "local"),
        "where that ground's services are: at Google, or played by servers on this machine at the ports above",
    )
    calendar_api: Literal["local", "google"] = setting(
        "local",
        one_of("local", "google"),
        "whose calendars this machine follows: the local Calendar server's, or a real account's (docs/own-account.md)",
    )
    client_file: str = setting("", str, "the OAuth client's JSON file, for a real account")
    credentials: Literal["consent", "delegation"] = setting(
        "consent",
        one_of("consent", "delegation"),
        "how a deployment may act for users: each consents, or the Workspace's administrator allows it for all",
    )
    delegation_account: str = setting(
        "", mail_or_nothing, "the service account to which the Workspace's administrator allowed it"
    )
    http_url: str = setting(
        "", outside, "a deployment's conferencing system: the address above /meetings (https); empty: there is none"
    )
    http_account: str = setting(
        "main", not_empty, "what its account is called in links; it stays the same, else meetings are not ours any more"
    )
    http_join_hosts: str = setting(
        "", hosts, "the only hosts that its join links may name, with commas between; empty: any"
    )

    user: str = setting("alice@example.com", mail, "whose calendar the local stack follows")
    calendar: str = setting("primary", not_empty, "the calendar to follow")
    time_zone: str = setting("Europe/Zurich", zone, "the zone of calendars made on the local Calendar server")
    janus: Literal["auto", "off"] = setting(
        "auto", one_of("auto", "off"), "start Janus if it is installed, or leave it out"
    )
    ticks: bool = setting(True, yes_or_no, "tick by itself; off where a test ticks by hand")

    store: Literal["sqlite", "firestore"] = setting(
        "sqlite",
        one_of("sqlite", "firestore"),
        "where documents are kept: in a file of this stack, or in Firestore (here, its emulator)",
    )
    firestore_jar: str = setting("", str, "the Firestore emulator's jar; empty: that of the Google Cloud SDK")
    queue: Literal["sqlite", "cloudtasks"] = setting(
        "sqlite",
        one_of("sqlite", "cloudtasks"),
        "where tasks wait: in a file of this stack, or with Cloud Tasks (here, its local server)",
    )
    project: str = setting(
        NO_PROJECT,
        text(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", "the id of a Google Cloud project"),
        "the Google Cloud project",
    )
    region: str = setting(
        "europe-west6",
        text(r"[a-z0-9-]{1,40}", "a region of Google Cloud such as europe-west6"),
        "the region of its queues and functions",
    )
    task_queue: str = setting(
        "lockstep",
        text(r"[A-Za-z0-9-]{1,64}", "at most 64 letters, digits and -"),
        "the queue's id with Cloud Tasks, or how the ids of its queues begin",
    )
    task_queues: Literal["one", "function", "provider"] = setting(
        "one",
        one_of("one", "function", "provider"),
        "one queue for all tasks, one for each function that they call, or one for each provider",
    )
    task_deadline: float = setting(600.0, number(15, 1800), "how long Cloud Tasks waits for the answer of a task")

    public_url: str = setting(
        "", https, "where the functions are reached from outside (https); the add-on's manifest names it"
    )
    addon_name: str = setting("Lockstep", not_empty, "the add-on's name")
    addon_logo: str = setting("", https, "the address of its logo (https)")
    addon_solutions: str = setting(
        "http=Lockstep meeting",
        solutions,
        "the conferences it offers: each provider's name, or name=what people read, with commas between",
    )
    addon_domains: str = setting("", str, "whose users may have them, by domain; empty: everybody")
    addon_account: str = setting(
        "addon@lockstep.local", mail, "the service account as which Google calls this deployment of the add-on"
    )
    addon_client: str = setting("addon.lockstep.local", not_empty, "the OAuth client of the users' identity tokens")
    addon_audiences: str = setting(
        "", str, "further audiences to accept in Google's tokens, with commas between; ours are known"
    )
    addon_settings_url: str = setting("", https, "where its users find their settings (https); empty: there are none")
    addon_login_url: str = setting(
        "", https, "where they sign in to the conference service (https); empty: they need not"
    )
    addon_subscribe: bool = setting(
        False, yes_or_no, "ask Google to tell the add-on of changes too, beside push channels"
    )

    script_id: str = setting(
        "lockstep-script",
        text(r"[A-Za-z0-9_-]{1,64}", "at most 64 letters, digits, - and _"),
        "the script's id; triggers and properties belong to it, so it stays the same",
    )
    scripts: str = setting("", modules, "the script's modules, imported for their handlers, with commas between")
    script_zone: str = setting("UTC", zone, "the script's time zone, in which its clock triggers strike")
    script_scopes: str = setting(
        "https://www.googleapis.com/auth/calendar.events",
        str,
        "the OAuth scopes that the script declares, with commas between",
    )
    failure_summary: bool = setting(True, yes_or_no, "tell each user's script failures once a day")

    burst: float = setting(1.0, _SECONDS, "a run starts so long after the first notice of a burst")
    lease: float = setting(90.0, _SECONDS, "how long a run may hold its feed")
    poll: float = setting(900.0, _SECONDS, "each feed is looked at this often, notice or not")
    sweep: float = setting(86400.0, _SECONDS, "each calendar and provider is compared as a whole this often")
    channel_life: float = setting(172800.0, _SECONDS, "how long a push channel is asked to live")
    channel_renewal: float = setting(86400.0, _SECONDS, "a channel is renewed when it has less than this left")
    spare_life: float = setting(3600.0, _SECONDS, "how long an unlinked meeting of ours is left alone")
    retry_first: float = setting(5.0, _SECONDS, "the first wait before something that failed is tried again")
    tick: float = setting(60.0, _SECONDS, "how often the local scheduler ticks")
    lanes: int = setting(8, whole(1, 64), "how many events are reconciled side by side")
    timeout: float = setting(20.0, _SECONDS, "the longest wait for an answer from outside")
    log: Literal["debug", "info", "warning", "error"] = setting(
        "info", one_of("debug", "info", "warning", "error"), "what is logged"
    )
    telemetry: Literal["off", "otlp"] = setting(
        "off", one_of("off", "otlp"), "traces and figures: none, or sent to an OpenTelemetry collector"
    )
    telemetry_endpoint: str = setting(
        "http://127.0.0.1:4318",
        text(r"https?://[^\s/?#@]+", "an http or https address without a path"),
        "where they are sent, by OTLP over HTTP; https://telemetry.googleapis.com is Google's own",
    )
    telemetry_share: float = setting(1.0, number(0, 1), "how many of the traces are recorded, as a share of 1")
    telemetry_flush: bool = setting(
        False, yes_or_no, "send them before each answer; on where nothing runs between two requests"
    )

    @property
    def base_url(self) -> str:
        """Where the functions are reached."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def calendar_url(self) -> str:
        """Where the Calendar API is, as google-api-python-client wants it."""
        return f"http://127.0.0.1:{self.calendar_port}/calendar/v3/"

    @property
    def vendor_url(self) -> str:
        """Where the conferencing service is."""
        return f"http://127.0.0.1:{self.vendor_port}"


FIELDS = {one.name: one for one in fields(Settings)}
"""Each setting by its name, with its `default`; `metadata` has what it `says` and how its text is `read`."""


class BadSettings(Exception):
    """A setting is not allowed; the text names it, what was given and what is allowed."""


def read_settings() -> Settings:
    """The settings as the environment, and behind it a .env file here, tell them. Raises BadSettings."""
    return settings_of({**_written(Path(".env")), **os.environ})


def settings_of(environ: Mapping[str, str]) -> Settings:
    """The settings in these variables. Raises BadSettings with one line for each wrong or unknown one."""
    given = {name.removeprefix(PREFIX).lower(): environ[name] for name in sorted(environ) if name.startswith(PREFIX)}
    wrong = [_unknown(name) for name in given if name not in FIELDS]
    read: dict[str, Any] = {}
    for name, text_given in given.items():
        try:
            read[name] = FIELDS[name].metadata["read"](text_given) if name in FIELDS else None
        except ValueError as error:
            wrong.append(f"setting {variable(name)}: {text_given!r} was given, but {error}")
    settings = Settings(**read) if not wrong else None
    wrong += contradictions(settings) if settings else []
    if settings is None or wrong:
        raise BadSettings("\n".join(wrong))
    return settings


def as_environment(settings: Settings) -> dict[str, str]:
    """The settings as the environment variables from which another process reads them."""
    return {variable(name): str(getattr(settings, name)) for name in FIELDS}


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, FIELDS, n=1)
    hint = f"; did you mean {variable(near[0])}?" if near else ""
    return f"setting {variable(name)}: there is no such setting{hint}"


_LINE = re.compile(rf"(?:export\s+)?({PREFIX}\w+)\s*=\s*(.*?)\s*")


def _written(file: Path) -> dict[str, str]:
    """Our lines NAME=value of a .env file, the value in quotation marks or not; nothing if there is no such file."""
    if not file.is_file():
        return {}
    found = [_LINE.fullmatch(line.strip()) for line in file.read_text(encoding="utf-8").splitlines()]
    return {one[1]: _unquoted(one[2]) for one in found if one}


def _unquoted(value: str) -> str:
    quoted = re.fullmatch(r"""(["'])(.*?)\1\s*(?:#.*)?""", value)
    return quoted[2] if quoted else re.sub(r"\s+#.*", "", value)
