"""Where each security test of the list S1 to S30 stands, and which of them cannot be asked yet.

The list: forged notices (S1 to S5), sizes, methods and floods (S6 to S10), internal callers (S11 to S13), consent (S14
to S18), data (S19 to S22), egress (S23 to S25), supply and operation (S26 to S30).
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent

SHOWN = {
    1: "security/test_notices.py: test_forged test_strangers_learn_nothing_from_time test_only_the_hash_is_kept "
    "test_secrets_cannot_be_guessed test_each_channel_has_its_own_secret",
    2: "security/test_notices.py: test_forged; security/test_framework.py: test_strangers",
    3: "security/test_notices.py: test_forged",
    4: "security/test_notices.py: test_another_tenants_token",
    5: "security/test_notices.py: test_replays_and_floods test_after_the_end_of_its_channel",
    6: "security/test_framework.py: test_strangers; edge/test_doors.py: test_oversized_requests_are_refused_unread",
    7: "security/test_framework.py: test_strangers; edge/test_doors.py: test_only_post_is_admitted "
    "test_other_paths_do_not_exist",
    8: "security/test_notices.py: test_replays_and_floods test_a_flood_of_strangers",
    9: "security/test_notices.py: test_out_of_order test_lost_by_the_queue",
    10: "security/test_fuzz.py: test_nothing_else_comes_out",
    11: "security/test_callers.py: test_bad_tokens test_no_token test_tokens_in_addresses test_two_headers "
    "test_good_token; contract/test_identity.py: test_a_token_without_signature_is_forged "
    "test_a_signed_token_with_a_wrong_claim_is_forged test_a_token_is_judged_by_the_clock; "
    "security/test_addon.py: test_bad_host_tokens test_no_host_token test_bad_user_tokens test_genuine_calls",
    12: "unit/test_terraform.py: test_only_four_functions_are_public test_the_invokers_are_exactly_the_right_accounts "
    "test_these_are_all_the_rights_that_are_given test_rights_in_the_whole_project_are_narrowed "
    "test_rights_go_to_the_functions_that_are_said_to_need_them",
    13: "security/test_isolation.py: test_tasks_that_mix_tenants test_the_tenant_is_the_records; "
    "security/test_addon.py: test_the_user_is_the_tokens test_no_user_no_conference",
    14: "flow/consent/test_granting.py: test_what_is_asked_for test_states_are_never_the_same "
    "test_a_state_is_good_once test_a_state_is_bound_to_its_browser test_a_state_gets_old "
    "test_an_invented_state_is_strange "
    "test_another_browsers_code_is_no_good test_another_servers_answer_is_refused; "
    "flow/consent/test_doors.py: test_over_https_the_cookie_goes_over_https_only test_another_sites_forms_are_refused; "
    "contract/test_oauth_port.py: test_a_code_is_good_for_its_own_asker_only",
    15: "contract/test_oauth_port.py: test_a_code_is_exchanged_once test_a_code_gets_old; "
    "flow/consent/test_granting.py: test_a_state_is_good_once test_a_replayed_code_is_no_good",
    16: "flow/consent/test_granting.py: test_narrower_scopes_are_not_enough "
    "test_narrower_scopes_spoil_no_earlier_consent; "
    "flow/consent/test_pages.py: test_narrower_scopes_are_told_with_what_to_do; "
    "browser/test_connecting.py: test_a_box_left_out_is_asked_for_again",
    17: "flow/consent/test_granting.py: test_another_account_chosen_there_is_not_taken "
    "test_another_account_that_is_connected_loses_nothing_by_it "
    "test_an_address_that_became_anothers_is_not_overwritten; "
    "flow/consent/test_credentials.py: test_another_account_does_not_overwrite; "
    "browser/test_connecting.py: test_another_account_chosen_there_is_not_taken",
    18: "flow/consent/test_leaving.py: test_disconnecting_revokes_closes_and_deletes "
    "test_a_crash_at_any_call_is_gone_on_with test_what_does_not_answer_is_asked_again; "
    "flow/consent/test_pages.py: test_nobody_else_may_check_or_disconnect test_who_is_known_acts_for_themselves_only; "
    "browser/test_connecting.py: test_connected_checked_and_disconnected",
    19: "flow/consent/test_credentials.py: test_tokens_are_sealed_for_their_own_user; "
    "contract/test_vault.py: test_another_tenant_cannot_open test_every_altered_character_is_noticed",
    20: "security/telemetry/test_sending.py: test_no_secret_and_no_word_is_sent; "
    "security/telemetry/test_figures.py: test_figures_have_few_labels; "
    "security/test_secrets.py: test_a_night_of_trouble test_nothing_is_even_handed_to_the_log "
    "test_libraries_know_no_secret; security/test_consent.py: test_no_secret_of_a_consent_is_logged "
    "test_nothing_secret_is_even_handed_to_the_log test_libraries_tell_no_secret_of_a_consent; "
    "security/test_addon.py: test_tokens_are_never_logged test_a_bug_is_an_answer; "
    "unit/test_logs.py: test_secret_keys_are_redacted "
    "test_foreign_exceptions_lose_their_text; edge/console/test_page.py: test_a_bug_shows_nothing_of_itself; "
    "edge/join/test_discretion.py: test_nothing_secret_is_logged_or_printed",
    21: "security/test_secrets.py: test_titles_forge_no_line; unit/test_logs.py: test_no_text_forges_a_line",
    22: "unit/test_terraform.py: test_no_client_may_read_or_write_documents",
    23: "security/test_egress.py: test_no_id_leads_elsewhere test_no_event_leads_elsewhere "
    "test_redirects_lead_nowhere test_keys_are_not_fetched_elsewhere test_settings_name_no_address "
    "test_a_port_is_a_number; contract/test_calendar_wire.py: test_redirects_are_not_followed",
    24: "contract/test_http_provider.py: test_join_urls; edge/console/test_page.py: test_titles_are_text; "
    "edge/join/test_page.py: test_titles_are_text",
    25: "security/test_egress.py: test_every_client_is_bounded test_there_is_no_other_way_out test_default_waits "
    "test_wired_waits test_no_answer_holds_us_up; unit/test_exchange.py: test_answers_without_end "
    "test_compressed_answers; contract/test_calendar_wire.py: test_no_usable_answer",
    26: "security/test_numbers.py: test_requirements_are_pinned_by_hash",
    27: "security/test_isolation.py: test_a_crowd_does_not_stand_before_others",
    28: "unit/test_signature.py: test_what_is_not_authentic test_only_pushes_of_these_minutes "
    "test_edges_of_the_window; security/test_fuzz.py: test_nothing_else_comes_out",
    29: "security/test_secrets.py: test_notes_expire; unit/test_terraform.py: test_logs_expire",
    30: "flow/consent/test_leaving.py: test_no_trace_is_left test_a_late_writer_leaves_nothing "
    "test_a_crash_at_any_call_is_gone_on_with test_every_collection_is_thought_of",
}
"""For each number the tests that show it, by file."""

NOT_YET: dict[int, str] = {}
"""What cannot be asked yet, and why.

Of S26 the audit and the linting of workflows belong to the CI: neither is there. S8's negative cache is left out on
purpose: it would be no help against invented ids, of which each costs one read, and could hide a channel that has just
been made.
"""


def test_every_number_is_shown_or_excused() -> None:
    """S1 to S30: a test, or the reason why there is none yet; never both."""
    assert sorted([*SHOWN, *NOT_YET]) == list(range(1, 31))


@pytest.mark.parametrize("number", SHOWN)
def test_the_tests_named_are_there(number: int) -> None:
    """No number points at a test that has gone."""
    for place in SHOWN[number].split("; "):
        file, _, names = place.partition(": ")
        module = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        assert set(names.split()) <= {node.name for node in module.body if isinstance(node, ast.FunctionDef)}, file


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_are_pinned_by_hash(file: str) -> None:
    """Every package, direct or not, has one version and the hashes of what may be installed of it (S26)."""
    entries = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / file).read_text(encoding="utf-8"))

    assert len(entries) > 20
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z,-]+\])?==[^\s=]+ ", entry), entry.splitlines()[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]
