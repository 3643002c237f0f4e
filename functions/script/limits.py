"""Apps Script's quotas as a profile that can be put on; without it, only the store's document size bounds a script.

Authority: https://developers.google.com/apps-script/guides/services/quotas
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a script may use; None: as much as it likes."""

    triggers: int | None = None
    """Triggers of one user in one script."""
