"""A browser before the consent pages: cookies, forms and addresses as it would send them, without a window."""

from __future__ import annotations

import re
from html import unescape
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Request, Response
from werkzeug.test import EnvironBuilder

from functions.http.consent import consent
from functions.http.door import Door
from tests.flow.consent.desk import HERE, Desk
from tests.world import ALICE


class Browser:
    """One browser; `page` is the last answer's text."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.cookies: dict[str, str] = {}
        self.page = ""
        self.answer = Response()

    @property
    def door(self) -> Door:
        """The deployment, as it stands now."""
        return Door(self.desk.world.ground, HERE, "tasks@x.test", "scheduler@x.test", consent=self.desk.consent)

    def get(self, path: str = "", **headers: str) -> int:
        """Open a page; its status."""
        return self.send("GET", path, headers=headers)

    def post(self, path: str, token: str | None = None, *, headers: dict[str, str] | None = None, **form: str) -> int:
        """Send a form of the page that is open, by its own token unless told otherwise."""
        shown = self.token() if token is None else token
        named = {"Origin": HERE, "Sec-Fetch-Site": "same-origin", **(headers or {})}
        return self.send("POST", path, headers=named, data=urlencode({"token": shown, **form}))

    def send(self, method: str, path: str, *, headers: dict[str, str] | None = None, data: str = "") -> int:
        """One request; a redirect is an answer."""
        route, _, query = path.partition("?")
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        builder = EnvironBuilder(
            path=f"/{route}" if route else "/",
            query_string=query,
            method=method,
            base_url=HERE,
            headers=[*([("Cookie", cookie)] if cookie else []), *(headers or {}).items()],
            data=data or None,
            content_type="application/x-www-form-urlencoded" if method == "POST" else None,
        )
        self.answer = consent(self.door, Request(builder.get_environ()))
        self.page = self.answer.get_data(as_text=True)
        self._remember()
        return self.answer.status_code

    def _remember(self) -> None:
        for line in self.answer.headers.getlist("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.cookies.pop(name, None)
                if morsel.value:
                    self.cookies[name] = morsel.value

    def token(self) -> str:
        """The token that the page's forms carry."""
        found = re.search(r'name="token" value="([0-9a-f]+)"', self.page)
        return found[1] if found else ""

    def going(self) -> str:
        """Where the page that is open leads by itself."""
        found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', self.page)
        assert found is not None, self.page
        return unescape(found[1])

    def text(self) -> str:
        """What can be read on the page."""
        body = re.sub(r"<(style|head).*?</\1>", "", self.page, flags=re.DOTALL)
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())

    # ---- whole ways

    def connect(self, account: str = ALICE, **how: Any) -> int:
        """From the first page to being sent back; the status of that answer."""
        self.get()
        assert self.post("start", account=account) == 200, self.page
        return self.come_back(self.desk.agree(self.going(), how.pop("chosen", account or ALICE), **how))

    def come_back(self, told: dict[str, str]) -> int:
        """Open the address that the authorization server names."""
        return self.get(f"callback?{urlencode(told)}")

    def sign_in(self, account: str = ALICE) -> int:
        """Show who one is."""
        self.get()
        self.post("start", purpose="sign-in")
        return self.come_back(self.desk.agree(self.going(), account))

    def path(self) -> str:
        """Where a redirect leads."""
        return urlsplit(self.answer.headers["Location"]).path
