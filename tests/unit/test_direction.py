"""The house's rule of direction, main → infra → functions → conference, kept by reading every file's syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

OURS = ("main", "infra", "functions", "conference", "tests", "benchmarks")
HTTP = ("flask", "werkzeug", "functions_framework", "starlette", "uvicorn", "waitress", "httpx", "requests", "urllib3")
GOOGLE = ("google", "googleapiclient", "google_auth_httplib2", "httplib2")
CHANCE = ("random", "secrets", "uuid")
WORLD = (
    "os",
    "sys",
    "time",
    "subprocess",
    "threading",
    "socket",
    "http.client",
    "urllib.request",
    "sqlite3",
    "asyncio",
)
# Names that look at the clock or at chance though their modules are harmless.
IMPURE = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "uuid4", "uuid1", "os.environ", "getenv")


@dataclass(frozen=True)
class Rule:
    """What the files under some paths may not import, and which calls they may not name; the first rule that fits."""

    under: tuple[str, ...]
    imports: tuple[str, ...]
    names: tuple[str, ...] = ()


RULES = (
    # Providers may use the HTTP client, and nothing else of the world.
    Rule(
        ("conference/providers/",),
        ("main", "infra", "functions", "tests", *GOOGLE, *CHANCE, *WORLD, *(lib for lib in HTTP if lib != "httpx")),
        IMPURE,
    ),
    Rule(("conference/",), ("main", "infra", "functions", "tests", *HTTP, *GOOGLE, *CHANCE, *WORLD), IMPURE),
    Rule(
        ("functions/",),
        ("main", "infra", "tests", "httpx", "requests", "sqlite3", *GOOGLE, "threading", "asyncio", "socket"),
        ("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.sleep"),
    ),
    # They stand for Google and for a vendor: the other side of the wire.
    Rule(
        ("infra/local/calendar/", "infra/local/vendor/", "infra/local/cloudtasks/"),
        ("main", "functions", "conference", "tests"),
    ),
    # It stands where the cloud's own framework stands, and loads main as that does.
    Rule(("infra/local/framework.py",), ("tests",)),
    Rule(("infra/",), ("main", "tests")),
    Rule(("main.py",), ("tests",)),
)


@dataclass(frozen=True)
class Module:
    """A file's path in the repository and its text."""

    path: str
    text: str


def violations(module: Module) -> list[str]:
    """Every line that breaks the rule for the module's place, as path:line: what."""
    rule = next((rule for rule in RULES if module.path.startswith(rule.under)), None)
    if rule is None:
        return []
    tree = ast.parse(module.text)
    found = [(line, f"imports {name}") for line, name in imports(tree) if _within(name, rule.imports)]
    found += [(line, f"uses {name}") for line, name in uses(tree) if _ends_with(name, rule.names)]
    return [f"{module.path}:{line}: {what}" for line, what in sorted(found)]


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every module that is imported anywhere in the file, also inside functions and by name."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=source, names=names, level=level):
                prefix = "." * level + (source or "")
                yield from ((node.lineno, f"{prefix}.{alias.name}".lstrip(".")) for alias in names)
            case ast.Call(args=[ast.Constant(value=str(name)), *_]) if _called(node) in {
                "__import__",
                "import_module",
                "importlib.import_module",
            }:
                yield node.lineno, name


def uses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every dotted name that is read."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            yield node.lineno, ast.unparse(node)


def _called(call: ast.Call) -> str:
    return ast.unparse(call.func)


def _within(name: str, forbidden: tuple[str, ...]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in forbidden)


def _ends_with(name: str, forbidden: tuple[str, ...]) -> bool:
    return any(name == one or name.endswith(f".{one}") for one in forbidden)


def modules() -> list[Module]:
    """The product as it stands."""
    paths = [ROOT / "main.py", *(path for top in OURS[1:4] for path in (ROOT / top).rglob("*.py"))]
    return [Module(path.relative_to(ROOT).as_posix(), path.read_text()) for path in paths if path.exists()]


def test_the_house_keeps_its_direction() -> None:
    """No file of the product looks the wrong way, and none that decides looks at clock, chance or environment."""
    assert [line for module in modules() for line in violations(module)] == []


def test_every_part_of_the_house_is_looked_at() -> None:
    """The rule is kept over all parts: none is passed over because it moved."""
    seen = {module.path for module in modules()}

    for part in ("conference/plan.py", "conference/providers/protocol.py", "functions/ports.py"):
        assert part in seen
    for rule in RULES:
        assert any(path.startswith(rule.under) for path in seen), rule.under


def test_the_product_is_synchronous() -> None:
    """There is no coroutine in the product: what goes side by side goes through one port."""
    kinds = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)
    trees = [(module.path, ast.parse(module.text)) for module in modules()]

    assert [path for path, tree in trees if any(isinstance(node, kinds) for node in ast.walk(tree))] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("conference/x.py", "import functions"),
        ("conference/x.py", "import functions.sync as harmless"),
        ("conference/x.py", "from functions import sync"),
        ("conference/x.py", "from infra.local import memory"),
        ("conference/x.py", "def late():\n    from infra import wiring"),
        ("conference/x.py", "if False:\n    import main"),
        ("conference/x.py", "__import__('infra')"),
        ("conference/x.py", "import importlib\nimportlib.import_module('functions.sync')"),
        ("conference/x.py", "import flask"),
        ("conference/x.py", "import httpx"),
        ("conference/x.py", "from googleapiclient.discovery import build"),
        ("conference/x.py", "from google.auth import default"),
        ("conference/x.py", "import google.auth"),
        ("conference/x.py", "import os"),
        ("conference/x.py", "from os import environ"),
        ("conference/x.py", "import random"),
        ("conference/x.py", "from secrets import token_hex"),
        ("conference/x.py", "import time"),
        ("conference/x.py", "from time import time"),
        ("conference/x.py", "import datetime\ndatetime.datetime.now()"),
        ("conference/x.py", "from datetime import datetime\nclock = datetime.now"),
        ("conference/x.py", "from datetime import date\ndate.today()"),
        ("conference/providers/x.py", "from functions import ports"),
        ("conference/providers/x.py", "import flask"),
        ("conference/providers/x.py", "import os"),
        ("conference/providers/x.py", "from datetime import UTC, datetime\ndatetime.now(UTC)"),
        ("functions/x.py", "from infra.settings import Settings"),
        ("functions/x.py", "import main"),
        ("functions/x.py", "import httpx"),
        ("functions/x.py", "import sqlite3"),
        ("functions/x.py", "from google.cloud import firestore"),
        ("functions/x.py", "import time\ntime.sleep(1)"),
        ("functions/console/x.py", "from infra import wiring"),
        ("infra/x.py", "import main"),
        ("infra/x.py", "from tests import world"),
        ("infra/local/calendar/x.py", "from conference.errors import Gone"),
        ("infra/local/calendar/x.py", "from functions.ports import Store"),
        ("infra/local/vendor/deep/x.py", "import conference"),
        ("main.py", "from tests.world import World"),
    ],
)
def test_a_wrong_look_is_seen(path: str, text: str) -> None:
    """Each way to look the wrong way, openly or not, is reported with its place."""
    (found,) = violations(Module(path, text))

    assert found.startswith(f"{path}:{len(text.splitlines())}: ")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("conference/x.py", "from datetime import datetime\nfrom conference.event import Event"),
        ("conference/x.py", "import functions_of_time\nimport mainly\nimport ostrich"),
        ("conference/x.py", "clock.now()\ntoday = 1\nrow.time"),
        ("conference/x.py", "'import functions'"),
        ("conference/providers/x.py", "import httpx"),
        ("functions/x.py", "from conference.plan import decide\nfrom flask import Request"),
        ("functions/x.py", "ground.now()"),
        ("infra/x.py", "from functions.ports import Store\nimport time\ntime.sleep(1)"),
        ("infra/local/x.py", "from conference.event import Event"),
        ("infra/local/framework.py", "import main"),
        ("infra/local/calendar/x.py", "from infra.local.calendar import clock\nimport sqlite3"),
        ("main.py", "from infra import wiring\nfrom functions import sync"),
        ("tests/x.py", "import main, infra, functions, conference"),
    ],
)
def test_a_right_look_is_allowed(path: str, text: str) -> None:
    """What the rule allows, and what only resembles a breach, is let through."""
    assert violations(Module(path, text)) == []
