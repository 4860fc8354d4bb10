"""How soon the matrix has judged its first cell, and how many cells a second the whole gate performs.

``python -m benchmarks.gate`` starts ``python -m matrix run`` for one cell of each context in turns and prints
two medians: the time to the cell's record (interpreter, registries, host, cell), as the run itself tells it,
and that of the whole command (files and report, too). With ``--whole`` it also runs the gate once: minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from matrix.registry import Registry

ROOT = Path(__file__).parents[1]
ROUNDS = 5
FIRST_CELL, CELLS_A_SECOND = 1.0, 20.0
"""Seconds until the first cell, of a context that imports no packages; cells of the gate in a second, on two
cores. Both from the design."""
PROBE = "returns_the_async_value"


def run(results: Path, *arguments: str) -> float:
    """Run the matrix once; return the seconds from the start of its process to the end.

    Raises:
        SystemExit: a cell was red, so that the time means nothing.
    """
    command = [sys.executable, "-m", "matrix", "run", "--results", str(results), *arguments]
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return time.monotonic() - began


def summary_of(results: Path) -> dict[str, float]:
    """Return the numbers of the run that has written these results."""
    summary = json.loads((results / "matrix.json").read_text(encoding="utf-8"))
    return {name: value for name, value in summary.items() if isinstance(value, int | float)}


def first_cells(rounds: int, results: Path) -> dict[str, tuple[float, float]]:
    """Return for each context the medians of the seconds to a cell's record, and of the whole command."""
    cells = {name: f"agent_runtime/run_workflow/{name}/{PROBE}" for name in Registry().contexts()}
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in cells}
    for number in range(rounds + 1):
        for name, cell in cells.items():
            seconds = run(results, "--cell", cell)
            if number:  # the first round compiles
                first = summary_of(results).get("first_cell_seconds", seconds)
                samples[name].append((first, seconds))
    return {
        name: (
            statistics.median(first for first, _ in values),
            statistics.median(whole for _, whole in values),
        )
        for name, values in samples.items()
    }


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"{ROUNDS} by default")
    parser.add_argument("--whole", action="store_true", help="run the whole gate, too")
    options = parser.parse_args()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    print(f"{python}, {os.cpu_count()} processors, median of {options.rounds} runs of one cell\n")
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        medians = first_cells(options.rounds, results)
        print("| context | first cell, s | whole command, s |\n|---|---:|---:|")
        for name, (first, seconds) in sorted(medians.items(), key=lambda row: row[1]):
            print(f"| {name} | {first:.2f} | {seconds:.2f} |")
        first = medians["plain_script"][0]
        print(f"\nThe budget for the first cell is {FIRST_CELL:g} s for plain_script: {first:.2f} s.")
        if options.whole:
            run(results)
            summary = summary_of(results)
            print(
                f"The whole gate performed {summary['performed']} cells in {summary['seconds']:.1f} s,"
                f" {summary['cells_per_second']:.1f} a second; the budget is {CELLS_A_SECOND:g}."
            )


if __name__ == "__main__":
    main()
