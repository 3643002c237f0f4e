"""Builds conference data: every limit checked, and both JSON forms made of one object.

Authority: https://developers.google.com/apps-script/reference/conference-data and, for what is required,
https://developers.google.com/workspace/add-ons/calendar
Setters check what they can by themselves; what hangs together with other parts is checked by `build`. Lengths count
UTF-16 code units.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from functions.script import context
from functions.script.entry_point import EntryPoint, check_ways
from functions.script.enums import ConferenceErrorType
from functions.script.errors import InvalidConference
from functions.script.project import SolutionLook
from functions.script.text import checked, checked_address

LONGEST_ID = 512
MOST = 300
LONGEST_NOTES = 2048
LONGEST_KEY, LONGEST_VALUE = 50, 1024
LONGEST_LOGIN, LONGEST_LOGIN_IN_MARKUP = 1800, 1300


class ConferenceParameter:
    """A pair that a solution keeps with the conference."""

    def __init__(self) -> None:
        self._key: str | None = None
        self._value: str | None = None

    def set_key(self, key: str) -> Self:
        """At most 50 characters; required."""
        self._key = checked("key", key, LONGEST_KEY)
        return self

    def set_value(self, value: str) -> Self:
        """At most 1024 characters; required."""
        self._value = checked("value", value, LONGEST_VALUE, empty=True)
        return self

    def pair(self) -> tuple[str, str]:
        """Key and value. Raises InvalidConference if one is missing."""
        if self._key is None:
            raise InvalidConference("key", "a conference parameter needs one")
        if self._value is None:
            raise InvalidConference("value", "a conference parameter needs one")
        return self._key, self._value


class ConferenceError:
    """Why no conference could be made, as the user is told."""

    def __init__(self) -> None:
        self._type: ConferenceErrorType | None = None
        self._login: str | None = None

    def set_conference_error_type(self, error_type: ConferenceErrorType) -> Self:
        """Required."""
        if not isinstance(error_type, ConferenceErrorType):
            raise InvalidConference("conferenceErrorType", "it is a ConferenceErrorType")
        self._type = error_type
        return self

    def set_authentication_url(self, url: str) -> Self:
        """Where the user logs in, http or https, at most 1800 characters; with AUTHENTICATION, and only with it."""
        self._login = checked_address("authenticationUrl", url, LONGEST_LOGIN, ("http", "https"))
        return self

    def kind(self) -> ConferenceErrorType:
        """Its type, all being in order. Raises InvalidConference."""
        if self._type is None:
            raise InvalidConference("conferenceErrorType", "an error needs one")
        if (self._type is ConferenceErrorType.AUTHENTICATION) != (self._login is not None):
            raise InvalidConference("authenticationUrl", "AUTHENTICATION needs one, and no other type takes one")
        return self._type

    def to_markup(self) -> dict[str, Any]:
        """As an add-on answers it. Raises InvalidConference for a URL that the markup is too short for."""
        if self._login is None:
            return {"type": self.kind().value}
        url = checked("authenticationUrl", self._login, LONGEST_LOGIN_IN_MARKUP)
        return {"type": self.kind().value, "authenticationUrl": url}


@dataclass(frozen=True, slots=True)
class ConferenceData:
    """A conference, or the error that takes its place; made by `ConferenceDataBuilder.build`."""

    conference_id: str | None = None
    solution_id: str | None = None
    entry_points: tuple[EntryPoint, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    notes: str | None = None
    error: ConferenceError | None = None

    def to_calendar(self, solutions: Mapping[str, SolutionLook] | None = None) -> dict[str, Any]:
        """An event's `conferenceData`; name and icon are those of the project's solution, unless others are given.

        Raises InvalidConference for an error, and for a solution that nobody knows. Written with
        `conferenceDataVersion=1`.
        """
        if self.error is not None:
            raise InvalidConference("error", "an error cannot stand in an event")
        known = solutions if solutions is not None else context.project().solutions
        return _set(
            conferenceId=self.conference_id,
            notes=self.notes,
            conferenceSolution=self._solution(known),
            entryPoints=[entry.to_calendar() for entry in self.entry_points],
            parameters={"addOnParameters": {"parameters": dict(self.parameters)}} if self.parameters else None,
        )

    def to_markup(self) -> dict[str, Any]:
        """What an add-on answers as `createConferenceData`."""
        if self.error is not None:
            return {"error": self.error.to_markup()}
        return _set(
            conferenceId=self.conference_id,
            conferenceSolutionId=self.solution_id,
            note=self.notes,
            entryPoints=[entry.to_markup() for entry in self.entry_points],
            parameters=[{"key": key, "value": value} for key, value in self.parameters] or None,
        )

    def print_json(self) -> str:
        """The conference as JSON, for debugging."""
        return json.dumps(self.to_markup(), ensure_ascii=False)

    def _solution(self, known: Mapping[str, SolutionLook]) -> dict[str, Any]:
        look = known.get(self.solution_id or "")
        if look is None:
            raise InvalidConference("conferenceSolutionId", "the project has no solution of this id")
        return _set(key={"type": "addOn"}, name=look.name, iconUri=look.icon_uri)


class ConferenceDataBuilder:
    """Collects a conference's parts; `build` judges the whole."""

    def __init__(self) -> None:
        self._conference_id: str | None = None
        self._solution_id: str | None = None
        self._entry_points: list[EntryPoint] = []
        self._parameters: list[ConferenceParameter] = []
        self._notes: str | None = None
        self._error: ConferenceError | None = None

    def set_conference_id(self, conference_id: str) -> Self:
        """The solution's own id of the conference, at most 512 characters."""
        self._conference_id = checked("conferenceId", conference_id, LONGEST_ID)
        return self

    def set_conference_solution_id(self, solution_id: str) -> Self:
        """Which solution of the add-on's manifest it is, at most 512 characters."""
        self._solution_id = checked("conferenceSolutionId", solution_id, LONGEST_ID)
        return self

    def add_entry_point(self, entry_point: EntryPoint) -> Self:
        """A way to join; at most 300."""
        self._room("entryPoints", len(self._entry_points))
        self._entry_points.append(entry_point)
        return self

    def add_conference_parameter(self, parameter: ConferenceParameter) -> Self:
        """A pair to keep with the conference; at most 300, each key once."""
        self._room("parameters", len(self._parameters))
        self._parameters.append(parameter)
        return self

    def set_notes(self, notes: str) -> Self:
        """What the user is shown, at most 2048 characters; may hold HTML."""
        self._notes = checked("notes", notes, LONGEST_NOTES)
        return self

    def set_error(self, error: ConferenceError) -> Self:
        """Say that there is no conference, and why; then nothing else is needed, and nothing else goes out."""
        self._error = error
        return self

    def build(self) -> ConferenceData:
        """The conference. Raises InvalidConference, which names the part that is missing or wrong."""
        if self._error is not None:
            self._error.kind()
            return ConferenceData(error=copy.copy(self._error))
        if self._conference_id is None:
            raise InvalidConference("conferenceId", "a conference needs one")
        if self._solution_id is None:
            raise InvalidConference("conferenceSolutionId", "a conference needs one")
        ways = tuple(entry.copy() for entry in self._entry_points)
        check_ways(ways)
        return ConferenceData(self._conference_id, self._solution_id, ways, self._pairs(), self._notes)

    def _pairs(self) -> tuple[tuple[str, str], ...]:
        pairs = tuple(parameter.pair() for parameter in self._parameters)
        if len({key for key, _ in pairs}) < len(pairs):
            raise InvalidConference("parameters", "a key stands there twice")
        return pairs

    @staticmethod
    def _room(field: str, standing: int) -> None:
        if standing >= MOST:
            raise InvalidConference(field, f"there may be at most {MOST}")


def new_conference_data_builder() -> ConferenceDataBuilder:
    """An empty builder."""
    return ConferenceDataBuilder()


def new_conference_parameter() -> ConferenceParameter:
    """An empty parameter."""
    return ConferenceParameter()


def new_conference_error() -> ConferenceError:
    """An empty error."""
    return ConferenceError()


def _set(**parts: Any) -> dict[str, Any]:
    """Only what is set: nothing goes out as null."""
    return {name: part for name, part in parts.items() if part is not None}
