"""An installed client as Google's guide writes one: google-auth-oauthlib's flow, then a call of the API.

Started with the server's base URL and the scopes; prints where the user must go, later what became of it as JSON.
Authority: https://developers.google.com/identity/protocols/oauth2/native-app
"""

from __future__ import annotations

import json
import sys

from google_auth_oauthlib.flow import InstalledAppFlow  # type: ignore[import-untyped]  # it ships no types
from googleapiclient.discovery import build
from oauthlib.oauth2.rfc6749.errors import OAuth2Error  # type: ignore[import-untyped]  # it ships no types

from infra.local.calendar.oauth.records import DEVELOPMENT

PATIENCE = 60


def main(base: str, *scopes: str) -> None:
    """Ask the user, list their calendars, tell."""
    config = {
        "installed": {
            "client_id": DEVELOPMENT.client_id,
            "client_secret": DEVELOPMENT.client_secret,
            "auth_uri": f"{base}/o/oauth2/v2/auth",
            "token_uri": f"{base}/token",
            "redirect_uris": ["http://localhost"],
        }
    }
    flow = InstalledAppFlow.from_client_config(config, scopes)
    try:
        credentials = flow.run_local_server(
            host="127.0.0.1", port=0, open_browser=False, authorization_prompt_message="{url}", timeout_seconds=PATIENCE
        )
    except OAuth2Error as error:
        told = {"error": error.error}
    else:
        options = {"api_endpoint": f"{base}/calendar/v3/"}
        with build("calendar", "v3", credentials=credentials, client_options=options, static_discovery=True) as service:
            calendars = service.calendarList().list().execute()["items"]
        told = {"granted": credentials.granted_scopes, "calendars": [calendar["id"] for calendar in calendars]}
        told["refreshes"] = bool(credentials.refresh_token)
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
