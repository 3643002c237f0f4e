"""docs/calendar-server.md says what is so: its tables are complete, its examples run."""

from __future__ import annotations

import json
import re
import runpy
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import msgspec
import pytest

from infra.local.calendar.control import ROUTES
from infra.local.calendar.discovery import discovery
from infra.local.calendar.faults import Fault
from infra.local.calendar.knobs import Knobs, PushFaults
from infra.local.calendar.server import METHODS, CalendarServer
from infra.local.calendar.serving import running
from tests.contract.calendar_server.desk import Desk

GUIDE = (Path(__file__).parents[3] / "docs" / "calendar-server.md").read_text()
SCRIPTS = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
CALLS = re.findall(r"^(GET|POST|DELETE) /control/([\w-]+)(?: (.+))?$", GUIDE, re.MULTILINE)


def rows(head: str) -> dict[str, list[str]]:
    """The table below this line of heads: first cell to the others, without their backquotes."""
    lines = GUIDE.split(f"\n{head}\n", 1)[1].splitlines()[1:]
    table = [
        line.strip("|").split("|") for line in lines[: next((n for n, line in enumerate(lines) if not line), None)]
    ]
    return {cells[0].strip().strip("`"): [cell.strip() for cell in cells[1:]] for cells in table}


def test_the_table_of_methods_is_complete_and_true() -> None:
    """Every method of Google's has a row, which says whether it is served here; the opening line counts them."""
    google = {method.id.removeprefix("calendar.") for found in discovery().methods.values() for method in found}
    told = rows("| method | served | differs from Google |")

    assert told.keys() == google
    assert {name for name, (served, _) in told.items() if served == "yes"} == {
        name.removeprefix("calendar.") for name in METHODS
    }
    assert f"{len(METHODS)} of its {len(google)} methods" in GUIDE


def test_the_table_of_control_routes_is_complete() -> None:
    """Every route has a row, and none that is not there."""
    assert set(rows("| route | does |")) == {f"{method} /control/{name}" for method, name in ROUTES}


@pytest.mark.parametrize(
    ("heading", "head", "kind"),
    [
        ("### Faults", "| field | default | |", Fault),
        ("### Push faults", "| field | default | |", PushFaults),
        ("### Knobs", "| knob | default | |", Knobs),
    ],
)
def test_the_tables_of_faults_and_knobs_are_complete(heading: str, head: str, kind: type[msgspec.Struct]) -> None:
    """Every field has a row with its default."""
    section = GUIDE.split(f"\n{heading}\n", 1)[1]
    told = [re.match(r"\| `(\w+)` \| ([^|]+) \|", line) for line in section.split(head, 1)[1].splitlines()[2:]]
    table = {}
    for row in told:
        if row is None:
            break
        table[row[1]] = row[2].strip()
    defaults = {field.encode_name: field.default for field in msgspec.structs.fields(kind)}

    assert table.keys() == defaults.keys()
    for name, value in defaults.items():
        plain = json.dumps(value) if isinstance(value, bool | int | float) else str(value)
        assert table[name] in {plain, "none", "any", "the usual one of the status"}, name


def test_the_examples_of_control_routes_work_in_their_order(desk: Desk) -> None:
    """Each is accepted by a fresh server, and hardly a route is without one."""
    for method, name, body in CALLS:
        answer = desk.raw(method, f"/control/{name}", json.loads(body) if body else None, headers={})
        assert answer.status == 200, (name, answer.body)

    missing = {(method, name) for method, name in ROUTES} - {(method, name) for method, name, _ in CALLS}
    assert missing == {("POST", "service-accounts")}  # needs a key of the reader's own


@pytest.mark.parametrize("script", SCRIPTS, ids=range(len(SCRIPTS)))
def test_the_python_examples_run(script: str, tmp_path: Path) -> None:
    """Copied from the guide and run, but for the port."""
    server = CalendarServer(lambda: datetime(2026, 11, 20, tzinfo=UTC), Random(1))  # noqa: S311 - seeded on purpose
    with running(server) as base:
        path = tmp_path / "example.py"
        path.write_text(script.replace("http://127.0.0.1:8791", base))
        left = runpy.run_path(str(path))
        left["service"].close()

    assert len(SCRIPTS) == 2


def test_the_guide_s_links_lead_somewhere() -> None:
    """Every link within the guide names one of its headings."""
    headings = {
        re.sub(r"[^a-z -]", "", line.lower()).strip().replace(" ", "-")
        for line in re.findall(r"^#+ (.+)$", GUIDE, re.MULTILINE)
    }

    assert set(re.findall(r"\]\(#([^)]+)\)", GUIDE)) <= headings
