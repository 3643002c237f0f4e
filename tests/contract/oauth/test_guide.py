"""docs/calendar-oauth.md says what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

from infra.local.calendar.oauth.records import DEVELOPMENT
from infra.local.calendar.oauth.routes import ROUTES
from tests.contract.oauth.office import Office

GUIDE = (Path(__file__).parents[3] / "docs" / "calendar-oauth.md").read_text("utf-8")


def test_the_development_client_is_as_documented() -> None:
    """The key file of the guide can be used as it is."""
    block = re.search(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    assert block is not None
    told = json.loads(block[1])["installed"]

    assert (told["client_id"], told["client_secret"]) == (DEVELOPMENT.client_id, DEVELOPMENT.client_secret)
    assert tuple(told["redirect_uris"]) == DEVELOPMENT.redirect_uris
    assert urlsplit(told["auth_uri"]).path in ROUTES
    assert urlsplit(told["token_uri"]).path in ROUTES


def test_the_documented_control_routes_are_there(office: Office) -> None:
    """Each answers, if only with what its body lacks."""
    routes = re.findall(r"`POST (/control/[a-z-]+)`", GUIDE)

    assert len(set(routes)) == 4
    assert {office.send("POST", route, body=b"[]").status for route in routes} == {400}
