"""The script of this deployment: its modules imported, so that their handlers are known, and its project made."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Coroutine, Sequence
from functools import cache
from typing import Any

import structlog

from conference.errors import LockstepError
from functions.ground import Ground
from functions.script.declared import reconcile_declared
from functions.script.errors import ScriptError
from functions.script.project import CalendarApi, Grants, Project
from functions.script.registry import HANDLERS
from infra.setting import listed
from infra.settings import Settings

log = structlog.get_logger(__name__)


class LoggedOwner:
    """Tells a script's owner of its failures by a line in the log."""

    def tell(self, user: str, subject: str, lines: Sequence[str]) -> None:
        """Write the summary."""
        log.error("summary of failures", user=user, subject=subject, lines=list(lines))


def project(settings: Settings, ground: Ground, api: CalendarApi, grants: Grants) -> Project:
    """The project as the settings describe it; `grants` tell what users have granted to it."""
    imported(settings.scripts)
    return Project(
        id=settings.script_id,
        ground=ground,
        handlers=HANDLERS,
        api=api,
        grants=grants,
        wait=time.sleep,
        zone=settings.script_zone,
        scopes=declared_scopes(settings),
        complete=completed,
        owner=LoggedOwner() if settings.failure_summary else None,
        url=settings.public_url or None,
    )


def declared_scopes(settings: Settings) -> frozenset[str]:
    """The OAuth scopes that the script declares."""
    return frozenset(listed(settings.script_scopes))


@cache
def imported(scripts: str) -> tuple[str, ...]:
    """Import the modules once; their decorators register what they hold. Their names."""
    names = tuple(listed(scripts))
    for name in names:
        importlib.import_module(name)
    return names


def reconcile(project: Project, users: Sequence[str]) -> None:
    """Make the declared triggers; what fails is logged, and made good at the next start."""
    try:
        reconcile_declared(project, users)
    except (LockstepError, ScriptError) as error:
        log.exception("declared triggers not reconciled", script=project.id, error=str(error))


def completed(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run an async handler to its end."""
    return asyncio.run(coroutine)
