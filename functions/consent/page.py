"""What the consent pages look like: templates filled, and the files beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Response
from jinja2 import Environment, FileSystemLoader

from functions import join
from functions.console.guard import HEADERS

_HERE = Path(__file__).parent
_JOIN = Path(join.__path__[0]) / "static"
_templates = Environment(
    loader=FileSystemLoader(_HERE / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)

FILES = {
    "style.css": ("text/css", (_JOIN / "join.css").read_bytes() + (_HERE / "static" / "consent.css").read_bytes()),
    "icon.svg": ("image/svg+xml", (_JOIN / "join.svg").read_bytes()),
}
"""What the pages load, by name; the look is that of the page on which people join a room."""


def page(template: str, status: int = 200, **shown: Any) -> Response:
    """A page of this template."""
    text = _templates.get_template(template).render(**shown)
    return closed(Response(text, status=status, content_type="text/html; charset=utf-8"))


def file(name: str) -> Response:
    """A file of FILES."""
    kind, data = FILES[name]
    answer = closed(Response(data, content_type=f"{kind}; charset=utf-8"))
    answer.headers["Cache-Control"] = "public, max-age=600"
    return answer


def closed(answer: Response) -> Response:
    """The answer with the headers that keep it to itself."""
    answer.headers.update({**HEADERS, "X-Robots-Tag": "noindex"})
    return answer
