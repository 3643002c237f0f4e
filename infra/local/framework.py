"""The functions of main.py under functions-framework, each exactly as it would be when deployed.

Authority: https://github.com/GoogleCloudPlatform/functions-framework-python
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

import functions_framework

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAIN = Path(__file__).parents[2] / "main.py"


def function_names() -> list[str]:
    """The functions that main.py deploys, by name."""
    module = importlib.import_module("main")
    found = vars(module).items()
    return [name for name, value in found if isinstance(value, FunctionType) and value.__module__ == "main"]


def mounted() -> dict[str, WSGIApplication]:
    """Each function at the path of its name."""
    return {f"/{name}": _framework(name) for name in function_names()}


def _framework(name: str) -> WSGIApplication:
    made: WSGIApplication = functions_framework.create_app(name, str(MAIN))  # type: ignore[no-untyped-call]  # annotates nothing

    def at_its_root(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # Deployed, a function's address ends at its name; here the bare name would be redirected to one with a slash.
        environ["PATH_INFO"] = environ["PATH_INFO"] or "/"
        return made(environ, start_response)

    return at_its_root
