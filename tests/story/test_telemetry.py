"""The local stack tells a collector of its work: one trace for a change, across its processes and its queue."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.local.demo.story import demo_settings
from infra.local.demo.world import asking, stage
from infra.local.stack import Stack
from tests.security.collector import Span, collecting

pytestmark = [pytest.mark.story, pytest.mark.timeout(200)]

CANARY = "canary-91d0 who reads this?"


def ways(spans: list[Span]) -> set[tuple[str, ...]]:
    """The way from the root to each span, by names."""
    by_id = {span.id: span for span in spans}

    def way(span: Span) -> tuple[str, ...]:
        return (*way(by_id[span.parent]), span.name) if span.parent in by_id else (span.name,)

    return {way(span) for span in spans}


def test_one_trace_from_notice_to_patch(tmp_path: Path) -> None:
    """Notice, run, meeting and patch are one trace, and the figures come at the end; no title is in either."""
    with collecting() as collector:
        settings = replace(demo_settings(tmp_path), janus="off", telemetry="otlp", telemetry_endpoint=collector.address)
        with Stack(settings) as stack, stage(stack) as world:
            event = world.person.insert(asking(CANARY, world.at(1, 10)))["id"]
            world.until("the event gets its meeting", lambda: world.joined(event))
            world.settle()

    (patch,) = [span for span in collector.spans() if span.name == "calendar.patch"]
    found = ways([span for span in collector.spans() if span.trace == patch.trace])
    run = ("calendar_notification", "sync_calendar", "run")
    assert {(*run, "calendar.changes"), (*run, "reconcile", "provider.create")} <= found
    assert (*run, "reconcile", "patch_event", "calendar.patch") in found
    assert collector.count("lockstep.changes", outcome="settled") >= 1
    assert CANARY.encode() not in b"".join(body for _, body in collector.requests)
