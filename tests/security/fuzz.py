"""Throw bent bytes at everything that meets outside bytes: python -m tests.security.fuzz --examples 100000.

Each target gets so many; a failure is told with the bytes that caused it, and the run goes on with the next target.
The same seed throws the same bytes.
"""

from __future__ import annotations

import argparse
import random
import sys
import time

from infra.local.issuer import new_key
from tests.security.bytes_in import bent
from tests.security.targets import Target, targets


def thrown(target: Target, number: int) -> bytes:
    """The bytes of this number: always the same."""
    choice = random.Random(number)  # noqa: S311 - repeatable on purpose
    return bent(choice.choice(target.seeds), target.seeds, choice)


def throw(name: str, target: Target, first: int, examples: int) -> bool:
    """Throw them; False after the first failure, which is printed."""
    began = time.monotonic()
    for number in range(first, first + examples):
        data = thrown(target, number)
        try:
            target.check(data)
        except Exception as error:  # noqa: BLE001 - whatever comes out is what is looked for
            sys.stdout.write(f"{name}: {type(error).__name__}: {error} at {number}: {data[:2000]!r}\n")
            return False
    seconds = time.monotonic() - began
    sys.stdout.write(f"{name}: {examples} in {seconds:.0f} s\n")
    sys.stdout.flush()
    return True


def main() -> int:
    """Run what the command line asks for; the exit code is the number of targets that failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.security.fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000, help="for each target")
    parser.add_argument("--first", type=int, default=0, help="the number of the first example")
    parser.add_argument("--target", action="append", help="only this one; may be given several times")
    asked = parser.parse_args()
    with targets(new_key()) as found:
        chosen = {name: found[name] for name in asked.target or found}
        return sum(not throw(name, target, asked.first, asked.examples) for name, target in chosen.items())


if __name__ == "__main__":
    sys.exit(main())
