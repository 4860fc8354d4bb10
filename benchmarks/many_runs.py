"""What many runs cost: seconds, and memory that grows with their number.

``python -m benchmarks.many_runs`` maps a workflow of two steps over 10,000 inputs that a generator makes,
each with 10 kB in it and 10 kB in its result, in every way of running them; each way in a process of its
own. The memory is that of the process that reads the results: how much more it had at its highest than after
the first 1,000 runs. Kept in memory, the inputs or the results of the rest would be 90 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from agent_runtime import Runtime
from agent_runtime.runs.map import Executors

__all__ = ("main",)

RUNS = 10_000
WARM = 1_000
PAYLOAD = 10_000

WORKFLOW = """
inputs: {number: {type: integer}, text: {type: string}}
steps:
  - {id: fetch, tool: fetch, with: {text: "${inputs.text}"}}
  - {id: turn, function: turn, with: {text: "${steps.fetch.output}"}}
outputs: {text: "${steps.turn.output}"}
"""


async def fetch(text: str) -> str:
    """Stand for what async code does."""
    return text


def turn(text: str) -> str:
    """Stand for what plain code does; makes another text, as long as the one before."""
    return text[::-1]


def inputs(runs: int) -> Iterator[dict[str, object]]:
    """Make the inputs one by one."""
    for number in range(runs):
        yield {"number": number, "text": f"{number:010}" * (PAYLOAD // 10)}


WAYS: dict[str, tuple[str, Executors | None]] = {
    "loop": ("on the loop", None),
    "threads": ("ThreadPoolExecutor", ThreadPoolExecutor(os.cpu_count())),
    "processes": ("ProcessPoolExecutor", ProcessPoolExecutor),
}


def measure(way: str, runs: int) -> dict[str, float]:
    """Do the runs in this process; return seconds and bytes."""
    _, executor = WAYS[way]
    runtime = Runtime(WORKFLOW, functions={"turn": turn}, tools={"fetch": fetch})
    base = highest = 0
    began = time.perf_counter()
    for run in runtime.map(inputs(runs), executor=executor):
        assert len(str(run.outputs["text"])) == PAYLOAD
        if run.index % 100 == 0:
            resident = _resident()
            base = max(base, resident) if run.index < WARM else base
            highest = max(highest, resident)
    return {"seconds": time.perf_counter() - began, "grown": highest - base, "highest": highest}


def _resident() -> int:
    """Return the bytes that this process has in memory."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Measure every way and print the table; with ``--way``, measure one and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"{RUNS} by default")
    parser.add_argument("--way", choices=WAYS, help="this one alone, in this process")
    options = parser.parse_args()
    if options.way is not None:
        print(json.dumps(measure(options.way, options.runs)))
        return
    print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores\n")
    print(
        "| where | runs | seconds | runs a second | MB at the highest | MB more than after the first 1,000 |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    for way, (label, _) in WAYS.items():
        command = [sys.executable, "-m", "benchmarks.many_runs", "--way", way, "--runs", str(options.runs)]
        found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        seconds, highest, grown = found["seconds"], found["highest"] / 1e6, found["grown"] / 1e6
        rate = options.runs / seconds
        print(f"| {label} | {options.runs:,} | {seconds:.1f} | {rate:,.0f} | {highest:.0f} | {grown:.1f} |")


if __name__ == "__main__":
    main()
