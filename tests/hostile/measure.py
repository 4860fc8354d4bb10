"""Load files in forked children with hard limits on memory and processor time, and say what became of each.

Run as a program: a process that has imported nothing but this and the runtime forks once for each file.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys

from agent_runtime import WorkflowError, load_workflow
from tests.hostile.corpus import HOSTILE, LARGE

__all__ = ("MEGABYTES", "SECONDS")

MEGABYTES = 400
"""Memory that loading one file may take beyond what the process has: 250,000 nodes are about 100."""

SECONDS = 20
"""Processor time after which a file counts as hanging; none takes more than two on an idle machine."""


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


def in_child(text: str) -> dict[str, object]:
    """Load one file in a forked child that ends by its limits, if need be."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        with open("/proc/self/statm", "rb") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        allowed = used + MEGABYTES * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        try:
            outcome = load(text)
        except BaseException as error:  # whatever it is, it is what is looked for
            outcome = {"raised": f"{type(error).__name__}: {error}"[:300]}
        outcome["seconds"] = resource.getrusage(resource.RUSAGE_SELF).ru_utime
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


if __name__ == "__main__":
    load("steps: 1\n")  # what is imported for mistakes only
    files = {name: each.text for name, each in HOSTILE.items()} | LARGE
    json.dump({name: in_child(text) for name, text in files.items()}, sys.stdout)
