"""Shards by executors of other makers: real pools, a real cluster, and workers that die in the middle."""

from __future__ import annotations

import json
import multiprocessing
import sys
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from matrix.cells import Selection, SelectionError, select
from matrix.judged import ExitCode
from matrix.recorded import read_run
from matrix.spread import LostShardsError, run_shards
from tests.helpers.children import run_child

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.helpers.registries import Toy

killing_needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="kills by signals of POSIX")
# The check kills the process that judges its shard, but only once; a host is a child of that process.
KILLS_ITS_WORKER_ONCE = """
expect(got=run(None, {{"n": 1}}), wanted={{"n": 1}}, of="outputs")
try:
    os.close(os.open({marker!r}, os.O_CREAT | os.O_EXCL))
except FileExistsError:
    pass
else:
    worker = os.getppid()
    os.kill(worker, signal.SIGKILL)
    while os.getppid() == worker:
        pass
    os._exit(1)
"""
IN_A_CLUSTER = """
import json, sys
from pathlib import Path

from distributed import Client, LocalCluster

from matrix.recorded import read_run
from matrix.spread import run_shards

with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
    with Client(cluster) as client:
        root, none = Path(sys.argv[1]), Path(sys.argv[1]) / "expectations.toml"
        result = run_shards(client.get_executor(), 3, root=root, expectations=none, jobs=1)
print(json.dumps([int(result.exit_code), [[one.cell.id, one.verdict.value] for one in result.judged]]))
"""


def pool() -> ProcessPoolExecutor:
    # Forking is of no use in a process that has threads, as one that runs tests may.
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


def cells_of(toy: Toy) -> list[str]:
    return sorted(cell.id for cell in select(toy.registry(), Selection()))


@pytest.mark.parametrize("kind", [pool, lambda: ThreadPoolExecutor(2)], ids=["processes", "threads"])
def test_pool_judges_every_cell_and_writes_the_run(
    four: Toy, tmp_path: Path, kind: Callable[[], Executor]
) -> None:
    none = four.root / "none.toml"
    came: list[int] = []

    with kind() as executor:
        result = run_shards(
            executor,
            3,
            root=four.root,
            expectations=none,
            results=tmp_path / "all",
            jobs=1,
            on_part=lambda part: came.append(part.origin.shard),
        )

    written = read_run(tmp_path / "all")
    assert sorted(came) == [1, 2, 3]
    assert written.complete
    assert sorted(written.by_cell()) == sorted(one.cell.id for one in result.judged) == cells_of(four)
    assert result.exit_code is ExitCode.EXPECTED
    assert result.fingerprint["packages"]


def test_selection_and_expectations_hold_for_all_shards(four: Toy) -> None:
    four.probe("second", "raise ValueError(run(None, {}))")
    known = four.root / "expectations.toml"
    entry = '[[expectation]]\ncells = "agent_runtime/*/*/second"\noutcome = "fail"\n'
    known.write_text(f'{entry}reason = "so"\nissue = "#1"\n', encoding="utf-8")

    with pool() as executor:
        result = run_shards(
            executor, 2, Selection(probes=("second",)), root=four.root, expectations=known, jobs=1
        )

    assert {one.cell.probe for one in result.judged} == {"second"}
    assert result.exit_code is ExitCode.EXPECTED


@killing_needs_signals
def test_pool_whose_worker_dies_tells_what_is_lost_and_goes_on_where_it_stood(
    four: Toy, tmp_path: Path
) -> None:
    four.probe("second", KILLS_ITS_WORKER_ONCE.format(marker=str(tmp_path / "killed")))
    none = four.root / "expectations.toml"

    with pool() as executor, pytest.raises(LostShardsError) as caught:
        run_shards(executor, 3, root=four.root, expectations=none, jobs=1)
    done = caught.value.finished
    with pool() as executor:
        result = run_shards(executor, 3, root=four.root, expectations=none, jobs=1, done=done)

    assert len(done) + len(caught.value.lost) == 3
    assert caught.value.lost
    assert "BrokenProcessPool" in str(caught.value)
    assert sorted(one.cell.id for one in result.judged) == cells_of(four)
    assert result.exit_code is ExitCode.EXPECTED


def test_selection_of_nothing_is_refused_before_any_worker_is_asked(four: Toy) -> None:
    # A pool that is shut down would refuse a task with an error of its own.
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    four.probe("twin").control("lossy", more="caught_by=('first',), context='alpha'")
    nothing = Selection(targets=("control:lossy",), probes=("twin",))

    with pytest.raises(SelectionError, match="the selection means no cell"):
        run_shards(executor, 1, nothing, root=four.root)


@killing_needs_signals
def test_cluster_whose_worker_dies_loses_nothing_and_judges_nothing_twice(four: Toy, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="`nox -s dask` brings a cluster")
    killed = tmp_path / "killed"
    four.probe("second", KILLS_ITS_WORKER_ONCE.format(marker=str(killed)))

    child = run_child(IN_A_CLUSTER, limit=300, arguments=(str(four.root),))

    assert child.returncode == 0, child.stderr
    code, judged = json.loads(child.lines[-1])
    assert killed.exists()
    assert code == 0
    assert sorted(cell for cell, _ in judged) == cells_of(four)
    assert {verdict for _, verdict in judged} == {"ok"}
