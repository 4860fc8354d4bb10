"""Results as text that reads well in a terminal and is Markdown, and as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.budgets import Verdict
from benchmarks.model import Candidate, Crowd, Latency

__all__ = ("Results", "as_json", "as_markdown", "table")

SCHEMA = 1

LATENCY_NOTE = (
    "A no-op coroutine. Each candidate runs in a process of its own; they take turns, and a cell is the"
    " median of all rounds with the quartiles in brackets. The ratio is taken round by round, so it need"
    " not be the quotient of the medians. 200 calls of warm-up; the garbage collector is on, and run"
    " before each turn."
)
CROWD_NOTE = (
    "Every caller is a thread that makes one call whose coroutine sleeps. The wall time runs from the"
    " first call's begin to the last one's end; threads are those beyond the callers and the main thread,"
    " descriptors those beyond the standard streams, memory what is resident beyond the waiting callers."
    " asyncio.run runs on the callers themselves, as a script with threads would."
)


@dataclass(frozen=True)
class Results:
    """Everything that one run has measured."""

    machine: Mapping[str, str]
    rounds: int
    latencies: Mapping[str, Latency]
    crowds: Sequence[Crowd]
    verdicts: Sequence[Verdict]


def as_markdown(results: Results, candidates: Mapping[str, Candidate]) -> str:
    """Return the whole report."""
    parts = [
        "# Benchmark",
        ", ".join(
            [*(f"{name} {value}" for name, value in results.machine.items()), f"{results.rounds} rounds"]
        ),
        "## One call",
        table(("", "called", "µs", "x hand-off"), _latency_rows(results, candidates), left=2),
        LATENCY_NOTE,
        "## Many callers at once",
        table(
            ("", "callers", "work s", "wall s", "longest call s", "threads", "descriptors", "memory MB", ""),
            _crowd_rows(results, candidates),
            left=1,
        ),
        CROWD_NOTE,
        "## Budgets",
        table(("budget", "limit", "measured", "verdict"), _verdict_rows(results), left=4),
    ]
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> str:
    """Return a Markdown table whose columns stand in line; all but the first ``left`` to the right."""
    widths = [max(3, *(len(row[column]) for row in (head, *rows))) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        texts = (
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join(texts)} |"

    rule = ["-" * width if column < left else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join((line(head), f"| {' | '.join(rule)} |", *(line(row) for row in rows)))


def _latency_rows(results: Results, candidates: Mapping[str, Candidate]) -> list[tuple[str, ...]]:
    """Fastest first; what could not be measured comes last."""

    def order(latency: Latency) -> float:
        return latency.micros.median if latency.micros is not None else float("inf")

    return [
        (candidates[latency.key].label, candidates[latency.key].where.value, *_latency_cells(latency))
        for latency in sorted(results.latencies.values(), key=order)
    ]


def _latency_cells(latency: Latency) -> tuple[str, str]:
    micros, ratio = latency.micros, latency.ratio
    if micros is None or ratio is None:
        return latency.problem, "-"
    return (
        f"{micros.median:.1f} ({micros.low:.1f}-{micros.high:.1f})",
        f"{ratio.median:.1f} ({ratio.low:.1f}-{ratio.high:.1f})",
    )


def _crowd_rows(results: Results, candidates: Mapping[str, Candidate]) -> list[tuple[str, ...]]:
    return [(_crowd_name(crowd, candidates), *_crowd_cells(crowd)) for crowd in results.crowds]


def _crowd_name(crowd: Crowd, candidates: Mapping[str, Candidate]) -> str:
    limit = f", ulimit -n {crowd.limit}" if crowd.limit else ""
    return candidates[crowd.key].crowd + limit


def _crowd_cells(crowd: Crowd) -> Iterator[str]:
    yield f"{crowd.callers:,}"
    yield f"{crowd.work_seconds:g}"
    if crowd.problem and not crowd.failures:
        yield from ("-", "-", "-", "-", "-", crowd.problem)
        return
    yield f"{crowd.wall_seconds:.3f}"
    yield f"{crowd.longest_seconds:.3f}"
    yield str(crowd.threads)
    yield str(crowd.descriptors)
    yield f"{crowd.memory_bytes / 1e6:.1f}"
    yield f"{crowd.failures} failed, {crowd.problem}" if crowd.failures else ""


def _verdict_rows(results: Results) -> list[tuple[str, ...]]:
    return [(verdict.budget, verdict.limit, verdict.measured, verdict.word) for verdict in results.verdicts]


def as_json(results: Results) -> str:
    """Return everything as JSON, with a schema version."""
    return json.dumps({"schema": SCHEMA, **dataclasses.asdict(results)}, indent=1, ensure_ascii=False) + "\n"
