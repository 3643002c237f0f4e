"""Google's signing for service accounts on this machine, so that delegation works without a key: for tests.

Authority: https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signJwt
Accounts live as long as the server. Whoever asks names itself by a bearer token.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import ExitStack
from typing import Any, Self

import jwt
from flask import Flask, Response, request
from jwt.exceptions import PyJWTError

from infra.local.listening import bound, listening

_LARGEST = 64 * 1024
_LONGEST = 12 * 3600


class LocalIam:
    """The service at `port` (0: a free one) while it is entered; `base` is its address.

    `may_sign` holds who (by bearer token) may sign as which account; `faults["unavailable"]` is how often 503 is
    still to be answered.
    """

    def __init__(self, port: int = 0) -> None:
        self._wanted = port
        self._keys: dict[str, str] = {}
        self._lock = threading.Lock()
        self.may_sign: set[tuple[str, str]] = set()
        self.faults: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._open = ExitStack()
        listener = bound(self._wanted)
        self.base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._open.enter_context(listening(self._app(), listener, threads=4, largest_body=_LARGEST))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def make(self, account: str, key: str) -> None:
        """A service account with this private key (PEM), which stays here."""
        with self._lock:
            self._keys[account] = key

    def _app(self) -> Flask:
        app = Flask(__name__)
        app.post("/v1/projects/-/serviceAccounts/<account>:signJwt")(self._sign)
        return app

    def _sign(self, account: str) -> Response:
        with self._lock:
            self.calls[account] += 1
            if self.faults["unavailable"] > 0:
                self.faults["unavailable"] -= 1
                return _refused(503, "UNAVAILABLE", "The service is currently unavailable.")
            scheme, _, who = request.headers.get("Authorization", "").partition(" ")
            if scheme != "Bearer" or not who:
                return _refused(401, "UNAUTHENTICATED", "Request is missing required authentication credential.")
            if account not in self._keys:
                return _refused(404, "NOT_FOUND", "Requested entity was not found.")
            if (who, account) not in self.may_sign:
                return _refused(
                    403, "PERMISSION_DENIED", "Permission 'iam.serviceAccounts.signJwt' denied on resource."
                )
            return _signed(self._keys[account])


def _signed(key: str) -> Response:
    try:
        claims: Any = json.loads(request.get_json()["payload"])
        in_time = 0 < claims["exp"] - claims["iat"] <= _LONGEST
        token = jwt.encode(claims, key, algorithm="RS256", headers={"kid": "1"})
    except (KeyError, TypeError, ValueError, PyJWTError):
        return _refused(400, "INVALID_ARGUMENT", "The payload is no set of claims.")
    if not in_time:
        return _refused(400, "INVALID_ARGUMENT", "An assertion lives twelve hours at most.")
    return _answered(200, {"keyId": "1", "signedJwt": token})


def _refused(status: int, name: str, text: str) -> Response:
    return _answered(status, {"error": {"code": status, "message": text, "status": name}})


def _answered(status: int, told: dict[str, Any]) -> Response:
    return Response(json.dumps(told), status=status, content_type="application/json")
