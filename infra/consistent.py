"""Settings that are right by themselves, but not together: each said in one line, with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.settings import Settings

NO_PROJECT = "lockstep-local"
"""The project that no deployment is in."""


def contradictions(settings: Settings) -> list[str]:
    """One line for each thing that is missing or contradicts another."""
    found = _on_google(settings) if settings.ground == "google" else _on_this_machine(settings)
    return [f"setting LOCKSTEP_{name}: {why}" for wrong, name, why in found if wrong]


_Finding = tuple[bool, str, str]


def _on_google(settings: Settings) -> list[_Finding]:
    deployed = settings.services == "google"
    delegated = settings.credentials == "delegation"
    return [
        (settings.store != "firestore", "STORE", "the Google ground keeps documents in firestore, so say that"),
        (settings.queue != "cloudtasks", "QUEUE", "the Google ground has its tasks in cloudtasks, so say that"),
        (deployed and settings.project == NO_PROJECT, "PROJECT", "the Google ground needs the project that it is in"),
        (deployed and not settings.public_url, "PUBLIC_URL", "the Google ground needs the address of its functions"),
        (
            delegated and not settings.delegation_account,
            "DELEGATION_ACCOUNT",
            "with CREDENTIALS=delegation the service account must be named that may act for users",
        ),
        (
            bool(settings.delegation_account) and not delegated,
            "DELEGATION_ACCOUNT",
            "an account was named, but users consent: say CREDENTIALS=delegation, or name none",
        ),
        (
            settings.calendar_api == "google",
            "CALENDAR_API",
            "the Google ground always follows real calendars: this is for a ground of one machine, leave it out",
        ),
    ]


def _on_this_machine(settings: Settings) -> list[_Finding]:
    real = settings.calendar_api == "google"
    return [
        (
            settings.credentials == "delegation",
            "CREDENTIALS",
            "delegation is for the Google ground: on one machine say consent, or leave it out",
        ),
        (
            real and settings.services == "google" and not settings.client_file,
            "CLIENT_FILE",
            "a real account is followed by an OAuth client of your own: give its JSON file (docs/own-account.md)",
        ),
        (
            settings.calendar == "google",
            "CALENDAR",
            "no calendar is called google: for a real account say CALENDAR_API=google (make run CALENDAR=google does)",
        ),
    ]
