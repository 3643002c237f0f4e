"""How an answer is written: indented unless the caller says otherwise, and packed if they can unpack it.

Authority: https://developers.google.com/workspace/calendar/api/guides/performance (contract 1.1.2, 1.2.4)
"""

from __future__ import annotations

import gzip

import msgspec
from msgspec.structs import replace

from infra.local.calendar.messages import Request, Response

_PLAIN = frozenset({"false", "0"})
_FAST = 1  # a development server's answers travel a short way
_WORTH_PACKING = 256


def printed(request: Request, response: Response) -> Response:
    """The answer with its JSON indented, as Google does it by default; `prettyPrint=false` leaves it compact."""
    wish = request.query.get("prettyPrint") or ["true"]
    kind = response.headers.get("content-type", "")
    if wish[-1].lower() in _PLAIN or not response.body or not kind.startswith("application/json"):
        return response
    return replace(response, body=msgspec.json.format(response.body, indent=1) + b"\n")


def packed(request: Request, response: Response) -> Response:
    """The answer gzipped if the caller's Accept-Encoding and User-Agent both name gzip, as Google asks for."""
    accepts = request.headers.get("accept-encoding", "").lower()
    agent = request.headers.get("user-agent", "").lower()
    if "gzip" not in accepts or "gzip" not in agent or len(response.body) < _WORTH_PACKING:
        return response
    body = gzip.compress(response.body, _FAST, mtime=0)
    return replace(response, headers={**response.headers, "content-encoding": "gzip"}, body=body)
