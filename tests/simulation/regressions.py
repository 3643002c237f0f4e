"""Failing stories that were found once: kept with their acts and faults, and lived through again by every test run.

A story that names a canary was red for the product without that protection, shortened under that variant: it is green
for the product as it is, and red with the variant (tests/simulation/canaries). Some canaries put back a mistake that
the simulation found, so these stories show that it is not made again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tests.simulation.faults import Fault
from tests.simulation.world import Script, Verdict

FOLDER = Path(__file__).parent / "regressions"


def keep(script: Script, verdict: Verdict, folder: Path = FOLDER, *, canary: str | None = None) -> Path:
    """Write a failing story down, with the canary under which it failed; return where."""
    folder.mkdir(exist_ok=True)
    oracle = (verdict.oracle or "green").replace(" ", "-")
    name = "-".join([oracle, str(verdict.seed), *([canary] if canary else [])]) + ".json"
    data = {
        **({"canary": canary} if canary else {}),
        "seed": verdict.seed,
        "oracle": verdict.oracle,
        "what": verdict.what,
        **(
            {"triggers": {str(number): verdict.cast.get(number, "") for number in sorted(script.cast)}}
            if script.cast
            else {}
        ),
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
    triggers = frozenset(map(int, data.get("triggers", ())))
    return int(data["seed"]), Script(frozenset(map(int, data["acts"])), faults, triggers)


def canary_of(path: Path) -> str | None:
    """The canary under which a kept story is red; None for a story that was red for the product itself."""
    name = json.loads(path.read_text()).get("canary")
    return None if name is None else str(name)


def kept(folder: Path = FOLDER) -> Iterator[Path]:
    """All of them, by name."""
    yield from sorted(folder.glob("*.json"))
