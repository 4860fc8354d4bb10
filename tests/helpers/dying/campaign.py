"""The campaign, as a test sees it: what became of a run that was killed at each of its moments."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ("Death", "deaths_of")

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Death:
    """One run that was killed, and resumed.

    Attributes:
        moments: at which moments it was killed: of the run, and of each resumption but the last.
        came_to: what came of it in the end: the outputs, or the error as text.
        book: what steps and storage noted, line by line, over all processes.
    """

    moments: tuple[int, ...]
    came_to: object
    book: tuple[str, ...]

    @property
    def done_twice(self) -> list[str]:
        """Steps whose code began once more after the storage had said that their result is kept."""
        kept: set[str] = set()
        found = []
        for line in self.book:
            word, _, step = line.partition(" ")
            if word == "kept":
                kept.add(step)
            elif word == "begin" and step in kept:
                found.append(step)
            elif word == "anew":  # a further attempt of a step with steps inside
                kept = {each for each in kept if not each.startswith(f"{step}.")}
        return found

    def times(self, line: str) -> int:
        """Return how often a line was noted."""
        return self.book.count(line)


def deaths_of(workflow: str, folder: Path, *, every: int = 1, second: bool = False) -> list[Death]:
    """Kill a run of a workflow at every moment, each time in a process of its own, and resume it.

    Args:
        workflow: its name in ``workflows.py``.
        folder: where databases and books go.
        every: 1 for all moments, 2 for every other one.
        second: kill the resumed run as well, at each of its moments; then resume again.
    """
    options = (workflow, str(folder), str(every), str(int(second)))
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.dying", *options],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1_800 if second else 180,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout[-2000:] + done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    return [Death(tuple(each["moments"]), each["came_to"], tuple(each["book"])) for each in records]
