"""Nothing that is secret and nothing that people wrote gets where operators look: logs, tasks, errors, notes."""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import structlog

from infra.documents import EXPIRES
from tests.security.doors import House, logged, overheard
from tests.security.night import Night

ROOT = Path(__file__).parents[2]
CANARY = "canary-51c7 who reads this?"
NASTY = 'canary-51c7\r\n{"severity": "CRITICAL", "message": "forged"}\x1b[31m\x1b]0;x\x07\u2028\u202eforged\x85\x00'


def found_in(texts: dict[str, str], secrets: dict[str, str]) -> list[tuple[str, str]]:
    """Which secret stands in which text."""
    return [(kind, place) for kind, secret in secrets.items() for place, text in texts.items() if secret in text]


def seen_by_operators(night: Night) -> dict[str, str]:
    """All that the product told or left for operators, but for the logs."""
    return {
        "answers": b"".join(night.house.answers).decode(),
        "tasks": "\n".join(night.tasks.bodies),
        "errors": "\n".join(night.errors),
        "notes": "\n".join(str(note) for note in night.notes()),
        "troubles": "\n".join(f"{row.trouble} {row.parked}" for row in night.house.world.rows()),
        "feeds' troubles": "\n".join(str(feed.data.get("trouble")) for feed in night.house.world.store.query("feeds")),
    }


def test_a_night_of_trouble(house: House) -> None:
    """Through every fault there is, at the finest level of logging, no secret and no word of anybody's is told."""
    night = Night(house, CANARY)
    with logged(logging.DEBUG) as out:
        night.through()
    texts = {**seen_by_operators(night), "logs": out.getvalue()}
    lines = [json.loads(line) for line in out.getvalue().splitlines()]

    assert found_in(texts, night.secrets()) == []
    # The night was one: much was logged, bugs and broken answers too, and something was given up.
    assert {line["severity"] for line in lines} >= {"INFO", "WARNING", "ERROR"}
    assert "RuntimeError" in {line.get("error") for line in lines}
    assert len(night.errors) > 50
    assert found_in({"ledger": str(night.house.world.rows())}, night.secrets()) != []
    assert len(night.house.world.store.query("dead")) >= 3


def test_nothing_is_even_handed_to_the_log(house: House) -> None:
    """Cleaning the lines is a net: the product itself names no secret and no word in any field of any line."""
    night = Night(house, CANARY)
    with structlog.testing.capture_logs() as entries:
        night.through()
    told = [{name: value for name, value in entry.items() if name != "exc_info"} for entry in entries]

    assert len(told) > 20
    assert found_in({"entries": str(told)}, night.secrets()) == []


def test_libraries_know_no_secret(house: House) -> None:
    """Even without the product's set-up, at DEBUG, the client libraries write no title, passcode or credential."""
    night = Night(house, CANARY)
    with overheard() as lines:
        night.through()
    # They write addresses, which is why the set-up silences them: a sync token and a meeting's key may stand in one.
    secrets = {kind: secret for kind, secret in night.secrets().items() if not kind.startswith(("sync", "creation"))}

    assert lines
    assert found_in({"lines": "\n".join(lines)}, secrets) == []


def messages() -> Iterator[str]:
    """Every message that the product logs, as its source has it."""
    for folder in ("conference", "functions", "infra"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log."):
                    assert isinstance(node.args[0], ast.Constant), f"{file} logs a message that is put together"
                    yield str(node.args[0].value)


def test_titles_forge_no_line(house: House) -> None:
    """Line ends, colours and directions in titles, ids, answers and headers: each line is one of ours, on its own."""
    known = set(messages())
    night = Night(house, NASTY)
    with logged(logging.DEBUG) as out:
        night.through()
    lines = out.getvalue().split("\n")[:-1]

    assert len(lines) > 20
    assert {json.loads(line)["message"] for line in lines} <= known
    assert "forged" not in out.getvalue()
    assert [line for line in lines if not line.isascii() or not line.isprintable()] == []


def test_notes_expire(house: House) -> None:
    """What is noted for operators is gone by itself, for readers at once: runs and dead letters after 30 days.

    A spare's note holds its index and nothing else; it lives as long as the row of an event that is no more.
    """
    night, world = Night(house, CANARY), house.world
    with structlog.testing.capture_logs():
        night.through()
        world.make_spare()
        world.clock.advance(timedelta(hours=1))
        world.tick()
    for collection, days in {"runs": 30, "dead": 30, "spares": 90}.items():
        notes, now = world.store.query(collection, limit=400), world.clock.now().timestamp()
        assert notes, collection
        assert all(0 < note.data[EXPIRES] - now <= days * 86_400 for note in notes)

    world.clock.advance(timedelta(days=90))
    assert [world.store.query(collection) for collection in ("runs", "dead", "spares")] == [[], [], []]
    assert world.store.purge(world.clock.now()) >= 3
