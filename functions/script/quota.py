"""Counts what a user spends within a day of their own, which begins with their first request; only under a profile.

Authority: https://developers.google.com/apps-script/guides/services/quotas ("24 hours after the first request")
"""

from __future__ import annotations

from functions.ground import DAY
from functions.ports import Document, Put
from functions.script.errors import QuotaExceeded
from functions.script.keeping import Owner, data, settle, version
from functions.script.project import Project

COLLECTION = "quotas"


def spend(
    project: Project, user: str, item: str, limit: float | None, refusal: QuotaExceeded, *, amount: float = 1
) -> None:
    """Count so much against the user's day, if there is a limit. Raises `refusal` if the limit is reached already."""
    if limit is None:
        return
    key = Owner(project, "user", user, user).key(COLLECTION, item)
    now = project.ground.now()

    def counted(document: Document | None) -> list[Put]:
        kept = data(document)
        used = kept.get("used", 0)
        if used >= limit:
            raise refusal
        until = kept.get("expire_at", now + DAY)
        return [
            Put(key, {"script": project.id, "user": user, "used": used + amount, "expire_at": until}, version(document))
        ]

    settle(project, key, counted)
