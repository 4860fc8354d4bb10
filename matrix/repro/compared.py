"""What scripts show beside what a run has said: each in a process that cannot import the matrix."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.registry import BUILT_IN
from matrix.repro.inside.telling import CODES
from matrix.repro.sources import FlattenError
from matrix.repro.verb import script_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matrix.model import Cell
    from matrix.registry import Registry

__all__ = ("Clean", "Shown", "clean_place", "shown")

NO_MATRIX = 'raise ImportError("a script must do without the matrix")\n'
# Above all limits of a script together, which ends by itself: enter 60, call 31, exit 10.
LIMIT = 150.0


@dataclass(frozen=True)
class Shown:
    """What one script has shown.

    Attributes:
        cell: whose script it was.
        outcome: its last word, as outcomes are called; empty where it had none.
        code: its exit code.
        output: all that it printed.
        refusal: why the cell has no script, which then has shown nothing; empty if it has one.
    """

    cell: Cell
    outcome: str
    code: int
    output: str
    refusal: str = ""


@dataclass(frozen=True)
class Clean:
    """A folder from which scripts run, and the environment in which the matrix cannot be imported."""

    folder: Path
    environment: Mapping[str, str]

    def write(self, registry: Registry, cell: Cell) -> Path:
        """Write the script of a cell; only one thread at a time may.

        Scripts come from syntax trees, and CPython 3.11 counts the depth of a tree for all threads at once: a
        collection that lets another thread build one ends in SystemError, "recursion depth mismatch".

        Raises:
            FlattenError: code of the cell cannot stand in one file.
        """
        file = self.folder / f"{cell.id.replace('/', '-').replace(':', '-')}.py"
        file.write_text(script_of(registry, cell, file=file), encoding="utf-8")
        return file

    def run(self, cell: Cell, file: Path) -> Shown:
        """Run the script of a cell, from any thread; blocks until it has ended."""
        ended = subprocess.run(
            [sys.executable, str(file)],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT,
            check=False,
        )
        last = ended.stdout.rstrip("\n").rpartition("\n")[2].partition(":")[0]
        outcome = last if CODES.get(last) == ended.returncode else ""
        return Shown(cell, outcome, ended.returncode, ended.stdout + ended.stderr)


@contextmanager
def clean_place() -> Iterator[Clean]:
    """Give a place where ``agent_runtime`` can be imported and the matrix cannot."""
    with tempfile.TemporaryDirectory() as folder:
        packages, scripts = Path(folder, "packages"), Path(folder, "scripts")
        shutil.copytree(BUILT_IN.parent / "agent_runtime", packages / "agent_runtime")
        (packages / "matrix.py").write_text(NO_MATRIX, encoding="utf-8")
        scripts.mkdir()
        yield Clean(scripts, {**os.environ, "PYTHONPATH": str(packages)})


def shown(registry: Registry, cells: Sequence[Cell], *, jobs: int) -> Iterator[Shown]:
    """Run the scripts of some cells, ``jobs`` at a time; give what each has shown, in order.

    This thread writes them all, while those that are written run.
    """
    with clean_place() as place, ThreadPoolExecutor(jobs) as pool:
        begun = [_begin(pool, place, registry, cell) for cell in cells]
        for one in begun:
            yield one.result()


def _begin(pool: ThreadPoolExecutor, place: Clean, registry: Registry, cell: Cell) -> Future[Shown]:
    try:
        return pool.submit(place.run, cell, place.write(registry, cell))
    except FlattenError as error:
        none: Future[Shown] = Future()
        none.set_result(Shown(cell, "", 0, "", refusal=str(error)))
        return none
