"""A canary: the product with one protection removed, as edits of its source, and the import of such a variant.

Authority: https://docs.python.org/3/library/importlib.html#importlib.abc.MetaPathFinder
Nothing is written and nothing is changed while the product runs: the edited text is compiled in place of the file's,
before any other module has seen the original. So a process holds one variant for its whole life.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType

ROOT = Path(__file__).parents[3]
PRODUCT = frozenset({"conference", "functions", "infra", "main"})


class Misfit(Exception):
    """The source is not what a canary was written for: the canary has to be written anew."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one module; `text` stands there exactly once."""

    module: str
    text: str
    instead: str

    def apply(self, source: str) -> str:
        """The source with the change made. Raises Misfit unless the text is found exactly once."""
        found = source.count(self.text)
        if found != 1:
            raise Misfit(f"{self.module} has {found} times: {self.text.strip()[:80]!r}")
        return source.replace(self.text, self.instead)


@dataclass(frozen=True, slots=True)
class Canary:
    """The product without one of its protections."""

    name: str
    removes: str
    """The protection that is taken away, in one sentence."""
    expect: str
    """Which oracle should see it, and by what."""
    edits: tuple[Edit, ...]
    spared: str = ""
    """Why it may live: what the protection is for, if not for what the oracles judge. Empty: it must die."""
    test: str = ""
    """The test that fails without the protection, as pytest names it: of one that few worlds reach, or none."""

    def sources(self) -> dict[str, str]:
        """The edited modules by name. Raises Misfit."""
        edited: dict[str, str] = {}
        for edit in self.edits:
            source = edited.get(edit.module) or path_of(edit.module).read_text(encoding="utf-8")
            edited[edit.module] = edit.apply(source)
        return edited

    def codes(self) -> dict[str, CodeType]:
        """The edited modules, compiled. Raises Misfit, SyntaxError."""
        return {
            module: compile(source, f"{path_of(module)} without {self.name}", "exec", dont_inherit=True)
            for module, source in self.sources().items()
        }


def path_of(module: str) -> Path:
    """Where a module of the product stands."""
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")


def install(canary: Canary) -> None:
    """Let the product be imported in this variant from now on. Raises Misfit if any of it has been imported before."""
    early = sorted(name for name in sys.modules if name.split(".")[0] in PRODUCT)
    if early:
        raise Misfit(f"the product has been imported already: {early[0]}")
    sys.meta_path.insert(0, _Variants(canary.codes()))


class _Variants(MetaPathFinder):
    """Finds the edited modules before the path is looked at."""

    def __init__(self, codes: Mapping[str, CodeType]) -> None:
        self._codes = codes

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of an edited module; None leaves all others to the usual finders."""
        del path, target
        code = self._codes.get(fullname)
        if code is None:
            return None
        file = path_of(fullname)
        return spec_from_file_location(fullname, file, loader=_Edited(fullname, str(file), code))


class _Edited(SourceFileLoader):
    """Runs the code it was given; the cache of compiled files is neither read nor written."""

    def __init__(self, fullname: str, path: str, code: CodeType) -> None:
        super().__init__(fullname, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        """The edited module's code."""
        del fullname
        return self._code
