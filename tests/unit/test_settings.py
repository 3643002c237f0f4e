"""Settings: documented one by one, wrong ones named, unknown ones too."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.settings import FIELDS, PREFIX, BadSettings, Settings, as_environment, settings_of, variable

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"\| `(\w+)` \| `(.*)` \| (.*) \|")


def test_every_setting_is_documented() -> None:
    """docs/settings.md lists every setting, and no other, with its default and its meaning, in the code's order."""
    text = (ROOT / "docs" / "settings.md").read_text()
    expected = [(variable(name), str(one.default), one.metadata["says"]) for name, one in FIELDS.items()]

    assert ROW.findall(text) == expected


SCRIPT = """
import json, os, sys
from infra.settings import BadSettings, read_settings

def told(environment):
    os.environ.update(environment)
    try:
        return {name: str(value) for name, value in vars(read_settings()).items()}
    except BadSettings as error:
        return str(error)
    finally:
        for name in environment:
            del os.environ[name]

print(json.dumps([told(one) for one in json.load(sys.stdin)]))
"""


def read(folder: Path, *environments: dict[str, str]) -> list[Any]:
    """Read the settings under each environment, in a process of its own: every setting as text, or what is wrong."""
    ended = subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", SCRIPT],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        input=json.dumps(environments),
        capture_output=True,
        text=True,
        check=True,
    )
    told: list[Any] = json.loads(ended.stdout)
    return told


WRONG = [
    ("PORT", "none", "setting LOCKSTEP_PORT: 'none' was given, but "),
    ("PORT", "0", "setting LOCKSTEP_PORT: '0' was given, but "),
    ("PORT", "70000", "setting LOCKSTEP_PORT: '70000' was given, but "),
    ("BURST", "-1", "setting LOCKSTEP_BURST: '-1' was given, but "),
    ("LANES", "1000", "setting LOCKSTEP_LANES: '1000' was given, but "),
    ("JANUS", "maybe", "setting LOCKSTEP_JANUS: 'maybe' was given, but "),
    ("USER", "alice", "setting LOCKSTEP_USER: 'alice' was given, but it must be an e-mail address"),
    (
        "TIME_ZONE",
        "Mars/Base",
        "setting LOCKSTEP_TIME_ZONE: 'Mars/Base' was given, but it must be an IANA time zone",
    ),
    ("PROT", "9000", "setting LOCKSTEP_PROT: there is no such setting; did you mean LOCKSTEP_PORT?"),
    ("XYZZY", "1", "setting LOCKSTEP_XYZZY: there is no such setting"),
    ("PORT", "8e3", "setting LOCKSTEP_PORT: '8e3' was given, but it must be a whole number from 1 to 65535"),
    ("BURST", "0", "setting LOCKSTEP_BURST: '0' was given, but it must be a number above 0 and at most 7776000"),
    ("BURST", "nan", "setting LOCKSTEP_BURST: 'nan' was given, but "),
    ("TASK_DEADLINE", "14", "setting LOCKSTEP_TASK_DEADLINE: '14' was given, but it must be a number from 15 to 1800"),
    ("STORE", "mysql", "setting LOCKSTEP_STORE: 'mysql' was given, but it must be one of: sqlite, firestore"),
    ("TICKS", "maybe", "setting LOCKSTEP_TICKS: 'maybe' was given, but it must be true or false"),
    ("CALENDAR", "", "setting LOCKSTEP_CALENDAR: '' was given, but it must be some text"),
    ("PROJECT", "Acme", "setting LOCKSTEP_PROJECT: 'Acme' was given, but it must be the id of a Google Cloud project"),
    ("SCRIPTS", "a b", "setting LOCKSTEP_SCRIPTS: 'a b' was given, but it must be names of modules"),
    ("PUBLIC_URL", "http://x", "setting LOCKSTEP_PUBLIC_URL: 'http://x' was given, but it must be an https address"),
    ("DELEGATION_ACCOUNT", "x", "setting LOCKSTEP_DELEGATION_ACCOUNT: 'x' was given, but it must be an e-mail address"),
    ("HTTP_JOIN_HOSTS", "a b", "setting LOCKSTEP_HTTP_JOIN_HOSTS: 'a b' was given, but it must be names of hosts"),
    ("ADDON_SOLUTIONS", "http,http", "setting LOCKSTEP_ADDON_SOLUTIONS: 'http,http' was given, but each provider may"),
]


def test_a_wrong_setting_is_named(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """A value that is not allowed, or a name that does not exist, ends the start with a line that says so."""
    outcomes = read(tmp_path, *({PREFIX + name: value} for name, value, _ in WRONG))

    for (name, value, expected), outcome in zip(WRONG, outcomes, strict=True):
        with subtests.test(name, value=value):
            assert outcome.startswith(expected)


TOGETHER: list[tuple[dict[str, str], list[str]]] = [
    ({"GROUND": "google"}, ["STORE", "QUEUE", "PROJECT", "PUBLIC_URL"]),
    ({"GROUND": "google", "STORE": "firestore", "QUEUE": "cloudtasks", "SERVICES": "local"}, []),
    ({"GROUND": "google", "SERVICES": "local", "CREDENTIALS": "delegation"}, ["STORE", "QUEUE", "DELEGATION"]),
    ({"CREDENTIALS": "delegation"}, ["CREDENTIALS"]),
    ({"CALENDAR_API": "google"}, ["CLIENT_FILE"]),
    ({"CALENDAR_API": "google", "CLIENT_FILE": "client_secret.json"}, []),
    ({"CALENDAR_API": "google", "SERVICES": "local"}, []),
    ({"CALENDAR": "google"}, ["CALENDAR"]),
    ({"CALENDAR": "team@group.calendar.google.com"}, []),
]
DEPLOYED = {
    "GROUND": "google",
    "STORE": "firestore",
    "QUEUE": "cloudtasks",
    "PROJECT": "acme-lockstep",
    "PUBLIC_URL": "https://europe-west6-acme-lockstep.cloudfunctions.net",
}
TOGETHER += [
    (DEPLOYED, []),
    (DEPLOYED | {"DELEGATION_ACCOUNT": "d@acme.example"}, ["DELEGATION_ACCOUNT"]),
    (DEPLOYED | {"CREDENTIALS": "delegation"}, ["DELEGATION_ACCOUNT"]),
    (DEPLOYED | {"CREDENTIALS": "delegation", "DELEGATION_ACCOUNT": "d@acme.example"}, []),
    (DEPLOYED | {"CALENDAR_API": "google"}, ["CALENDAR_API"]),
]


@pytest.mark.parametrize(("given", "named"), TOGETHER)
def test_settings_that_do_not_go_together_are_named(given: dict[str, str], named: list[str]) -> None:
    """One line for each thing that is missing or contradicts another, and none for what is complete."""
    try:
        settings_of({PREFIX + name: value for name, value in given.items()})
        lines = []
    except BadSettings as error:
        lines = str(error).splitlines()

    assert [line.startswith(f"setting {PREFIX}{name}") for line, name in zip(lines, named, strict=True)] == (
        [True] * len(named)
    )


@pytest.mark.parametrize("address", ["https://meet.acme.example", "https://acme.example:8443/api/", ""])
def test_a_conferencing_system_has_a_public_name(address: str) -> None:
    """It is the one address that a setting chooses and we call."""
    assert settings_of({"LOCKSTEP_HTTP_URL": address}).http_url == address.rstrip("/")


@pytest.mark.parametrize(
    "address",
    [
        *("http://acme.example", "https://169.254.169.254/x", "https://2130706433/", "https://localhost/"),
        *("https://metadata.google.internal/", "https://[::1]/", "https://x@acme.example/", "https://0x7f.1/"),
        *("https://127.1/", "https://acme", "https://printer.local/", "https://acme.example/?x", "ftp://acme.example"),
    ],
)
def test_no_setting_leads_inward(address: str) -> None:
    """Neither numbers nor names of this machine, its network or a cloud's metadata server."""
    with pytest.raises(BadSettings, match="LOCKSTEP_HTTP_URL"):
        settings_of({"LOCKSTEP_HTTP_URL": address})


def test_all_wrong_settings_are_named_at_once(tmp_path: Path) -> None:
    """Nobody mends one setting only to be told of the next."""
    (told,) = read(tmp_path, {"LOCKSTEP_PORT": "x", "LOCKSTEP_BURST": "y", "LOCKSTEP_NONE": "z"})

    assert len(told.splitlines()) == 3


def test_settings_travel_to_another_process_through_its_environment(tmp_path: Path) -> None:
    """What a stack hands to its parts is read there as it was."""
    settings = Settings(state=tmp_path / "with space", port=9, ticks=False, burst=0.25, user="zoë@example.com")

    (told,) = read(tmp_path, as_environment(settings))

    assert told == {name: str(value) for name, value in vars(settings).items()}


DOTENV = """
# what this machine needs
LOCKSTEP_PORT=9000
export LOCKSTEP_USER = "zoë@example.com"  # in quotation marks
LOCKSTEP_TICKS=off # without
LOCKSTEP_BURST='0.5'
OTHER=1
nonsense
"""


def test_a_file_tells_what_the_environment_does_not(tmp_path: Path) -> None:
    """Lines of .env are read as variables are; what stands in both is as the environment has it."""
    (tmp_path / ".env").write_text(DOTENV, encoding="utf-8")

    told, over = read(tmp_path, {}, {"LOCKSTEP_PORT": "9001"})

    assert {name: told[name] for name in ("port", "user", "ticks", "burst")} == {
        "port": "9000",
        "user": "zoë@example.com",
        "ticks": "False",
        "burst": "0.5",
    }
    assert over == {**told, "port": "9001"}


def test_what_is_wrong_in_the_file_is_named_too(tmp_path: Path) -> None:
    """A setting that is misspelt there would be missed as well."""
    (tmp_path / ".env").write_text("LOCKSTEP_PROT=9000\n", encoding="utf-8")

    (told,) = read(tmp_path, {})

    assert told == "setting LOCKSTEP_PROT: there is no such setting; did you mean LOCKSTEP_PORT?"


def test_every_default_is_allowed() -> None:
    """Whatever a setting is by itself can also be given to it."""
    assert settings_of(as_environment(Settings())) == Settings()
