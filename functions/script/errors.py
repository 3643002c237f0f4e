"""What a script's calls raise: named as a handler's author must act, each text beginning as Apps Script's does."""

from __future__ import annotations


class ScriptError(Exception):
    """Anything that a call of `functions.script` refuses."""


class NotRunning(ScriptError):
    """No project is bound here: the code runs neither in a handler nor inside `with script.running(project)`."""


class NoUser(ScriptError):
    """The call needs a user, and none is set: wrap it in `with script.as_user(email)`."""
