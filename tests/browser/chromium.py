"""Chromium as the tests in a real browser need it: where it is, and how it is started."""

from __future__ import annotations

from pathlib import Path

import pytest

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
needs_chromium = pytest.mark.skipif(
    not (CHROMIUM.exists() and DRIVER.exists()), reason="chromium or chromedriver is not installed"
)


def without_a_window(width: int, height: int) -> list[str]:
    """The arguments for a page of this size that nobody sees."""
    quiet = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
    return ["--headless=new", *quiet, f"--window-size={width},{height}"]
