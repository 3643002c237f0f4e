"""How a person's way to the authorization server and back ended, in plain words; pure."""

from __future__ import annotations

from dataclasses import dataclass

from functions.consent.granting import Ended, Outcome
from functions.consent.offer import NEEDED


@dataclass(frozen=True, slots=True)
class Told:
    """What a page says; `again` is the button that begins anew, with whom it is for."""

    status: int
    title: str
    says: str
    todo: str
    again: str = ""
    account: str = ""


_SAYINGS: dict[Outcome, tuple[int, str, str, str, str]] = {
    Outcome.STRANGE: (
        400,
        "This link cannot be used",
        "It was used before, is older than ten minutes, or belongs to another browser.",
        "Nothing was changed. Begin again, in one browser, with cookies allowed.",
        "Begin again",
    ),
    Outcome.MIXED: (
        400,
        "The answer came from elsewhere",
        "Another server than the one you were sent to has answered.",
        "Nothing was changed. If this happens again, tell the operator.",
        "Begin again",
    ),
    Outcome.DENIED: (
        200,
        "You have not consented",
        "You pressed Cancel on Google's page, so nothing is connected and nothing was kept.",
        "If that was not what you meant, connect again.",
        "Connect again",
    ),
    Outcome.FAILED: (
        200,
        "Google could not ask you",
        "Google ended the request with an error of its own. If an organisation's policy forbids it, its page says so.",
        "Try again; if it stays so, ask your administrator to allow this application.",
        "Try again",
    ),
    Outcome.CODE: (
        400,
        "This answer is no longer good",
        "What Google sent along was used before, or is too old.",
        "Nothing was changed. Connect again.",
        "Connect again",
    ),
    Outcome.CLIENT: (
        502,
        "This application is not known to Google",
        "Google refuses the application itself: its client was deleted, or its secret or its address is another.",
        "Only the operator can mend that.",
        "",
    ),
    Outcome.NOBODY: (
        400,
        "Google does not say who you are",
        "The account's address was not told, or is not verified.",
        "Verify the account's address at Google, or use another account.",
        "Try again",
    ),
    Outcome.TAKEN: (
        409,
        "Another account was connected here before",
        "Under this address another Google account is connected: the address has come to be yours since.",
        "Nothing was changed. Have what was kept of it deleted, then connect.",
        "",
    ),
    Outcome.BRIEF: (
        400,
        "The consent would not last",
        "Google gave access for an hour only.",
        "It was given back. Connect again; if that does not help, remove this application from your account first.",
        "Connect again",
    ),
    Outcome.LEAVING: (
        409,
        "Still being disconnected",
        "Everything of this account is being deleted, as you asked.",
        "Wait a minute, then connect again.",
        "Connect again",
    ),
    Outcome.SILENT: (
        503,
        "Google did not answer",
        "Your consent could not be fetched, so nothing is connected.",
        "Try again in a moment.",
        "Try again",
    ),
}


def told(ended: Ended) -> Told:
    """What to say to somebody who is not connected."""
    if ended.outcome is Outcome.OTHER:
        return Told(
            409,
            "You chose another account",
            f"You wanted to connect {ended.user}, and chose {ended.chosen} on Google's page.",
            f"Nothing was changed. Connect again and choose {ended.user}, or begin anew with the other address.",
            "Connect again",
            ended.user,
        )
    if ended.outcome is Outcome.NARROW:
        lacking = " and to ".join(NEEDED[scope] for scope in ended.missing)
        return Told(
            403,
            "Something was left out",
            f"Without the right to {lacking}, nothing can be kept in step, so nothing is connected.",
            "Connect again, and leave every box ticked on Google's page.",
            "Ask again",
            ended.user,
        )
    status, title, says, todo, again = _SAYINGS[ended.outcome]
    return Told(status, title, says, todo, again, ended.user)
