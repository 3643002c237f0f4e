"""What Terraform would deploy to Google, read from its files and held against the code; Google is not needed."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import pytest

from functions import clock
from functions.ground import Policy
from functions.telemetry import tally
from infra.google.edge import account, base_url
from infra.google.firestore_indexes import LIST, listed
from infra.google.kms import key_name
from infra.google.queues import QueuePlan
from infra.google.secrets import NAMES
from infra.google.task_address import CALLED, queue_ids
from infra.settings import Settings, settings_of

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "infra" / "google" / "terraform"
PUBLIC = {"calendar_notification", "provider_webhook", "addon", "consent"}

needs_terraform = pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")


@cache
def text(pattern: str = "*.tf") -> str:
    """All files, one after the other, without comments."""
    whole = "\n".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob(pattern)))
    return re.sub(r"(?m)(^\s*|\s)#.*$", "", whole)


@cache
def parsed() -> list[dict[str, Any]]:
    """Every file's blocks."""
    return [plain(hcl2.loads(path.read_text(encoding="utf-8"))) for path in sorted(FOLDER.glob("*.tf"))]


@cache
def blocks(kind: str) -> dict[str, Any]:
    """The blocks of a kind ("resource", "variable") by their labels joined with a dot."""
    found: dict[str, Any] = {}
    for file in parsed():
        for block in file.get(kind, []):
            for first, inner in block.items():
                labelled = {f"{first}.{second}": one for second, one in inner.items()}
                found.update(labelled if kind == "resource" else {first: inner})
    return found


@cache
def local_values() -> dict[str, Any]:
    """All local values, as they are written."""
    return {name: value for file in parsed() for block in file.get("locals", []) for name, value in block.items()}


def plain(value: Any) -> Any:
    """A parsed value without the parser's own notes and quotation marks; a block that stands alone is no list."""
    if isinstance(value, dict):
        kept = {key: one for key, one in value.items() if key not in {"__is_block__", "__comments__"}}
        return {str(plain(key)): plain(one) for key, one in kept.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, str):
        return value[1:-1] if re.fullmatch(r'".*"', value, re.DOTALL) else value
    return value


def resource(name: str) -> Any:
    """A resource by its type and name."""
    return blocks("resource")[name]


def declared() -> dict[str, dict[str, Any]]:
    """The table of functions."""
    found: dict[str, dict[str, Any]] = local_values()["declared"]
    return found


def in_main() -> set[str]:
    """The functions that main.py registers."""
    return set(re.findall(r"@functions_framework\.http\s+def (\w+)\(", (ROOT / "main.py").read_text(encoding="utf-8")))


# ---- Functions and their callers --------------------------------------------------------------


def test_every_function_of_main_is_deployed() -> None:
    """Whatever main.py defines is declared, and nothing else."""
    assert in_main() == set(declared())


def test_each_function_is_deployed_under_its_own_name_as_its_own_account() -> None:
    """Name and entry point are the function's; no two share an account."""
    function = resource("google_cloudfunctions2_function.each")
    account = resource("google_service_account.function")
    assert function["for_each"] == account["for_each"] == "${local.functions}"
    assert function["name"] == function["build_config"][0]["entry_point"] == "${each.key}"
    own = "${google_service_account.function[each.key].email}"
    assert function["service_config"][0]["service_account_email"] == own
    ids = {f"lockstep-{name.replace('_', '-')}" for name in declared()}
    assert account["account_id"] == 'lockstep-${replace(each.key, "_", "-")}'
    assert len(ids) == len(declared())
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", one) for one in ids)


def test_only_four_functions_are_public() -> None:
    """Anyone may call what must be reached from outside, and nothing else."""
    assert {name for name, one in declared().items() if one["caller"] == "anyone"} == PUBLIC
    assert text().count("allUsers") == 1
    assert "allAuthenticatedUsers" not in text()


def test_callers_are_those_that_the_functions_admit() -> None:
    """functions/http/tasks.py and Terraform agree on who calls what."""
    door = (ROOT / "functions" / "http" / "tasks.py").read_text(encoding="utf-8")
    admitted = dict(re.findall(r'_task\(door, request, "(\w+)", door\.(tasks|scheduler)_account', door))
    assert {name: one["caller"] for name, one in declared().items() if one["caller"] != "anyone"} == admitted
    assert {name for name, caller in admitted.items() if caller == "tasks"} == set(CALLED)


def test_the_invokers_are_exactly_the_right_accounts() -> None:
    """Authoritative, one member for each function: everybody, the tasks' account, or the scheduler's."""
    binding = resource("google_cloud_run_v2_service_iam_binding.invoker")
    assert binding["for_each"] == "${local.functions}"
    assert binding["role"] == "roles/run.invoker"
    assert binding["members"] == ["${local.callers[each.value.caller]}"]
    assert local_values()["callers"] == {
        "anyone": "allUsers",
        "tasks": "${google_service_account.tasks.member}",
        "scheduler": "${google_service_account.scheduler.member}",
    }


def test_the_clock_ticks_each_minute_as_the_schedulers_account() -> None:
    """Cloud Scheduler calls tick, with a token for just that address."""
    job = resource("google_cloud_scheduler_job.tick")
    target = job["http_target"][0]
    assert job["schedule"] == "* * * * *"
    assert target["http_method"] == "POST"
    assert target["uri"].endswith("/tick")
    assert target["oidc_token"][0]["audience"] == target["uri"]
    assert target["oidc_token"][0]["service_account_email"] == "${google_service_account.scheduler.email}"


# ---- Rights -----------------------------------------------------------------------------------

ROLES = {
    "google_project_iam_member.documents": "roles/datastore.user",
    "google_project_iam_member.build_logs": "roles/logging.logWriter",
    "google_project_iam_member.traces": "roles/telemetry.tracesWriter",
    "google_project_iam_member.figures": "roles/telemetry.metricsWriter",
    "google_service_account_iam_binding.callers": "roles/iam.serviceAccountUser",
    "google_service_account_iam_binding.signers": "roles/iam.serviceAccountTokenCreator",
    "google_project_iam_member.build_source": "roles/storage.objectViewer",
    "google_artifact_registry_repository_iam_member.build": "roles/artifactregistry.writer",
    "google_cloud_tasks_queue_iam_binding.enqueuers": "roles/cloudtasks.enqueuer",
    "google_kms_crypto_key_iam_binding.credentials": "roles/cloudkms.cryptoKeyEncrypterDecrypter",
    "google_secret_manager_secret_iam_binding.readers": "roles/secretmanager.secretAccessor",
    "google_cloud_run_v2_service_iam_binding.invoker": "roles/run.invoker",
}


def test_these_are_all_the_rights_that_are_given() -> None:
    """Each role on the narrowest thing that has it; none of owner, editor, viewer or admin."""
    given = {name: one["role"] for name, one in blocks("resource").items() if "_iam_" in name}
    assert given == ROLES
    assert not re.search(r"roles/(owner|editor|viewer)|[aA]dmin\"", text())
    assert "google_service_account_key" not in text()


def test_rights_in_the_whole_project_are_narrowed() -> None:
    """Documents to one database, source to its buckets; a log, traces and figures may be written, and not read."""
    whole = {name for name in blocks("resource") if name.startswith("google_project_iam_")}
    narrowed = {name: resource(name)["condition"][0]["expression"] for name in whole if "condition" in resource(name)}
    assert whole - set(narrowed) == {
        f"google_project_iam_member.{name}" for name in ("build_logs", "traces", "figures")
    }
    assert "google_firestore_database.documents.name" in narrowed["google_project_iam_member.documents"]
    assert "google_storage_bucket.source.name" in narrowed["google_project_iam_member.build_source"]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("google_cloud_tasks_queue_iam_binding.enqueuers", "tasks"),
        ("google_service_account_iam_binding.callers", "tasks"),
        ("google_kms_crypto_key_iam_binding.credentials", "calendar"),
        ("google_service_account_iam_binding.signers", "calendar"),
    ],
)
def test_rights_go_to_the_functions_that_are_said_to_need_them(name: str, field: str) -> None:
    """The members are the functions whose line in locals.tf says so."""
    members = re.sub(r"\s+", " ", str(resource(name)["members"]))
    assert re.search(
        rf"local\.functions ?: ?google_service_account\.function\[name\]\.member if function\.{field}\b", members
    )


def test_the_account_that_acts_for_users_has_no_other_right() -> None:
    """It stands only where delegation is wanted, and has no key: functions that speak to calendars sign as it."""
    signers = resource("google_service_account_iam_binding.signers")
    assert resource("google_service_account.delegate")["count"] == signers["count"]
    assert signers["count"] == "${local.delegated ? 1 : 0}"
    assert signers["service_account_id"] == "${google_service_account.delegate[0].name}"
    assert text().count("google_service_account.delegate[0]") == 2  # signing as it, and telling its client id


def test_telemetry_may_be_written_only_where_it_is_asked_for() -> None:
    """To Google's own collector; without the setting nobody has the right."""
    for name in ("traces", "figures"):
        assert resource(f"google_project_iam_member.{name}")["for_each"] == "${local.tellers}"
    assert "if local.tells_google" in text("telemetry.tf")
    named = set(re.findall(r'lookup\(local\.wished, "(\w+)"', text("telemetry.tf")))
    assert named == {"TELEMETRY", "TELEMETRY_ENDPOINT"}
    assert all(hasattr(Settings(), name.lower()) for name in named)


def test_the_edge_knows_no_secret_that_it_does_not_need() -> None:
    """Whoever takes over the function that answers notices can read no credential and no provider's token."""
    table = declared()
    assert not any(table["calendar_notification"][one] for one in ("calendar", "meetings", "webhooks"))
    assert not any(table["provider_webhook"][one] for one in ("calendar", "meetings"))
    assert {name for name, one in table.items() if one["webhooks"]} == {"provider_webhook"}


def test_no_secret_passes_through_terraform() -> None:
    """Its state would keep it: secrets are declared, and given their values elsewhere."""
    assert "google_secret_manager_secret_version" not in text()
    assert "random_password" not in text()


# ---- Figures ----------------------------------------------------------------------------------


def test_who_holds_a_feed_is_ended_before_another_may_take_it() -> None:
    """A run's time is longer than it works by itself, and shorter than its lease; Cloud Tasks waits longer still."""
    policy, settings = Policy(), Settings()
    for name in ("sync_calendar", "reconcile_event", "patch_event"):
        assert policy.inline < declared()[name]["timeout"] < min(policy.lease, settings.lease)
    assert declared()["run_trigger"]["timeout"] < policy.run
    assert all(declared()[name]["timeout"] < settings.task_deadline for name in CALLED)
    assert local_values()["decided"]["TASK_DEADLINE"] == f"{settings.task_deadline:.0f}"


def test_queues_are_those_of_the_code() -> None:
    """The same limits, and retries that outlast three days."""
    queue, plan = resource("google_cloud_tasks_queue.each"), QueuePlan("lockstep")
    retry = queue["retry_config"][0]
    assert retry == {
        "max_attempts": plan.attempts,
        "max_retry_duration": f"{plan.patience.total_seconds():.0f}s",
        "min_backoff": f"{plan.min_backoff.total_seconds():.0f}s",
        "max_backoff": f"{plan.max_backoff.total_seconds():.0f}s",
        "max_doublings": plan.doublings,
    }
    assert plan.patience >= timedelta(days=3)
    rates = queue["rate_limits"][0]
    assert rates["max_dispatches_per_second"] == f"${{try(var.queue_rates[each.value].per_second, {plan.per_second})}}"
    assert rates["max_concurrent_dispatches"] == f"${{try(var.queue_rates[each.value].concurrent, {plan.concurrent})}}"
    assert queue["lifecycle"][0]["prevent_destroy"] is True


def test_logs_expire() -> None:
    """Within thirty days."""
    assert resource("google_logging_project_bucket_config.default")["retention_days"] <= 30


# ---- What the functions are told, and what they find -------------------------------------------


def told_settings(**chosen: str) -> dict[str, str]:
    """The environment of a function of the project acme-lockstep, as far as the deployment decides it."""
    variables = {"project": "acme-lockstep", "region": "europe-west6", "task_queues": "function"} | chosen
    credentials = variables.setdefault("credentials", "consent")
    base = "https://europe-west6-acme-lockstep.cloudfunctions.net"
    delegate = f"{local_values()['delegate']}@acme-lockstep.iam.gserviceaccount.com"
    known: dict[str, str] = {
        **{f"${{var.{name}}}": value for name, value in variables.items()},
        "${local.queue_name}": local_values()["queue_name"],
        "${local.base_url}": base,
    }
    decided: dict[str, str] = dict(local_values()["decided"])
    assert "local.delegated ?" in decided["DELEGATION_ACCOUNT"]
    decided["DELEGATION_ACCOUNT"] = delegate if credentials == "delegation" else ""
    return {f"LOCKSTEP_{name}": known.get(value, value) for name, value in decided.items()}


@pytest.mark.parametrize("credentials", ["consent", "delegation"])
def test_the_ground_is_told_all_that_it_needs(credentials: str) -> None:
    """The settings that the deployment decides make a whole Google ground, and nothing in them is a local stack's."""
    settings = settings_of(told_settings(credentials=credentials))

    assert (settings.ground, settings.services, settings.credentials) == ("google", "google", credentials)
    assert settings.public_url == base_url(settings)
    assert "${" not in str(settings)


def test_every_setting_that_the_ground_reads_can_be_passed() -> None:
    """What infra/google and the parts around it read of the settings is decided, or may be wished for by its name."""
    files = [*(ROOT / "infra" / "google").glob("*.py"), *(ROOT / "infra" / f"{one}.py" for one in ("addon", "script"))]
    read = {name for file in files for name in re.findall(r"settings\.(\w+)", file.read_text(encoding="utf-8"))}
    documented = re.findall(
        r"(?m)^\| `LOCKSTEP_([A-Z_]+)`", (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    )

    properties = {"base_url", "calendar_url", "vendor_url"}
    assert {name.upper() for name in read - properties} <= set(documented)
    assert set(local_values()["decided"]) <= set(documented)


def test_accounts_key_and_secrets_are_called_what_the_code_calls_them() -> None:
    """The code reckons their names from the project; Terraform makes them under these names."""
    settings = settings_of(told_settings())
    for name in ("tasks", "scheduler"):
        made = resource(f"google_service_account.{name}")["account_id"]
        assert account(settings, name) == f"{made}@acme-lockstep.iam.gserviceaccount.com"
    ring, key = resource("google_kms_key_ring.lockstep"), resource("google_kms_crypto_key.credentials")
    assert key_name("acme-lockstep", "europe-west6") == (
        f"projects/acme-lockstep/locations/europe-west6/keyRings/{ring['name']}/cryptoKeys/{key['name']}"
    )
    assert ring["location"] == "${var.region}"
    assert {f"lockstep-{name}" for name in local_values()["secrets"]} == set(NAMES)
    assert resource("google_secret_manager_secret.each")["secret_id"] == "lockstep-${each.key}"


# ---- Documents --------------------------------------------------------------------------------


def test_indexes_and_expiry_are_read_from_the_stores_own_list() -> None:
    """Each index with its fields in order; each field that is to have none, and the instants that documents expire."""
    assert (FOLDER / ".." / LIST.name).resolve() == LIST.resolve()
    assert local_values()["listed"] == f'${{jsondecode(file("${{path.module}}/../{LIST.name}"))}}'
    index, field = resource("google_firestore_index.listed"), resource("google_firestore_field.listed")
    assert "local.listed.indexes" in index["for_each"]
    assert index["dynamic"][0]["fields"]["content"] == [
        {"field_path": "${fields.value.fieldPath}", "order": "${fields.value.order}"}
    ]
    assert "local.listed.fieldOverrides" in field["for_each"]
    assert field["index_config"] == [{}]
    assert field["dynamic"][0]["ttl_config"]["for_each"] == "${try(each.value.ttl, false) ? [true] : []}"


def test_the_list_needs_no_more_than_terraform_makes_of_it() -> None:
    """No index stands there twice, and no field is listed that would have indexes after all."""
    names = [(one.collection_group, *(field.field_path for field in one.fields)) for one in listed().indexes]
    assert len({*names}) == len(names)
    assert not any(one.indexes for one in listed().field_overrides)


def test_no_client_may_read_or_write_documents() -> None:
    """Firestore's rules deny everything; only the functions' accounts come in."""
    rules = (FOLDER / "firestore.rules").read_text(encoding="utf-8")
    assert re.findall(r"allow [^;]*;", rules) == ["allow read, write: if false;"]
    assert "match /{document=**}" in rules
    assert resource("google_firebaserules_release.closed")["name"] == "cloud.firestore"


# ---- Alerts -----------------------------------------------------------------------------------


def told() -> list[str]:
    """The messages that metrics count."""
    return [
        message
        for name, one in local_values()["logged"].items()
        for group in re.findall(r'jsonPayload\.message=(\\"[^"]*\\"|\([^)]*\))', one["lines"])
        for message in re.findall(r'\\"([^"]*)\\"', group)
    ]


def test_alerts_wait_for_lines_that_are_written() -> None:
    """Each message of a metric stands in a log call of the functions, word for word."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "functions").rglob("*.py"))
    said = set(re.findall(r'log\.\w+\(\s*"([^"]+)"', source))
    assert len(told()) >= len(local_values()["logged"])
    assert set(told()) <= said


def test_figures_are_read_from_lines_that_have_them() -> None:
    """Each line stands in a log call of the functions, with the field that the metric extracts."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "functions").rglob("*.py"))
    for name, one in local_values()["timed"].items():
        (message,) = re.findall(r'jsonPayload\.message=\\"([^"\\]*)\\"', one["lines"])
        (call,) = re.findall(rf'\w+\(\s*"{message}",?(.*?)\n\s*\)?\n', source, re.DOTALL)
        dynamic = {"feeds polled": clock.HEALTHS, "answered": (*tally(["provider:http"]),)}.get(message, ())
        assert f"{one['field']}=" in call or one["field"] in dynamic, name
    assert resource("google_logging_metric.timed")["for_each"] == "${local.timed}"


def test_no_error_is_logged_that_nobody_is_told_of() -> None:
    """Whatever a deployed function logs as an error is counted; pages that are not deployed are not."""
    paths = [path for path in (ROOT / "functions").rglob("*.py") if not {"console", "join"} & set(path.parts)]
    source = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    assert set(re.findall(r'log\.(?:error|critical|exception)\(\s*"([^"]+)"', source)) <= set(told())


def test_what_needs_a_person_has_an_alert() -> None:
    """Dead letters, calendars that stop or fail, channels, latency, and a clock that is silent."""
    assert {"dead", "feeds_stopped", "feeds_failing", "channels_expiring"} <= set(local_values()["logged"])
    assert {"latency", "late", "slow_notices"} <= set(local_values()["measured"])
    for name, of in (("logged", "logged"), ("measured", "measured")):
        assert resource(f"google_monitoring_alert_policy.{name}")["for_each"] == f"${{local.{of}}}"
    assert "condition_absent" in resource("google_monitoring_alert_policy.silent_clock")["conditions"][0]


# ---- The files themselves ---------------------------------------------------------------------


def test_every_reference_leads_somewhere() -> None:
    """No variable, local value or resource is named that is not declared, and no variable is declared for nothing."""
    assert set(re.findall(r"\bvar\.(\w+)", text())) == set(blocks("variable"))
    assert set(re.findall(r"\blocal\.(\w+)", text())) <= set(local_values())
    assert set(re.findall(r"(?<!data\.)\b(google_\w+\.\w+)\b(?!\.googleapis)", text())) <= {
        *blocks("resource"),
        *(f"google_project.{name}" for name in ("this",)),
    }


@pytest.mark.parametrize("kind", ["variable", "output"])
def test_whatever_people_set_or_read_is_described(kind: str) -> None:
    """Each has a description, and each variable a type."""
    for name, one in blocks(kind).items():
        assert one.get("description"), name
        assert kind == "output" or one.get("type"), name


@needs_terraform
def test_the_files_are_formatted() -> None:
    """As terraform fmt would, which also refuses what is no HCL."""
    done = subprocess.run(  # noqa: S603 - the same command for everybody
        ["terraform", f"-chdir={FOLDER}", "fmt", "-check", "-recursive"],  # noqa: S607 - wherever it is installed
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
        env={"PATH": _path(), "TF_CLI_CONFIG_FILE": "/dev/null"},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _path() -> str:
    found = shutil.which("terraform")
    return str(Path(found).parent) if found else ""


def test_queue_ids_are_those_that_tasks_are_put_into() -> None:
    """One for all, and the code's own for each function that tasks call."""
    assert local_values()["queue_name"] == "lockstep"
    assert '"${local.queue_name}-${replace(kind, "_", "-")}"' in text("locals.tf")
    assert all(one.startswith("lockstep-") and "_" not in one for one in queue_ids("lockstep", CALLED).values())
