"""The comparison as text that is Markdown, as JSON, and as one SVG picture."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import table
from benchmarks.runtimes.model import STEPS, Cell, Entry, Rival, Shape

__all__ = ("Comparison", "as_json", "as_markdown", "draw")

SCHEMA = 1

HOW = (
    "What a step costs beside its own work, here and in four other runtimes. `nox -s bench_runtimes`"
    " measures it, and `nox -s bench_runtimes -- --page docs/runtimes.md` writes this page."
)
NOTE = (
    f"Microseconds a step, the median of all rounds with the quartiles in brackets. A chain is {STEPS}"
    f" steps, each after the one before; a fan-out is {STEPS} steps that wait for nothing, or for one"
    " first step; a branch is a choice and the one of two steps that it chose. Steps do nothing. They"
    " are `def` where the call is sync and the runtime knows them, and `async def` elsewhere. LlamaIndex"
    " has no sync entry: `asyncio.run()` stands in for it. Workflows are built before anything is"
    " measured. Each runtime has a process of its own; all take turns, and the ratio to agent_runtime is"
    " taken round by round."
)


@dataclass(frozen=True)
class Comparison:
    """Everything that one run has measured.

    Attributes:
        machine: what it ran on.
        versions: of the runtimes, by key.
        rounds: how many turns each cell had.
        cells: what was measured.
    """

    machine: Mapping[str, str]
    versions: Mapping[str, str]
    rounds: int
    cells: Sequence[Cell]


def as_markdown(found: Comparison, rivals: Mapping[str, Rival], *, picture: str = "") -> str:
    """Return the whole report: one table for each way of calling, and the picture if there is one."""
    told = [*(f"{name} {value}" for name, value in found.machine.items()), f"{found.rounds} rounds"]
    parts = ["# Workflow runtimes", HOW, ", ".join(told) + ".", NOTE]
    parts += [f"![Microseconds a step, in each runtime]({picture})"] if picture else []
    for entry in Entry:
        cells = {(cell.key, cell.shape): cell for cell in found.cells if cell.entry == entry.value}
        rows = [
            _row(rivals[key], cells, found.versions) for key in rivals if (key, Shape.CHAIN.value) in cells
        ]
        parts += [f"## {entry.value[0].upper()}{entry.value[1:]}", table(_head(), rows, left=2)]
    return "\n\n".join(parts) + "\n"


def _head() -> tuple[str, ...]:
    return ("", "version", *(cell for shape in Shape for cell in (f"{shape.value}, µs a step", "x ours")))


def _row(rival: Rival, cells: Mapping[tuple[str, str], Cell], versions: Mapping[str, str]) -> tuple[str, ...]:
    texts = [rival.label, versions.get(rival.key, "-")]
    for shape in Shape:
        cell = cells.get((rival.key, shape.value))
        if cell is None or cell.micros is None or cell.ratio is None:
            texts += [cell.problem if cell is not None else "-", "-"]
        else:
            micros = cell.micros
            texts += [f"{micros.median:.0f} ({micros.low:.0f}-{micros.high:.0f})", f"{cell.ratio.median:.1f}"]
    return tuple(texts)


def as_json(found: Comparison) -> str:
    """Return everything as JSON, with a schema version."""
    return json.dumps({"schema": SCHEMA, **dataclasses.asdict(found)}, indent=1, ensure_ascii=False) + "\n"


def draw(found: Comparison, rivals: Mapping[str, Rival], path: Path) -> None:
    """Write a picture: for each shape one bar a runtime, called from a script."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.fonttype"] = "none"
    mpl.rcParams["svg.hashsalt"] = "agent-runtime"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(Shape), figsize=(13, 3), layout="constrained", sharey=True)
    for axis, shape in zip(axes, Shape, strict=True):
        shown = {
            cell.key: cell.micros
            for cell in found.cells
            if cell.entry == Entry.SCRIPT.value and cell.shape == shape.value and cell.micros is not None
        }
        for position, (key, micros) in enumerate(reversed(shown.items())):
            colour = "#0b6e4f" if key == "ours" else "#6f8fb8"
            axis.barh(position, micros.median, color=colour)
            axis.text(micros.median, position, f"  {micros.median:.0f}", va="center", size=8)
        axis.set_yticks(range(len(shown)), [rivals[key].label for key in reversed(shown)])
        axis.set_xscale("log")
        axis.set_xlim(right=4 * max((micros.high for micros in shown.values()), default=1))
        axis.set_title(shape.value, size=10)
        axis.set_xlabel("µs a step, called from a script")
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
