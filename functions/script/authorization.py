"""What the user has consented to, and the tokens that prove it.

Authority: https://developers.google.com/apps-script/reference/script/script-app and …/authorization-info
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from functions.script import context
from functions.script.enums import AuthMode, AuthorizationStatus, InstallationSource
from functions.script.errors import AuthorizationRequired, BadValue
from functions.script.project import Project


class AuthorizationInfo:
    """Whether the effective user must still consent, and where; as it was when it was asked for."""

    def __init__(self, authorized: Sequence[str], missing: Sequence[str], url: str | None) -> None:
        self._authorized = tuple(authorized)
        self._missing = tuple(missing)
        self._url = url

    def get_authorization_status(self) -> AuthorizationStatus:
        """REQUIRED while a scope that was asked about is not granted."""
        return AuthorizationStatus.REQUIRED if self._missing else AuthorizationStatus.NOT_REQUIRED

    def get_authorization_url(self) -> str | None:
        """Where the user consents; None if there is nothing to consent to."""
        return self._url

    def get_authorized_scopes(self) -> list[str]:
        """Which of the project's scopes are granted."""
        return list(self._authorized)


class Service:
    """How the script is deployed as a web app."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def get_url(self) -> str | None:
        """Its address, if it is deployed."""
        return self._project.url

    def is_enabled(self) -> bool:
        """Whether it answers there."""
        return self._project.url is not None and self._project.enabled


def get_script_id() -> str:
    """The project's id. Raises NotRunning."""
    return context.project().id


def get_oauth_token() -> str:
    """An access token of the effective user, which lives shortly. Raises NoUser, Revoked."""
    return context.project().grants.access_token(context.user())


def get_identity_token() -> str | None:
    """An ID token of the effective user; None without the scope "openid". Raises NoUser, Revoked."""
    return context.project().grants.identity_token(context.user())


def get_service() -> Service:
    """How the script is deployed. Raises NotRunning."""
    return Service(context.project())


def get_installation_source() -> InstallationSource:
    """How the script came to its users. Raises NotRunning."""
    return context.project().installed_from


def get_authorization_info(
    mode: AuthMode,  # noqa: ARG001 - Apps Script's signature; installable triggers know FULL only
    scopes: Iterable[str] | None = None,
) -> AuthorizationInfo:
    """What the effective user has granted of these scopes, by default of all that the project declares.

    Raises NoUser, BadValue for a scope that the project does not declare.
    """
    project, user = context.project(), context.user()
    asked = _declared(project, scopes)
    granted = project.grants.scopes(user)
    missing = [scope for scope in asked if scope not in granted]
    url = project.grants.consent_url(user, missing) if missing else None
    return AuthorizationInfo(sorted(project.scopes & granted), missing, url)


def require_scopes(mode: AuthMode, scopes: Iterable[str]) -> None:
    """Go on only if the effective user has granted these scopes. Raises AuthorizationRequired with the address."""
    asked = tuple(scopes)
    _require("ScriptApp.requireScopes", get_authorization_info(mode, asked), asked)


def require_all_scopes(mode: AuthMode) -> None:
    """Go on only if the effective user has granted all that the project declares. Raises AuthorizationRequired."""
    _require("ScriptApp.requireAllScopes", get_authorization_info(mode), sorted(context.project().scopes))


def invalidate_auth() -> None:
    """Drop the effective user's grant. In a trigger's run raises AuthorizationRequired, for it cannot go on as them."""
    here, user = context.scope(), context.user()
    here.project.grants.revoke(user)
    if here.execution is not None and here.execution.trigger is not None:
        asked = sorted(here.project.scopes)
        raise AuthorizationRequired("this trigger", asked, url=here.project.grants.consent_url(user, asked))


def require_any(method: str, scopes: Sequence[str]) -> None:
    """Go on only if the effective user has granted one of these. Raises AuthorizationRequired that names `method`."""
    project, user = context.project(), context.user()
    if project.grants.scopes(user).isdisjoint(scopes):
        url = project.grants.consent_url(user, [scope for scope in scopes if scope in project.scopes][:1])
        raise AuthorizationRequired(method, scopes, url=url, any_of=True)


def _require(method: str, info: AuthorizationInfo, scopes: Sequence[str]) -> None:
    if info.get_authorization_status() is AuthorizationStatus.REQUIRED:
        raise AuthorizationRequired(method, scopes, url=info.get_authorization_url())


def _declared(project: Project, scopes: Iterable[str] | None) -> list[str]:
    asked = sorted(project.scopes) if scopes is None else list(dict.fromkeys(scopes))
    for scope in asked:
        if scope not in project.scopes:
            raise BadValue(f"the project does not declare the scope {scope}")
    return asked
