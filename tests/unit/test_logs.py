"""What a line of the log holds, and what it never holds."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.contextvars import bound_contextvars

from conference.errors import Later, Where
from functions.tracing import Trace, following
from infra import logs
from infra.settings import Settings

NOW = datetime(2026, 11, 20, 9, 30, 1, tzinfo=UTC)
CANARY = "canary-5fe1"


@contextmanager
def logging_to(out: io.StringIO, **options: Any) -> Iterator[Any]:
    """Set up for the block, and leave nothing behind for the next test."""
    before = logging.getLogger().handlers[:], logging.getLogger().level
    logs.write(now=lambda: NOW, out=out, **options)
    try:
        yield structlog.get_logger()
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
        logging.getLogger().handlers[:], level = before
        logging.getLogger().setLevel(level)


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    """Each line, which must be a JSON object of its own."""
    return [json.loads(line) for line in out.getvalue().splitlines()]


TRACE = Trace("ab" * 16, "cd" * 8, sampled=True)


def test_names_of_cloud_logging() -> None:
    """A line carries severity, message, time, the trace and the function under Cloud Logging's names."""
    out = io.StringIO()
    with logging_to(out, project="demo") as log, following(TRACE), bound_contextvars(function="tick"):
        log.warning("feed is late", feed="f1", seconds=12.5)

    assert lines(out) == [
        {
            "severity": "WARNING",
            "message": "feed is late",
            "time": "2026-11-20T09:30:01+00:00",
            "logging.googleapis.com/trace": f"projects/demo/traces/{'ab' * 16}",
            "logging.googleapis.com/spanId": "cd" * 8,
            "logging.googleapis.com/trace_sampled": True,
            "logging.googleapis.com/labels": {"function": "tick"},
            "function": "tick",
            "feed": "f1",
            "seconds": 12.5,
        }
    ]


def test_what_belongs_to_no_trace_says_so() -> None:
    """After the block that follows a trace, and before it, a line names none."""
    out = io.StringIO()
    with logging_to(out) as log:
        with following(TRACE):
            log.info("inside")
        log.info("hello")

    assert lines(out)[0]["logging.googleapis.com/trace"] == "ab" * 16
    assert lines(out)[1] == {"severity": "INFO", "message": "hello", "time": NOW.isoformat()}


def test_an_error_says_where_and_to_which_service() -> None:
    """What Error Reporting needs of an error without an exception: kind, service, place; no machine's path."""
    out = io.StringIO()
    with logging_to(out, service={"service": "tick", "version": "tick-00007"}) as log:
        log.error("event parked", feed="f1")
        log.warning("not yet")

    error, warning = lines(out)
    place = error["logging.googleapis.com/sourceLocation"]
    assert place["file"] == "tests/unit/test_logs.py"
    assert place["function"] == "test_an_error_says_where_and_to_which_service"
    assert int(place["line"]) > 1
    assert error["serviceContext"] == {"service": "tick", "version": "tick-00007"}
    assert error["@type"].endswith(".ReportedErrorEvent")
    assert error["context"]["reportLocation"] == {
        "filePath": place["file"],
        "lineNumber": int(place["line"]),
        "functionName": place["function"],
    }
    assert set(warning) == {"severity", "message", "time"}


def test_an_exception_is_placed_where_it_was_raised() -> None:
    """Its own frame, not the one that caught and logged it; the stack trace says the rest."""
    out = io.StringIO()
    with logging_to(out) as log:
        try:
            fail_for_a_reason()
        except RuntimeError:
            log.exception("failed")
            logging.getLogger("some.library").exception("failed there too")

    for error in lines(out):
        assert error["logging.googleapis.com/sourceLocation"]["function"] == "fail_for_a_reason"
        assert error["serviceContext"] == {"service": "lockstep"}
        assert "context" not in error


def test_an_error_of_a_library_is_placed_where_it_was_logged() -> None:
    """Through the standard library's logging too."""
    out = io.StringIO()
    with logging_to(out):
        logging.getLogger("some.library").error("broken")

    assert lines(out)[0]["logging.googleapis.com/sourceLocation"]["file"] == "tests/unit/test_logs.py"


@pytest.mark.parametrize(
    ("environ", "service"),
    [
        ({}, {"service": "lockstep"}),
        ({"K_SERVICE": "tick"}, {"service": "tick"}),
        ({"K_SERVICE": "tick", "K_REVISION": "tick-00007-abc"}, {"service": "tick", "version": "tick-00007-abc"}),
    ],
)
def test_the_service_is_what_cloud_run_says(environ: dict[str, str], service: dict[str, str]) -> None:
    """Service and revision, by the names of the container contract."""
    assert logs.service_of(environ) == service


def test_the_settings_decide() -> None:
    """The level and the project are settings; what is no terminal gets JSON."""
    out, before = io.StringIO(), (logging.getLogger().handlers[:], logging.getLogger().level)
    try:
        logs.set_up(Settings(log="warning", project="acme-lockstep"), now=lambda: NOW, out=out)
        with following(TRACE):
            structlog.get_logger().info("no")
            structlog.get_logger().warning("yes")
    finally:
        structlog.reset_defaults()
        logging.getLogger().handlers[:], level = before
        logging.getLogger().setLevel(level)

    (line,) = lines(out)
    assert (line["message"], line["time"]) == ("yes", NOW.isoformat())
    assert line["logging.googleapis.com/trace"] == f"projects/acme-lockstep/traces/{'ab' * 16}"


@pytest.mark.parametrize(
    "key",
    [
        *("token", "sync_token", "accessToken", "client_secret", "Authorization", "Set-Cookie", "passcode", "api_key"),
        *("title", "summary", "body", "description", "join_url", "joinUrl", "attendees", "address", "user_email"),
    ],
)
@pytest.mark.parametrize("value", [CANARY, [CANARY], {"x": CANARY}, CANARY.encode()])
def test_secret_keys_are_redacted(key: str, value: Any) -> None:
    """A key that names a secret or a person's text is redacted, on top and inside."""
    out = io.StringIO()
    with logging_to(out) as log:
        log.info("a", **{key: value})
        log.info("b", nested={"deep": [{key: value}]})

    assert CANARY not in out.getvalue()
    assert out.getvalue().count(logs.REDACTED) == 2


@pytest.mark.parametrize("key", ["feed", "attempt", "status", "reason", "titled", "function"])
def test_plain_keys_are_told(key: str) -> None:
    """What an operator needs is not redacted."""
    out = io.StringIO()
    with logging_to(out) as log:
        log.info("a", **{key: "seen"})

    assert lines(out)[0][key] == "seen"


@dataclass
class Holder:
    """Something whose repr quotes what it holds."""

    text: str = CANARY


@pytest.mark.parametrize("console", [False, True])
def test_objects_are_named_not_shown(console: bool) -> None:
    """An object's repr may hold a title; only its kind is told."""
    out = io.StringIO()
    with logging_to(out, console=console) as log:
        log.info("seen", item=Holder(), more=[Holder(), ValueError(CANARY)], raw_bytes=CANARY.encode())

    assert CANARY not in out.getvalue()
    assert "<Holder>" in out.getvalue()


def fail_for_a_reason() -> None:
    """Raise an exception with a cause, both quoting the canary."""
    try:
        dict[str, str]()[CANARY]
    except KeyError as cause:
        raise RuntimeError(CANARY.upper()) from cause


@pytest.mark.parametrize("console", [False, True])
def test_foreign_exceptions_lose_their_text(console: bool) -> None:
    """An exception that is not ours may quote anything: kind and place are told, along the whole chain."""
    out = io.StringIO()
    with logging_to(out, console=console) as log:
        try:
            fail_for_a_reason()
        except RuntimeError:
            log.exception("the run failed")
            logging.getLogger("some.library").exception("it failed there too")

    assert CANARY not in out.getvalue().lower()
    assert out.getvalue().count("<KeyError>") == 2
    assert out.getvalue().count("in fail_for_a_reason") == 4


def test_our_exceptions_keep_their_text() -> None:
    """Our errors are written to be shown, so their text stands in the log."""
    out = io.StringIO()
    with logging_to(out) as log:
        log.error("later", cause=Later("busy", Where("calendar", "events.get", 429, "rateLimitExceeded")))

    assert lines(out)[0]["cause"] == "Later: busy (calendar events.get 429 rateLimitExceeded)"


def test_exc_info_given_as_an_exception() -> None:
    """An exception handed over long after it was raised is told like one being handled."""
    out = io.StringIO()
    with logging_to(out) as log:
        log.error("lane failed", exc_info=Later("busy"))

    assert lines(out)[0]["stack_trace"].endswith("Later: busy")


ANY_TEXT = st.text(st.characters(codec=None), max_size=60)


@given(text=ANY_TEXT, key=ANY_TEXT)
def test_no_text_forges_a_line(text: str, key: str) -> None:
    """Whatever a text holds, one call writes one line, as JSON and on the console, with no control character in it."""
    for console in (False, True):
        out = io.StringIO()
        with logging_to(out, console=console) as log:
            log.info(text, value=text, nested={key: text})
            logging.getLogger("some.library").warning("%s", text)

        written = out.getvalue().encode("utf-8").decode().removesuffix("\n")
        plain = written.replace("\x1b[0m", "").replace("\x1b[2m", "").replace("\x1b[32m", "").replace("\x1b[33m", "")
        assert len(written.splitlines()) == 2
        assert [c for c in plain if not c.isprintable() and c != "\n" and c < "\x80"] == []


def test_long_texts_are_cut() -> None:
    """A text of a megabyte does not become a line of a megabyte."""
    out = io.StringIO()
    with logging_to(out) as log:
        log.info("x" * 1_000_000)

    assert len(out.getvalue()) < 3000


def test_libraries_do_not_chatter() -> None:
    """Client libraries name addresses and tokens at INFO and DEBUG; such lines are not written."""
    out = io.StringIO()
    with logging_to(out, level=logging.DEBUG):
        logging.getLogger("googleapiclient.discovery").debug("URL being requested: GET %s", CANARY)
        logging.getLogger("httpx").info("HTTP Request: GET %s", CANARY)
        logging.getLogger("ours").debug("kept")

    assert [line["message"] for line in lines(out)] == ["kept"]


def test_lines_below_the_level_are_not_written() -> None:
    """The level holds for both ways of logging."""
    out = io.StringIO()
    with logging_to(out, level=logging.WARNING) as log:
        log.info("no")
        logging.getLogger("x").info("no")
        log.warning("yes")

    assert [line["message"] for line in lines(out)] == ["yes"]


def test_console_line() -> None:
    """On a terminal a line shows time, severity, message and fields, and nothing that only machines read."""
    out = io.StringIO()
    with logging_to(out, console=True, project="demo") as log:
        log.info("listening", port=8080)
        with following(TRACE), bound_contextvars(function="tick"):
            log.error("broken")

    info, error = out.getvalue().splitlines()
    assert info == "09:30:01 \x1b[32mINFO    \x1b[0m listening \x1b[2mport=\x1b[0m8080"
    assert error.startswith("09:30:01 \x1b[31mERROR   \x1b[0m broken \x1b[2mfunction=\x1b[0mtick ")
    assert f"\x1b[2mtrace=\x1b[0m{'ab' * 16}" in error
    assert "tests/unit/test_logs.py:" in error
    assert "googleapis" not in error
    assert "lockstep" not in error
