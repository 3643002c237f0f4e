"""One setting: its default, what it is for, and how the text of an environment variable is read, or refused.

A reader returns the value, or raises ValueError with what is allowed. These few stand in for a library of models: a
function that answers notices would wait for its import longer than for all the rest of its own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import field
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

T = TypeVar("T")


def setting(default: T, read: Callable[[str], T], says: str) -> T:
    """A field of a dataclass with what docs/settings.md says of it, and how its text is read."""
    return field(default=default, metadata={"read": read, "says": says})


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number between these."""

    def read(given: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", given, re.ASCII) or not low <= int(given) <= high:
            raise ValueError(f"it must be a whole number from {low} to {high}")
        return int(given)

    return read


def number(low: float, high: float, *, above: bool = False) -> Callable[[str], float]:
    """A number between these, or `above` the lower one."""
    allowed = (
        f"it must be a number {'above' if above else 'from'} {low:g} {'and at most' if above else 'to'} {high:.9g}"
    )

    def read(given: str) -> float:
        try:
            found = float(given)
        except ValueError:
            raise ValueError(allowed) from None
        if not math.isfinite(found) or not low <= found <= high or (above and found == low):
            raise ValueError(allowed)
        return found

    return read


def one_of(*allowed: T) -> Callable[[str], T]:
    """One of these words."""
    words = {str(one): one for one in allowed}

    def read(given: str) -> T:
        if given not in words:
            raise ValueError(f"it must be one of: {', '.join(words)}")
        return words[given]

    return read


def yes_or_no(given: str) -> bool:
    """True or false, in any of the usual words."""
    known = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if given.lower() not in known:
        raise ValueError("it must be true or false")
    return known[given.lower()]


def text(pattern: str, allowed: str) -> Callable[[str], str]:
    """A text that matches the pattern as a whole."""
    like = re.compile(pattern)

    def read(given: str) -> str:
        if not like.fullmatch(given):
            raise ValueError(f"it must be {allowed}")
        return given

    return read


not_empty = text(r"(?s:.+)", "some text")
mail = text(r"[^\s@/]+@[^\s@/]+", "an e-mail address")
mail_or_nothing = text(r"([^\s@/]+@[^\s@/]+)?", "an e-mail address, or nothing")
_HOST = r"[a-z0-9-]+(\.[a-z0-9-]+)+"
hosts = text(rf"({_HOST}(\s*,\s*{_HOST})*)?", "names of hosts in lower case, with commas between several")
modules = text(r"([A-Za-z_][\w.]*(\s*,\s*[A-Za-z_][\w.]*)*)?", "names of modules, with commas between several")


def listed(given: str) -> list[str]:
    """The parts of a text that has commas between them."""
    return [one.strip() for one in given.split(",") if one.strip()]


def zone(given: str) -> str:
    """The name of a time zone."""
    try:
        ZoneInfo(given)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("it must be an IANA time zone such as Europe/Zurich") from None
    return given


def https(given: str) -> str:
    """An https address, without a slash at its end, or nothing."""
    if given and not re.fullmatch(r"https://[^\s/?#@]+(/[^\s?#]*)?", given):
        raise ValueError("it must be an https address")
    return given.rstrip("/")


def outside(given: str) -> str:
    """An https address that we call, without a slash at its end, or nothing.

    Its host has a public name: no number, and none that means this machine, its network or a cloud's metadata.
    """
    host = re.match(r"https://([^/:]*)", https(given))
    name = host[1].lower() if host else ""
    inward = name.rpartition(".")[2] in {"internal", "local", "localhost", "localdomain", "home", "lan", "arpa"}
    if given and (not re.fullmatch(r"([a-z0-9-]+\.)+[a-z][a-z0-9-]*", name) or inward):
        raise ValueError("it must be an https address at a public name")
    return given.rstrip("/")


def solutions(given: str) -> str:
    """Providers, each with the name that people read or without."""
    if not re.fullmatch(r"[a-z0-9_-]{1,64}(=[^,=]{1,100})?(,[a-z0-9_-]{1,64}(=[^,=]{1,100})?)*", given):
        raise ValueError("it must be provider=name, with commas between several")
    ids = [one.partition("=")[0] for one in given.split(",")]
    if len({*ids}) < len(ids):
        raise ValueError("each provider may stand there once")
    return given
