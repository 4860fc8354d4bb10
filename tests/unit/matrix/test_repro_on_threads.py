"""``matrix.repro.compared``: scripts run on many threads, and are written on one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.helpers.registries import Toy

ROOT = Path(__file__).parents[3]

# An audit hook lives as long as its process. Modules are compiled with their names, syntax trees without.
COMPARE = """
import sys, threading
from pathlib import Path
from matrix.cells import all_cells
from matrix.registry import Registry
from matrix.repro.compared import shown

def note(event, arguments):
    if event == "compile" and arguments[1] == "<unknown>":
        threads.add(threading.current_thread().name)

registry = Registry(Path(sys.argv[1]))
cells = [cell for cell in all_cells(registry) if cell.target == "agent_runtime"]
threads = set()
sys.addaudithook(note)
print([one.outcome for one in shown(registry, cells, jobs=2)], threads)
"""


def test_syntax_trees_are_built_on_one_thread(toy: Toy) -> None:
    toy.context().probe("works").probe("works_too")

    said = subprocess.run(
        [sys.executable, "-c", COMPARE, str(toy.root)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (said.stdout, said.stderr) == ("['pass', 'pass'] {'MainThread'}\n", "")
