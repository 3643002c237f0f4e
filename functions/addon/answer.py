"""What the add-on answers, in Google's JSON.

Authority: https://developers.google.com/workspace/add-ons/reference/rpc/apps.extensions.markup and, for what may stand
around an action, https://developers.google.com/workspace/add-ons/reference/rpc/google.apps.card.v1
Whether `hostAppAction` may stand around these very actions is not written down; the schema has no other place.
"""

from __future__ import annotations

import html
from collections.abc import Collection, Sequence
from typing import Any

from conference.errors import Later, LockstepError, OutcomeUnknown, Refused, Revoked, Stale
from conference.link import entry_points
from conference.meeting import Meeting
from conference.solution import PARAMETER
from functions.addon.offer import Forbidden, Offer
from functions.script import conference_data as data
from functions.script.entry_point import new_entry_point
from functions.script.enums import ConferenceErrorType, EntryPointType

Json = dict[str, Any]


def created(meeting: Meeting, offer: Offer) -> Json:
    """The conference of a meeting, with the parameter by which the sync knows it again.

    Raises InvalidConference if the meeting has what Calendar does not take.
    """
    builder = (
        data.new_conference_data_builder()
        .set_conference_id(meeting.ref.id)
        .set_conference_solution_id(offer.id)
        .add_conference_parameter(data.new_conference_parameter().set_key(PARAMETER).set_value(offer.provider))
    )
    for point in entry_points(meeting):
        entry = new_entry_point().set_entry_point_type(EntryPointType(point.entry_point_type.upper()))
        entry.set_uri(point.uri)
        if point.passcode:
            entry.set_passcode(point.passcode)
        if point.label:
            entry.set_label(point.label)
        builder.add_entry_point(entry)
    return _conference(builder.build().to_markup())


def failed(error: Exception, login_url: str | None) -> Json:
    """Why there is no conference, as Google shows it to the user."""
    kind = type_of(error, can_sign_in=login_url is not None)
    told = data.new_conference_error().set_conference_error_type(kind)
    if kind is ConferenceErrorType.AUTHENTICATION:
        told.set_authentication_url(login_url or "")
    return _conference(data.new_conference_data_builder().set_error(told).build().to_markup())


def type_of(error: Exception, *, can_sign_in: bool) -> ConferenceErrorType:
    """Google's name for what went wrong; an error asking to sign in must say where."""
    match error:
        case Forbidden():
            return ConferenceErrorType.CONFERENCE_SOLUTION_FORBIDDEN
        case Refused() | Revoked() if _forbids(error):
            return ConferenceErrorType.PERMISSION_DENIED
        case Revoked():
            return ConferenceErrorType.AUTHENTICATION if can_sign_in else ConferenceErrorType.PERMISSION_DENIED
        case Later() | OutcomeUnknown() | Stale():
            return ConferenceErrorType.TEMPORARY
        case _:
            return ConferenceErrorType.PERMANENT


def _forbids(error: LockstepError) -> bool:
    """True if the service said that the plan or the account does not allow it."""
    return error.where is not None and error.where.status in {402, 403}


def _conference(markup: Json) -> Json:
    return _action("createConferenceDataActionMarkup", {"createConferenceData": markup})


def settings(url: str) -> Json:
    """Where the user's settings are."""
    return _action("createConferenceSettingUrlActionMarkup", {"settingsUrl": url})


def subscribe(calendar: str) -> Json:
    """Asks Google to tell of changes in this calendar."""
    return _action("calendarSubscriptionActionMarkup", {"operation": "CREATE", "calendarId": calendar})


def _action(name: str, markup: Json) -> Json:
    return {"hostAppAction": {"calendarAction": {name: markup}}}


def scopes(missing: Collection[str], declared: Sequence[str]) -> Json:
    """Asks Google to ask the user for these scopes and to call again."""
    if set(missing) >= set(declared):
        return {"requesting_google_scopes": {"all_scopes": True}}
    return {"requesting_google_scopes": {"scopes": [one for one in declared if one in missing]}}


def card(title: str, lines: Sequence[str], settings_url: str | None) -> Json:
    """A card with these lines, and a button to the settings if there are any."""
    widgets: list[Json] = [{"textParagraph": {"text": html.escape(line)}} for line in lines]
    if settings_url is not None:
        button = {"text": "Settings", "onClick": {"openLink": {"url": settings_url}}}
        widgets.append({"buttonList": {"buttons": [button]}})
    pushed = {"header": {"title": html.escape(title)}, "sections": [{"widgets": widgets}]}
    return {"action": {"navigations": [{"pushCard": pushed}]}}


NOTHING: Json = {}
"""The answer where nothing is asked for."""
