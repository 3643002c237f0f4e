"""One way into a conference, and which ways may stand side by side.

Authority: https://developers.google.com/apps-script/reference/conference-data/entry-point
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

from functions.script.enums import EntryPointFeature, EntryPointType
from functions.script.errors import InvalidConference
from functions.script.text import checked, checked_address

LONGEST_URI = 1300
LONGEST_CODE = 128
LONGEST_LABEL = 512
SCHEMES = {
    EntryPointType.VIDEO: ("http", "https"),
    EntryPointType.MORE: ("http", "https"),
    EntryPointType.PHONE: ("tel",),
    EntryPointType.SIP: ("sip",),
}
"""A-evobj names "sips" too: Google reads it, but its builder's page does not, so it is not written."""
ALONE = (EntryPointType.VIDEO, EntryPointType.SIP, EntryPointType.MORE)
"""Of each of these a conference has at most one."""


class EntryPoint:
    """A way to join, made by `new_entry_point`; every setter returns it."""

    def __init__(self) -> None:
        self._type: EntryPointType | None = None
        self._texts: dict[str, str] = {}
        self._features: list[EntryPointFeature] = []

    @property
    def type(self) -> EntryPointType | None:
        """What kind of way it is, once that is set."""
        return self._type

    def set_entry_point_type(self, entry_point_type: EntryPointType) -> Self:
        """Required."""
        if not isinstance(entry_point_type, EntryPointType):
            raise InvalidConference("entryPointType", "it is an EntryPointType")
        self._type = entry_point_type
        return self

    def set_uri(self, uri: str) -> Self:
        """Required, at most 1300 characters: tel: for PHONE, sip: for SIP, http: or https: for VIDEO and MORE."""
        return self._with("uri", checked_address("uri", uri, LONGEST_URI, ("http", "https", "tel", "sip")))

    def set_label(self, label: str) -> Self:
        """What is shown in place of the URI, at most 512 characters; not for MORE."""
        return self._with("label", checked("label", label, LONGEST_LABEL))

    def set_pin(self, pin: str) -> Self:
        """At most 128 characters."""
        return self._with("pin", checked("pin", pin, LONGEST_CODE))

    def set_passcode(self, passcode: str) -> Self:
        """At most 128 characters."""
        return self._with("passcode", checked("passcode", passcode, LONGEST_CODE))

    def set_password(self, password: str) -> Self:
        """At most 128 characters."""
        return self._with("password", checked("password", password, LONGEST_CODE))

    def set_meeting_code(self, meeting_code: str) -> Self:
        """At most 128 characters."""
        return self._with("meetingCode", checked("meetingCode", meeting_code, LONGEST_CODE))

    def set_access_code(self, access_code: str) -> Self:
        """At most 128 characters."""
        return self._with("accessCode", checked("accessCode", access_code, LONGEST_CODE))

    def set_region_code(self, region_code: str) -> Self:
        """The country of a telephone number, two letters; for PHONE only."""
        if not re.fullmatch("[A-Za-z]{2}", checked("regionCode", region_code, LONGEST_CODE)):
            raise InvalidConference("regionCode", "it is two letters")
        return self._with("regionCode", region_code)

    def add_feature(self, feature: EntryPointFeature) -> Self:
        """What a call costs: TOLL or TOLL_FREE; for PHONE only."""
        if not isinstance(feature, EntryPointFeature) or feature is EntryPointFeature.UNKNOWN_FEATURE:
            raise InvalidConference("features", "a feature is TOLL or TOLL_FREE")
        if self._features and self._features != [feature]:
            raise InvalidConference("features", "TOLL and TOLL_FREE exclude each other")
        self._features = [feature]
        return self

    def copy(self) -> EntryPoint:
        """One that later calls on this one do not change."""
        return copy.deepcopy(self)

    def check(self) -> EntryPointType:
        """Its type, all being in order. Raises InvalidConference."""
        if self._type is None:
            raise InvalidConference("entryPointType", "an entry point needs one")
        self._check_uri(self._type)
        if self._type is not EntryPointType.PHONE and ("regionCode" in self._texts or self._features):
            raise InvalidConference("regionCode" if "regionCode" in self._texts else "features", "only for PHONE")
        if self._type is EntryPointType.MORE and "label" in self._texts:
            raise InvalidConference("label", "not for MORE")
        return self._type

    def to_calendar(self) -> dict[str, Any]:
        """As it stands in an event."""
        features = {"entryPointFeatures": [feature.lower() for feature in self._features]} if self._features else {}
        return {"entryPointType": self.check().lower(), **self._texts, **features}

    def to_markup(self) -> dict[str, Any]:
        """As an add-on answers it."""
        features = {"features": [feature.value for feature in self._features]} if self._features else {}
        return {"type": self.check().value, **self._texts, **features}

    def _with(self, name: str, text: str) -> Self:
        self._texts[name] = text
        return self

    def _check_uri(self, kind: EntryPointType) -> None:
        if "uri" not in self._texts:
            raise InvalidConference("uri", "an entry point needs one")
        scheme = self._texts["uri"].partition(":")[0].lower()
        if scheme not in SCHEMES[kind]:
            raise InvalidConference("uri", f"{kind} takes {' or '.join(f'{name}:' for name in SCHEMES[kind])}")


def check_ways(entry_points: Sequence[EntryPoint]) -> None:
    """Return if a conference may have just these, else raise InvalidConference."""
    if not entry_points:
        raise InvalidConference("entryPoints", "a conference needs at least one")
    counts = Counter(entry.check() for entry in entry_points)
    for kind in ALONE:
        if counts[kind] > 1:
            raise InvalidConference("entryPoints", f"there is at most one {kind}")
    if set(counts) == {EntryPointType.MORE}:
        raise InvalidConference("entryPoints", "MORE does not stand alone")


def new_entry_point() -> EntryPoint:
    """An empty entry point."""
    return EntryPoint()
