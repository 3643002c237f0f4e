"""A port one of whose methods is another: how the other side is odd, where no server of ours can be."""

from __future__ import annotations

from typing import Any


class Instead:
    """The port, with these methods in the place of its own."""

    def __init__(self, port: Any, **methods: Any) -> None:
        self._port, self._methods = port, methods

    def __getattr__(self, name: str) -> Any:
        return self._methods.get(name) or getattr(self._port, name)
