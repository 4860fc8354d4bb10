"""Load files in forked children with hard limits on memory and processor time, and say what became of each.

Run as a program: a process that has imported nothing but this and the runtime forks once for each file.
``python -m tests.hostile.measure --table`` shows what each takes, the slowest first.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Mapping

from agent_runtime import WorkflowError, load_workflow
from tests.hostile.corpus import HOSTILE, LARGE

__all__ = ("MEGABYTES", "SECONDS")

MEGABYTES = 400
"""Memory that loading one file may take beyond what the process has: 250,000 nodes are about 100."""

SECONDS = 20
"""Processor time after which a file counts as hanging; none takes more than one on an idle machine."""


def load(text: str) -> dict[str, object]:
    """Load one file and return what came of it."""
    try:
        return {"steps": len(load_workflow(text).steps)}
    except WorkflowError as error:
        problems = [str(problem) for problem in error.problems]
        return {
            "problems": problems[:20],
            "count": len(problems),
            "longest": max(map(len, problems)),
            "odd": [problem for problem in problems if not problem.isprintable()],
            "nowhere": [str(each) for each in error.problems if not each.line or not each.column],
        }


def address_space(field: str) -> int:
    """Return how many bytes of addresses this process has, or has had at most."""
    with open("/proc/self/status", encoding="ascii") as file:
        (line,) = [line for line in file if line.startswith(f"{field}:")]
    return int(line.split()[1]) * 1024


def in_child(text: str) -> dict[str, object]:
    """Load one file in a forked child that ends by its limits, if need be."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        used = address_space("VmSize")
        allowed = used + MEGABYTES * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        try:
            outcome = load(text)
        except BaseException as error:  # whatever it is, it is what is looked for
            outcome = {"raised": f"{type(error).__name__}: {error}"[:300]}
        outcome["seconds"] = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        outcome["megabytes"] = (address_space("VmPeak") - used) / 2**20
        os.write(writing, json.dumps(outcome).encode()[:60_000])
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as file:
        written = file.read()
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        return {"raised": signal.Signals(-code).name if code < 0 else f"ended with {code}"}
    found: dict[str, object] = json.loads(written)
    return found


def table(outcomes: Mapping[str, Mapping[str, object]]) -> str:
    """Return what each file takes, the slowest first, and what it ends in."""
    rows = ["| file | s | MB | ends in |", "|---|---:|---:|---|"]
    for name, seen in sorted(outcomes.items(), key=lambda each: each[1].get("seconds", 0.0), reverse=True):  # type: ignore[arg-type,return-value]  # numbers
        problems = seen.get("problems")
        end = str(problems[0])[:70] if isinstance(problems, list) else seen.get("raised", "a workflow")
        rows.append(f"| {name} | {seen.get('seconds', 0):.2f} | {seen.get('megabytes', 0):.0f} | {end} |")
    return "\n".join(rows)


if __name__ == "__main__":
    load("steps: 1\n")  # what is imported for mistakes only
    files = {name: each.text for name, each in HOSTILE.items()} | LARGE
    outcomes = {name: in_child(text) for name, text in files.items()}
    if "--table" in sys.argv:
        print(table(outcomes))
    else:
        json.dump(outcomes, sys.stdout)
