"""Of which code a run is, and of what it is a part: what runs must share to be put together."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.cells import Selection
from matrix.git import GitError, git

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from matrix.model import Cell
    from matrix.registry import Registry

__all__ = ("Origin", "digest_of")

PROJECT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Origin:
    """Where the cells of a run come from.

    Attributes:
        code: digest of the runtime, the machine and the registry, whatever their line ends.
        commit: the commit that was checked out, for people, with ``-dirty`` where files differed from it;
            empty where there is none.
        selection: what was asked for.
        changed: the commit since which changes were looked at; empty where nothing was left out for that.
        shard: the number of this part, from 1.
        shards: how many parts there are.
        cells: how many cells all parts have together.
        digest: digest of the names of all these cells.
    """

    code: str
    commit: str
    selection: Selection
    changed: str
    shard: int
    shards: int
    cells: int
    digest: str

    @classmethod
    def of(
        cls,
        registry: Registry,
        selection: Selection,
        cells: Iterable[Cell],
        *,
        shard: tuple[int, int] = (1, 1),
        changed: str = "",
    ) -> Origin:
        """Return the origin of one part of some cells, from the files of this checkout."""
        whole = list(cells)
        folders = dict.fromkeys([PROJECT / "agent_runtime", PROJECT / "matrix", registry.root])
        code, commit = _code(folders), _commit(registry.root)
        return cls(code, commit, selection, changed, *shard, len(whole), digest_of(whole))

    @property
    def name(self) -> str:
        """This part as a command line names it."""
        return f"{self.shard}/{self.shards}"

    @property
    def command(self) -> str:
        """The command that judges this part."""
        asked = [
            f"--{name.removesuffix('s').replace('_', '-')} {shlex.quote(','.join(words))}"
            for name, words in vars(self.selection).items()
            if words
        ]
        since = [f"--changed {self.changed}"] if self.changed else []
        return " ".join(["python -m matrix run", *asked, *since, f"--shard {self.name}"])

    @property
    def of_the_gate(self) -> bool:
        """Whether the gate was asked for, which the lock is about; also of what a change affects of it."""
        return self.selection == Selection()

    def as_data(self) -> dict[str, object]:
        """Return this as plain data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Origin:
        """Return what :meth:`as_data` gave, also after a way through JSON.

        Raises:
            ValueError: it is something else.
        """
        try:
            parts = data["selection"]
            assert isinstance(parts, dict)
            selection = Selection(**{name: tuple(words) for name, words in parts.items()})
            found = cls(**{**data, "selection": selection})  # type: ignore[arg-type]  # checked by what follows
        except (AssertionError, KeyError, TypeError) as error:
            raise ValueError(f"not the origin of a run: {error}") from error
        numbers = (found.shard, found.shards, found.cells)
        if not all(isinstance(number, int) for number in numbers) or not 1 <= found.shard <= found.shards:
            raise ValueError(f"not the origin of a run: shard {found.shard} of {found.shards}")
        return found


def digest_of(cells: Iterable[Cell]) -> str:
    """Return a digest of cells' names, whatever their order."""
    names = "\n".join(sorted(cell.id for cell in cells))
    return hashlib.sha256(names.encode()).hexdigest()[:16]


def _code(folders: Iterable[Path]) -> str:
    found = hashlib.sha256()
    for folder in folders:
        names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.py")}
        for name, path in sorted(names.items()):
            # A checkout on Windows may have other line ends; it is the same code.
            text = path.read_bytes().replace(b"\r\n", b"\n")
            found.update(f"{name}\0{len(text)}\0".encode() + text)
    return found.hexdigest()[:16]


def _commit(folder: Path) -> str:
    try:
        return git(folder, "describe", "--always", "--exclude=*", "--abbrev=12", "--dirty").strip()
    except GitError:
        return ""
