"""What the product tells of its work: one trace for each change, figures that are true, and nobody's words."""

from __future__ import annotations

import dataclasses
import json
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import msgspec
import pytest
import requests
import structlog

from conference.errors import Later
from conference.providers.protocol import MeetingLister, NotificationReader
from functions import clock, sync
from functions.ports import Task
from functions.telemetry import CALLS, CHANGES, FIGURES, LAG, LATENCY, NOBODY, SECONDS, counting, tally
from functions.tracing import Trace, following, present
from infra.otlp import Otlp, session_for
from infra.settings import Settings
from infra.telemetry import Quiet, telemetry, told, told_outside, told_queue, told_store
from tests.crashing import Crash
from tests.security.collector import Collector, Span, collecting, names
from tests.security.doors import House, channel_of, logged
from tests.security.night import Night
from tests.world import ALICE

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
CANARY = "canary-7b2e who reads this?"
FAR = Trace("1f" * 16, "2e" * 8, sampled=True)


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector, empty."""
    with collecting() as made:
        yield made


@contextmanager
def telling(collector: Collector, **options: Any) -> Iterator[Otlp]:
    """Telemetry to the collector; all of it has been sent when the block ends."""
    options = {"patience": 20.0, **options}
    made = Otlp(collector.address, session_for(collector.address), resource={"service.name": "it"}, **options)
    try:
        yield made
    finally:
        made.close()


def listen(house: House, listener: Otlp | Quiet) -> None:
    """Let it hear of all that the functions do from now on, as the wiring does."""
    ground = told_outside(house.world.ground, listener)
    store, queue = told_store(ground.store, listener), told_queue(ground.queue, listener)
    house.world.ground = dataclasses.replace(ground, store=store, queue=queue)


def live(house: House) -> str:
    """A meeting's life: made, moved, renamed at the provider, cancelled; the event's id."""
    world = house.world
    event: str = world.insert(summary=CANARY, description=CANARY)["id"]
    house.settle()
    world.patch(event, summary=CANARY + " again")
    house.settle()
    world.vendor_control(f"meetings/{world.meetings()[0]['id']}", title="by hand")
    house.settle()
    world.cancel(event)
    house.settle()
    return event


# ---- Traces -----------------------------------------------------------------------------------


def path(span: Span, by_id: dict[str, Span]) -> list[str]:
    """The names from the root to this span."""
    up = path(by_id[span.parent], by_id) if span.parent else []
    return [*up, span.name]


def test_one_trace_from_notice_to_patch(house: House, collector: Collector) -> None:
    """Through three functions and two tasks: the notice, the run with its pages, the event, its meeting, the patch."""
    with telling(collector) as listener:
        listen(house, listener)
        house.world.insert()
        house.settle()

    spans = collector.spans()
    (patch,) = [span for span in spans if span.name == "calendar.patch"]
    by_id = {span.id: span for span in spans if span.trace == patch.trace}
    ways = {tuple(path(span, by_id)) for span in by_id.values()}
    run = ("calendar_notification", "sync_calendar", "run")
    assert (*run, "calendar.changes") in ways
    assert (*run, "reconcile", "provider.create") in ways
    assert (*run, "reconcile", "patch_event", "calendar.patch") in ways
    assert {span.name for span in by_id.values() if not span.parent} == {"calendar_notification"}
    assert next(span for span in by_id.values() if span.name == "run").says["marks"] == 1
    assert not any(span.failed for span in spans)


def test_a_callers_trace_goes_on(house: House, collector: Collector) -> None:
    """What a request says of its trace holds, to the last task; its wish to be recorded or not decides nothing."""
    with telling(collector) as listener:
        listen(house, listener)
        world = house.world
        world.insert()
        world.google.due_pushes(world.clock.now())
        house.call("calendar_notification", {**channel_of(world), "traceparent": f"00-{FAR.id}-{FAR.span}-00"})
        house.settle()

    ours = [span for span in collector.spans() if span.trace == FAR.id]
    assert {"calendar_notification", "sync_calendar", "patch_event", "calendar.patch"} <= set(names(ours))
    assert [span.name for span in ours if span.parent == FAR.span] == ["calendar_notification"]


class Losing:
    """A queue that takes the first task for a patch and loses it."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self.lost: list[Task] = []

    def add(self, task: Task, **how: Any) -> bool:
        """Take it."""
        if task.function == "patch_event" and not self.lost:
            self.lost.append(task)
            return True
        return bool(self._queue.add(task, **how))


def test_what_is_taken_up_again_goes_on_in_its_own_trace(house: House, collector: Collector) -> None:
    """A task is lost: the clock's tick enqueues the mark again, under the trace of the change and not its own."""
    world = house.world
    queue = Losing(world.queue)
    world.change_ground(queue=queue)
    with telling(collector) as listener:
        listen(house, listener)
        world.insert()
        house.settle()
        for _ in range(3):
            world.clock.advance(timedelta(minutes=1))
            house.call("tick", house.bearer("tick"))
            house.settle()

    (lost,) = queue.lost
    (patch,) = [span for span in collector.spans() if span.name == "calendar.patch"]
    assert lost.trace is not None
    assert patch.trace == lost.trace.split("-")[1]


@pytest.mark.parametrize("quiet", [False, True])
def test_each_calendar_that_is_polled_has_a_trace_of_its_own(house: House, collector: Collector, quiet: bool) -> None:
    """Not that of the tick, which polls hundreds; the run goes on in the poll's, which links to the tick's."""
    world = house.world
    with telling(collector) as listener, logged(logging.INFO) as out:
        listen(house, Quiet() if quiet else listener)
        world.clock.advance(timedelta(minutes=16))
        house.call("tick", house.bearer("tick"))
        house.settle()
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    traces = {line["function"]: line["logging.googleapis.com/trace"] for line in lines if line["message"] == "answered"}

    assert traces["tick"] != traces["sync_calendar"]
    if not quiet:
        (poll,) = [span for span in collector.spans() if span.name == "poll"]
        assert (poll.trace, poll.links) == (traces["sync_calendar"], (traces["tick"],))


class Dying:
    """Lanes on which the process dies."""

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T | Exception]:
        """Die."""
        raise Crash(f"with {len(calls)} calls to make")


def test_a_mark_that_another_run_finds_links_to_its_change(house: House, collector: Collector) -> None:
    """One run dies; the next one works its marks off in its own trace, and says where they come from."""
    world = house.world
    world.insert()
    with following(FAR):
        world.deliver()
        held = world.queue.waiting()[0]
        world.clock.set(held.at)
        a_task = dict(held.task.body)
        with pytest.raises(Crash):
            sync.sync_calendar(dataclasses.replace(world.ground, lanes=Dying()), a_task["feed"], a_task["number"])
    world.queue.done(world.queue.take(held))
    world.clock.advance(timedelta(minutes=2))
    world.insert(summary="Another")
    with telling(collector) as listener:
        listen(house, listener)
        house.settle()

    links = {span.links for span in collector.spans() if span.name == "reconcile"}
    assert links == {(FAR.id,), ()}


def test_a_failure_is_told_by_its_kind(collector: Collector) -> None:
    """Never by its text, which may quote anything."""
    with telling(collector) as listener, pytest.raises(KeyError), listener.span("run", marks=3):
        raise KeyError(CANARY)

    (span,) = collector.spans()
    assert span.failed
    assert span.says == {"marks": 3, "error.type": "KeyError"}
    assert CANARY.encode() not in b"".join(body for _, body in collector.requests)


def test_a_share_of_the_traces_is_recorded_each_as_a_whole(collector: Collector) -> None:
    """The trace's id decides, in every function alike; who is not recorded is followed all the same."""
    with telling(collector, share=0.5) as listener:
        for number in range(1, 101):
            trace = Trace(f"{number * (2**128 // 101):032x}", "2e" * 8, sampled=number % 2 == 0)
            for _ in range(2):
                with following(trace), listener.span("run"):
                    here = present()
                    assert here is not None
                    assert here.id == trace.id

    found = collector.spans()
    assert 60 < len(found) < 140
    assert len({span.trace for span in found}) * 2 == len(found)


# ---- Figures ----------------------------------------------------------------------------------


def test_figures_are_true(house: House, collector: Collector) -> None:
    """Held against what both servers counted, and what stands in the log, over a meeting's whole life."""
    world = house.world
    world.calls()
    with telling(collector) as listener, structlog.testing.capture_logs() as lines:
        listen(house, listener)
        live(house)
    made = world.calls()
    settled = [line for line in lines if line["event"] == "event settled"]

    def calls(to: str, *names: str) -> int:
        return sum(collector.count(CALLS.name, to=to, call=name) for name in names)

    assert calls("provider:http", "create") == made["POST meetings"] == 1
    assert calls("provider:http", "update") == made["PUT meetings"] + made["PATCH meetings"] > 0
    assert calls("provider:http", "delete") == made["DELETE meetings"] == 1
    assert calls("calendar", "changes") == made["GET events"] > 2
    assert collector.count(CHANGES.name, outcome="settled") == len(settled) > 2
    assert collector.count(LATENCY.name) == len(settled)
    assert collector.count(LAG.name) == len([line for line in lines if line["event"] == "run ended"])
    (late,) = collector.figures()[LATENCY.name].values()
    assert late.sum == pytest.approx(sum(line["seconds"] for line in settled))
    assert list(late.explicit_bounds) == list(SECONDS)


def test_lateness_is_reckoned_from_the_notice(house: House) -> None:
    """Not from the run that saw the change: a queue that is slow is seen."""
    world = house.world
    with structlog.testing.capture_logs() as lines:
        world.insert()
        house.settle(timedelta(0))
        world.clock.advance(timedelta(seconds=100))
        house.settle()

    (run,) = [line for line in lines if line["event"] == "run ended" and line["marks"]]
    (settled,) = [line for line in lines if line["event"] == "event settled"]
    assert 100 <= run["lag"] <= settled["seconds"] < 110


def test_what_is_lost_and_what_is_given_up_is_counted(house: House, collector: Collector) -> None:
    """Postponed, parked, dead; channels as the poll finds them."""
    world = house.world
    with telling(collector) as listener:
        night = Night(house, CANARY)
        listen(house, listener)
        with structlog.testing.capture_logs() as lines:
            night.through()

    def said(message: str, **fields: object) -> int:
        return len([line for line in lines if line["event"] == message and fields.items() <= line.items()])

    assert collector.count(CHANGES.name, outcome="postponed") == said("event postponed") > 0
    parked = [line for line in lines if line["event"] == "event parked"]
    assert collector.count(CHANGES.name, outcome="parked") == len([line for line in parked if "row" in line]) > 0
    assert collector.count("lockstep.dead") == len([line for line in parked if "event_id" in line]) > 0
    polled = [line for line in lines if line["event"] == "feeds polled"]
    for health in clock.HEALTHS:
        assert collector.count("lockstep.channels.polled", health=health) == sum(line[health] for line in polled)
    assert len(world.store.query("dead")) > 0


@pytest.mark.parametrize(
    ("changed", "health"),
    [
        ({}, "healthy"),
        ({"channel": None}, "lost"),
        ({"channel_until": -1.0}, "lost"),
        ({"channel_until": 3600.0}, "expiring"),
        ({"push": False, "channel": None}, "unwatched"),
    ],
)
def test_a_channels_health(house: House, changed: dict[str, Any], health: str) -> None:
    """As its feed tells: times are from now."""
    world, now = house.world, house.world.ground.now()
    (document,) = world.store.query("feeds")
    feed = world.feed(document.key.removeprefix("feeds/"))
    moved = {name: now + value if name == "channel_until" else value for name, value in changed.items()}

    assert clock.health_of(msgspec.structs.replace(feed, **moved), world.ground) == health


def test_figures_have_few_labels(house: House, collector: Collector) -> None:
    """After a night of trouble each label's values are of a short list; no id, no address, no text is one."""
    with telling(collector) as listener, structlog.testing.capture_logs():
        night = Night(house, CANARY)
        listen(house, listener)
        night.through()

    told_of = {
        (name, label, value)
        for name, points in collector.figures().items()
        for labels in points
        for label, value in labels
    }
    assert {name for name, *_ in told_of} <= {figure.name for figure in FIGURES}
    by_label: dict[str, set[str]] = {}
    for _, label, value in told_of:
        by_label.setdefault(label, set()).add(value)
    assert by_label["to"] == {"store", "queue", "calendar", "provider:http"}
    assert by_label["outcome"] - {"settled", "postponed", "parked", "ok", "error"} <= {
        *("Later", "OutcomeUnknown", "Conflict", "Gone", "Stale", "Refused", "Revoked", "Poison", "NotOwned"),
    }
    assert all(value.isascii() and len(value) < 20 for values in by_label.values() for value in values)


def test_a_label_that_a_figure_does_not_have_is_a_bug(collector: Collector) -> None:
    """It is not told."""
    with telling(collector) as listener, pytest.raises(ValueError, match=r"lockstep.feed.lag has the labels"):
        listener.tell(LAG, 1, feed="f1")


# ---- What is never told -----------------------------------------------------------------------


def test_no_secret_and_no_word_is_sent(house: House, collector: Collector) -> None:
    """Spans and figures of a whole night of trouble, as they left: no title, no address, no link, no token."""
    with telling(collector) as listener, logged(logging.DEBUG) as out:
        night = Night(house, CANARY)
        listen(house, listener)
        night.through()
        live(house)
    sent = b"".join(body for _, body in collector.requests).decode("latin-1")
    ids = [str(row.event) for row in house.world.rows()] + [row.feed for row in house.world.rows()]

    assert len(collector.spans()) > 100
    assert [kind for kind, secret in night.secrets().items() if secret in sent + out.getvalue()] == []
    assert [one for one in (*ids, ALICE, "example.com") if one in sent] == []
    assert {path for path, _ in collector.requests} == {"/v1/traces", "/v1/metrics"}


# ---- Over the wire ----------------------------------------------------------------------------


def test_a_collector_that_fails_or_leads_elsewhere_disturbs_nobody(house: House, collector: Collector) -> None:
    """The work goes on, and nothing is sent to where it points."""
    collector.status = 302
    with telling(collector, timeout=1.0) as listener:
        listen(house, listener)
        house.world.insert()
        house.settle()

    assert [meeting["title"] for meeting in house.world.meetings()] == ["Planning"]
    assert {path for path, _ in collector.requests} <= {"/v1/traces", "/v1/metrics"}


def test_the_machines_proxies_and_netrc_are_left_alone(collector: Collector) -> None:
    """Whatever the environment says, it goes to the collector, and with nobody's password."""
    assert session_for(collector.address)().trust_env is False


def test_what_was_done_is_sent_before_the_answer_where_that_is_asked_for(house: House, collector: Collector) -> None:
    """Since nothing may run between two requests."""
    with telling(collector, flush=True, patience=20.0) as listener:
        listen(house, listener)
        house.call("tick", house.bearer("tick"))
        assert "tick" in names(collector.spans())


def test_a_collector_that_is_silent_holds_up_no_answer_for_long(house: House) -> None:
    """The reports before an answer wait for it for a moment, and not for as long as others may take."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        made = Otlp(address, session_for(address), resource={}, timeout=60.0, flush=True, patience=0.1)
        listen(house, made)
        began = time.monotonic()
        assert house.call("tick", house.bearer("tick")).status_code == 200
        assert time.monotonic() - began < 20
        made.close()


class Stuck(requests.Session):
    """Sends nothing and comes to no end until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.let_go = Event(), Event()
        self.sending = 0

    def send(self, *_: Any, **__: Any) -> requests.Response:
        """Fail in the end."""
        self.sending += 1
        self.begun.set()
        self.let_go.wait(20)
        self.sending -= 1
        raise requests.ConnectionError("nobody there")


def test_no_answer_waits_for_a_report_that_does_not_end() -> None:
    """Neither the one for which it was begun nor those that come meanwhile, whose own would come after it."""
    session = Stuck()
    made = Otlp("http://127.0.0.1:9", lambda: session, resource={}, flush=True, patience=0.05)
    try:
        for _ in range(3):
            with made.span("run"):
                pass
            made.answered()
            assert session.begun.wait(10)
            assert session.sending
    finally:
        session.let_go.set()
        made.close()


def test_the_end_of_a_process_does_not_wait_for_a_report_that_does_not_end() -> None:
    """What the collector does not take in time is lost."""
    session = Stuck()
    made = Otlp("http://127.0.0.1:9", lambda: session, resource={}, timeout=0.5, patience=0.05)
    try:
        with made.span("run"):
            pass
        made.close()
        assert session.begun.wait(10)
        assert session.sending
    finally:
        session.let_go.set()


def test_the_settings_decide(collector: Collector) -> None:
    """Off by default; the resource says who sends, and to which project it belongs."""
    assert isinstance(telemetry(Settings()), Quiet)
    made = telemetry(Settings(telemetry="otlp", telemetry_endpoint=collector.address, project="acme-lockstep"))
    with made.span("run"):
        pass
    made.close()

    (resource,) = collector.resources()
    assert (resource["service.name"], resource["gcp.project_id"]) == ("lockstep", "acme-lockstep")


# ---- When nobody listens ----------------------------------------------------------------------


def test_off_imports_nothing_of_it(tmp_path: Path) -> None:
    """With the ground standing, no module of OpenTelemetry is loaded."""
    program = (
        "import sys; from infra import edge, wiring; from infra.settings import Settings;"
        "from pathlib import Path;"
        "wiring.around(edge.local(Settings(state=Path(sys.argv[1]), janus='off'))).close();"
        "print([name for name in sys.modules if 'opentelemetry' in name])"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_off_the_log_still_follows_a_change(house: House) -> None:
    """Who brings no trace is given one: each step of a change stands in the log under the same."""
    listen(house, Quiet())
    with logged(logging.INFO) as out:
        house.world.insert()
        house.settle()
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    (patched,) = [line for line in lines if line["message"] == "event patched"]
    trace = patched["logging.googleapis.com/trace"]
    steps = [line["message"] for line in lines if line.get("logging.googleapis.com/trace") == trace]
    wanted = ["run asked for", "meeting made", "run ended", "event patched", "event settled"]

    assert [step for step in steps if step in wanted] == wanted
    answered = [line for line in lines if line["message"] == "answered" and line["function"] == "sync_calendar"]
    assert all(line["store_calls"] > 2 and line["calendar_calls"] > 0 for line in answered)


def test_calls_are_counted_per_request() -> None:
    """Whoever counts hears of the calls made inside, and of no others."""
    port = told(_Port(), "provider:http", ("find",), Quiet())
    with counting() as made:
        port.find()
        with counting() as inner:
            port.find()
        port.other()
    port.find()

    assert (tally(made), tally(inner)) == ({"provider_calls": 1}, {"provider_calls": 1})


class _Port:
    """A port of three methods."""

    def find(self) -> None:
        """Raise nothing."""

    def other(self) -> str:
        """Not told."""
        return "other"

    def fail(self) -> None:
        """Raise."""
        raise Later(CANARY)


def test_a_port_stays_what_it_is(house: House, collector: Collector) -> None:
    """Protocols that are looked for are found or not found as before; errors pass, and are counted by their kind."""
    with telling(collector) as listener:
        lister = told_outside(house.world.ground, listener).providers["http"]
        assert isinstance(lister, MeetingLister)
        assert isinstance(lister, NotificationReader)
        assert lister.name == "http"
        port = told(_Port(), "calendar", ("fail", "find", "absent"), listener)
        assert port.other() == "other"
        assert not hasattr(port, "absent")
        with pytest.raises(Later):
            port.fail()

    assert collector.count(CALLS.name, to="calendar", call="fail", outcome="Later") == 1
    assert isinstance(told(_Port(), "calendar", ("find",), Quiet()), MeetingLister) is False


def test_nobody_may_be_told_anything() -> None:
    """Where there is no telemetry at all, everything can be said all the same."""
    with NOBODY.span("run", link=FAR.header, marks=1) as span:
        span.say(marks=2)
    NOBODY.tell(LAG, 1)
    NOBODY.answered()
    NOBODY.close()

    assert NOBODY.trace() is None
