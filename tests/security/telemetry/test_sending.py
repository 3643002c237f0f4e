"""What leaves the process: nobody's words, to the collector alone, in nobody's way, and nothing where it is off."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import time
from pathlib import Path
from threading import Event
from typing import Any

import requests

from functions.telemetry import LAG, NOBODY
from infra.otlp import Otlp, session_for
from infra.settings import Settings
from infra.telemetry import Quiet, telemetry
from tests.security.collector import Collector, names
from tests.security.doors import House, logged
from tests.security.night import Night
from tests.security.telemetry.telling import CANARY, FAR, listen, live, telling
from tests.world import ALICE

ROOT = Path(__file__).parents[3]


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


def test_nobody_may_be_told_anything() -> None:
    """Where there is no telemetry at all, everything can be said all the same."""
    with NOBODY.span("run", link=FAR.header, marks=1) as span:
        span.say(marks=2)
    NOBODY.tell(LAG, 1)
    NOBODY.answered()
    NOBODY.close()

    assert NOBODY.trace() is None
