"""What one step takes of memory: fan-outs and lists of 1,000 and 10,000 steps that give a small number each.

``python benchmarks/step_memory.py`` prints one table, in bytes a step, counted by tracemalloc: at the
highest while the run goes on, and of the result that is left of it. Each line is a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import platform
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from agent_runtime import Runtime

COUNTS = (1_000, 10_000)


class Taken(NamedTuple):
    """Bytes that a run has taken at the highest, and those that its result takes."""

    peak: int
    kept: int


async def later(n: int) -> int:
    """Return a number that is no small one, when all other steps have begun."""
    await asyncio.sleep(0)
    return 1_000_000 + n


def at_once(n: int) -> int:
    """Do the same on the calling thread."""
    return 1_000_000 + n


def fan_out(kind: str, count: int) -> str:
    """Return a workflow of steps that wait for nothing."""
    return "steps:\n" + "".join(f"  - {{id: s{n}, {kind}: f, with: {{n: {n}}}}}\n" for n in range(count))


def chain(kind: str, count: int) -> str:
    """Return a workflow of steps that wait for each other."""
    rows = [
        f"  - {{id: s{n}, {kind}: f, with: {{n: {n}}}, needs: [{f's{n - 1}' if n else ''}]}}\n"
        for n in range(count)
    ]
    return "steps:\n" + "".join(rows)


def each_of(kind: str, count: int) -> str:
    """Return a workflow of one step that is done for each item of a list in the file."""
    return (
        f"steps:\n  - {{id: all, {kind}: f, with: {{n: '${{item}}'}},"
        f" for_each: {{in: [{', '.join(map(str, range(count)))}], concurrency: 10}}}}\n"
    )


SHAPES = {"fan-out": fan_out, "chain": chain, "for_each, ten at a time": each_of}
KINDS = {"def": "function", "async def": "tool"}


def taken(shape: str, kind: str, count: int) -> Taken:
    """Run a workflow and measure it thrice; return the least of each, for what else goes on only adds to it.

    A first run is not measured: what is made once for all runs is not counted.
    """
    text = SHAPES[shape](KINDS[kind], count)
    runtime = Runtime(text, functions={"f": at_once}, tools={"f": later})
    runtime.run()
    found = [_taken_by_one_run(runtime) for _ in range(3)]
    return Taken(min(one.peak for one in found), min(one.kept for one in found))


def _taken_by_one_run(runtime: Runtime) -> Taken:
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        result = runtime.run()
        _, peak = tracemalloc.get_traced_memory()
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
        del result
    finally:
        tracemalloc.stop()
    return Taken(peak - before, kept - before)


def measured(shape: str, kind: str, count: int) -> Taken:
    """Do that in a process of its own."""
    arguments = ["--one", shape, kind, str(count)]
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=True)
    return Taken(*json.loads(done.stdout))


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=3, metavar=("SHAPE", "KIND", "STEPS"), help="measure this one alone")
    one = parser.parse_args().one
    if one is not None:
        print(json.dumps(taken(one[0], one[1], int(one[2]))))
        return
    print(f"{platform.python_implementation()} {platform.python_version()}\n")
    print("| steps | of these | bytes a step, highest | bytes a step, in the result |\n|---|---:|---:|---:|")
    for shape in SHAPES:
        for kind in KINDS:
            for count in COUNTS:
                peak, kept = measured(shape, kind, count)
                print(f"| {kind}, {shape} | {count:,} | {peak / count:,.0f} | {kept / count:,.0f} |")


if __name__ == "__main__":
    main()
