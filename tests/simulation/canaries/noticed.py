"""Whether the test that a canary names fails for the product as the canary has it."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.simulation.canaries.trial import End
from tests.simulation.canaries.variant import ROOT, Canary

FAILED = 1
"""How pytest ends if tests ran, and some failed."""


def by_its_test(canary: Canary) -> End:
    """The end of a trial by the canary's test: `what` names the one that failed; `fault` if pytest itself did."""
    began = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-n0",
        "--tb=no",
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
    ]
    command += ["-p", "tests.simulation.canaries.within", "--canary", canary.name, canary.test]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own tests
    seconds = time.monotonic() - began
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    if done.returncode == FAILED and failed:
        return End(None, seconds, oracle="test", what=failed[0].removeprefix("FAILED ").split(" - ")[0])
    told = (done.stdout + done.stderr).strip().splitlines()
    return End(None, seconds, fault="" if done.returncode == 0 else (told[-1] if told else "pytest said nothing"))
