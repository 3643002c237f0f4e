"""Failing stories that were found once: kept with their acts and faults, and lived through again by every test run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tests.simulation.faults import Fault
from tests.simulation.world import Script, Verdict

FOLDER = Path(__file__).parent / "regressions"


def keep(script: Script, verdict: Verdict, folder: Path = FOLDER) -> Path:
    """Write a failing story down; return where."""
    folder.mkdir(exist_ok=True)
    name = f"{(verdict.oracle or 'green').replace(' ', '-')}-{verdict.seed}.json"
    data = {
        "seed": verdict.seed,
        "oracle": verdict.oracle,
        "what": verdict.what,
        "acts": {str(number): verdict.acts.get(number, "") for number in sorted(script.acts)},
        "faults": {call: fault.value for call, fault in script.faults.items()},
    }
    path = folder / name
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    return path


def read(path: Path) -> tuple[int, Script]:
    """The seed and the script of a story that was kept."""
    data = json.loads(path.read_text())
    faults = {call: Fault(value) for call, value in data["faults"].items()}
    return int(data["seed"]), Script(frozenset(map(int, data["acts"])), faults)


def kept(folder: Path = FOLDER) -> Iterator[Path]:
    """All of them, by name."""
    yield from sorted(folder.glob("*.json"))
