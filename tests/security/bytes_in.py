"""Bytes as strangers make them: genuine ones, bent; and how they become a request."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

# fmt: off
NASTY = [
    b"", b"\x00", b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"\r\n", b"\n", b"\x1b[31m", b" ", b"\t", b"\xe2\x80\xa8",
    b"..", b"../", b"/", b"%00", b"%2e%2e%2f", b"//169.254.169.254/", b"{{7*7}}", b"<script>", b"';--", b"${jndi:x}",
    b"-1", b"0", b"1e309", b"-0.0", b"NaN", b"1" * 5000, b"-" + b"9" * 4400, b"9223372036854775808", b"\xd9\xa1",
    b"null", b"[]", b"{}", b'""', b"[" * 9000, b'{"a":' * 3000, b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"',
    b",", b":", b";", b'"', b"\\", b"=", b"*", b"W/", b"v1=", b"Bearer ", b"chunked", b"A" * 3000, b"a" * 70_000,
    b"0000-00-00", b"9999-12-31T23:59:60+99:99", b"0001-01-01T00:00:00+14:00", b"Mars/Base", b"../../etc/passwd",
    b"Fri, 31 Dec 99999 23:59:59 GMT", b"RRULE:FREQ=SECONDLY;COUNT=99999999", b"RRULE:FREQ=DAILY;INTERVAL=0",
    "é\u202e\u2028\ufeff".encode(), "\U0001f600".encode(),
]
# fmt: on
"""What has tripped parsers somewhere, ours included."""


def bent(seed: bytes, others: Sequence[bytes], choice: random.Random) -> bytes:
    """The seed after a few accidents: pieces cut, doubled, swapped, flipped, and nasty ones put in."""
    made = seed
    for _ in range(choice.choice((1, 1, 1, 2, 3, 6))):
        start = choice.randint(0, len(made))
        end = min(len(made), start + choice.choice((0, 0, 1, 1, 2, 4, 16, 64, len(made))))
        made = made[:start] + _instead(made[start:end], others, choice) + made[end:]
    return made


def _instead(piece: bytes, others: Sequence[bytes], choice: random.Random) -> bytes:
    match choice.randrange(7):
        case 0:
            return b""
        case 1:
            return piece * 2
        case 2:
            return choice.randbytes(choice.choice((1, 1, 2, 8)))
        case 3:
            return bytes(byte ^ 1 << choice.randrange(8) for byte in piece)
        case 4:
            other = choice.choice(others)
            start = choice.randint(0, len(other))
            return other[start : start + choice.choice((1, 8, 64))]
        case _:
            return choice.choice(NASTY)


def parts(data: bytes) -> tuple[str, list[tuple[str, str]], bytes]:
    """The first line, the headers and the body of something like an HTTP message, whatever it is."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    fields = [line.partition(":") for line in lines]
    return first, [(name.strip(), value.strip()) for name, colon, value in fields if colon and name.strip()], body


def environ(data: bytes) -> dict[str, Any]:
    """The same as the WSGI environment (PEP 3333) that a server would make of a request."""
    first, headers, body = parts(data)
    method, _, address = first.partition(" ")
    path, _, query = address.partition("?")
    made: dict[str, Any] = {
        "REQUEST_METHOD": method or "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path.encode("latin-1")).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "CONTENT_LENGTH": str(len(body)),
    }
    for name, value in headers:
        key = name.upper().replace("-", "_")
        key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
        made[key] = value if key not in made or key == "CONTENT_LENGTH" else f"{made[key]},{value}"
    return made


def request(first: str, headers: dict[str, str], body: object = b"") -> bytes:
    """A message as `parts` reads it; a body that is no bytes goes as JSON."""
    lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
    return "\n".join(lines).encode() + b"\n\n" + (body if isinstance(body, bytes) else json.dumps(body).encode())
