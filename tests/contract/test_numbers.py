"""Which numbers of the Calendar contract no test names, and why: the suite's docstrings are the table of contents."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
NUMBER = re.compile(r"(?<![\w.])\d{1,2}(?:\.\d{1,2}){1,2}(?![\w.]*\d)")

STATEMENTS = {"1.1": 9, "1.2": 4, "1.3": 8, "2": 3, "3": 4, "3.1": 10, "4": 4, "5": 14, "6": 11, "7": 13} | {
    "8": 2,
    "8.3": 8,
    "9": 3,
    "9.2": 10,
    "10": 4,
    "14": 13,
}
"""How many numbered statements each section about the server has."""

NOT_THE_SERVERS = {
    "1.3.6": "what building the client costs",
    "1.3.7": "how large the client's package is",
    "1.3.8": "how to test without a server",
    "3.1.10": "advice against an older way to synchronise",
    "5.10": "ids that change their form: seen once by others, too little known to imitate",
    "8.3.1": "what Google's guide leaves out; what is done all the same is 8.3.2",
    "8.3.6": "not known of Google either (Q5)",
    "8.3.8": "how an engine knows its own conferences",
    "9.2.8": "robots.txt of the receiving host",
    "9.2.10": "what a receiver checks and answers",
}


def _docstrings() -> Iterator[str]:
    for folder in ("calendar_server", "clients"):
        for path in (HERE / folder).glob("test_*.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    yield ast.get_docstring(node) or ""


def test_every_statement_about_the_server_is_tested() -> None:
    """A number is either named by a test of the server or of a client against it, or listed here with the reason."""
    numbers = {f"{section}.{number}" for section, count in STATEMENTS.items() for number in range(1, count + 1)}
    named = {number for text in _docstrings() for number in NUMBER.findall(text)}
    # A section whose statements are numbered themselves is no statement.
    assert numbers - named - STATEMENTS.keys() == NOT_THE_SERVERS.keys()
