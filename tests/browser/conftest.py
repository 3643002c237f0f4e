"""The browser that every test here drives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from tests.browser.chromium import CHROMIUM, DRIVER


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Chrome]:
    """Chromium without a window, started with its module's ARGUMENTS; each test begins by going somewhere."""
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in request.module.ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(str(DRIVER)))
    yield driver
    driver.quit()
