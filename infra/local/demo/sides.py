"""The two servers that the product stands between, as the story looks at them and troubles them.

Everything is read through their public APIs and request logs; faults go through their control routes
(docs/http-provider.md for the conferencing service).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from infra.local.demo.person import SIGN

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spent:
    """The product's calls since the count began; `other` are the calendar calls of none of the three kinds."""

    lists: int = 0
    gets: int = 0
    patches: int = 0
    other: int = 0
    provider: int = 0

    def __str__(self) -> str:
        return f"{self.lists} / {self.gets} / {self.patches} / {self.provider}"


class CalendarSide:
    """The Calendar server's control routes."""

    def __init__(self, client: httpx.Client, base: str) -> None:
        self._client, self._base = client, f"{base}/control"

    def fail(self, **fault: Any) -> None:
        """Let the next matching requests fail."""
        self._post("faults", fault)

    def push(self, **faults: Any) -> None:
        """What happens to notices from now on; nothing named: all is well."""
        self._post("push", faults)

    def expire_tokens(self, calendar: str) -> None:
        """Drop every sync token of the calendar."""
        self._post("expire-tokens", {"calendarId": calendar})

    def log(self) -> list[Json]:
        """The product's requests since the last `forget`."""
        return [entry for entry in self._requests() if _by_product(entry)]

    def looked_at(self) -> bool:
        """True unless an event was written, by anybody, since the product last listed the calendar."""
        told = self._requests()
        written = [at for at, entry in enumerate(told) if _writes(entry)]
        listed = [at for at, entry in enumerate(told) if _by_product(entry) and _kind(entry) == "list"]
        return not written or (bool(listed) and listed[-1] > written[-1])

    def forget(self) -> None:
        """Count from here."""
        self._client.get(f"{self._base}/requests", params={"clear": "1"}).raise_for_status()

    def _requests(self) -> list[Json]:
        told: list[Json] = self._client.get(f"{self._base}/requests").raise_for_status().json()["requests"]
        return told

    def _post(self, route: str, body: Json) -> None:
        self._client.post(f"{self._base}/{route}", json=body).raise_for_status()


class VendorSide:
    """The conferencing service: its API with our own sign in the query, and its control routes."""

    def __init__(self, client: httpx.Client, base: str, token: str) -> None:
        self._client, self._base = client, base
        self._headers = {"Authorization": f"Bearer {token}"}

    def meetings(self) -> list[Json]:
        """Every meeting there is."""
        found: list[Json] = []
        after: str | None = ""
        while after is not None:
            page = self._get("/meetings", limit="200", after=after)
            found += page["meetings"]
            after = page["next"]
        return found

    def titled(self, title: str) -> list[Json]:
        """The meetings of this title."""
        return [meeting for meeting in self.meetings() if meeting["title"] == title]

    def meeting(self, meeting_id: str) -> Json | None:
        """A meeting as it is now, or None."""
        answer = self._client.get(f"{self._base}/meetings/{meeting_id}", params={"by": SIGN}, headers=self._headers)
        return None if answer.status_code == httpx.codes.NOT_FOUND else answer.raise_for_status().json()

    def edit(self, meeting_id: str, **changes: Any) -> None:
        """A person at the service does something to a meeting by hand."""
        self._post(f"meetings/{meeting_id}", changes)

    def fail(self, **fault: Any) -> None:
        """Let the next matching requests fail."""
        self._post("faults", fault)

    def log(self) -> list[Json]:
        """The product's requests since the last `forget`."""
        told = self._client.get(f"{self._base}/control/requests").raise_for_status().json()["requests"]
        return [entry for entry in told if entry["query"].get("by") != SIGN]

    def forget(self) -> None:
        """Count from here."""
        self._client.get(f"{self._base}/control/requests", params={"clear": "1"}).raise_for_status()

    def _get(self, path: str, **query: str) -> Json:
        answer = self._client.get(f"{self._base}{path}", params={**query, "by": SIGN}, headers=self._headers)
        told: Json = answer.raise_for_status().json()
        return told

    def _post(self, route: str, body: Json) -> None:
        self._client.post(f"{self._base}/control/{route}", json=body).raise_for_status()


def spent(calendar: Sequence[Json], vendor: Sequence[Json]) -> Spent:
    """What these requests of the product come to."""
    kinds = [_kind(entry) for entry in calendar]
    return Spent(
        lists=kinds.count("list"),
        gets=kinds.count("get"),
        patches=kinds.count("patch"),
        other=kinds.count("other"),
        provider=len(vendor),
    )


def _by_product(entry: Json) -> bool:
    return SIGN not in entry["query"].get("quotaUser", [])


def _writes(entry: Json) -> bool:
    done = entry["status"] < 300 and entry["method"] != "GET"
    return bool(done and "/events" in entry["path"] and not entry["path"].endswith("/watch"))


def _kind(entry: Json) -> str:
    # /calendars/<id>/events lists, /calendars/<id>/events/<id> names one event.
    parts = entry["path"].strip("/").split("/")
    if entry["method"] == "GET" and parts[2:] == ["events"]:
        return "list"
    if entry["method"] == "GET" and parts[2:3] == ["events"]:
        return "get"
    return "patch" if entry["method"] == "PATCH" else "other"
