"""The settings, read once from LOCKSTEP_… environment variables or a .env file, and checked before anything starts.

Each says what it is for; `docs/settings.md` lists them.
"""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=90 * 86400)]

PREFIX = "LOCKSTEP_"


def _address(text: str) -> str:
    if not re.fullmatch(r"[^\s@/]+@[^\s@/]+", text):
        raise ValueError("it must be an e-mail address")
    return text


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("it must be an IANA time zone such as Europe/Zurich") from None
    return name


def _https(text: str) -> str:
    if text and not re.fullmatch(r"https://[^\s/?#@]+(/[^\s?#]*)?", text):
        raise ValueError("it must be an https address")
    return text.rstrip("/")


def _modules(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z_][\w.]*(\s*,\s*[A-Za-z_][\w.]*)*", text):
        raise ValueError("it must be names of modules, with commas between several")
    return text


def _solutions(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9_-]{1,64}(=[^,=]{1,100})?(,[a-z0-9_-]{1,64}(=[^,=]{1,100})?)*", text):
        raise ValueError("it must be provider=name, with commas between several")
    ids = [one.partition("=")[0] for one in text.split(",")]
    if len({*ids}) < len(ids):
        raise ValueError("each provider may stand there once")
    return text


class Settings(BaseSettings):
    """Everything that can be set; the defaults run the whole stack on this machine."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    state: Path = Field(Path(".lockstep"), description="folder of the local stack's databases and keys")
    port: Port = Field(8900, description="the functions and the console")
    calendar_port: Port = Field(8901, description="the local Calendar server")
    vendor_port: Port = Field(8902, description="the local conferencing service")
    janus_port: Port = Field(8903, description="Janus, for browsers")
    janus_admin_port: Port = Field(8904, description="Janus, for us")
    tasks_port: Port = Field(8905, description="the local Cloud Tasks server, for its clients (gRPC)")
    tasks_http_port: Port = Field(8906, description="the local Cloud Tasks server, over REST")
    firestore_port: Port = Field(8907, description="the Firestore emulator")

    user: Annotated[str, AfterValidator(_address)] = Field(
        "alice@example.com", description="whose calendar the local stack follows"
    )
    calendar: str = Field("primary", min_length=1, description="the calendar to follow")
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        "Europe/Zurich", description="the zone of calendars made on the local Calendar server"
    )
    janus: Literal["auto", "off"] = Field("auto", description="start Janus if it is installed, or leave it out")
    ticks: bool = Field(True, description="tick by itself; off where a test ticks by hand")

    store: Literal["sqlite", "firestore"] = Field(
        "sqlite", description="where documents are kept: in a file of this stack, or in Firestore (here, its emulator)"
    )
    firestore_jar: str = Field("", description="the Firestore emulator's jar; empty: that of the Google Cloud SDK")
    queue: Literal["sqlite", "cloudtasks"] = Field(
        "sqlite", description="where tasks wait: in a file of this stack, or with Cloud Tasks (here, its local server)"
    )
    project: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$")] = Field(
        "lockstep-local", description="the Google Cloud project"
    )
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")] = Field(
        "europe-west6", description="the region of its queues and functions"
    )
    task_queue: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] = Field(
        "lockstep", description="the queue's id with Cloud Tasks, or how the ids of its queues begin"
    )
    task_queues: Literal["one", "function", "provider"] = Field(
        "one", description="one queue for all tasks, one for each function that they call, or one for each provider"
    )
    task_deadline: Annotated[float, Field(ge=15, le=1800)] = Field(
        600.0, description="how long Cloud Tasks waits for the answer of a task"
    )

    public_url: Annotated[str, AfterValidator(_https)] = Field(
        "", description="where the functions are reached from outside (https); the add-on's manifest names it"
    )
    addon_name: str = Field("Lockstep", min_length=1, description="the add-on's name")
    addon_logo: Annotated[str, AfterValidator(_https)] = Field("", description="the address of its logo (https)")
    addon_solutions: Annotated[str, AfterValidator(_solutions)] = Field(
        "http=Lockstep meeting",
        description="the conferences it offers: each provider's name, or name=what people read, with commas between",
    )
    addon_domains: str = Field("", description="whose users may have them, by domain; empty: everybody")
    addon_account: Annotated[str, AfterValidator(_address)] = Field(
        "addon@lockstep.local", description="the service account as which Google calls this deployment of the add-on"
    )
    addon_client: str = Field(
        "addon.lockstep.local", min_length=1, description="the OAuth client of the users' identity tokens"
    )
    addon_audiences: str = Field(
        "", description="further audiences to accept in Google's tokens, with commas between; ours are known"
    )
    addon_settings_url: Annotated[str, AfterValidator(_https)] = Field(
        "", description="where its users find their settings (https); empty: there are none"
    )
    addon_login_url: Annotated[str, AfterValidator(_https)] = Field(
        "", description="where they sign in to the conference service (https); empty: they need not"
    )
    addon_subscribe: bool = Field(
        False, description="ask Google to tell the add-on of changes too, beside push channels"
    )

    script_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = Field(
        "lockstep-script", description="the script's id; triggers and properties belong to it, so it stays the same"
    )
    scripts: Annotated[str, AfterValidator(_modules)] = Field(
        "", description="the script's modules, imported for their handlers, with commas between"
    )
    script_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        "UTC", description="the script's time zone, in which its clock triggers strike"
    )
    script_scopes: str = Field(
        "https://www.googleapis.com/auth/calendar.events",
        description="the OAuth scopes that the script declares, with commas between",
    )
    failure_summary: bool = Field(True, description="tell each user's script failures once a day")

    burst: Seconds = Field(1.0, description="a run starts so long after the first notice of a burst")
    lease: Seconds = Field(90.0, description="how long a run may hold its feed")
    poll: Seconds = Field(900.0, description="each feed is looked at this often, notice or not")
    sweep: Seconds = Field(86400.0, description="each calendar and provider is compared as a whole this often")
    channel_life: Seconds = Field(172800.0, description="how long a push channel is asked to live")
    channel_renewal: Seconds = Field(86400.0, description="a channel is renewed when it has less than this left")
    spare_life: Seconds = Field(3600.0, description="how long an unlinked meeting of ours is left alone")
    retry_first: Seconds = Field(5.0, description="the first wait before something that failed is tried again")
    tick: Seconds = Field(60.0, description="how often the local scheduler ticks")
    lanes: Annotated[int, Field(ge=1, le=64)] = Field(8, description="how many events are reconciled side by side")
    timeout: Seconds = Field(20.0, description="the longest wait for an answer from outside")
    log: Literal["debug", "info", "warning", "error"] = Field("info", description="what is logged")

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


class BadSettings(Exception):
    """A setting is not allowed; the text names it, what was given and what is allowed."""


def read_settings() -> Settings:
    """Read and check the settings. Raises BadSettings with one line for each wrong or unknown one."""
    wrong = [_unknown(name) for name in sorted(os.environ) if _is_unknown(name)]
    try:
        settings = Settings()
    except ValidationError as error:
        wrong += [_line(one) for one in error.errors()]
    if wrong:
        raise BadSettings("\n".join(wrong))
    return settings


def _is_unknown(name: str) -> bool:
    return name.startswith(PREFIX) and name.removeprefix(PREFIX).lower() not in Settings.model_fields


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.removeprefix(PREFIX).lower(), Settings.model_fields, n=1)
    hint = f"; did you mean {PREFIX}{near[0].upper()}?" if near else ""
    return f"setting {name}: there is no such setting{hint}"


def _line(error: object) -> str:
    detail = dict(error)  # type: ignore[call-overload]  # pydantic's own typed dict of one error
    name = PREFIX + "_".join(str(part) for part in detail["loc"]).upper()
    return f"setting {name}: {detail['input']!r} was given, but {_allowed(detail)}"


def _allowed(detail: dict[str, object]) -> str:
    text = str(detail["msg"]).removeprefix("Value error, ")
    return text[0].lower() + text[1:]
