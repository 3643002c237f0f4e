"""docs/operations.md is true: its lines, figures and settings are there, and its costs are those that are counted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.cost import PRICES, READ_ON, Cost, counted, mixed
from functions.clock import HEALTHS
from functions.telemetry import FIGURES, tally
from infra.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """What stands under a heading."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of its tables, without the lines below their heads."""
    found = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in found if not set(row[0]) <= set("- ")]


def test_each_figure_is_named_with_its_labels() -> None:
    """And none that there is not."""
    told = {name.split("`")[1]: labels for name, labels, *_ in rows(section("Figures")) if name.startswith("`")}

    assert set(told) == {figure.name for figure in FIGURES}
    for figure in FIGURES:
        assert tuple(re.findall(r"`(\w+)`", told[figure.name])) == figure.labels
    assert ", ".join(HEALTHS) in told["lockstep.channels.polled"]


def test_lines_are_written_with_the_fields_that_are_named() -> None:
    """Each line of a change is a call of the log, with what it is said to say."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "functions").rglob("*.py"))
    calls: dict[str, str] = dict(re.findall(r'log\.info\(\s*"([^"]+)",?(.*?)\)\n', source, re.DOTALL))
    calls["answered"] += str(tally(["store", "queue", "calendar", "provider:http"]))
    lines = rows(section("The log").partition("The lines of a change")[2])[1:]

    assert len(lines) > 4
    for names, says in lines:
        for name in re.findall(r"`([^`]+)`", names):
            assert name in calls
            assert all(field in calls[name] for field in re.findall(r"`(\w+)`", says))


def test_settings_are_there() -> None:
    """Each that the page names, in the environment's spelling or in Terraform's."""
    by_terraform = {name.upper() for name in re.findall(r"(?m)^  (telemetry\w*) ", PAGE)}
    named = set(re.findall(r"LOCKSTEP_([A-Z_]+)", PAGE)) | by_terraform

    assert len(by_terraform) == 3
    assert all(hasattr(Settings(), name.lower()) for name in named)


# ---- Costs ------------------------------------------------------------------------------------

KINDS = {
    "an event gets its meeting": "gets its meeting",
    "it is renamed, alone": "renamed alone",
    "fifty are renamed at once, each": "renamed among fifty",
    "it is cancelled": "cancelled",
    "a tick, nothing due": "a tick, nothing due",
}


@pytest.fixture(scope="module")
def costs() -> dict[str, Cost]:
    """What is counted."""
    return counted()


def test_what_is_counted_is_what_is_said(costs: dict[str, Cost]) -> None:
    """Reads, writes, tasks, requests and calls of each kind of change, as far as the table's digits go."""
    table = {row[0]: [float(cell) for cell in row[1:]] for row in rows(section("What it costs")) if row[0] in KINDS}

    assert set(table) == set(KINDS)
    for said, kind in KINDS.items():
        cost = costs[kind]
        found = [cost.reads, cost.writes + cost.deletes, cost.tasks, cost.notices + cost.runs]
        found += [cost.waits["calendar"], cost.waits["provider"]]
        assert table[said] == pytest.approx(found, abs=0.05)


def test_a_poll_is_what_a_tick_with_one_has_more(costs: dict[str, Cost]) -> None:
    """The last row of the table."""
    more, less = costs["a tick with a poll"], costs["a tick, nothing due"]
    (row,) = [row for row in rows(section("What it costs")) if row[0] == "a quiet calendar's poll"]

    assert [float(cell) for cell in row[1:4]] == [more.reads - less.reads, more.writes - less.writes, more.tasks]


def test_the_sums_are_right(costs: dict[str, Cost]) -> None:
    """To the dollar; at the prices that stand there, of the day that stands there."""
    text = section("What it costs")
    (row,) = [row for row in rows(text) if row[0] == "**changes, mixed**"]

    assert float(row[-1].strip("*")) == pytest.approx(sum(mixed(costs, "multi", "2").values()), abs=1)
    assert f"it is {sum(mixed(costs, 'region', '1').values()):.0f} " in text
    assert READ_ON in text
    for price in ("multi read", "multi write", "multi delete"):
        assert f"${PRICES[price] * 1e5:.2f}" in text
    for price in ("tier 2 vCPU-second", "tier 2 GiB-second"):
        assert f"${PRICES[price]:.7f}" in text
