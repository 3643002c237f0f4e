"""What users have granted: tokens, scopes, state tokens; on the grants of one machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from conference.errors import Forged, Revoked
from functions import script
from functions.script.authorization import require_any
from functions.script.context import Execution
from functions.script.enums import AuthMode, AuthorizationStatus, InstallationSource
from tests.unit.script.bench import ALICE, BOB, EVENTS, SCOPES, START, Bench

READ = "https://www.googleapis.com/auth/calendar.readonly"


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A script that runs as Alice, who has granted all."""
    bench = Bench()
    with script.running(bench.project(url="https://fn.example.com"), user=ALICE):
        yield bench


@pytest.mark.usefixtures("bench")
class TestTokens:
    """Tokens are those of the effective user."""

    def test_they_are_the_users(self) -> None:
        """Access and identity token follow `as_user`."""
        with script.as_user(BOB):
            assert script.get_oauth_token() == f"dev:{BOB}"
            assert script.get_identity_token() == f"signed for {BOB}"
        assert script.get_oauth_token() == f"dev:{ALICE}"

    def test_there_is_no_identity_without_openid(self, bench: Bench) -> None:
        """Without the scope: None."""
        bench.grants.grant(ALICE, [EVENTS])

        assert script.get_identity_token() is None

    def test_a_grant_that_was_taken_back_gives_none(self, bench: Bench) -> None:
        """After invalidate_auth both raise, for this user only."""
        script.invalidate_auth()

        for call in (script.get_oauth_token, script.get_identity_token):
            with pytest.raises(Revoked):
                call()
        with script.as_user(BOB):
            assert script.get_oauth_token()
        assert bench.grants.scopes(ALICE) == frozenset()

    def test_in_a_triggers_run_it_ends_the_run(self, bench: Bench) -> None:
        """What is left of the run could not act as the user any more."""
        with script.running(bench.project(), user=ALICE, execution=Execution("1", trigger="2")):
            with pytest.raises(script.AuthorizationRequired):
                script.invalidate_auth()
            with pytest.raises(Revoked):
                script.get_oauth_token()


@pytest.mark.parametrize(
    "call",
    [
        script.get_oauth_token,
        script.get_identity_token,
        script.invalidate_auth,
        lambda: script.get_authorization_info(AuthMode.FULL),
        lambda: script.require_all_scopes(AuthMode.FULL),
        lambda: script.new_state_token().create_token(),
    ],
)
def test_without_a_user_it_fails_closed(call: Callable[[], object]) -> None:
    """Whatever needs a user raises where none is set, and where nothing runs at all."""
    with pytest.raises(script.NotRunning):
        call()
    with script.running(Bench().project()), pytest.raises(script.NoUser):
        call()


@pytest.mark.usefixtures("bench")
class TestScopes:
    """What is granted, what is missing, and where to go."""

    def test_all_is_granted(self) -> None:
        """Nothing is required, and there is no address to go to."""
        info = script.get_authorization_info(AuthMode.FULL)

        assert info.get_authorization_status() is AuthorizationStatus.NOT_REQUIRED
        assert info.get_authorization_url() is None
        assert info.get_authorized_scopes() == sorted(SCOPES)
        script.require_all_scopes(AuthMode.FULL)

    def test_one_is_missing(self, bench: Bench) -> None:
        """The address asks for what is missing; scopes that are granted suffice for those who ask for them alone."""
        bench.grants.grant(ALICE, ["openid"])
        info = script.get_authorization_info(AuthMode.FULL)

        assert info.get_authorization_status() is AuthorizationStatus.REQUIRED
        assert "calendar.events" in (info.get_authorization_url() or "")
        assert info.get_authorized_scopes() == ["openid"]
        script.require_scopes(AuthMode.FULL, ["openid"])
        assert (
            script.get_authorization_info(AuthMode.FULL, ["openid"]).get_authorization_status()
            is AuthorizationStatus.NOT_REQUIRED
        )

    def test_what_is_required_is_asked_for(self, bench: Bench) -> None:
        """The error begins with Apps Script's text and carries the address."""
        bench.grants.grant(ALICE, ["openid"])
        calls: tuple[Callable[[], object], ...] = (
            lambda: script.require_scopes(AuthMode.FULL, [EVENTS]),
            lambda: script.require_all_scopes(AuthMode.FULL),
        )
        for call in calls:
            with pytest.raises(
                script.AuthorizationRequired, match=r"^You do not have permission to call ScriptApp\.require"
            ) as asked:
                call()
            assert EVENTS in str(asked.value)
            assert asked.value.url is not None
            assert "login_hint=alice" in asked.value.url

    def test_one_of_several_is_enough(self, bench: Bench) -> None:
        """A call that takes any of several scopes names them all when none is granted."""
        require_any("ScriptApp.newTrigger", [READ, EVENTS])
        bench.grants.grant(ALICE, ["openid"])
        with pytest.raises(script.AuthorizationRequired) as asked:
            require_any("ScriptApp.newTrigger", [READ, EVENTS])

        assert str(asked.value).endswith(f"Required permissions: ({READ} || {EVENTS})")

    def test_a_scope_that_is_not_declared_is_an_error(self) -> None:
        """It could never be granted."""
        with pytest.raises(script.BadValue, match="declare"):
            script.get_authorization_info(AuthMode.FULL, [READ])


def test_the_script_knows_itself(bench: Bench) -> None:
    """Its id, its address, and how it came to its users."""
    assert script.get_script_id() == "script"
    assert script.get_service().get_url() == "https://fn.example.com"
    assert script.get_service().is_enabled()
    assert script.get_installation_source() is InstallationSource.NONE
    settings: dict[str, Any] = {"url": "https://x", "enabled": False}
    with script.running(bench.project(**settings, installed_from=InstallationSource.WEB_STORE_ADD_ON)):
        assert not script.get_service().is_enabled()
        assert script.get_installation_source() is InstallationSource.WEB_STORE_ADD_ON
    with script.running(bench.project()):
        assert script.get_service().get_url() is None
        assert not script.get_service().is_enabled()


class TestStateTokens:
    """Sealed, short-lived, good for one call."""

    def test_a_token_brings_back_what_it_was_made_for(self, bench: Bench) -> None:
        """Method, arguments and user; outside nothing of it can be read."""
        made = script.new_state_token().with_method("connected").with_argument("id", "abc").with_argument("n", 3)
        token = made.create_token()
        with script.running(bench.project()):
            state = script.redeem_state_token(token)

        assert (state.user, state.method, state.arguments) == (ALICE, "connected", {"id": "abc", "n": "3"})
        assert "abc" not in token

    def test_by_default_it_calls_callback_for_a_minute(self, bench: Bench) -> None:
        """60 seconds, and not one more."""
        tokens = [script.new_state_token().create_token() for _ in range(2)]
        bench.clock.advance(timedelta(seconds=59))
        assert script.redeem_state_token(tokens[0]).method == "callback"
        bench.clock.advance(timedelta(seconds=1))
        with pytest.raises(Forged, match="too old"):
            script.redeem_state_token(tokens[1])

    def test_it_is_good_once(self, bench: Bench) -> None:
        """The second call is refused, until the token is too old anyway."""
        token = script.new_state_token().with_timeout(3600).create_token()
        script.redeem_state_token(token)
        for seconds in (0, 1800, 1799, 1, 10):
            bench.clock.advance(timedelta(seconds=seconds))
            with pytest.raises(Forged):
                script.redeem_state_token(token)
        assert bench.clock.now() - START == timedelta(seconds=3610)

    def test_it_is_this_projects_alone(self, bench: Bench) -> None:
        """Another script's token, an altered one, and any other sealed text are refused."""
        token = script.new_state_token().create_token()
        sealed = bench.ground.vault.seal("state tokens of script script", b"[]")
        for bad in (token[:-2], "", "v1.x", sealed):
            with pytest.raises(Forged):
                script.redeem_state_token(bad)
        with script.running(bench.project("other"), user=ALICE), pytest.raises(Forged):
            script.redeem_state_token(token)

    @pytest.mark.parametrize("bad", [0, -1, 3601])
    @pytest.mark.usefixtures("bench")
    def test_it_lives_an_hour_at_most(self, bad: int) -> None:
        """1 to 3600 seconds."""
        script.new_state_token().with_timeout(3600).with_timeout(1)
        with pytest.raises(script.BadValue):
            script.new_state_token().with_timeout(bad)

    @pytest.mark.parametrize("bad", [1.5, "60", True, None])
    def test_a_time_is_a_whole_number(self, bad: Any) -> None:
        """Anything else is refused."""
        with pytest.raises(TypeError):
            script.new_state_token().with_timeout(bad)
