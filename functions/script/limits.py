"""Apps Script's quotas as a profile that can be put on; without it, only the store's document size bounds a script.

Authority: https://developers.google.com/apps-script/guides/services/quotas
Google leaves the units of "KB" and "character" open: here a KB is 1,024 bytes of UTF-8, a character a UTF-16 code unit.
Every figure here is enforced. That of how often an add-on's clock strikes has no twin: that is the deployment's. Nor
have those of URL fetches: handlers fetch with what they like.
"""

from __future__ import annotations

from dataclasses import dataclass

KB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a script may use; None: as much as it likes. Sizes in bytes, durations in seconds, rates by 24 hours."""

    triggers: int | None = None
    """Triggers of one user in one script."""
    trigger_runtime: float | None = None
    """What all runs of a user's triggers may take together in a day; the run that passes it still ends."""
    run_length: float | None = None
    """What one run may take. Nothing stops a handler in its tracks: once its time is over, every service that it calls
    raises RunTooLong, and the run has timed out, whatever the handler makes of that."""
    runs_of_user: int | None = None
    """Runs of one user in one script that may go on at once."""
    runs_of_script: int | None = None
    """Runs of all users of one script that may go on at once."""
    every_minutes: frozenset[int] | None = None
    """What `every_minutes` may be given."""
    property_value: int | None = None
    property_store: int | None = None
    """The keys and values of one store together."""
    property_calls: int | None = None
    """Reads and writes of a user in a day."""
    events_created: int | None = None
    """Calendar events that a user may make in a day."""
    cache_key: int | None = None
    """UTF-16 code units."""
    cache_value: int | None = None
    cache_seconds: int | None = None
    """The longest that an item may be kept."""
    cache_items: int | None = None
    """Items of one cache; when there are more, only `cache_kept` stay: those farthest from expiry."""
    cache_kept: int = 900

    @classmethod
    def none(cls) -> Limits:
        """No limits of Apps Script's."""
        return cls()

    @classmethod
    def apps_script(cls, *, workspace: bool = False) -> Limits:
        """What Apps Script grants a consumer account, or a Google Workspace account."""
        return cls(
            triggers=20,
            trigger_runtime=(6 * 60 if workspace else 90) * 60.0,
            run_length=6 * 60.0,
            runs_of_user=30,
            runs_of_script=1000,
            every_minutes=frozenset({1, 5, 10, 15, 30}),
            property_value=9 * KB,
            property_store=500 * KB,
            property_calls=500_000 if workspace else 50_000,
            events_created=10_000 if workspace else 5_000,
            cache_key=250,
            cache_value=100 * KB,
            cache_seconds=21_600,
            cache_items=1000,
        )
