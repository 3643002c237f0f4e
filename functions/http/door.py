"""What the doors of a deployment are given: the ground, its own address, and whom it admits."""

from __future__ import annotations

from dataclasses import dataclass

from functions.addon.offer import AddOn
from functions.consent.offer import Consent
from functions.ground import Ground
from functions.script.project import Project


@dataclass(frozen=True, slots=True)
class Door:
    """What the entry points need: the ground, our public address, and the accounts whose calls are admitted."""

    ground: Ground
    base_url: str
    tasks_account: str
    scheduler_account: str
    addon: AddOn | None = None
    project: Project | None = None
    """The script whose triggers this deployment runs."""
    consent: Consent | None = None
    """What the pages on which users consent need, if they do."""
