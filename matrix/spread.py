"""Shards by any ``concurrent.futures`` executor: processes of this machine, or the machines of a cluster."""

from __future__ import annotations

import os
import threading
import time
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.cells import Selection, SelectionError, select
from matrix.costs import Costs, costs_of
from matrix.expectations import BUILT_IN_EXPECTATIONS, Expectations
from matrix.fingerprint import fingerprint
from matrix.merge import Part, conclude_parts, write_whole
from matrix.origin import Origin
from matrix.plan import in_ci
from matrix.registry import BUILT_IN, Registry
from matrix.run import judge_cells, packages_of
from matrix.shard import shards_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matrix.judged import RunResult

__all__ = ("LostShardsError", "ShardJob", "run_shard", "run_shards")


@dataclass(frozen=True)
class ShardJob:
    """What a worker needs to know to judge its part; can be pickled.

    Attributes:
        root: the folder of the registry, on the worker's machine.
        selection: what the whole run judges.
        shard: number and count.
        costs: what the parts are balanced by.
        distributions: packages whose versions conditions of expectations ask for.
        jobs: how many hosts run at once on the worker; None for the usual number.
        ci: whether a missing package is an error.
    """

    root: str
    selection: Selection
    shard: tuple[int, int]
    costs: Costs
    distributions: tuple[str, ...] = ()
    jobs: int | None = None
    ci: bool = False


class LostShardsError(Exception):
    """Workers ended before their shards did; nothing of those was judged.

    Attributes:
        finished: the parts that are there; hand them to :func:`run_shards` as ``done``.
        lost: by the number of its shard, how each of the others ended.
    """

    def __init__(self, finished: Sequence[Part], lost: Mapping[int, str]) -> None:
        super().__init__(finished, lost)
        self.finished = tuple(finished)
        self.lost = dict(lost)

    def __str__(self) -> str:
        ends = "; ".join(f"shard {number}: {end}" for number, end in self.lost.items())
        return f"{ends}; call run_shards() again with done=error.finished, which runs these shards alone"


def run_shard(job: ShardJob) -> Part:
    """Judge one part in hosts of this machine; blocks the calling thread until its last cell is final."""
    registry = Registry(Path(job.root))
    number, count = job.shard
    whole = select(registry, job.selection)
    cells = shards_of(registry, whole, count, costs=job.costs)[number - 1]
    began, used = time.monotonic(), _cpu_seconds_of_children()
    # What is expected is a matter of the whole, and judged there.
    judged = judge_cells(registry, cells, expectations=Expectations(), ci=job.ci, jobs=job.jobs)
    records = tuple(one.record for one in judged)
    return Part(
        f"shard {number}/{count}",
        Origin.of(registry, job.selection, whole, shard=job.shard),
        fingerprint(packages_of(registry, whole), distributions=job.distributions),
        records,
        time.monotonic() - began,
        _cpu_seconds_of_children() - used,
    )


def _cpu_seconds_of_children() -> float:
    """Return the processor time of all ended children; 0 in a thread, beside which others judge shards."""
    if threading.current_thread() is not threading.main_thread():
        return 0.0
    used = os.times()
    return used.children_user + used.children_system


def run_shards(
    executor: futures.Executor,
    count: int,
    selection: Selection | None = None,
    *,
    root: Path = BUILT_IN,
    expectations: Path = BUILT_IN_EXPECTATIONS,
    results: Path | None = None,
    jobs: int | None = None,
    done: Sequence[Part] = (),
    on_part: Callable[[Part], None] = lambda _part: None,
) -> RunResult:
    """Judge a selection in shards, each by one worker of an executor; blocks until all are there.

    Workers need this project importable, with the same code. A cluster that gives the task of a dead worker
    to another one loses nothing and judges nothing twice; a pool that breaks says so, see below.

    Args:
        executor: any ``concurrent.futures`` executor, of threads, processes or machines.
        count: how many shards.
        selection: what to judge; the gate by default.
        root: the folder of the registry, the same on every machine.
        expectations: the file of known failures, on this machine.
        results: the folder on this machine that the files of the run go to; none are written without.
        jobs: how many hosts run at once on each worker.
        done: parts that an earlier call has finished.
        on_part: called with each part as soon as it is there, on the calling thread.

    Raises:
        SelectionError: the selection means no cell, or fewer hosts than shards.
        LostShardsError: workers ended before their shards did.
        MergeError: the parts do not make a whole; a worker has other code, for one.
    """
    chosen = selection or Selection()
    registry = Registry(root)
    costs = Costs.read(costs_of(registry))
    whole = select(registry, chosen)
    if not whole:
        raise SelectionError("the selection means no cell")
    shards_of(registry, whole, count, costs=costs)
    known = tuple(Expectations.read(expectations).distributions)
    there = {part.origin.shard for part in done}
    waiting = {
        executor.submit(
            run_shard, ShardJob(str(registry.root), chosen, (number, count), costs, known, jobs, in_ci())
        ): number
        for number in range(1, count + 1)
        if number not in there
    }
    finished = sorted([*done, *_gathered(waiting, done, on_part)], key=lambda part: part.origin.shard)
    result = conclude_parts(registry, finished, expectations=expectations)
    return result if results is None else write_whole(registry, finished, result, results)[0]


def _gathered(
    waiting: Mapping[futures.Future[Part], int], done: Sequence[Part], on_part: Callable[[Part], None]
) -> list[Part]:
    """Wait for all parts; whatever interrupts that cancels those that have not begun."""
    found: list[Part] = []
    lost: dict[int, BaseException] = {}
    try:
        for future in futures.as_completed(waiting):
            # A cluster that goes down cancels what it had been given.
            error = futures.CancelledError() if future.cancelled() else future.exception()
            if error is not None:
                lost[waiting[future]] = error
                continue
            found.append(future.result())
            on_part(found[-1])
    except BaseException:
        for future in waiting:
            future.cancel()
        raise
    if lost:
        ends = {number: f"{type(error).__name__}: {error}" for number, error in sorted(lost.items())}
        raise LostShardsError([*done, *found], ends) from next(iter(lost.values()))
    return found
