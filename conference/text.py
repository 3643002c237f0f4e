"""The words of an event that may be shown elsewhere: cleaned, cut, and without what Google put there itself."""

from __future__ import annotations

import re

UNTITLED = "(No title)"
MAX_TITLE = 1000
MAX_AGENDA = 8192

# Google frames the join details it writes into a description with such lines (calendar-contract 7.13).
_DELIMITER = re.compile(r"-::~:~::[:~]*::~:~::-")
# Control characters, halves of surrogate pairs, and the separators that some readers take for a line's end.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_UNSEEN_IN_LINES = re.compile(r"(?![\n\t])" + _UNSEEN.pattern)


def title(summary: str) -> str:
    """One line of at most 1000 characters; an untitled event has the title Google shows for it."""
    return _clean(summary).strip()[:MAX_TITLE].rstrip() or UNTITLED


def agenda(description: str) -> str:
    """What people wrote, at most 8192 characters: the blocks between Google's own delimiters are left out."""
    parts = _DELIMITER.split(description)
    kept = parts[::2]
    if len(parts) % 2 == 0:
        # A delimiter without its partner: what follows may be a person's own words.
        kept.append(parts[-1])
    return _clean("".join(kept).replace("\r\n", "\n"), _UNSEEN_IN_LINES).strip()[:MAX_AGENDA].rstrip()


def name(display_name: str | None) -> str:
    """A person's name on one line, or nothing."""
    return _clean(display_name or "").strip()[:MAX_TITLE].rstrip()


def _clean(text: str, unseen: re.Pattern[str] = _UNSEEN) -> str:
    return unseen.sub(" ", text)
