"""docs/cloud-tasks-server.md says what is so: its tables are complete, its example runs."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from flask import Flask

from infra.local.cloudtasks.__main__ import serve
from infra.local.cloudtasks.control import HeldClock, application
from infra.local.cloudtasks.faults import Faults
from infra.local.cloudtasks.server import CloudTasksServer
from tests.contract.cloudtasks.place import Place

GUIDE = (Path(__file__).parents[3] / "docs" / "cloud-tasks-server.md").read_text()


def rows(first: str) -> list[list[str]]:
    """The cells of the table whose heading begins so."""
    table = GUIDE.split(f"| {first} |", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_every_option_is_told_with_its_default() -> None:
    """As the command has them."""
    told = {row[0].strip("`").split()[0]: row[1].strip("`") for row in rows("option")}
    known = inspect.signature(serve).parameters.items()

    assert told == {f"--{name.replace('_', '-')}": str(one.default) for name, one in known}


def test_every_fault_and_control_is_told(server: CloudTasksServer) -> None:
    """And no other."""
    app: Flask = application(server, HeldClock())
    routes = {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/control/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert [row[0].strip("`") for row in rows("fault")] == [field.name for field in fields(Faults)]
    assert {row[0].strip("`") for row in rows("request")} == routes


def test_every_header_field_is_told(place: Place) -> None:
    """Those that a repeated call carries."""
    place.receiver.answer = lambda _call: (500, {})
    name = place.add("a").name
    place.receiver.wait_for(1)
    place.settled(waiting=1)
    place.client.run_task(name=name)
    call = place.receiver.wait_for(2)[-1]
    line = next(line for line in GUIDE.splitlines() if line.startswith("| header fields |"))

    carried = [field.removeprefix("X-CloudTasks-") for field in call.headers if field.startswith("X-CloudTasks-")]
    assert re.findall(r"-(\w+)`", line) == carried


def test_the_example_runs(server: CloudTasksServer) -> None:
    """As it stands, but for the port."""
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(example.replace("127.0.0.1:8123", server.target), names)  # noqa: S102 - our own guide

    names["channel"].close()
    assert server.book.queue("projects/a-project/locations/europe-west6/queues/mail")
