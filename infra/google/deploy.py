"""Lays Lockstep out in a Google Cloud project: python -m infra.google.deploy PROJECT REGION, or make deploy.

It packs the functions' source and has Terraform plan and, when that is confirmed, apply what stands in `terraform/`.
The archive has the same bytes for the same source (https://reproducible-builds.org/docs/archives/), so that a second
deployment of it changes nothing. docs/deploy.md tells what comes before and after.
"""

from __future__ import annotations

import argparse
import marshal
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path

ROOT = Path(__file__).parents[2]
TERRAFORM = ROOT / "infra" / "google" / "terraform"
SHIPPED = ("main.py", "requirements.txt", "LICENSE", "conference", "functions", "infra")
LEFT_OUT = frozenset({"__pycache__", "terraform", "node_modules"})
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The instant of every file in the archive; a zip knows none before."""

_PROJECT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]+")

_TOOLS = {
    "terraform": "https://developer.hashicorp.com/terraform/install",
    "gcloud": "https://cloud.google.com/sdk/docs/install",
}


class CannotDeploy(Exception):
    """Something that a person must mend first; the text says what, and how."""


@dataclass(frozen=True, slots=True)
class Shell:
    """What a deployment needs of the machine; `run` returns a command's exit code, its output hidden if `quiet`."""

    find: Callable[[str], str | None]
    run: Callable[[Sequence[str], bool], int]
    ask: Callable[[str], str]
    say: Callable[[str], None]


def pack(to: Path, extra: Sequence[Path] = (), *, root: Path = ROOT) -> Path:
    """Write the source archive to `to`: what the functions need, and the files and folders of `extra` by their names.

    Beside each module stands its bytecode: where the functions run nobody keeps it from one start to the next.
    Raises CannotDeploy if something of it is not there, or would stand where something else stands.
    """
    places = {name: root / name for name in SHIPPED}
    for path in extra:
        if path.name in places:
            raise CannotDeploy(f"{path}: the archive has a {path.name} already; give it another name")
        places[path.name] = path
    for path in places.values():
        if not path.exists():
            raise CannotDeploy(f"{path} does not exist")
    to.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(to, "w") as archive:
        for name, path in sorted(_files(places)):
            content = path.read_bytes()
            _write(archive, name, content)
            if path.suffix == ".py" and (code := _bytecode(name, content)) is not None:
                at = Path(name)
                _write(archive, f"{at.parent / '__pycache__' / at.stem}.{sys.implementation.cache_tag}.pyc", code)
    return to


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, EARLIEST)
    entry.external_attr = 0o100644 << 16  # a plain file that all may read
    archive.writestr(entry, content, zipfile.ZIP_DEFLATED)


def _bytecode(name: str, source: bytes) -> bytes | None:
    """What this Python would keep of a module, to be believed whenever the source was written; None if it is wrong.

    Other versions of Python look for files of other names. https://peps.python.org/pep-0552/
    """
    try:
        code = compile(source, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None  # meant for another version, or never imported
    unchecked = (1).to_bytes(4, "little")
    # In marshal's second version the bytes depend on the code alone, not on what else this process holds.
    return MAGIC_NUMBER + unchecked + source_hash(source) + marshal.dumps(code, 2)


def _files(places: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    for name, place in places.items():
        for path in [place] if place.is_file() else place.rglob("*"):
            within = path.relative_to(place)
            if path.is_file() and not _left_out(within):
                yield (Path(name) / within).as_posix(), path


def _left_out(path: Path) -> bool:
    return any(part in LEFT_OUT or part.startswith(".") for part in path.parts) or path.suffix == ".pyc"


def deploy(project: str, region: str, shell: Shell, *, extra: Sequence[Path] = (), folder: Path = ROOT) -> None:
    """Pack, plan, ask, apply; `folder` is where .deploy/ is made. Raises CannotDeploy, having changed nothing there."""
    check(project, region, shell)
    work = folder / ".deploy"
    source, plan = pack(work / "source.zip", extra), work / f"{project}.tfplan"
    shell.say(f"Packed {source} ({source.stat().st_size // 1024} kB).")
    values = {"project": project, "region": region, "source_archive": str(source.resolve())}
    given = [f"-var={name}={value}" for name, value in values.items()]
    _terraform(shell, "init", "-input=false")
    _terraform(shell, "plan", "-input=false", f"-out={plan.resolve()}", *given)
    if shell.ask(f"Type {project} to do this, anything else to leave all as it is: ").strip() != project:
        raise CannotDeploy("Nothing was changed.")
    _terraform(shell, "apply", "-input=false", str(plan.resolve()))
    shell.say("Deployed. docs/deploy.md, *Secrets* and *Consent*, tells what is left to do the first time.")


def check(project: str, region: str, shell: Shell) -> None:
    """Return if a deployment can begin; raise CannotDeploy with what is missing otherwise."""
    if not _PROJECT.fullmatch(project):
        raise CannotDeploy("PROJECT must be a project's id: make deploy PROJECT=acme-lockstep REGION=europe-west6")
    if not _REGION.fullmatch(region):
        raise CannotDeploy("REGION must be a region: make deploy PROJECT=acme-lockstep REGION=europe-west6")
    missing = [f"{tool} is not installed: {where}" for tool, where in _TOOLS.items() if shell.find(tool) is None]
    if missing:
        raise CannotDeploy("\n".join(missing))
    if shell.run(["gcloud", "auth", "application-default", "print-access-token"], True):
        raise CannotDeploy("There are no credentials for Terraform: gcloud auth application-default login")
    if shell.run(["gcloud", "projects", "describe", project], True):
        raise CannotDeploy(
            f"There is no project {project}, or it is not yours: gcloud auth login, or gcloud projects create {project}"
        )


def _terraform(shell: Shell, command: str, *options: str) -> None:
    if shell.run(["terraform", f"-chdir={TERRAFORM}", command, *options], False):
        raise CannotDeploy(f"terraform {command} failed; it says above why. docs/deploy.md has a list of what may be.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Deploy, or only pack; the exit code is 2 if it could not be done."""
    parser = argparse.ArgumentParser(prog="python -m infra.google.deploy", description=__doc__)
    parser.add_argument("project", nargs="?", default="", help="the Google Cloud project's id")
    parser.add_argument("region", nargs="?", default="", help="such as europe-west6")
    parser.add_argument("--include", type=Path, nargs="*", default=[], help="your script's modules, beside Lockstep's")
    parser.add_argument("--pack", type=Path, metavar="FILE", help="write the source archive there, and do no more")
    asked = parser.parse_args(arguments)
    try:
        if asked.pack:
            pack(asked.pack, asked.include)
        else:
            deploy(asked.project, asked.region, _machine(), extra=asked.include)
    except (CannotDeploy, EOFError) as error:
        sys.stderr.write(f"{error or 'Nobody was there to confirm it: nothing was changed.'}\n")
        return 2
    return 0


def _machine() -> Shell:
    return Shell(shutil.which, _run, input, lambda line: print(line, flush=True))  # noqa: T201 - a command says what it does


def _run(command: Sequence[str], quiet: bool) -> int:
    hidden = subprocess.DEVNULL if quiet else None
    return subprocess.run(command, stdout=hidden, stderr=hidden, check=False).returncode  # noqa: S603 - no shell reads it


if __name__ == "__main__":
    sys.exit(main())
