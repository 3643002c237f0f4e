"""Settings: documented one by one, wrong ones named, unknown ones too."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.local.stack import as_environment
from infra.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"\| `(\w+)` \| `(.*)` \| (.*) \|")


def test_every_setting_is_documented() -> None:
    """docs/settings.md lists every setting, and no other, with its default and its meaning, in the code's order."""
    text = (ROOT / "docs" / "settings.md").read_text()
    fields = Settings.model_fields.items()
    expected = [(PREFIX + name.upper(), str(field.default), field.description) for name, field in fields]

    assert ROW.findall(text) == expected


SCRIPT = """
import json, os, sys
from infra.settings import BadSettings, read_settings

def told(environment):
    os.environ.update(environment)
    try:
        return {name: str(value) for name, value in read_settings().model_dump().items()}
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
]


def test_a_wrong_setting_is_named(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """A value that is not allowed, or a name that does not exist, ends the start with a line that says so."""
    outcomes = read(tmp_path, *({PREFIX + name: value} for name, value, _ in WRONG))

    for (name, value, expected), outcome in zip(WRONG, outcomes, strict=True):
        with subtests.test(name, value=value):
            assert outcome.startswith(expected)


def test_all_wrong_settings_are_named_at_once(tmp_path: Path) -> None:
    """Nobody mends one setting only to be told of the next."""
    (told,) = read(tmp_path, {"LOCKSTEP_PORT": "x", "LOCKSTEP_BURST": "y", "LOCKSTEP_NONE": "z"})

    assert len(told.splitlines()) == 3


def test_settings_travel_to_another_process_through_its_environment(tmp_path: Path) -> None:
    """What a stack hands to its parts is read there as it was."""
    settings = Settings(state=tmp_path / "with space", port=9, ticks=False, burst=0.25, user="zoë@example.com")

    (told,) = read(tmp_path, as_environment(settings))

    assert told == {name: str(value) for name, value in settings.model_dump().items()}
