"""make deploy: what is packed, in which order tools are called, and what it says when it cannot begin."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from infra.google.deploy import SHIPPED, CannotDeploy, Shell, deploy, main, pack

PROJECT, REGION = "acme-lockstep", "europe-west6"


class Machine:
    """A machine with these tools, on which commands fail that contain one of these words."""

    def __init__(
        self, *, tools: Sequence[str] = ("terraform", "gcloud"), failing: str = "", answer: str = PROJECT
    ) -> None:
        self.ran: list[list[str]] = []
        self.said: list[str] = []
        self._tools, self._failing, self._answer = tools, failing, answer

    def shell(self) -> Shell:
        """It as a deployment sees it."""
        return Shell(
            lambda tool: tool if tool in self._tools else None, self._run, lambda _: self._answer, self.said.append
        )

    def _run(self, command: Sequence[str], quiet: bool) -> int:  # noqa: ARG002 - nothing is shown here anyway
        self.ran.append([*command])
        return 1 if self._failing and self._failing in command else 0

    @property
    def terraform(self) -> list[str]:
        """The Terraform commands that were run."""
        return [command[2] for command in self.ran if command[0] == "terraform"]


TAG = sys.implementation.cache_tag


def little(root: Path) -> Path:
    """A source tree with everything that is shipped, and some that is not."""
    for name in SHIPPED:
        if "." in name or name == "LICENSE":
            (root / name).write_text(f"{name}\n")
        else:
            (root / name / "inner").mkdir(parents=True)
            (root / name / "inner" / "code.py").write_text("pass\n")
    for stray in ("infra/google/terraform/main.tf", "functions/__pycache__/code.pyc", "infra/.env", "tests/test_it.py"):
        (root / stray).parent.mkdir(parents=True, exist_ok=True)
        (root / stray).write_text("not shipped")
    return root


def test_the_archive_has_what_the_functions_need_and_nothing_else(tmp_path: Path) -> None:
    """Source with its bytecode, the pinned requirements, the licence; no test, no hidden file, no Terraform."""
    packed = pack(tmp_path / "out" / "source.zip", root=little(tmp_path))
    with zipfile.ZipFile(packed) as archive:
        assert sorted(archive.namelist()) == sorted(
            [
                "LICENSE",
                "main.py",
                f"__pycache__/main.{TAG}.pyc",
                "requirements.txt",
                *(f"{one}/inner/code.py" for one in ("conference", "functions", "infra")),
                *(f"{one}/inner/__pycache__/code.{TAG}.pyc" for one in ("conference", "functions", "infra")),
            ]
        )


def test_the_same_source_has_the_same_bytes(tmp_path: Path) -> None:
    """Whenever and wherever it is packed; other source has others."""
    first = pack(tmp_path / "1.zip", root=little(tmp_path)).read_bytes()
    for path in tmp_path.rglob("*.py"):
        os.utime(path, (1, 2_000_000_000))
        path.chmod(0o600)
    assert pack(tmp_path / "2.zip", root=tmp_path).read_bytes() == first
    (tmp_path / "main.py").write_text("other")
    assert pack(tmp_path / "3.zip", root=tmp_path).read_bytes() != first


def test_bytecode_is_found_where_it_runs(tmp_path: Path) -> None:
    """Whatever instant the unpacked source seems to be of: a new process compiles nothing."""
    little(tmp_path)
    (tmp_path / "main.py").write_text("VALUE = 7\n")
    with zipfile.ZipFile(pack(tmp_path / "source.zip", root=tmp_path)) as archive:
        archive.extractall(tmp_path / "there")
    (tmp_path / "there" / "main.py").write_text("raise SystemExit('compiled')\n")
    done = subprocess.run(
        [sys.executable, "-c", "import main; print(main.VALUE, main.__cached__)"],
        cwd=tmp_path / "there",
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("7 ")


def test_a_module_for_another_python_is_packed_without_bytecode(tmp_path: Path) -> None:
    """What this one cannot read may still be right where it runs."""
    little(tmp_path)
    (tmp_path / "main.py").write_text("match = = 1\n")
    with zipfile.ZipFile(pack(tmp_path / "source.zip", root=tmp_path)) as archive:
        assert "main.py" in archive.namelist()
        assert f"__pycache__/main.{TAG}.pyc" not in archive.namelist()


STARTED = """
import re, sys
from importlib.metadata import packages_distributions

def plain(package):
    return re.sub(r"[-_.]+", "-", package).lower()

known = packages_distributions()
pinned = {plain(one) for one in re.findall(r"(?m)^([\\w.-]+)(?:\\[[\\w,]+\\])?==", open("requirements.txt").read())}

class NotInstalledThere:
    def find_spec(self, name, path=None, target=None):
        packages = known.get(name.partition(".")[0])
        if packages and not any(plain(one) in pinned for one in packages):
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, NotInstalledThere())
import infra.google.ground, infra.wiring, main
from google.cloud import kms_v1, secretmanager_v1  # imported at the first credential and the first secret
print(main.calendar_notification.__name__)
"""


def test_the_packed_source_starts_by_itself(tmp_path: Path) -> None:
    """Unpacked somewhere else, main.py and its wiring find all they import, with nothing but the pinned packages."""
    packed = pack(tmp_path / "source.zip")
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path / "there")
    done = subprocess.run(  # noqa: S603 - our own few lines
        [sys.executable, "-c", STARTED],
        cwd=tmp_path / "there",
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "calendar_notification"), done.stderr


def test_a_script_of_ones_own_is_packed_beside(tmp_path: Path) -> None:
    """Under its own name, where imports find it; not in the place of something of ours."""
    little(tmp_path)
    script = tmp_path / "elsewhere" / "hooks"
    script.mkdir(parents=True)
    (script / "notes.py").write_text("pass\n")
    with zipfile.ZipFile(pack(tmp_path / "source.zip", [script], root=tmp_path)) as archive:
        assert "hooks/notes.py" in archive.namelist()
    with pytest.raises(CannotDeploy, match="another name"):
        pack(tmp_path / "source.zip", [tmp_path / "elsewhere" / "main.py"], root=tmp_path)
    with pytest.raises(CannotDeploy, match="does not exist"):
        pack(tmp_path / "source.zip", [tmp_path / "absent"], root=tmp_path)


def test_what_is_planned_is_what_is_applied(tmp_path: Path) -> None:
    """Terraform is started, plans with our values, and applies that very plan once it is confirmed."""
    machine = Machine()
    deploy(PROJECT, REGION, machine.shell(), folder=tmp_path)
    assert machine.terraform == ["init", "plan", "apply"]
    planned, applied = machine.ran[-2:]
    assert f"-var=project={PROJECT}" in planned
    assert f"-var=region={REGION}" in planned
    assert f"-var=source_archive={tmp_path / '.deploy' / 'source.zip'}" in planned
    assert f"-out={applied[-1]}" in planned


@pytest.mark.parametrize("answer", ["", "y", "yes", "another-project"])
def test_nothing_is_applied_unless_the_project_is_named(tmp_path: Path, answer: str) -> None:
    """A habit of typing yes deploys nothing to the wrong project."""
    machine = Machine(answer=answer)
    with pytest.raises(CannotDeploy, match="Nothing was changed"):
        deploy(PROJECT, REGION, machine.shell(), folder=tmp_path)
    assert machine.terraform == ["init", "plan"]


@pytest.mark.parametrize(
    ("project", "region", "machine", "says"),
    [
        ("", REGION, Machine(), "PROJECT must be"),
        ("Acme", REGION, Machine(), "PROJECT must be"),
        (PROJECT, "", Machine(), "REGION must be"),
        (PROJECT, "-var=x", Machine(), "REGION must be"),
        (PROJECT, REGION, Machine(tools=["gcloud"]), "terraform is not installed"),
        (PROJECT, REGION, Machine(tools=["terraform"]), "gcloud is not installed"),
        (PROJECT, REGION, Machine(failing="print-access-token"), "gcloud auth application-default login"),
        (PROJECT, REGION, Machine(failing="describe"), f"no project {PROJECT}"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_done(
    tmp_path: Path, project: str, region: str, machine: Machine, says: str
) -> None:
    """With what to do about it; Terraform has not been started, and nothing is packed."""
    with pytest.raises(CannotDeploy, match=says):
        deploy(project, region, machine.shell(), folder=tmp_path)
    assert machine.terraform == []
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(("failing", "until"), [("init", ["init"]), ("plan", ["init", "plan"])])
def test_a_step_that_fails_is_the_last(tmp_path: Path, failing: str, until: list[str]) -> None:
    """What Terraform could not plan is not applied."""
    machine = Machine(failing=failing)
    with pytest.raises(CannotDeploy, match=f"terraform {failing} failed"):
        deploy(PROJECT, REGION, machine.shell(), folder=tmp_path)
    assert machine.terraform == until


def test_the_command_ends_with_an_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 when it did what was asked; 2 with one plain line when it cannot begin."""
    assert main(["--pack", str(tmp_path / "source.zip")]) == 0
    with zipfile.ZipFile(io.BytesIO((tmp_path / "source.zip").read_bytes())) as archive:
        assert "main.py" in archive.namelist()
    assert main([]) == 2
    assert "PROJECT must be" in capsys.readouterr().err
