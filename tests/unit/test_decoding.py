"""How structs are read does not depend on which thread reads the first one."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
AT_IMPORT = ROOT / "conference" / "decoding.py"

TOGETHER = """
import sys, threading
sys.setswitchinterval(1e-6)
from functions import channel, feed, ledger
from functions.ports import Document

LINK = {"provider": "http", "account": "a", "key": "k", "generation": 1, "agreed": "d", "leads": True,
        "meeting": {"ref": {"provider": "http", "account": "a", "id": "1"}, "join_url": "https://x.test"}}
SEEN = {"id": "e", "status": "confirmed", "attendees": [{"email": "a@x.test"}],
        "conferenceData": {"conferenceId": "c", "entryPoints": [{"entryPointType": "video", "uri": "https://x.test"}]}}
ROW = {"feed": "f", "event": "e", "seen": SEEN, "link": LINK, "settled_at": 1.0, "expire_at": 2.0}
start = threading.Barrier(16)
read = []

def one():
    start.wait()
    read.append(ledger.decode(Document("ledger/x", ROW, "1")))
    read.append(feed.decode(Document("feeds/x", {"user": "u", "calendar": "c", "synced_at": 1.0}, "1")))

threads = [threading.Thread(target=one) for _ in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(read))
"""


def test_many_threads_may_read_the_first_row() -> None:
    """After a cold start many tasks come at once: the process lives (with msgspec's own laziness it often did not)."""
    done = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", TOGETHER], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "32\n", "")


def sources() -> Iterator[Path]:
    """The product's files; Google's side and the vendor's have readers of their own, and their own threads."""
    for folder in ("conference", "functions", "infra"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def late(tree: ast.Module) -> Iterator[int]:
    """Lines at which a function works out how to read a type."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for call in (node for function in functions for node in ast.walk(function) if isinstance(node, ast.Call)):
        named = ast.unparse(call.func)
        typed = any(keyword.arg == "type" for keyword in call.keywords)
        if named == "msgspec.convert" or (named.endswith("json.decode") and typed) or named.endswith("json.Decoder"):
            yield call.lineno


@pytest.mark.parametrize("path", list(sources()), ids=lambda path: str(path.relative_to(ROOT)))
def test_readers_are_made_at_import(path: Path) -> None:
    """Nothing but conference/decoding.py works out how a type is read while the program runs."""
    one_thread_alone = path.is_relative_to(ROOT / "infra" / "local" / "calendar")  # under the server's lock
    if path == AT_IMPORT or one_thread_alone:
        return

    assert list(late(ast.parse(path.read_text()))) == []
