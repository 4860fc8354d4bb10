"""Failures and hangs have one signature on every CPython found here, whatever differs inside of those."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from matrix import procfs
from matrix.interpreters.found import candidates, interpreters
from tests.unit.matrix.test_hang_classes import BUSY, CALLERS_LOOP_FROM_ANOTHER, SLICES, TWO_LOCKS

if TYPE_CHECKING:
    from matrix.interpreters.found import Interpreter
    from tests.helpers.registries import Toy

pytestmark = pytest.mark.skipif(bool(procfs.why_unreadable()), reason="only /proc tells what hangs are")

ROOT = Path(__file__).parents[3]
# The machine needs no package to run cells: any interpreter will do.
RUN = """
import json, pathlib, sys
from matrix.batch import batches
from matrix.cells import Selection, select
from matrix.parent import supervise
from matrix.registry import Registry

root = pathlib.Path(sys.argv[1])
registry = Registry(root)
cells = select(registry, Selection(targets=("agent_runtime",)))
planned = batches(cells, registry.contexts(), registry.probes())
told = {
    one.cell.probe: (one.outcome.value, one.signature, one.second_run, one.detail)
    for one in supervise(planned, root=root, jobs=4)
}
print(json.dumps(told))
"""
# Of these the standard library's own frames, their lines and its inner names differ between versions.
HANGS = {
    "two_locks": TWO_LOCKS,
    "callers_loop_asked_from_another": CALLERS_LOOP_FROM_ANOTHER,
    "slices": SLICES,
    "busy": BUSY,
    "queue": "import queue\nqueue.Queue().get()",
    "condition": "condition = threading.Condition()\nwith condition: condition.wait()",
    "pool": "from concurrent.futures import ThreadPoolExecutor\n"
    "with ThreadPoolExecutor(1) as pool: pool.submit(threading.Event().wait).result()",
    "comprehension": "[threading.Event().wait() for _ in range(1)]",
    "task_group": "import asyncio\nasync def never(): await asyncio.Event().wait()\n"
    "async def main():\n    async with asyncio.TaskGroup() as group:\n        group.create_task(never())\n"
    "asyncio.run(main())",
    "call_over_several_lines": "def wait(one, two):\n    threading.Event().wait()\nwait(\n    1,\n    2,\n)",
}
FAILURES = {
    "expected": "expect(got=1, wanted=2, of='the number')",
    "assertion": "assert [1, 2] == [1, 3], 'not alike'",
    "timeout": "import asyncio\nasync def late(): await asyncio.wait_for(asyncio.sleep(9), 0)\n"
    "asyncio.run(late())",
    "cancelled": "import asyncio\nraise asyncio.CancelledError",
    "future_cancelled": "import concurrent.futures\nraise concurrent.futures.CancelledError",
    "group": "raise ExceptionGroup('several', [ValueError(1), OSError(2)])",
    "os_error": "open('/nowhere/at/all')",
    "closed_loop": "import asyncio\nloop = asyncio.new_event_loop()\nloop.close()\n"
    "loop.run_until_complete(None)",
    "left_behind": "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1234)'])",
}
OTHERS = [one for one in interpreters(candidates(os.environ)) if one.version[:2] != sys.version_info[:2]]


def signatures(toy: Toy, executable: str) -> dict[str, list[str]]:
    """Run all cells of a registry on one interpreter; return outcome, signature and second run of each."""
    done = subprocess.run(
        [executable, "-c", RUN, str(toy.root)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, list[str]] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A registry of cells that fail and hang."""
    from tests.helpers.registries import Toy

    toy = Toy(tmp_path_factory.mktemp("registry")).context()
    for name, code in HANGS.items():
        toy.probe(f"hang_{name}", f"run(None, {{}})\n{code}", more="limit=1.0, isolated=True")
    for name, code in FAILURES.items():
        toy.probe(f"fail_{name}", f"run(None, {{}})\n{code}", more="limit=60.0, isolated=True")
    return toy


@pytest.fixture(scope="module")
def here(registry: Toy) -> dict[str, list[str]]:
    """What this interpreter records."""
    return signatures(registry, sys.executable)


def test_every_cell_has_a_signature_and_no_two_share_it(here: dict[str, list[str]]) -> None:
    assert {name: told[0] for name, told in here.items()} == {
        **{f"hang_{name}": "hang" for name in HANGS},
        **{f"fail_{name}": "fail" for name in FAILURES},
    }
    assert len({told[1] for told in here.values()} - {""}) == len(HANGS) + len(FAILURES)


@pytest.mark.skipif(not OTHERS, reason="no other version of CPython is found here")
@pytest.mark.parametrize("other", [pytest.param(one, id=one.name) for one in OTHERS])
def test_signatures_are_the_same_on_another_interpreter(
    registry: Toy, here: dict[str, list[str]], other: Interpreter
) -> None:
    there = signatures(registry, other.executable)

    assert {name: told[:3] for name, told in there.items()} == {name: told[:3] for name, told in here.items()}
