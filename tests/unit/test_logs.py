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

from conference.errors import Later, Where
from infra import logs

NOW = datetime(2026, 11, 20, 9, 30, 1, tzinfo=UTC)
CANARY = "canary-5fe1"


@contextmanager
def logging_to(out: io.StringIO, **options: Any) -> Iterator[Any]:
    """Set up for the block, and leave nothing behind for the next test."""
    before = logging.getLogger().handlers[:], logging.getLogger().level
    logs.set_up(now=lambda: NOW, out=out, **options)
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


def test_names_of_cloud_logging() -> None:
    """A line carries severity, message, time and the request's trace under Cloud Logging's names."""
    out = io.StringIO()
    with logging_to(out, project="demo") as log:
        logs.bind_trace({"Traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}, function="tick")
        log.warning("feed is late", feed="f1", seconds=12.5)

    assert lines(out) == [
        {
            "severity": "WARNING",
            "message": "feed is late",
            "time": "2026-11-20T09:30:01+00:00",
            "logging.googleapis.com/trace": f"projects/demo/traces/{'ab' * 16}",
            "function": "tick",
            "feed": "f1",
            "seconds": 12.5,
        }
    ]


@pytest.mark.parametrize(
    ("headers", "trace"),
    [
        ({"traceparent": f"00-{'1f' * 16}-{'0' * 16}-00"}, "1f" * 16),
        ({"X-Cloud-Trace-Context": f"{'1F' * 16}/77;o=1"}, "1f" * 16),
        ({"X-Cloud-Trace-Context": "1f" * 16}, "1f" * 16),
        ({"X-Cloud-Trace-Context": f"{'1f' * 16}\nseverity: x"}, None),
        ({"traceparent": "00-nonsense"}, None),
        ({}, None),
    ],
)
def test_trace_of_a_request(headers: dict[str, str], trace: str | None) -> None:
    """Only a sound trace id is believed; a header is anybody's to write."""
    assert logs.trace_of(headers) == trace


def test_a_new_request_forgets_the_last_one() -> None:
    """What was bound for one request does not stand on the lines of the next in the same thread."""
    out = io.StringIO()
    with logging_to(out) as log:
        logs.bind_trace({"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}, tenant="one")
        logs.bind_trace({})
        log.info("hello")

    assert lines(out) == [{"severity": "INFO", "message": "hello", "time": NOW.isoformat()}]


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
    """On a terminal a line shows time, severity, message and fields."""
    out = io.StringIO()
    with logging_to(out, console=True) as log:
        log.info("listening", port=8080)

    assert out.getvalue() == "09:30:01 \x1b[32mINFO    \x1b[0m listening \x1b[2mport=\x1b[0m8080\n"
