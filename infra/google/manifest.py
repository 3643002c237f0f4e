"""Prints the add-on's deployment manifest, made of the settings: python -m infra.google.manifest.

Authority: https://developers.google.com/workspace/add-ons/reference/rest/v1/projects.deployments
What it prints goes into `gcloud workspace-add-ons deployments create`. With --check it judges a manifest that was
edited by hand instead.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from functions.addon.offer import READ, SCOPES, WRITE
from infra.addon import address, offers
from infra.settings import BadSettings, Settings, read_settings

Json = dict[str, Any]

_ADDRESSES = frozenset(
    {"runFunction", "onCreateFunction", "createSettingsUrlFunction", "logoUrl", "openLink", "onTriggerFunction"}
)
_NEEDS = {"READ": {READ}, "WRITE": {WRITE}, "READ_WRITE": {READ, WRITE}}
_ACCESSES = frozenset({"METADATA", *_NEEDS})


def manifest(settings: Settings) -> Json:
    """The manifest; whether Google would take it, `wrong` tells."""
    calendar: Json = {
        "currentEventAccess": "READ_WRITE",
        "eventOpenTrigger": {"runFunction": address(settings, "home")},
        "conferenceSolution": [
            {
                "id": offer.id,
                "name": offer.name,
                "logoUrl": offer.logo,
                "onCreateFunction": address(settings, "create", offer),
            }
            for offer in offers(settings)
        ],
    }
    if settings.addon_settings_url:
        calendar["createSettingsUrlFunction"] = address(settings, "settings")
    if settings.addon_subscribe:
        calendar["calendarNotificationTrigger"] = {"runFunction": address(settings, "changed")}
    common = {
        "name": settings.addon_name,
        "logoUrl": settings.addon_logo,
        "useLocaleFromApp": True,
        "homepageTrigger": {"runFunction": address(settings, "home")},
    }
    options = {"authorizationHeader": "SYSTEM_ID_TOKEN", "granularOauthPermissionSupport": "OPT_IN"}
    return {
        "oauthScopes": [*SCOPES],
        "addOns": {"common": common, "calendar": calendar, "httpOptions": options},
    }


def wrong(told: object) -> list[str]:
    """What Google, or our own functions, would not take; empty for a good manifest, whatever else it holds."""
    addons = _part(told, "addOns")
    calendar = _part(addons, "calendar")
    return [
        *_wrong_addresses(told, ""),
        *_wrong_solutions(calendar.get("conferenceSolution", [])),
        *_wrong_access(calendar.get("currentEventAccess"), _part(told, "oauthScopes", list)),
        *_wrong_header(_part(addons, "httpOptions").get("authorizationHeader")),
        *([] if _part(_part(addons, "common"), "name", str) else ["addOns.common.name: the add-on needs a name"]),
    ]


def _part(told: object, name: str, kind: type = dict) -> Any:
    value = told.get(name) if isinstance(told, dict) else None
    return value if isinstance(value, kind) else kind()


def _wrong_addresses(told: object, path: str) -> Iterator[str]:
    if isinstance(told, list):
        for number, one in enumerate(told):
            yield from _wrong_addresses(one, f"{path}[{number}]")
    elif isinstance(told, dict):
        for name, value in told.items():
            where = f"{path}.{name}".lstrip(".")
            if name in _ADDRESSES and not _is_https(value):
                yield f"{where}: it must be a public https address"
            yield from _wrong_addresses(value, where)


def _is_https(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"https://[^\s/?#@]+\S*", value) is not None


def _wrong_solutions(solutions: object) -> Iterator[str]:
    path = "addOns.calendar.conferenceSolution"
    if not isinstance(solutions, list) or not solutions:
        yield f"{path}: there must be one at least"
        return
    ids = [one.get("id") if isinstance(one, dict) else None for one in solutions]
    for number, one in enumerate(ids):
        if not isinstance(one, str) or not one:
            yield f"{path}[{number}].id: it must be text: Google compares ids as text, and a number is none"
        elif one in ids[:number]:
            yield f"{path}[{number}].id: each solution needs one of its own"
    for number, one in enumerate(solutions):
        for name in ("name", "onCreateFunction"):
            if not _part(one, name, str):
                yield f"{path}[{number}].{name}: it is required"


def _wrong_access(access: object, scopes: Sequence[object]) -> Iterator[str]:
    path = "addOns.calendar.currentEventAccess"
    if access is not None and access not in _ACCESSES:
        yield f"{path}: it must be one of {', '.join(sorted(_ACCESSES))}"
    for scope in sorted(_NEEDS.get(str(access), set()) - {str(one) for one in scopes}):
        yield f"oauthScopes: {path} needs {scope}"


def _wrong_header(header: object) -> Iterator[str]:
    path = "addOns.httpOptions.authorizationHeader"
    if header == "NONE":
        yield f"{path}: NONE would let anybody call our functions"
    elif header not in {None, "SYSTEM_ID_TOKEN"}:
        yield f"{path}: it must be SYSTEM_ID_TOKEN, by which our functions know that Google calls"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the manifest, or what is wrong with it or with the one to be checked; the exit code is 2 then."""
    parser = argparse.ArgumentParser(prog="python -m infra.google.manifest", description=__doc__)
    parser.add_argument("--check", type=Path, metavar="FILE", help="judge this manifest instead")
    asked = parser.parse_args(arguments)
    try:
        told = json.loads(asked.check.read_text(encoding="utf-8")) if asked.check else manifest(read_settings())
    except (BadSettings, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    found = wrong(told)
    if found:
        hint = "" if asked.check else "\nLOCKSTEP_PUBLIC_URL and LOCKSTEP_ADDON_LOGO name our addresses.\n"
        sys.stderr.write("\n".join(found) + "\n" + hint)
        return 2
    sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
