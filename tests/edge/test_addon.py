"""The add-on behind the real framework, as the local stack serves it, called as its manifest says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from functions_framework import create_app
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from infra import wiring
from infra.local.addon_host import AddOnHost, NoConference, installed

MAIN = str(Path(__file__).parents[2] / "main.py")
ALICE = "alice@example.com"


@pytest.fixture
def host(local: wiring.Local) -> Iterator[AddOnHost]:
    """Google Workspace, reaching the function at the address at which the stack serves it."""
    made = create_app("addon", MAIN)  # type: ignore[no-untyped-call]  # annotates nothing
    settings = local.settings
    mounts = {settings.base_url: httpx.WSGITransport(app=DispatcherMiddleware(made, {"/addon": made}))}
    with httpx.Client(mounts=mounts) as client:
        yield installed(settings, client, local.clock)


def test_out_of_the_box(host: AddOnHost) -> None:
    """The settings' defaults fit together: the issuer's tokens are accepted, and the card comes back."""
    card = host.open(ALICE)

    assert card["header"] == {"title": "Lockstep"}
    assert "being connected" in str(card)


def test_an_unreachable_service(host: AddOnHost) -> None:
    """Nobody is at the conferencing service's port: the user is told to try again."""
    with pytest.raises(NoConference) as told:
        host.conference(ALICE, ALICE, "draft1")

    assert told.value.kind == "TEMPORARY"
