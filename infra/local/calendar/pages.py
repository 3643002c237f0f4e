"""The Calendar server's page: files that a browser runs as a client of the API, like any other client.

Authority: https://developer.mozilla.org/en-US/docs/Web/HTTP/Guides/CSP (what the page is allowed to do)
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from infra.local.calendar.messages import Request, Response, json_value

FILES = Path(__file__).parent / "page"
NAME = "page"
"""What the page signs its requests with, as `quotaUser`."""
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "cache-control": "no-cache",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def page(request: Request) -> Response | None:
    """The page's answer: a file, or 403 for a foreign site's script; None for what is the server's to answer."""
    name = _file(request)
    controls = request.path.startswith("/control/")
    if controls and request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
        return json_value({"error": "the control routes are not for other sites' pages"}, status=403)
    if name is None and request.path != "/control/state":
        return None
    if not _at_home(request.headers.get("host", "")):
        return json_value({"error": "the page is served under an IP address or localhost"}, status=403)
    return _sent(name) if name else None


def _file(request: Request) -> str | None:
    if request.method != "GET":
        return None
    if request.path == "/":
        return "index.html"
    name = request.path.removeprefix("/page/")
    return name if name != request.path and name in {file.name for file in FILES.iterdir()} else None


def _sent(name: str) -> Response:
    file = FILES / name
    kind = _TYPES[file.suffix]
    return Response(200, {"content-type": f"{kind}; charset=utf-8", **_HEADERS}, file.read_bytes())


def _at_home(host: str) -> bool:
    """True for names that no stranger can let point here: this is what keeps DNS rebinding out."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or name.endswith(".localhost") or bool(ip_address(name))
    except ValueError:
        return False
