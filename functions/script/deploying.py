"""After a deployment that declares other triggers, those of all connected users are brought to it, a few users a tick.

Whoever connects later gets theirs on connecting (functions.script.declared).
"""

from __future__ import annotations

import hashlib

import msgspec
import structlog

from conference.decoding import from_plain
from conference.errors import Conflict, Later, LockstepError, OutcomeUnknown
from functions import feed as feeds
from functions.ports import Document, Put
from functions.script import dispatch
from functions.script.declared import declare_for
from functions.script.project import Project

COLLECTION = "declarations"
FEEDS = 20
"""Looked at in one tick, whose users' triggers cost a few documents each."""

log = structlog.get_logger(__name__)


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the users' triggers have been brought to what is declared, by the feeds in the order of their keys."""

    digest: str  # of what is declared
    after: str | None = None  # the key of the last feed that was looked at; None: of none yet
    missed: bool = False  # somebody's could not be made just now: once more from the beginning
    done: bool = False


_progress = from_plain(Progress)


def declare_due(project: Project) -> int:
    """Go on with the users whose triggers are not yet as declared; how many were looked at. Raises Later."""
    store, key = project.ground.store, f"{COLLECTION}/{project.id}"
    document = store.get(key)
    progress = _begun(project, _progress(document.data) if document else None)
    if progress is None:
        return 0
    after = Document(progress.after, {}, "") if progress.after else None
    page = store.query(feeds.COLLECTION, limit=FEEDS, after=after)
    users = dict.fromkeys(feed.user for feed in map(feeds.decode, page) if not feed.stopped)
    settled = [_declared(project, user) for user in users]
    missed = progress.missed or not all(settled)
    if len(page) < FEEDS:
        dispatch.recompute(project.ground)  # a deployment may bring newer time zones
        progress = Progress(progress.digest, done=not missed)
        log.info("declared triggers stand", script=project.id, all=not missed)
    else:
        progress = Progress(progress.digest, page[-1].key, missed)
    try:
        store.commit(Put(key, msgspec.to_builtins(progress), document.version if document else None))
    except (Conflict, OutcomeUnknown) as error:
        # Another tick was as far, or the next one sees how far this one came: doing it twice changes nothing.
        log.info("progress of declared triggers not kept", error=type(error).__name__)
    return len(users)


def _begun(project: Project, progress: Progress | None) -> Progress | None:
    """Where to go on; None if there is nothing to do."""
    declared = sorted(project.handlers.declarations.items())
    # The zone is part of every schedule that names none.
    digest = hashlib.sha256(repr((project.zone, declared)).encode()).hexdigest()[:32]
    if progress is None:
        return Progress(digest) if declared else None
    if progress.digest != digest:
        return Progress(digest)
    return None if progress.done else progress


def _declared(project: Project, user: str) -> bool:
    """Whether the user's triggers are settled: made, or not to be had before they connect again."""
    try:
        declare_for(project, user)
    except (Later, OutcomeUnknown) as error:
        log.info("declared triggers not made yet", error=str(error))
        return False
    except (LockstepError, msgspec.ValidationError) as error:
        # Where a record of theirs cannot be read, the others need not wait for its repair.
        log.warning("declared triggers not made", script=project.id, error=type(error).__name__)
    return True
