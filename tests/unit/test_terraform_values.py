"""What Terraform itself reckons from the code and from people's variables, before it needs Google's provider.

`locals.tf` and `settings.tf` refer to nothing of Google's, so that Terraform plans them by themselves.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.google.firestore_indexes import listed
from infra.google.task_address import CALLED, queue_ids
from infra.settings import FIELDS, Settings
from infra.settings import settings_of as read

ROOT = Path(__file__).parents[2]
GIVEN = {"project": "acme-lockstep", "region": "europe-west6", "source_archive": "source.zip"}
READ = (
    "main.py",
    "docs/settings.md",
    "infra/google/firestore_indexes.json",
    *(f"infra/google/terraform/{name}.tf" for name in ("variables", "locals", "settings")),
)
OUTPUT = """
output "values" {
  value = {
    environment = local.environment
    documented  = local.documented
    functions   = local.functions
    queues      = local.queue_kinds
    secrets     = local.secrets
    listed      = local.listed
  }
}
"""

pytestmark = pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")


class Refused(Exception):
    """Terraform would not plan; the text is what it said."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files that can be planned without Google, where they find what they read; each plan starts anew."""
    copy = tmp_path_factory.mktemp("deployment")
    for name in READ:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    at = copy / "infra" / "google" / "terraform"
    (at / "values.tf").write_text(OUTPUT, encoding="utf-8")
    terraform(at, "init", "-input=false")
    return at


def terraform(at: Path, *command: str) -> str:
    """What a command says, without colours and line breaks of its frames. Raises Refused if it fails."""
    done = subprocess.run(  # noqa: S603 - arguments of this file alone
        ["terraform", *command, *([] if command[0] == "show" else ["-no-color"])],  # noqa: S607 - wherever it is
        cwd=at,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "TF_CLI_CONFIG_FILE": "/dev/null", "CHECKPOINT_DISABLE": "1"},
    )
    if done.returncode:
        raise Refused(" ".join(done.stderr.split()))
    return done.stdout


def reckoned(at: Path, **variables: Any) -> dict[str, Any]:
    """The values that these variables lead to. Raises Refused."""
    (at / "terraform.tfvars.json").write_text(json.dumps(GIVEN | variables), encoding="utf-8")
    terraform(at, "plan", "-input=false", "-out=plan")
    told = json.loads(terraform(at, "show", "-json", "plan"))
    values: dict[str, Any] = told["planned_values"]["outputs"]["values"]["value"]
    return values


def settings_of(values: dict[str, Any]) -> Settings:
    """The settings that a function started with this environment has."""
    return read(values["environment"])


def test_functions_start_with_the_settings_of_the_deployment(folder: Path) -> None:
    """Our own program takes them, and finds the project, the store and the queues that were laid out."""
    values = reckoned(folder)
    settings = settings_of(values)
    assert (settings.store, settings.queue, settings.task_queues) == ("firestore", "cloudtasks", "function")
    assert (settings.project, settings.region) == (GIVEN["project"], GIVEN["region"])
    assert settings.public_url == f"https://{GIVEN['region']}-{GIVEN['project']}.cloudfunctions.net"
    assert settings.task_queue in values["queues"]
    assert settings.janus == "off"


@pytest.mark.parametrize("credentials", ["consent", "delegation"])
def test_functions_stand_on_google_as_users_are_acted_for(folder: Path, credentials: str) -> None:
    """The ground, and the account that a Workspace's administrator lets act for its users, where one is wanted."""
    settings = settings_of(reckoned(folder, credentials=credentials))
    delegate = f"lockstep-delegate@{GIVEN['project']}.iam.gserviceaccount.com"
    assert (settings.ground, settings.services, settings.credentials) == ("google", "google", credentials)
    assert settings.delegation_account == (delegate if credentials == "delegation" else "")
    with pytest.raises(Refused, match="consent or delegation"):
        reckoned(folder, credentials="keys")


def test_every_setting_can_be_passed(folder: Path) -> None:
    """Whichever the deployment does not decide by itself, also one that is new tomorrow."""
    decided = {name.removeprefix("LOCKSTEP_").lower() for name in reckoned(folder)["environment"]}
    simple = (str, int, float, bool)
    defaults = {name: field.default for name, field in FIELDS.items()}
    fields = {name: one for name, one in defaults.items() if name not in decided and isinstance(one, simple)}
    wished = {name: str(default) for name, default in fields.items()}
    values = reckoned(folder, settings=wished)
    assert {name.lower() for name in values["documented"]} == set(FIELDS)
    assert {f"LOCKSTEP_{name.upper()}": value for name, value in wished.items()}.items() <= values[
        "environment"
    ].items()
    assert {name: getattr(settings_of(values), name) for name in fields} == fields


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"settings": {"brust": "2"}}, "There are no such settings: BRUST."),
        ({"settings": {"store": "sqlite"}}, "The deployment decides these by itself: STORE."),
        ({"project": "Acme"}, "It must be a project id"),
        ({"region": "Zurich"}, "It must be a region"),
        ({"runtime": "python310"}, "Lockstep needs python311 or newer"),
        ({"task_queues": "many"}, "It must be one, function or provider"),
        ({"task_ingress": "CLOSED"}, "It must be ALLOW_ALL or"),
        ({"providers_called": ["Ac me"]}, "A provider's name is"),
        ({"queue_rates": {"http": {"per_second": 501, "concurrent": 1}}}, "Cloud Tasks calls at most 500 times"),
        ({"most_instances": 0}, "It must be a whole number"),
    ],
)
def test_a_wrong_wish_is_refused_in_plain_words(folder: Path, variables: dict[str, Any], says: str) -> None:
    """When it is planned, before anything is made."""
    with pytest.raises(Refused, match=re.escape(says)):
        reckoned(folder, **variables)


def test_what_main_defines_is_what_is_deployed(folder: Path) -> None:
    """One that is declared before main.py has it is left out."""
    defined = set(re.findall(r"(?m)^def (\w+)\(request", (ROOT / "main.py").read_text(encoding="utf-8")))
    values = reckoned(folder)
    assert set(values["functions"]) == defined
    assert set(values["listed"]) == {"indexes", "fieldOverrides"}
    assert len(values["listed"]["indexes"]) == len(listed().indexes)


def test_queues_have_the_ids_that_tasks_are_put_into(folder: Path) -> None:
    """One for all, one for each function that tasks call, one for each provider; the code reckons the same names."""
    queues = reckoned(folder, providers_called=["http", "acme_meet"])["queues"]
    kinds = {**queue_ids("lockstep", (*CALLED, "http", "acme_meet"))}
    assert queues == {"lockstep": "", **{name: kind for kind, name in kinds.items()}}


def test_secrets_are_read_by_those_who_need_them(folder: Path) -> None:
    """None of them by the function that answers Google's notices; what vendors sign with by the webhook alone."""
    secrets = reckoned(folder)["secrets"]
    assert secrets["http-webhooks"] == ["provider_webhook"]
    assert not any("calendar_notification" in readers for readers in secrets.values())
    assert {"sync_calendar", "reconcile_event", "patch_event", "run_trigger"} <= set(secrets["oauth-client"])
