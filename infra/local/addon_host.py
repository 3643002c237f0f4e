"""Plays Google Workspace to the add-on: calls the endpoints that its manifest names, and does what they answer.

Authority: https://developers.google.com/workspace/add-ons/guides/alternate-runtimes for the calls,
https://developers.google.com/workspace/add-ons/reference/rpc/apps.extensions.markup for the answers
It stands for the event editor: a conference is asked for first, and the event is saved with it later, or never.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from functions.ports import Clock
from infra.google.manifest import manifest
from infra.local.issuer import LocalIssuer
from infra.settings import Settings

Json = dict[str, Any]
Mint = Callable[[str, str], str]
"""Signs an identity token for an audience, of an address."""

EMAIL = "https://www.googleapis.com/auth/userinfo.email"
_SHOWN = ("id", "recurringEventId", "conferenceData")
"""What of an event an add-on is told."""
_FEATURES = {"TOLL": "toll", "TOLL_FREE": "toll_free"}


class Unanswered(Exception):
    """The add-on did not answer as Google expects; the text holds the status or what was missing."""


class NoConference(Exception):
    """The add-on made none; `kind` and `url` are what Google would show to the user."""

    def __init__(self, kind: str, url: str | None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.url = url


class AddOnHost:
    """Google Workspace with an add-on installed, as its manifest says that it was `deployed`.

    `client` reaches the add-on, and the Calendar API at `calendar_url`; `mint` signs as Google's issuer; `account` is
    the deployment's service account, `oauth_client` the add-on's client. Users have granted what `granted` holds, and
    grant what is asked for besides if `consenting`.
    """

    def __init__(
        self,
        deployed: Mapping[str, Any],
        client: httpx.Client,
        calendar_url: str,
        mint: Mint,
        *,
        account: str,
        oauth_client: str,
        zone: str = "Europe/Zurich",
    ) -> None:
        self._manifest = deployed
        self._addon: Json = deployed["addOns"]
        self._client = client
        self._calendar_url = calendar_url.rstrip("/")
        self._mint = mint
        self._account = account
        self._oauth_client = oauth_client
        self._zone = zone
        self.granted: set[str] = set(deployed["oauthScopes"])
        self.consenting = True
        self.subscribed: set[tuple[str, str]] = set()
        """Whose change trigger was asked for, for which calendar."""

    # ---- what a user does ----

    def open(self, user: str, calendar: str | None = None, event: Mapping[str, Any] | None = None) -> Json:
        """Open the add-on's side panel, on an event or without one; the card that it shows."""
        entry = self._addon["calendar"]["eventOpenTrigger"] if event else self._addon["common"]["homepageTrigger"]
        told = self._call(entry["runFunction"], user, self._calendar_part(calendar, event))
        self._subscribe(user, told)
        card: Json = told["action"]["navigations"][0]["pushCard"]
        return card

    def conference(self, user: str, calendar: str, event: str, solution: str | None = None) -> Json:
        """Choose a conference solution in the editor of an event, saved or not; the conference data that it gets.

        Raises NoConference.
        """
        chosen = self._solution(solution)
        told = self._call(chosen["onCreateFunction"], user, self._calendar_part(calendar, {"id": event}))
        markup = _markup(told, "createConferenceDataActionMarkup")["createConferenceData"]
        if "error" in markup:
            raise NoConference(markup["error"]["type"], markup["error"].get("authenticationUrl"))
        return _conference_data(markup, chosen)

    def save(self, user: str, calendar: str, event: str, conference: Json | None = None, **fields: Any) -> Json:
        """Save an event under the id that its editor had; `fields` are the API's."""
        there = self._api("GET", user, calendar, event)
        body = {**fields, **({"conferenceData": conference} if conference is not None else {})}
        if there.status_code == httpx.codes.NOT_FOUND:
            saved = self._api("POST", user, calendar, "", {"id": event, **body})
        else:
            saved = self._api("PATCH", user, calendar, event, body)
        answer: Json = saved.raise_for_status().json()
        return answer

    def settings(self, user: str) -> str:
        """Where the conference's settings are."""
        told = self._call(self._addon["calendar"]["createSettingsUrlFunction"], user, {})
        return str(_markup(told, "createConferenceSettingUrlActionMarkup")["settingsUrl"])

    def changed(self, user: str, calendar: str) -> None:
        """Tell the add-on that something changed in a calendar, if it asked to be told."""
        if (user, calendar) in self.subscribed:
            trigger = self._addon["calendar"]["calendarNotificationTrigger"]
            self._call(trigger["runFunction"], user, self._calendar_part(calendar, None))

    # ---- what Google does ----

    def _solution(self, wanted: str | None) -> Json:
        solutions: list[Json] = self._addon["calendar"]["conferenceSolution"]
        return next(one for one in solutions if wanted in {None, one["id"]})

    def _calendar_part(self, calendar: str | None, event: Mapping[str, Any] | None) -> Json:
        shown = {name: value for name, value in (event or {}).items() if name in _SHOWN}
        rights = {"capabilities": {"canSetConferenceData": True, "canSeeConferenceData": True}} if event else {}
        return {"calendar": {**({"calendarId": calendar} if calendar else {}), **shown, **rights}}

    def _call(self, url: str, user: str, part: Json) -> Json:
        told = self._post(url, user, part)
        wanted = told.get("requesting_google_scopes")
        if wanted is None or not self.consenting:
            return told
        self.granted |= set(self._manifest["oauthScopes"] if wanted.get("all_scopes") else wanted["scopes"])
        return self._post(url, user, part)

    def _post(self, url: str, user: str, part: Json) -> Json:
        grant: Json = {"userOAuthToken": f"dev:{user}", "authorizedScopes": sorted(self.granted)}
        if EMAIL in self.granted:
            grant["userIdToken"] = self._mint(self._oauth_client, user)
        common = {"hostApp": "CALENDAR", "platform": "WEB", "timeZone": {"id": self._zone}}
        body = {"commonEventObject": common, "authorizationEventObject": grant, **part}
        headers = {
            "Authorization": f"Bearer {self._mint(url, self._account)}",
            "Content-Type": "application/json",
        }
        answer = self._client.post(url, content=json.dumps(body).encode(), headers=headers)
        if answer.status_code != httpx.codes.OK:
            raise Unanswered(f"the add-on answered {answer.status_code}")
        told: Json = answer.json()
        return told

    def _subscribe(self, user: str, told: Json) -> None:
        wanted = told.get("hostAppAction", {}).get("calendarAction", {}).get("calendarSubscriptionActionMarkup")
        if wanted and wanted["operation"] == "CREATE":
            self.subscribed.add((user, wanted["calendarId"]))

    def _api(self, method: str, user: str, calendar: str, event: str, body: Json | None = None) -> httpx.Response:
        at = f"{self._calendar_url}/calendars/{quote(calendar, safe='')}/events"
        return self._client.request(
            method,
            f"{at}/{quote(event, safe='')}" if event else at,
            json=body,
            params={"conferenceDataVersion": "1"} if body is not None else None,
            headers={"Authorization": f"Bearer dev:{user}"},
        )


def installed(settings: Settings, client: httpx.Client, clock: Clock) -> AddOnHost:
    """Google Workspace with the local stack's add-on, signing with the stack's own key."""
    return AddOnHost(
        manifest(settings),
        client,
        settings.calendar_url,
        LocalIssuer.from_folder(settings.state, settings.base_url, clock).mint,
        account=settings.addon_account,
        oauth_client=settings.addon_client,
        zone=settings.time_zone,
    )


def _markup(told: Json, name: str) -> Json:
    found = told.get("hostAppAction", {}).get("calendarAction", {}).get(name)
    if not isinstance(found, dict):
        raise Unanswered(f"the answer holds no {name}")
    return found


def _conference_data(markup: Json, solution: Json) -> Json:
    """The markup as the Calendar API has it: other names, other letters, and the solution's look of the manifest."""
    if markup["conferenceSolutionId"] != solution["id"]:
        raise Unanswered("the answer is of another conference solution")
    pairs = {one["key"]: one["value"] for one in markup.get("parameters", ())}
    look = {"key": {"type": "addOn"}, "name": solution["name"], "iconUri": solution["logoUrl"]}
    return {
        "conferenceId": markup["conferenceId"],
        "conferenceSolution": {name: value for name, value in look.items() if value},
        "entryPoints": [_entry_point(one) for one in markup["entryPoints"]],
        **({"notes": markup["note"]} if "note" in markup else {}),
        **({"parameters": {"addOnParameters": {"parameters": pairs}}} if pairs else {}),
    }


def _entry_point(markup: Json) -> Json:
    kept = {name: value for name, value in markup.items() if name not in {"type", "features"}}
    features = {"entryPointFeatures": [_FEATURES[one] for one in markup["features"]]} if "features" in markup else {}
    return {"entryPointType": markup["type"].lower(), **kept, **features}
