"""Trials in processes of their own, and whether what they saw tells anything about the canary."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tests.simulation.canaries.trial import JUDGE, SOUND, End
from tests.simulation.canaries.variant import ROOT

BUG = "bug"
"""The oracle's name for an exception that is none of the product's errors: the variant itself is at fault."""


class _Line(msgspec.Struct, frozen=True):
    at: int | None = None
    end: End | None = None


_line = msgspec.json.Decoder(_Line)


@dataclass(slots=True)
class Trials:
    """Runs trials in processes of their own; what is red for the product as it is proves nothing of a canary."""

    seeds: int
    judge: str = JUDGE
    kind: str | None = None
    keep: bool = False
    sound: dict[int, bool] = field(default_factory=dict)
    """Whether the product as it is passes a seed, as far as that has been asked."""

    def first_red(self, name: str, tell: Callable[[int], None]) -> End:
        """The first seed that is red for this canary only; `tell` hears how far it is."""
        first, seconds = 0, 0.0
        while True:
            red = [seed for seed, green in dict(self.sound).items() if not green]
            end = self.run(name, range(first, self.seeds), tell, skip=red)
            seconds += end.seconds
            if end.seed is None or self._is_green(end.seed):
                if self.keep and end.seed is not None and end.oracle:
                    end = self.run(name, range(end.seed, end.seed + 1), tell, keep=True)
                return msgspec.structs.replace(end, seconds=seconds)
            first = end.seed + 1

    def run(
        self, name: str, seeds: range, tell: Callable[[int], None], *, skip: Sequence[int] = (), keep: bool = False
    ) -> End:
        """One trial over these seeds; with `keep`, the first red one's story is shortened and kept."""
        options = ["--first", str(seeds.start), "--seeds", str(len(seeds)), "--skip", *map(str, skip)]
        options += ["--kind", self.kind] if self.kind else []
        return self._trial(name, [*options, *(["--keep"] if keep else [])], tell)

    def replay(self, name: str, story: Path) -> End:
        """Live through a kept story once more, under the canary of this name."""
        return self._trial(name, ["--story", str(story)], lambda _: None)

    def _trial(self, name: str, options: Sequence[str], tell: Callable[[int], None]) -> End:
        command = [sys.executable, "-m", "tests.simulation.canaries.trial", name, "--judge", self.judge, *options]
        # The same hashes of texts in every process: a red seed is red again.
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        end: End | None = None
        with (
            tempfile.TemporaryFile("w+") as errors,
            subprocess.Popen(  # noqa: S603 - our own module
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
            ) as process,
        ):
            for text in process.stdout or ():
                line = _line.decode(text)
                end = line.end
                tell(line.at or 0)
            process.wait()
            errors.seek(0)
            told = errors.read().strip().splitlines()
        return end or End(None, 0.0, fault=told[-1] if told else "it ended without a word")

    def _is_green(self, seed: int) -> bool:
        if seed not in self.sound:
            end = self.run(SOUND, range(seed, seed + 1), lambda _: None)
            self.sound[seed] = end.seed is None and not end.fault
        return self.sound[seed]
