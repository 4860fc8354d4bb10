"""What ``import agent_runtime`` costs, against importing the two packages that it cannot do without.

A name of the package is imported with its module when it is first asked for. So importing the package is not
the whole cost of running a workflow: the next rows have what comes with the bridge, and with an entry point.

``python -m benchmarks.import_time`` prints one table. Each round starts one process for every row, in
turns; each measures its own processor time, so that neither the start of the interpreter nor other
processes on the machine are in the numbers.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from matrix.markdown import replace_tables

ROOT = Path(__file__).parents[1]
ROUNDS = 40
BUDGET = 1.5
"""Times the import of asyncio and yaml, from the design."""

CHILD = "import time; began = time.process_time(); {}; print(time.process_time() - began)"

ROWS = {
    "asyncio": "import asyncio",
    "asyncio, yaml": "import asyncio, yaml",
    "agent_runtime": "import agent_runtime",
    "agent_runtime.bridge": "import agent_runtime.bridge",
    "run_workflow of agent_runtime": "from agent_runtime import run_workflow",
}


def seconds(statement: str, bytecode: str) -> float:
    """Execute an import in a new process; return how long it took there.

    Args:
        statement: the import.
        bytecode: folder for the compiled files, so that every module is found compiled.
    """
    command = [sys.executable, "-c", CHILD.format(statement)]
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure(rounds: int) -> dict[str, float]:
    """Return the median of every row."""
    samples: dict[str, list[float]] = {name: [] for name in ROWS}
    with tempfile.TemporaryDirectory() as bytecode:
        for statement in ROWS.values():
            seconds(statement, bytecode)
        for _ in range(rounds):
            for name, statement in ROWS.items():
                samples[name].append(seconds(statement, bytecode))
    return {name: statistics.median(values) for name, values in samples.items()}


def as_markdown(medians: Mapping[str, float], rounds: int) -> str:
    """Return the medians as a table, with what they are multiples of."""
    floor = medians["asyncio, yaml"]
    python = f"{platform.python_implementation()} {platform.python_version()}"
    budget = f"the budget of `import agent_runtime` is {BUDGET:g} x asyncio, yaml"
    lines = [
        f"{python}, median of {rounds} processes; {budget}.",
        "",
        "| import | ms | x asyncio, yaml |",
        "|---|---:|---:|",
        *(f"| {name} | {median * 1e3:.1f} | {median / floor:.2f} |" for name, median in medians.items()),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="processes a row; default: %(default)s")
    text = "also write the table into this document, between its markers"
    parser.add_argument("--write", type=Path, metavar="FILE", help=text)
    options = parser.parse_args()
    table = as_markdown(measure(options.rounds), options.rounds)
    print(table)
    if options.write is not None:
        written = replace_tables(options.write.read_text(encoding="utf-8"), {"import": table})
        options.write.write_text(written, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
