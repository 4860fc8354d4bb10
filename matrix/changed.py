"""What a change can affect: files that differ from a commit, and the cells that may come out otherwise.

Errs on the side of running: a file whose reach nobody knows means every cell.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.cells import SelectionError
from matrix.chains import links_of
from matrix.expectations import WHOLE, Expectations, ExpectationsError
from matrix.git import GitError, git
from matrix.importgraph import importers_of, module_of, modules_below
from matrix.patterns import covers
from matrix.targets import target_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from matrix.model import Cell
    from matrix.registry import Registry

__all__ = ("Changes", "Reach", "changes_since")

# Where a branch usually comes from, the first that exists.
USUAL_BASES = ("origin/main", "origin/master", "main", "master")
KINDS = {"contexts": "context", "entry_points": "entry point", "probes": "probe", "peers": "target"}
KINDS["controls"] = "target"
# What no cell reads, from the root of the project. All else that is unknown is taken to matter.
WITHOUT_EFFECT = ("docs/", "tests/", "benchmarks/", "examples/", ".github/", ".ci/")
WITHOUT_EFFECT_ENDS = (".md", "LICENSE", ".gitignore", "cells.lock", "costs.json")


@dataclass(frozen=True)
class Reach:
    """What one changed file can affect.

    Attributes:
        path: the file, from the root of the project.
        why: what of it, as a sentence.
        everything: whether every cell is meant.
        names: otherwise the parts of cells that are meant, as (kind, name).
        patterns: and the cells that are meant, as patterns.
    """

    path: str
    why: str
    everything: bool = False
    names: frozenset[tuple[str, str]] = frozenset()
    patterns: tuple[str, ...] = ()

    def covers(self, cell: Cell) -> bool:
        """Whether a cell may come out otherwise."""
        parts = {
            ("entry point", cell.entry_point),
            ("probe", cell.probe),
            ("target", cell.target),
            *(("context", link) for link in links_of(cell.context)),
        }
        listed = any(covers(pattern, cell) for pattern in self.patterns)
        return self.everything or bool(parts & self.names) or listed


@dataclass(frozen=True)
class Changes:
    """Everything that differs from a commit.

    Attributes:
        commit: the commit, where this branch has left the base.
        base: what was named, or found, as the base.
        reaches: one for each file.
    """

    commit: str
    base: str
    reaches: tuple[Reach, ...]

    def affected(self, cells: Iterable[Cell]) -> list[Cell]:
        """Return those of some cells that may come out otherwise, in their order."""
        return [cell for cell in cells if any(reach.covers(cell) for reach in self.reaches)]

    def lines(self, *, chosen: int, of: int) -> list[str]:
        """Return what was chosen and why, a line for each file."""
        files = "1 file" if len(self.reaches) == 1 else f"{len(self.reaches)} files"
        head = f"changed since {self.commit[:12]}, where this left {self.base}: {files}"
        return [head, *(f"  {one.path}: {one.why}" for one in self.reaches), f"runs {chosen} of {of} cells"]


def changes_since(registry: Registry, base: str = "") -> Changes:
    """Return what has changed, committed or not, since this branch left a base.

    Args:
        registry: what there is; its folder tells which repository is meant.
        base: a branch or commit; the first of ``USUAL_BASES`` by default.

    Raises:
        SelectionError: there is no repository, no such base, or no common ancestor.
    """
    top = Path(_asked(registry.root, "rev-parse", "--show-toplevel").strip())
    named = base or _usual_base(top)
    try:
        commit = git(top, "merge-base", "HEAD", f"{named}^{{commit}}").strip()
    except GitError as error:
        why = f"{named!r} has no common ancestor with this branch; name another commit, or fetch more history"
        raise SelectionError(f"--changed: {why}") from error
    # A renamed file has a reach under both of its names.
    differing = _asked(top, "diff", "--name-only", "-z", "--no-renames", "--ignore-submodules=none", commit)
    untracked = _asked(top, "ls-files", "-z", "--others", "--exclude-standard")
    paths = sorted({path for path in f"{differing}\0{untracked}".split("\0") if path})
    finder = _Finder(registry, top, commit)
    return Changes(commit, named, tuple(finder.reach_of(path) for path in paths))


class _Finder:
    """Knows the repository, and finds what files reach."""

    def __init__(self, registry: Registry, top: Path, commit: str) -> None:
        self._registry = registry
        self._top = top
        self._commit = commit
        self._folder = registry.root.relative_to(top.resolve()).as_posix()
        self._imports: Mapping[str, set[str]] = {}
        self._unreadable = ""
        try:
            self._imports = modules_below(top, dict.fromkeys([self._folder, "matrix", "agent_runtime"]))
        except SyntaxError as error:
            self._unreadable = f"{error.filename} cannot be read, so nobody knows who imports what"

    def reach_of(self, path: str) -> Reach:
        """Return what one changed file can affect."""
        own = path.removeprefix(f"{self._folder}/")
        if own != path and own == "expectations.toml":
            return self._of_expectations(path)
        if path.startswith(WITHOUT_EFFECT) or path.endswith(WITHOUT_EFFECT_ENDS):
            return Reach(path, "no cell")
        if self._unreadable:
            return Reach(path, f"every cell: {self._unreadable}", everything=True)
        kind = own.partition("/")[0]
        if own != path and kind in KINDS:
            return self._of_entry(path, kind)
        if path.startswith("agent_runtime/"):
            return self._of_module(path, none="every cell: nobody is seen to import it")
        machine = path.startswith("matrix/") or own != path
        why = "the machine that judges them" if machine else "nobody knows what it reaches"
        return Reach(path, f"every cell: {why}", everything=True)

    def _of_entry(self, path: str, kind: str) -> Reach:
        """A file of a registry's folder: its own name, and those who import it."""
        if module_of(path) in self._imports and not path.endswith("__init__.py"):
            found = self._of_module(path, none="")
            if found.why:
                return found
        elif not Path(path).name.startswith("_") and path.endswith(".py"):
            return Reach(path, "no cell: it is gone, and so are its cells")
        names = frozenset((KINDS[kind], self._word(kind, name)) for name in self._registry.names(kind))
        return Reach(path, f"all {kind.replace('_', ' ')}: nobody knows which of them use it", names=names)

    def _of_module(self, path: str, *, none: str) -> Reach:
        """Return the entries of the registry that a module reaches through imports."""
        module = module_of(path)
        if module not in self._imports:
            return Reach(path, "every cell: it is gone, or no Python", everything=True)
        names: set[tuple[str, str]] = set()
        folder = self._folder.replace("/", ".")
        for importer in importers_of(module, self._imports):
            kind, _, name = importer.removeprefix(f"{folder}.").partition(".")
            if importer.startswith(f"{folder}.") and kind in KINDS and name:
                if not name.startswith("_"):
                    names.add((KINDS[kind], self._word(kind, name)))
            elif importer.startswith("matrix."):
                why = f"every cell: {importer} imports it, which judges them"
                return Reach(path, why, everything=True)
        if not names:
            return Reach(path, none, everything=True)
        listed = sorted(f"{kind} {name}" for kind, name in names)
        more = f" and {len(listed) - 4} more" if len(listed) > 4 else ""
        return Reach(path, ", ".join(listed[:4]) + more, names=frozenset(names))

    def _of_expectations(self, path: str) -> Reach:
        """The cells that entries speak of, before or after."""
        try:
            before = git(self._top, "show", f"{self._commit}:{path}")
        except GitError:
            before = ""
        file = self._top / path
        try:
            after = file.read_text(encoding="utf-8") if file.is_file() else ""
            old, new = (
                [replace(entry, table=WHOLE) for entry in Expectations.parse(text, file).entries]
                for text in (before, after)
            )
        except (ExpectationsError, UnicodeDecodeError):
            return Reach(path, "every cell: it cannot be read", everything=True)
        differing = [entry for entry in [*old, *new] if entry not in old or entry not in new]
        patterns = sorted({pattern for entry in differing for pattern in entry.cells})
        return Reach(path, ", ".join(patterns) or "no cell: no entry differs", patterns=tuple(patterns))

    def _word(self, kind: str, name: str) -> str:
        """Return an entry's name as cells have it."""
        return target_of(self._registry.control(name).statement) if kind == "controls" else name


def _usual_base(top: Path) -> str:
    for base in USUAL_BASES:
        with contextlib.suppress(GitError):
            git(top, "rev-parse", "--verify", "--quiet", f"{base}^{{commit}}")
            return base
    raise SelectionError(f"there is none of {', '.join(USUAL_BASES)}; write --changed REV")


def _asked(folder: Path, *arguments: str) -> str:
    """Return what git prints; what it does not know is a mistake on the command line."""
    try:
        return git(folder, *arguments)
    except GitError as error:
        raise SelectionError(f"--changed: {error}") from error
