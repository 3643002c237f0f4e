"""The Google ground, whole: one event's story through main.py's functions, on Google's services played here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from functions import feed as feeds
from functions.consent.granting import Outcome
from functions.consent.offer import CALENDARS, EVENTS
from functions.ports import Task
from infra.google.secrets import HTTP_TOKEN, local_client
from tests.contract.loopback import until
from tests.story.google_cloud import ALICE, TOKEN, WEBHOOKS, Cloud, cloud

pytestmark = [pytest.mark.story, pytest.mark.timeout(180)]
PATIENCE = timedelta(seconds=60)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Cloud]:
    """A deployment."""
    with cloud(tmp_path) as place:
        yield place


def asking(title: str, hour: int = 10) -> dict[str, Any]:
    """An event that asks for a meeting."""
    start = (datetime.now(UTC) + timedelta(days=1)).replace(hour=hour, minute=0, second=0, microsecond=0)
    return {
        "summary": title,
        "start": {"dateTime": start.isoformat()},
        "end": {"dateTime": (start + timedelta(minutes=30)).isoformat()},
        "conferenceData": {
            "conferenceSolution": {"key": {"type": "addOn"}, "name": "Lockstep"},
            "entryPoints": [{"entryPointType": "video", "uri": "https://lockstep.invalid/pending"}],
            "parameters": {"addOnParameters": {"parameters": {"lockstep": "http"}}},
        },
    }


def joined(place: Cloud, event: str) -> bool:
    """Whether the event carries the join link of its meeting."""
    found = place.person("GET", f"/{event}").get("conferenceData", {})
    links = [one["uri"] for one in found.get("entryPoints", ()) if one["entryPointType"] == "video"]
    return [one["join_url"] for one in place.meetings() if one["id"] == found.get("conferenceId")] == links


def test_one_events_story(place: Cloud) -> None:
    """Consent, a meeting made, renamed, cancelled, a script told of it: by notices, tasks and ticks."""
    assert place.connect().outcome is Outcome.CONNECTED
    place.tick()  # a deployment's first: the triggers that the script declares are made
    event = place.person("POST", **asking("Weekly review"))["id"]
    until(lambda: joined(place, event), PATIENCE)
    (meeting,) = place.meetings()
    assert meeting["title"] == "Weekly review"

    place.person("PATCH", f"/{event}", summary="Monthly review")
    until(lambda: [one["title"] for one in place.meetings()] == ["Monthly review"], PATIENCE)
    place.person("DELETE", f"/{event}")
    until(lambda: not place.meetings(), PATIENCE)

    until(lambda: "something changed in a calendar" in place.log(), PATIENCE)
    place.tick()
    assert place.kms.calls["Encrypt"] >= 1
    assert place.secrets.calls["AccessSecretVersion"] >= 3
    assert place.functions.exit_code is None
    assert not [word for word in (ALICE, "Monthly", "Weekly", TOKEN, WEBHOOKS, "1//0", "ya29") if word in place.log()]


def test_what_google_keeps_back_holds_things_up_and_loses_nothing(place: Cloud) -> None:
    """Cloud KMS is down while somebody consents; then a provider's token is disabled while events ask for meetings."""
    place.kms.faults["unavailable"] = 10_000
    assert place.connect().outcome is Outcome.SILENT
    place.kms.faults.clear()
    assert place.connect().outcome is Outcome.CONNECTED

    client = local_client(place.secrets.target)
    with closing(client.transport):
        name = f"projects/{place.settings.project}/secrets/{HTTP_TOKEN}/versions/1"
        client.disable_secret_version(name=name)
        event = place.person("POST", **asking("Held up"))["id"]
        until(lambda: "is disabled or destroyed" in place.log(), PATIENCE)
        assert place.meetings() == []
        client.enable_secret_version(name=name)
    until(lambda: joined(place, event), PATIENCE)
    assert len(place.meetings()) == 1


def test_a_workspace_whose_administrator_allows_it(tmp_path: Path) -> None:
    """Nobody consents: a task connects a user, the delegate acts for them, and their event gets its meeting."""
    delegate = "lockstep-delegate@a-project.iam.gserviceaccount.com"
    with cloud(tmp_path, credentials="delegation", delegation_account=delegate) as place:
        place.allow(EVENTS, CALENDARS)
        ground = place.ground.door.ground
        assert place.client.get(f"{place.settings.base_url}/consent").status_code == 404
        ground.queue.add(Task("connect_calendar", {"user": ALICE, "calendar": "primary"}))
        until(lambda: bool(ground.store.query(feeds.COLLECTION)), PATIENCE)
        until(lambda: "run ended" in place.log(), PATIENCE)
        event = place.person("POST", **asking("Weekly review"))["id"]
        until(lambda: joined(place, event), PATIENCE)

        assert place.iam.calls[delegate] >= 1
        assert place.kms.calls["Encrypt"] == 0
        assert ALICE not in place.log()
