"""The handler of the clock benchmark's script, imported by its stack (LOCKSTEP_SCRIPTS)."""

from __future__ import annotations

from functions.script.registry import HANDLERS


@HANDLERS.handler
def strike() -> None:
    """Do nothing: what is measured is the way here."""
