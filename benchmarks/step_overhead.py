"""What one step costs beside its own work: workflows of 1,000 no-op steps, in microseconds a step.

``python benchmarks/step_overhead.py`` prints one table. Everything is measured in turns in the same
process, and the best round of each counts: what remains of a machine's noise is in both numbers of a
ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import platform
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from agent_runtime import Runtime
from agent_runtime.bridge import call_in_caller, run_sync

STEPS = 1_000
ROUNDS = 15
BUDGET = 30.0
"""Microseconds a step, from the design, on its reference machine."""

Measure = Callable[[], object]


async def noop() -> None:
    """Do nothing, where async code runs."""


def plain_noop() -> None:
    """Do nothing, where plain functions run."""


async def chain_of_awaits() -> None:
    """Await as often as a workflow has steps."""
    for _ in range(STEPS):
        await noop()


async def task_after_task() -> None:
    """Give each await a task of its own, as a workflow gives each step one."""
    for _ in range(STEPS):
        await asyncio.get_running_loop().create_task(noop())


async def errand_after_errand() -> None:
    """Have each call done on the calling thread, as a workflow has its ``def`` steps done."""
    for _ in range(STEPS):
        await call_in_caller(plain_noop)


def workflow(kind: str, *, chained: bool) -> Runtime:
    """Load a workflow of no-op steps; chained ones wait for each other, the others run at once."""
    rows = ["steps:\n"]
    for number in range(STEPS):
        needs = f", needs: s{number - 1}" if chained and number else ""
        rows.append(f"  - {{id: s{number}, {kind}: noop{needs}}}\n")
    return Runtime("".join(rows), tools={"noop": noop}, functions={"noop": plain_noop})


def on_portal(async_fn: Callable[[], Coroutine[Any, Any, object]]) -> Measure:
    """Measure an async function on the loop that workflows run on, too."""
    return lambda: run_sync(async_fn)


def on_own_loop(async_fn: Callable[[], Coroutine[Any, Any, object]]) -> Measure:
    """Measure an async function under ``asyncio.run``."""
    return lambda: asyncio.run(async_fn())


def contestants() -> dict[str, Measure]:
    """Return what is measured, by its name; the first two are what ratios are to."""
    chained, at_once = workflow("tool", chained=True), workflow("tool", chained=False)
    functions, functions_at_once = (workflow("function", chained=chained) for chained in (True, False))
    return {
        "await after await": on_portal(chain_of_awaits),
        "task after task": on_portal(task_after_task),
        "bridge.call_in_caller, one after another": on_portal(errand_after_errand),
        "async def, one after another": chained.run,
        "async def, all at once": at_once.run,
        "def, one after another": functions.run,
        "def, all at once": functions_at_once.run,
        "async variant: async def, one after another": on_own_loop(chained.run_async),
        "async variant: async def, all at once": on_own_loop(at_once.run_async),
        "async variant: def, one after another": on_own_loop(functions.run_async),
        "async variant: def, all at once": on_own_loop(functions_at_once.run_async),
    }


def seconds(measure: Measure) -> float:
    """Time one round; the collector runs between rounds, not in them."""
    gc.collect()
    gc.disable()
    try:
        began = time.perf_counter()
        measure()
        return time.perf_counter() - began
    finally:
        gc.enable()


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"{ROUNDS} by default")
    rounds = parser.parse_args().rounds
    measures = contestants()
    best = dict.fromkeys(measures, float("inf"))
    for _ in range(rounds):
        for name, measure in measures.items():
            best[name] = min(best[name], seconds(measure))
    awaits, tasks, *_ = best.values()
    print(f"{platform.python_implementation()} {platform.python_version()}, {STEPS} steps, {rounds} rounds\n")
    print("| what | µs a step | x await after await | x task after task |")
    print("|---|---:|---:|---:|")
    for name, took in best.items():
        print(f"| {name} | {took / STEPS * 1e6:.2f} | {took / awaits:.0f} | {took / tasks:.1f} |")
    print(f"\nThe budget is {BUDGET:g} µs a step on the reference machine.")


if __name__ == "__main__":
    main()
