"""The issuer's public keys over HTTP, kept while they are fresh.

https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken: keys change about daily, the
new ones being published before they sign.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx

from conference.decoding import from_json
from conference.errors import UNDECODABLE, Later, Where
from functions.ports import Clock

_LARGEST = 64 * 1024
_TIMEOUT = httpx.Timeout(5.0)

_key_set = from_json(dict[str, list[dict[str, Any]]])


class JwksOverHttp:
    """The key set at `url`, fetched again when an hour old, or when a newer one is wanted, but at most once a minute.

    While it cannot be fetched, the last one serves for a day. Both answers raise Later if there is none fit for use.
    """

    def __init__(
        self,
        url: str,
        client: httpx.Client,
        clock: Clock,
        *,
        fresh: timedelta = timedelta(hours=1),
        pause: timedelta = timedelta(minutes=1),
        good: timedelta = timedelta(days=1),
    ) -> None:
        self._url = url
        self._client = client
        self._clock = clock
        self._fresh, self._pause, self._good = fresh, pause, good
        self._keys: Mapping[str, Any] = {"keys": []}
        self._fetched: datetime | None = None
        self._asked: datetime | None = None
        self._lock = threading.Lock()

    def keys(self) -> Mapping[str, Any]:
        """The key set, at most an hour old if it could be fetched."""
        with self._lock:
            return self._served(self._fresh)

    def newer(self) -> Mapping[str, Any]:
        """The key set, at most a minute old if it could be fetched: for a token whose key `keys` lacks."""
        with self._lock:
            return self._served(self._pause)

    def _served(self, age: timedelta) -> Mapping[str, Any]:
        now = self._clock.now()
        if not _within(self._fetched, now, age) and not _within(self._asked, now, self._pause):
            self._asked = now
            self._fetch(now)
        if not _within(self._fetched, now, self._good):
            raise Later("The issuer's keys cannot be had", Where("issuer", "keys"))
        return self._keys

    def _fetch(self, now: datetime) -> None:
        try:
            keys = _get(self._client, self._url)
        except (httpx.HTTPError, ValueError, *UNDECODABLE):
            return  # the last keys serve on
        self._keys, self._fetched = keys, now


def _get(client: httpx.Client, url: str) -> Mapping[str, Any]:
    with client.stream("GET", url, timeout=_TIMEOUT, follow_redirects=False) as answer:
        if answer.status_code != httpx.codes.OK:
            raise ValueError("no key set")
        body = b""
        for part in answer.iter_bytes():
            body += part
            if len(body) > _LARGEST:
                raise ValueError("an oversized key set")
    keys: Mapping[str, Any] = _key_set(body)
    if "keys" not in keys:
        raise ValueError("no key set")
    return keys


def _within(since: datetime | None, now: datetime, span: timedelta) -> bool:
    return since is not None and since <= now < since + span
