"""Sets up logging once: one JSON object a line in Cloud Logging's field names, or coloured lines for a terminal.

Authority: https://cloud.google.com/logging/docs/structured-logging, https://www.structlog.org and, for what makes an
error known to Error Reporting, https://cloud.google.com/error-reporting/docs/formatting-error-messages
What people wrote and what opens doors never reaches a line: keys that name it are redacted, objects are named and not
shown, and of an exception that is not ours only the kind and the place are told, for its text may quote anything.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO
from uuid import UUID

import structlog
from structlog.processors import CallsiteParameter, CallsiteParameterAdder
from structlog.typing import EventDict, Processor

from conference.errors import LockstepError
from functions import tracing

if TYPE_CHECKING:
    from infra.settings import Settings

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


def set_up(settings: Settings, *, now: Callable[[], datetime] | None = None, out: TextIO | None = None) -> None:
    """Log as the settings say: to standard output, for people if that is a terminal, else for Cloud Logging."""
    stream = out or sys.stdout
    write(
        now=now or (lambda: datetime.now(UTC)),
        project=settings.project,
        console=stream.isatty(),
        level=logging.getLevelNamesMapping()[settings.log.upper()],
        out=stream,
        service=service_of(os.environ),
    )


def service_of(environ: Mapping[str, str]) -> dict[str, str]:
    """The serviceContext by which Error Reporting groups errors, as Cloud Run tells it to its containers.

    https://cloud.google.com/run/docs/container-contract#services-env-vars
    """
    version = environ.get("K_REVISION")
    return {"service": environ.get("K_SERVICE", "lockstep"), **({"version": version} if version else {})}


def write(
    *,
    now: Callable[[], datetime],
    project: str | None = None,
    console: bool = False,
    level: int = logging.INFO,
    out: TextIO | None = None,
    service: Mapping[str, str] | None = None,
) -> None:
    """Send structlog's and the standard library's logging to `out` (standard output), from `level` upwards.

    `project` is the Google Cloud project that the present trace belongs to; without it the bare id is written.
    `service` stands on errors. Calling it again replaces the former set-up.
    """
    stream = out or sys.stdout
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        _place_error,
        _name_exception,
        _clean,
        _cloud_fields(now, project, dict(service or {})),
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


# ---- What may be told -----------------------------------------------------------------------


def _clean(_logger: Any, _method: str, line: EventDict) -> EventDict:
    for key in list(line):
        if key.startswith("_"):
            continue  # notes on the record, dropped before rendering
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
    error = _exception(line.pop("exc_info", None))
    if error is not None:
        line["error"] = type(error).__qualname__
        line["stack_trace"] = "\n".join(_links(error))
    return line


def _exception(given: Any) -> BaseException | None:
    if given is True:
        return sys.exception()
    if isinstance(given, tuple):
        given = given[1] if len(given) > 1 else None
    return given if isinstance(given, BaseException) else None


def _links(error: BaseException) -> Iterator[str]:
    """The chain of an exception, oldest first, as Python tells it, but without the texts that are not ours."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _links(before)
        yield "which led to"
    yield "Traceback (most recent call last):"
    yield from (part.rstrip("\n") for part in traceback.format_tb(error.__traceback__))
    yield _named(error)


# ---- Errors ---------------------------------------------------------------------------------

_ROOT = Path(__file__).parents[1]
_ERRORS = {"error", "critical", "exception"}
_CALLSITE = CallsiteParameterAdder(
    {CallsiteParameter.PATHNAME, CallsiteParameter.LINENO, CallsiteParameter.FUNC_NAME}, additional_ignores=[__name__]
)
_PLACE = "_place"
_REPORTED = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent"


def _place_error(logger: Any, method: str, line: EventDict) -> EventDict:
    """Note where an error came to be: in our innermost frame of its exception, else where it is logged."""
    if str(line.get("level", method)) not in _ERRORS:
        return line
    error = _exception(line.get("exc_info"))
    record = line.get("_record")
    place = _raised(error.__traceback__) if error else None
    if place is None and isinstance(record, logging.LogRecord):
        place = record.pathname, record.lineno, record.funcName
    if place is None:
        found = _CALLSITE(logger, method, {})
        place = found["pathname"], found["lineno"], found["func_name"]
    line[_PLACE] = place
    return line


def _raised(trail: TracebackType | None) -> tuple[str, int, str] | None:
    frames = [(frame.f_code.co_filename, number, frame.f_code.co_name) for frame, number in traceback.walk_tb(trail)]
    ours = [one for one in frames if Path(one[0]).is_relative_to(_ROOT) and "site-packages" not in one[0]]
    found = ours or frames
    return found[-1] if found else None


def _source(place: tuple[str, int, str]) -> tuple[str, int, str]:
    """Without where on this machine the product lies."""
    path = Path(place[0])
    file = path.relative_to(_ROOT).as_posix() if path.is_relative_to(_ROOT) else path.name
    return _one_line(file), place[1], _one_line(place[2])


# ---- Shapes of a line -----------------------------------------------------------------------


def _cloud_fields(now: Callable[[], datetime], project: str | None, service: Mapping[str, str]) -> Processor:
    def rename(_logger: Any, _method: str, line: EventDict) -> EventDict:
        place = line.pop(_PLACE, None)
        named: EventDict = {
            "severity": str(line.pop("level", "info")).upper(),
            "message": line.pop("event", ""),
            "time": now().isoformat(),
            **_trace_fields(project),
        }
        if "function" in line:
            named["logging.googleapis.com/labels"] = {"function": str(line["function"])}
        if place is not None:
            named.update(_error_fields(place, service, traced="stack_trace" in line))
        return {**line, **named}

    return rename


def _trace_fields(project: str | None) -> dict[str, Any]:
    trace = tracing.present()
    if trace is None:
        return {}
    return {
        "logging.googleapis.com/trace": f"projects/{project}/traces/{trace.id}" if project else trace.id,
        "logging.googleapis.com/spanId": trace.span,
        "logging.googleapis.com/trace_sampled": trace.sampled,
    }


def _error_fields(place: tuple[str, int, str], service: Mapping[str, str], *, traced: bool) -> dict[str, Any]:
    file, number, function = _source(place)
    fields: dict[str, Any] = {
        # Cloud Logging wants the line as a text, Error Reporting as a number.
        "logging.googleapis.com/sourceLocation": {"file": file, "line": str(number), "function": function},
        "serviceContext": dict(service) or {"service": "lockstep"},
        "@type": _REPORTED,
    }
    if not traced:
        where = {"filePath": file, "lineNumber": number, "functionName": function}
        fields["context"] = {"reportLocation": where}
    return fields


def _json(_logger: Any, _method: str, line: EventDict) -> str:
    return json.dumps(line, sort_keys=True)


_COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


_FOR_MACHINES = ("serviceContext", "@type", "context", "logging.googleapis.com/labels")


def _console(_logger: Any, _method: str, line: EventDict) -> str:
    severity = line.pop("severity")
    head = f"{line.pop('time')[11:19]} \x1b[{_COLOURS.get(severity, '0')}m{severity:<8}\x1b[0m {line.pop('message')}"
    stack = line.pop("stack_trace", None)
    place, trace = (line.pop(f"logging.googleapis.com/{name}", None) for name in ("sourceLocation", "trace"))
    for name in _FOR_MACHINES + tuple(key for key in line if key.startswith("logging.googleapis.com/")):
        line.pop(name, None)
    if place and not stack:
        line["at"] = f"{place['file']}:{place['line']}"
    if trace:
        line["trace"] = trace.rpartition("/")[2]
    rest = " ".join(f"\x1b[2m{key}=\x1b[0m{value}" for key, value in line.items())
    return "\n".join(part for part in (f"{head} {rest}".rstrip(), stack) if part)
