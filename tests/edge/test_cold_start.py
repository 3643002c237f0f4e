"""A cold start pays for nothing that a notice does not need: what a new process has imported when it has answered."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import closing
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import msgspec
import pytest

from functions import channel as channels
from functions import feed as feeds
from functions.ports import Put
from infra import edge
from infra.local.clock import SystemClock
from infra.settings import Settings, as_environment
from tests.contract.played import playing

ROOT = Path(__file__).parents[2]
SECRET = "a secret"
ANSWER = """
import json, sys
# Only what is deployed: some libraries import others wherever they are.
sys.modules.update(dict.fromkeys(json.loads(sys.argv[1])))
import functions_framework
import functions_framework._http.gunicorn
from werkzeug.test import EnvironBuilder, run_wsgi_app
bare = {*sys.modules}
app = functions_framework.create_app("calendar_notification", "main.py")
_, status, _ = run_wsgi_app(app, EnvironBuilder(method="POST", headers=json.loads(sys.argv[2])).get_environ())
print(json.dumps([int(status[:3]), sorted({*sys.modules} - bare)]))
"""
HEADERS = {
    "X-Goog-Channel-ID": "channel-1",
    "X-Goog-Channel-Token": SECRET,
    "X-Goog-Resource-ID": "r",
    "X-Goog-Resource-State": "exists",
}
NEEDED = {"msgspec", "structlog", "typing_extensions"}
"""The libraries, beside the framework's own; the last is what msgspec reads annotations with."""


def documents(now: float) -> tuple[Put, Put]:
    """A feed and its channel."""
    feed = feeds.feed_id("u", "c")
    channel = channels.Channel(feed, "u", channels.digest(SECRET), now + 9e4, resource_id="r", expires=now + 9e4)
    return (
        Put(f"{channels.COLLECTION}/channel-1", msgspec.to_builtins(channel), None),
        feeds.put(None, feeds.key_of(feed), feeds.Feed("u", "c", channel="channel-1")),
    )


def answered(settings: Settings) -> tuple[int, list[str]]:
    """The status of the answer to one notice in a new process, and the modules that it has imported for it."""
    done = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", ANSWER, json.dumps(absent()), json.dumps(HEADERS)],
        cwd=ROOT,
        env={**os.environ, **as_environment(settings), "LOCKSTEP_LOG": "error"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    status, modules = json.loads(done.stdout.splitlines()[-1])
    return status, modules


def absent() -> list[str]:
    """The importable names of whatever is installed here and not deployed."""
    pinned = {_plain(name) for name in re.findall(r"(?m)^([\w.-]+)==", (ROOT / "requirements.txt").read_text())}
    return [name for name, of in packages_distributions().items() if not any(_plain(one) in pinned for one in of)]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def judge(status: int, modules: list[str]) -> None:
    """It was taken, without a library that others need, and without our own modules that do others' work."""
    ours = [name for name in modules if name.startswith(("conference.", "functions.", "infra."))]
    libraries = {name.partition(".")[0] for name in modules} - {*sys.stdlib_module_names, "main"}
    assert status == 204
    assert {name for name in libraries if not name.startswith("_")} == NEEDED | {"conference", "functions", "infra"}
    assert {name for name in ours if name.startswith("conference.")} == {"conference.decoding", "conference.errors"}
    assert {name for name in ours if name.startswith("functions.http.")} == {
        "functions.http.answers",
        "functions.http.notices",
    }
    kinds = ("script", "addon", "console", "join", "consent", "sync", "reconcile", "patch", "effects", "ledger")
    assert not [name for name in ours if name.startswith(tuple(f"functions.{kind}" for kind in kinds))]
    assert "infra.wiring" not in ours
    assert "infra.otlp" not in ours


def test_on_this_machine(tmp_path: Path) -> None:
    """A file of documents and one of tasks."""
    settings = Settings(state=tmp_path, janus="off")
    with closing(edge.local(settings)) as ground:
        ground.store.commit(*documents(ground.now()))

    status, modules = answered(settings)

    judge(status, modules)
    with closing(edge.local(settings)) as ground:
        assert feeds.load(ground, feeds.feed_id("u", "c"))[1].owed
        assert ground.tasks.counts().waiting + ground.tasks.counts().due == 1


def test_at_google(tmp_path: Path) -> None:
    """Two documents are read, one is written and a task is made, without any of Google's clients."""
    channel, feed = (_found(put) for put in documents(SystemClock().now().timestamp()))
    done = {"commitTime": "2026-03-02T12:00:00.5Z"}
    with playing((200, [channel]), (200, [feed]), (200, done)) as firestore, playing((200, {"name": "n"})) as tasks:
        settings = Settings(
            state=tmp_path,
            ground="google",
            services="local",
            store="firestore",
            queue="cloudtasks",
            firestore_port=int(firestore.origin.rpartition(":")[2]),
            tasks_http_port=int(tasks.origin.rpartition(":")[2]),
        )
        status, modules = answered(settings)

    judge(status, modules)
    assert [path.rpartition(":")[2] for path, _, _ in firestore.asked] == ["batchGet", "batchGet", "commit"]
    assert [path.rpartition("/")[2] for path, _, _ in tasks.asked] == ["tasks"]
    assert not [name for name in modules if name.startswith(("google.", "grpc", "googleapiclient"))]


def _found(put: Put) -> dict[str, Any]:
    fields = {"_data": {"stringValue": json.dumps(dict(put.data))}}
    return {"found": {"fields": fields, "updateTime": "2026-03-02T12:00:00Z"}}


@pytest.mark.parametrize("function", ["sync_calendar", "provider_webhook", "addon", "tick"])
def test_a_function_is_known_before_its_part_is_imported(function: str) -> None:
    """main.py itself imports the framework, and nothing of ours."""
    script = f"import main, sys; print(main.{function}.__name__, 'functions' in sys.modules, 'infra' in sys.modules)"
    done = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == [function, "False", "False"]
