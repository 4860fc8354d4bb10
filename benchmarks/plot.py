"""The results as one SVG picture: what a call costs, and how long a crowd of callers takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.model import Candidate, Kind
from benchmarks.report import Results

__all__ = ("draw", "spaced")

COLOURS = {
    Kind.UNIT: "#8c8c8c",
    Kind.FLOOR: "#c4c4c4",
    Kind.OURS: "#0b6e4f",
    Kind.YARDSTICK: "#c9ab5e",
    Kind.PEER: "#6f8fb8",
}


def draw(results: Results, candidates: Mapping[str, Candidate], path: Path) -> None:
    """Write the picture to ``path``."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.fonttype"] = "none"
    mpl.rcParams["svg.hashsalt"] = "agent-runtime"
    from matplotlib import pyplot

    figure, (one, many) = pyplot.subplots(1, 2, figsize=(13, 5.5), layout="constrained")
    _draw_latencies(one, results, candidates)
    _draw_crowds(many, results, candidates)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def spaced(heights: Mapping[str, float], *, factor: float = 1.09) -> dict[str, float]:
    """Return heights for labels on a logarithmic axis, moved up where two would lie on each other."""
    placed: dict[str, float] = {}
    below = 0.0
    for name in sorted(heights, key=heights.__getitem__):
        below = placed[name] = max(heights[name], below * factor)
    return placed


def _draw_latencies(axes: Any, results: Results, candidates: Mapping[str, Candidate]) -> None:
    """Draw one bar a candidate, the fastest on top, with the quartiles as a whisker."""
    measured = [
        (latency.ratio, latency.micros, candidates[latency.key])
        for latency in results.latencies.values()
        if latency.ratio is not None and latency.micros is not None
    ]
    measured.sort(key=lambda row: row[0].median, reverse=True)
    for position, (ratio, micros, candidate) in enumerate(measured):
        whisker = [[ratio.median - ratio.low], [ratio.high - ratio.median]]
        axes.barh(position, ratio.median, xerr=whisker, color=COLOURS[candidate.kind], ecolor="#404040")
        text = f"  {ratio.median:.1f} x, {micros.median:.0f} µs"
        axes.text(ratio.high, position, text, va="center", size=8)
    axes.set_yticks(
        range(len(measured)), [f"{candidate.label} ({candidate.where.value})" for *_, candidate in measured]
    )
    axes.set_xlim(right=1.3 * max((ratio.high for ratio, *_ in measured), default=1))
    axes.set_xlabel("one no-op call, times the raw hand-off between two threads")
    axes.spines[["top", "right"]].set_visible(False)


def _draw_crowds(axes: Any, results: Results, candidates: Mapping[str, Candidate]) -> None:
    """Draw one line a candidate over the number of callers, for the shortest work without a limit."""
    shortest = min((crowd.work_seconds for crowd in results.crowds), default=0.0)
    shown = [
        crowd
        for crowd in results.crowds
        if not crowd.problem and not crowd.limit and crowd.work_seconds == shortest
    ]
    ends: dict[str, float] = {}
    for key in dict.fromkeys(crowd.key for crowd in shown):
        mine = [crowd for crowd in shown if crowd.key == key]
        candidate = candidates[key]
        axes.plot(
            [crowd.callers for crowd in mine],
            [crowd.wall_seconds for crowd in mine],
            marker="o",
            markersize=3,
            color=COLOURS[candidate.kind],
            linewidth=2.5 if candidate.kind is Kind.OURS else 1,
            zorder=3 if candidate.kind is Kind.OURS else 2,
        )
        ends[candidate.crowd] = mine[-1].wall_seconds
    most = max((crowd.callers for crowd in shown), default=1)
    for name, height in spaced(ends).items():
        axes.annotate(name, (most, ends[name]), (1.4 * most, height), size=7, va="center")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(right=40 * most)
    axes.set_xlabel("threads in a sync call at once")
    axes.set_ylabel(f"seconds until all have ended, {shortest:g} s each")
    axes.spines[["top", "right"]].set_visible(False)
