"""Several calls in one request: multipart/mixed, each part a whole HTTP request.

Authority: https://developers.google.com/workspace/calendar/api/guides/batch (contract 1.2.3, 10.4)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from email.message import Message
from email.parser import BytesHeaderParser
from urllib.parse import parse_qs, unquote, urlsplit

from infra.local.calendar.errors import ApiError
from infra.local.calendar.messages import Request, Response, phrase

PATH = "/batch/calendar/v3"
_API = "/calendar/v3/"
_REQUEST_LINE = re.compile(rb"([A-Z]+) (\S+)(?: HTTP/1\.[01])?")
_OF_THE_WHOLE = ("content-", "transfer-encoding", "host", "connection", "accept-encoding")
"""What of the outer headers speaks of the outer request alone."""


def answer_batch(request: Request, answer: Callable[[Request], Response], most: int) -> Response:
    """Answer each part, in order; a part that fails fails alone.

    400 if the body cannot be read as parts of this API, or if there are none or more than `most` of them.
    """
    try:
        parts = _parts(request, most)
    except ApiError as error:
        return error.response()
    answers = [(content_id, answer(inner)) for content_id, inner in parts]
    encoded = [_encoded(content_id, response) for content_id, response in answers]
    boundary = "batch_" + hashlib.blake2b(b"".join(encoded), digest_size=12).hexdigest()
    mark = boundary.encode()
    body = b"".join(b"--" + mark + b"\r\n" + part + b"\r\n" for part in encoded) + b"--" + mark + b"--\r\n"
    delay = sum(response.delay for _, response in answers)
    return Response(200, {"content-type": f"multipart/mixed; boundary={boundary}"}, body, delay)


def _parts(request: Request, most: int) -> list[tuple[str | None, Request]]:
    if request.method.upper() != "POST":
        raise _unreadable("a batch is posted", 404)
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    boundary = header.get_boundary()
    if header.get_content_maintype() != "multipart" or not boundary:
        raise _unreadable("the content type is not multipart/mixed with a boundary")
    mark = rb"(?:\A|\r?\n)--" + re.escape(boundary.encode("latin-1", "replace")) + rb"(?=--|[ \t]*\r?\n|\Z)"
    pieces = re.split(mark, request.body)
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise _unreadable("there are no parts, or the last boundary is missing")
    if len(pieces) - 2 > most:
        raise _unreadable(f"there are more than {most} parts")
    return [_part(request.headers, piece) for piece in pieces[1:-1]]


def _part(outer: Mapping[str, str], piece: bytes) -> tuple[str | None, Request]:
    about, inner = _split(piece.lstrip(b" \t").removeprefix(b"\r").removeprefix(b"\n"))
    head = BytesHeaderParser().parsebytes(about)
    if head.get_content_type() != "application/http":
        raise _unreadable("the content type of a part is not application/http")
    line, _, rest = inner.lstrip(b"\r\n").partition(b"\n")
    found = _REQUEST_LINE.fullmatch(line.strip())
    if found is None:
        raise _unreadable("a part has no request line")
    fields, body = _split(rest)
    own = {name.lower(): str(value) for name, value in BytesHeaderParser().parsebytes(fields).items()}
    shared = {name: value for name, value in outer.items() if not name.startswith(_OF_THE_WHOLE)}
    return head.get("content-id"), _request(found[1].decode(), found[2].decode("latin-1"), {**shared, **own}, body)


def _request(method: str, target: str, headers: dict[str, str], body: bytes) -> Request:
    parts = urlsplit(target) if target.startswith("/") and not target.startswith("//") else None
    if parts is None or not parts.path.startswith(_API):
        raise _unreadable("a part's request line needs a path of this API, and a batch is for one API only")
    query = parse_qs(parts.query, keep_blank_values=True)
    return Request(method, unquote(parts.path), query, headers, body.rstrip(b"\r\n") if not body.strip() else body)


def _split(text: bytes) -> tuple[bytes, bytes]:
    """Header fields, of which there may be none, and the body behind the empty line."""
    found = re.split(rb"(?:\A|\r?\n)\r?\n", text, maxsplit=1)
    return found[0] + b"\r\n\r\n", found[1] if len(found) > 1 else b""


def _encoded(content_id: str | None, response: Response) -> bytes:
    outer = ["Content-Type: application/http"]
    if content_id:
        outer.append(f"Content-ID: {_answered(content_id)}")
    lines = [f"HTTP/1.1 {response.status} {phrase(response.status)}"]
    lines += [f"{name.title()}: {value}" for name, value in response.headers.items()]
    lines += [f"Content-Length: {len(response.body)}"]
    head = "\r\n".join([*outer, "", *lines, "", ""])
    return head.encode("latin-1", "replace") + response.body


def _answered(content_id: str) -> str:
    """`response-` in front of the id, inside its angle brackets if it has them."""
    clean = re.sub(r"[\r\n]+", "", content_id).strip()
    return f"<response-{clean[1:]}" if clean.startswith("<") else f"response-{clean}"


def _unreadable(cause: str, status: int = 400) -> ApiError:
    return ApiError(status, "badRequest" if status == 400 else "notFound", f"Failed to parse batch request: {cause}.")
