"""The surface: every published name of the services that `functions.script` reproduces has its twin, or a reason.

The names are those of the published type list (@types/google-apps-script 2.0.13: script, properties, lock, cache,
conference-data) and, below them, those that only Google's reference pages have. A number is how many arguments a
method takes, "1-2" how many it may take.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import pytest

from functions import script
from functions.script import authorization, builder, calendar_service, conference_data, entry_point, state_token
from functions.script.clock_builder import ClockTriggerBuilder
from functions.script.trigger import Trigger

NO_DOCUMENT = "documents, forms and spreadsheets have no twin: the only container here is a calendar"
DEPRECATED = "deprecated by Google"

SURFACE: dict[str, tuple[Any, str]] = {
    "ScriptApp": (
        script,
        (
            "deleteTrigger:1 getAuthorizationInfo:1 getIdentityToken:0 getInstallationSource:0 getOAuthToken:0"
            " getProjectTriggers:0 getScriptId:0 getService:0 getUserTriggers:1 invalidateAuth:0 newStateToken:0"
            " newTrigger:1 requireAllScopes:1 requireScopes:2"
        ),
    ),
    "TriggerBuilder": (
        builder.TriggerBuilder,
        "forDocument:1 forForm:1 forSpreadsheet:1 forUserCalendar:1 timeBased:0",
    ),
    "CalendarTriggerBuilder": (builder.CalendarTriggerBuilder, "create:0 onEventUpdated:0"),
    "ClockTriggerBuilder": (
        ClockTriggerBuilder,
        (
            "after:1 at:1 atDate:3 atHour:1 create:0 everyDays:1 everyHours:1 everyMinutes:1 everyWeeks:1 inTimezone:1"
            " nearMinute:1 onMonthDay:1 onWeekDay:1"
        ),
    ),
    "DocumentTriggerBuilder": (None, "create:0 onOpen:0"),
    "FormTriggerBuilder": (None, "create:0 onFormSubmit:0 onOpen:0"),
    "SpreadsheetTriggerBuilder": (None, "create:0 onChange:0 onEdit:0 onFormSubmit:0 onOpen:0"),
    "Trigger": (Trigger, "getEventType:0 getHandlerFunction:0 getTriggerSource:0 getTriggerSourceId:0 getUniqueId:0"),
    "AuthorizationInfo": (authorization.AuthorizationInfo, "getAuthorizationStatus:0 getAuthorizationUrl:0"),
    "Service": (authorization.Service, "getUrl:0 isEnabled:0"),
    "StateTokenBuilder": (
        state_token.StateTokenBuilder,
        "createToken:0 withArgument:2 withMethod:1 withTimeout:1",
    ),
    "PropertiesService": (script, "getDocumentProperties:0 getScriptProperties:0 getUserProperties:0"),
    "Properties": (
        script.Properties,
        (
            "deleteAllProperties:0 deleteProperty:1 getKeys:0 getProperties:0 getProperty:1 setProperties:1-2"
            " setProperty:2"
        ),
    ),
    "ScriptProperties": (None, ""),
    "UserProperties": (None, ""),
    "LockService": (script, "getDocumentLock:0 getScriptLock:0 getUserLock:0"),
    "Lock": (script.Lock, "hasLock:0 releaseLock:0 tryLock:1 waitLock:1"),
    "CacheService": (script, "getDocumentCache:0 getScriptCache:0 getUserCache:0"),
    "Cache": (script.Cache, "get:1 getAll:1 put:2-3 putAll:1-2 remove:1 removeAll:1"),
    "ConferenceDataService": (
        script,
        "newConferenceDataBuilder:0 newConferenceError:0 newConferenceParameter:0 newEntryPoint:0",
    ),
    "ConferenceDataBuilder": (
        conference_data.ConferenceDataBuilder,
        (
            "addConferenceParameter:1 addEntryPoint:1 build:0 setConferenceId:1 setConferenceSolutionId:1 setError:1"
            " setNotes:1"
        ),
    ),
    "ConferenceData": (script.ConferenceData, "printJson:0"),
    "ConferenceError": (conference_data.ConferenceError, "setAuthenticationUrl:1 setConferenceErrorType:1"),
    "ConferenceParameter": (conference_data.ConferenceParameter, "setKey:1 setValue:1"),
    "EntryPoint": (
        entry_point.EntryPoint,
        (
            "addFeature:1 setAccessCode:1 setEntryPointType:1 setMeetingCode:1 setPasscode:1 setPassword:1 setPin:1"
            " setRegionCode:1 setUri:1"
        ),
    ),
}
"""Interfaces of the type list, their twins, and their methods."""

REFERENCE_ONLY: dict[str, tuple[Any, str]] = {
    "ScriptApp": (script, "getAuthorizationInfo:1-2 getProjectKey:0 getScriptTriggers:0"),
    "Service": (authorization.Service, "disable:0"),
    "AuthorizationInfo": (authorization.AuthorizationInfo, "getAuthorizedScopes:0"),
    "Trigger": (Trigger, "isDisabled:0"),
    "Calendar.Events": (
        calendar_service.Events,
        (
            "get:2-4 import:2-4 insert:2-4 instances:2-4 list:1-3 move:3-5 patch:3-5 quickAdd:2-4 remove:2-4 update:3-5"
            " watch:2-4"
        ),
    ),
}
"""What Google's reference pages and the discovery document name besides."""

ABSENT = {
    "TriggerBuilder.forDocument": NO_DOCUMENT,
    "TriggerBuilder.forForm": NO_DOCUMENT,
    "TriggerBuilder.forSpreadsheet": NO_DOCUMENT,
    "DocumentTriggerBuilder": NO_DOCUMENT,
    "FormTriggerBuilder": NO_DOCUMENT,
    "SpreadsheetTriggerBuilder": NO_DOCUMENT,
    "ScriptProperties": DEPRECATED,
    "UserProperties": DEPRECATED,
    "ScriptApp.getProjectKey": DEPRECATED,
    "ScriptApp.getScriptTriggers": DEPRECATED,
    "Service.disable": DEPRECATED,
    "Calendar.Events.watch": "channels are opened for triggers, and messages of unknown ones are stopped",
}
"""What is deliberately not there, and why; an interface's name stands for all of it."""

ENUMS = {
    "AuthMode": "NONE CUSTOM_FUNCTION LIMITED FULL",
    "AuthorizationStatus": "REQUIRED NOT_REQUIRED",
    "EventType": "CLOCK ON_OPEN ON_EDIT ON_FORM_SUBMIT ON_CHANGE ON_EVENT_UPDATED",
    "InstallationSource": "APPS_MARKETPLACE_DOMAIN_ADD_ON NONE WEB_STORE_ADD_ON",
    "TriggerSource": "SPREADSHEETS CLOCK FORMS DOCUMENTS CALENDAR",
    "WeekDay": "SUNDAY MONDAY TUESDAY WEDNESDAY THURSDAY FRIDAY SATURDAY",
    "ConferenceErrorType": "AUTHENTICATION CONFERENCE_SOLUTION_FORBIDDEN PERMANENT PERMISSION_DENIED TEMPORARY UNKNOWN",
    "EntryPointFeature": "UNKNOWN_FEATURE TOLL TOLL_FREE",
    "EntryPointType": "VIDEO PHONE SIP MORE",
}


def snake(name: str) -> str:
    """A documented name as it is spelt here."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.replace("OAuth", "Oauth")).lower()
    return f"{words}_" if words == "import" else words


def methods() -> Iterator[tuple[str, Any, str, int, int]]:
    """Interface, twin, method, and how many arguments it takes at least and at most."""
    for listed in (SURFACE, REFERENCE_ONLY):
        for interface, (twin, names) in listed.items():
            for name, _, count in (one.partition(":") for one in names.split()):
                least, _, most = count.partition("-")
                yield interface, twin, name, int(least), int(most or least)


PRESENT = [one for one in methods() if one[0] not in ABSENT and f"{one[0]}.{one[2]}" not in ABSENT]


@pytest.mark.parametrize(
    ("interface", "twin", "name", "least", "most"), PRESENT, ids=[f"{one[0]}.{one[2]}:{one[3]}" for one in PRESENT]
)
def test_each_method_has_its_twin(interface: str, twin: Any, name: str, least: int, most: int) -> None:
    """Under its name in snake case, taking as many arguments by position as the original."""
    found = getattr(twin, snake(name), None)
    assert callable(found), f"{interface}.{name} has no twin"

    own = [] if inspect.ismodule(twin) else [None]
    for count in (least, most):
        inspect.signature(found).bind(*own, *range(count))


@pytest.mark.parametrize("name", sorted(ABSENT))
def test_what_is_absent_is_absent_for_a_reason(name: str) -> None:
    """The list of absences names nothing that is there, and nothing that was never published."""
    known = {f"{one[0]}.{one[2]}": one[1] for one in methods()} | dict.fromkeys(SURFACE)
    twin = known[name]

    assert ABSENT[name]
    assert twin is None or not hasattr(twin, snake(name.rpartition(".")[2]))


@pytest.mark.parametrize("name", sorted(ENUMS))
def test_each_enumeration_has_its_members(name: str) -> None:
    """The same names in the same order, each member's value being its name."""
    enumeration = getattr(script, name)

    assert issubclass(enumeration, StrEnum)
    assert [(member.name, member.value) for member in enumeration] == [(one, one) for one in ENUMS[name].split()]


def test_names_are_pythons() -> None:
    """No alias in Apps Script's spelling stands beside a twin."""
    twins = {id(twin): twin for twin, _ in SURFACE.values() if twin is not None}.values()
    camel = re.compile(r"[a-z]+[A-Z]")

    assert [name for twin in twins for name in vars(twin) if camel.match(name)] == []


def test_every_builder_chains() -> None:
    """Each call of a conference's builders gives the builder back, as in Apps Script."""
    point = script.new_entry_point()
    assert point.set_pin("1").set_passcode("1").set_password("1").set_access_code("1").set_meeting_code("1") is point
    parameter = script.new_conference_parameter()
    assert parameter.set_key("k").set_value("v") is parameter
    token = script.new_state_token()
    assert token.with_method("m").with_argument("k", "v").with_timeout(1) is token
