"""Finds Janus' browser library where Debian puts it (packages libjs-janus-gateway and libjs-webrtc-adapter)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FOLDER = Path("/usr/share/javascript")
_FILES = {"adapter.js": "webrtc-adapter/adapter.min.js", "janus.js": "janus-gateway/janus.min.js"}


def browser_library(folder: Path = FOLDER) -> Mapping[str, Path]:
    """The library's files by the names under which the join page loads them; nothing unless all are there."""
    found = {name: folder / file for name, file in _FILES.items()}
    return found if all(file.is_file() for file in found.values()) else {}
