"""Sets up logging once: one JSON object a line in Cloud Logging's field names, or coloured lines for a terminal.

Authority: https://cloud.google.com/logging/docs/structured-logging and https://www.structlog.org
What people wrote and what opens doors never reaches a line: keys that name it are redacted, objects are named and not
shown, and of an exception that is not ours only the kind and the place are told, for its text may quote anything.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any, TextIO
from uuid import UUID

import structlog
from structlog.typing import EventDict, Processor

from conference.errors import LockstepError

REDACTED = "[redacted]"

_TOLD_WHOLE = 2000
"""Characters of one text; what is longer is cut, for no line of ours is an essay."""

# fmt: off
_SECRET_WORDS = frozenset({
    "agenda", "assertion", "attendee", "attendees", "authorization", "bearer", "body", "content", "cookie", "cookies",
    "credential", "credentials", "description", "email", "emails", "headers", "notes", "passcode", "passphrase",
    "password", "passwd", "pin", "secret", "secrets", "signature", "summary", "title", "titles", "token", "tokens",
    "uri", "uris", "url", "urls",
})
# fmt: on
_SECRET_KEYS = frozenset({"address", "api_key", "display_name", "location", "payload", "private_key", "raw"})

# Control characters, line and paragraph separators, and those that reorder text: all that could forge a line.
_FORGING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")

# These name addresses, tokens and calendars in what they say of their daily work.
_TALKATIVE = ("googleapiclient", "google.auth", "google_auth_httplib2", "httpx", "httpcore", "urllib3", "waitress")


def set_up(
    *,
    now: Callable[[], datetime],
    project: str | None = None,
    console: bool = False,
    level: int = logging.INFO,
    out: TextIO | None = None,
) -> None:
    """Send structlog's and the standard library's logging to `out` (standard output), from `level` upwards.

    `project` is the Google Cloud project that a bound `trace` id belongs to; without it the bare id is written.
    Calling it again replaces the former set-up.
    """
    stream = out or sys.stdout
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        _name_exception,
        _clean,
        _cloud_fields(now, project),
    ]
    render: Processor = _console if console else _json
    structlog.configure(
        processors=[*chain, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,  # a second set-up must reach loggers that modules hold
    )
    _adopt_standard_logging(chain, render, level, stream)


def _adopt_standard_logging(chain: list[Processor], render: Processor, level: int, stream: TextIO) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=chain,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
            keep_exc_info=False,
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


# ---- Traces ---------------------------------------------------------------------------------


def trace_of(headers: Mapping[str, str]) -> str | None:
    """The trace id of a request, from `traceparent` or `X-Cloud-Trace-Context`; None if there is no sound one."""
    named = {name.lower(): value for name, value in headers.items()}
    parent = re.match(r"[0-9a-f]{2}-([0-9a-f]{32})-", named.get("traceparent", ""))
    google = re.match(r"([0-9a-fA-F]{32})(?:/|;|$)", named.get("x-cloud-trace-context", ""))
    found = parent or google
    return found[1].lower() if found else None


def bind_trace(headers: Mapping[str, str], **fields: str) -> None:
    """From here on each line of this request carries its trace id and `fields`; what was bound before is dropped."""
    structlog.contextvars.clear_contextvars()
    trace = trace_of(headers)
    structlog.contextvars.bind_contextvars(**({"trace": trace} if trace else {}), **fields)


# ---- What may be told -----------------------------------------------------------------------


def _clean(_logger: Any, _method: str, line: EventDict) -> EventDict:
    for key in list(line):
        if key.startswith("_"):
            continue  # structlog's own notes on the record, dropped before rendering
        if key != "stack_trace":  # made by _name_exception, line by line
            line[key] = _told(key, line[key])
    return line


def _told(key: str, value: Any) -> Any:
    return REDACTED if _is_secret(key) and value is not None else _shown(value)


def _is_secret(key: str) -> bool:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()
    return words in _SECRET_KEYS or not _SECRET_WORDS.isdisjoint(re.split(r"[^a-z0-9]+", words))


def _shown(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (str, datetime, date, timedelta, UUID)):
        return _one_line(str(value))
    if isinstance(value, Enum):
        return _shown(value.value)
    if isinstance(value, Mapping):
        return {_one_line(str(key)): _told(str(key), inner) for key, inner in value.items()}
    if isinstance(value, (Sequence, set, frozenset)) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [_shown(inner) for inner in value]
    return _named(value)


def _named(value: Any) -> str:
    """An object by its kind alone: its repr may hold what it was made of."""
    kind = type(value).__qualname__
    return _one_line(f"{kind}: {value}") if isinstance(value, LockstepError) else f"<{kind}>"


def _one_line(text: str) -> str:
    cut = text if len(text) <= _TOLD_WHOLE else text[:_TOLD_WHOLE] + "…"
    return _FORGING.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), cut)


def _name_exception(_logger: Any, _method: str, line: EventDict) -> EventDict:
    given = line.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else (given or (None,))[1] if isinstance(given, tuple) else None
    if given is True:
        error = sys.exception()
    if error is not None:
        line["error"] = type(error).__qualname__
        line["stack_trace"] = "\n".join(_links(error))
    return line


def _links(error: BaseException) -> Iterator[str]:
    """The chain of an exception, oldest first, as Python tells it, but without the texts that are not ours."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _links(before)
        yield "which led to"
    yield "Traceback (most recent call last):"
    yield from (part.rstrip("\n") for part in traceback.format_tb(error.__traceback__))
    yield _named(error)


# ---- Shapes of a line -----------------------------------------------------------------------


def _cloud_fields(now: Callable[[], datetime], project: str | None) -> Processor:
    def rename(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> EventDict:
        named: EventDict = {
            "severity": str(line.pop("level", "info")).upper(),
            "message": line.pop("event", ""),
            "time": now().isoformat(),
        }
        trace = line.pop("trace", None)
        if trace:
            named["logging.googleapis.com/trace"] = f"projects/{project}/traces/{trace}" if project else trace
        return {**line, **named}

    return rename


def _json(_logger: Any, _method: str, line: EventDict) -> str:
    return json.dumps(line, sort_keys=True)


_COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


def _console(_logger: Any, _method: str, line: EventDict) -> str:
    severity = line.pop("severity")
    head = f"{line.pop('time')[11:19]} \x1b[{_COLOURS.get(severity, '0')}m{severity:<8}\x1b[0m {line.pop('message')}"
    stack = line.pop("stack_trace", None)
    rest = " ".join(f"\x1b[2m{key}=\x1b[0m{value}" for key, value in line.items())
    return "\n".join(part for part in (f"{head} {rest}".rstrip(), stack) if part)
