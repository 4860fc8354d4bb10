"""Runtime.map() on a real cluster of dask.distributed: `nox -s dask` brings one."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from tests.helpers.children import run_child

pytest.importorskip("distributed", reason="`nox -s dask` brings a cluster")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by signals")

IN_A_CLUSTER = """
import json, logging, os, sys, tempfile
from distributed import Client, LocalCluster
from tests.helpers.portable_runtimes import runtime_of

def main(executor):
    WORK

def tell(value):
    print(json.dumps(value), flush=True)

if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
    with cluster, Client(cluster) as client:
        main(client.get_executor())
"""


def told(work: str) -> Any:
    child = run_child(IN_A_CLUSTER.replace("    WORK\n", work), limit=300)

    assert child.returncode == 0, child.stderr
    return json.loads(child.lines[-1])


def test_runs_are_done_by_the_workers_of_a_cluster_also_those_with_the_same_inputs() -> None:
    results, ids, where = told(
        """
    runs = list(runtime_of("square").map([{"number": 3}] * 20, executor=executor))
    others = list(runtime_of("process").map([{"number": n} for n in range(20)], executor=executor))
    tell([
        [run.outputs["step"] for run in runs],
        len({run.result.run_id for run in runs}),
        os.getpid() in {run.outputs["step"] for run in others},
    ])
"""
    )

    assert results == [9] * 20
    assert ids == 20
    assert where is False


def test_exception_of_a_clusters_worker_comes_back_itself() -> None:
    found = told(
        """
    (run,) = runtime_of("fail").map([{"number": 7}], executor=executor, on_error="collect")
    error = run.error
    tell([type(error).__name__, str(error), repr(error.__cause__), "in fail" in error.__notes__[-1]])
"""
    )

    assert found == ["ValueError", "7 is refused", "KeyError(7)", True]


def test_cluster_whose_worker_is_killed_loses_nothing_and_does_nothing_again_that_has_ended() -> None:
    begun, ended, results = told(
        """
    with tempfile.TemporaryDirectory() as folder:
        inputs = ({"number": n, "folder": folder, "fatal": 13} for n in range(40))
        runs = list(runtime_of("die_once", "folder", "fatal").map(inputs, executor=executor, concurrency=6))
        def count(name):
            return len(open(f"{folder}/{name}").readlines())
        tell([
            [count(n) for n in range(40)],
            [count(f"{n} done") for n in range(40)],
            [run.outputs["step"] for run in runs],
        ])
"""
    )

    assert results == list(range(40))
    assert begun[13] == 2
    assert all(ended)
    # A run that had ended while its result was still with the worker that was killed is done again.
    assert sum(count > 1 for count in begun) <= 6


def test_run_that_kills_its_worker_each_time_is_reported_by_the_cluster() -> None:
    """One at a time: dask counts the death of a worker against every run that the worker had been given."""
    errors, results = told(
        """
    with tempfile.TemporaryDirectory() as folder:
        inputs = ({"number": n, "folder": folder, "fatal": 3} for n in range(8))
        runs = list(runtime_of("die", "folder", "fatal").map(
            inputs, executor=executor, concurrency=1, on_error="collect",
        ))
        tell([
            {run.index: [type(run.error).__name__, type(run.error.__cause__).__name__]
             for run in runs if run.error is not None},
            [run.outputs["step"] for run in runs if run.error is None],
        ])
"""
    )

    assert errors == {"3": ["WorkerLostError", "KilledWorker"]}
    assert results == [0, 1, 2, 4, 5, 6, 7]
