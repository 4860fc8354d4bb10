"""``python -m benchmarks``: measure, print, write ``results/bench.{md,json,svg}``."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.budgets import crowd_verdicts, latency_verdicts
from benchmarks.candidates import CANDIDATES
from benchmarks.candidates.by_hand import FLOOR
from benchmarks.crowd import measure_crowd
from benchmarks.latency import measure_latencies
from benchmarks.machine import machine
from benchmarks.model import Crowd
from benchmarks.report import Results, as_json, as_markdown
from matrix.markdown import replace_tables

__all__ = ("main",)

ROUNDS, QUICK_ROUNDS = 41, 7
CALLERS, QUICK_CALLERS = (1, 10, 100, 1000), (1, 100)
WORK_SECONDS = 0.05
LONG_WORK_SECONDS = 1.0
"""For the budget that compares with the call's own length: long enough that a thousand threads can be
woken within it."""
FEW_DESCRIPTORS = 256
"""What macOS gives a process by default."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for; return 1 if a budget was missed and that matters."""
    options = _parser().parse_args(arguments)
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    keys = ["handoff", *(key for key in options.only or CANDIDATES if key != "handoff")]
    latencies = measure_latencies([CANDIDATES[key] for key in keys], rounds=rounds, progress=_progress)
    crowds = [] if options.no_crowds else _crowds(keys, QUICK_CALLERS if options.quick else CALLERS)
    verdicts = [
        *latency_verdicts(latencies, CANDIDATES),
        *crowd_verdicts(crowds, ours="ours", floor=FLOOR.key),
    ]
    results = Results(machine(), rounds, latencies, crowds, verdicts)
    _write(results, options.folder)
    if options.write is not None:
        _publish(results, options.write)
    return 1 if options.check and any(verdict.missed for verdict in verdicts) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="fewer rounds and callers: a look, not a result")
    add("--rounds", type=int, metavar="N", help=f"how often each candidate has its turn; default: {ROUNDS}")
    add("--only", nargs="+", choices=CANDIDATES, metavar="KEY", help=", ".join(CANDIDATES))
    add("--no-crowds", action="store_true", help="leave out the many callers at once")
    add("--check", action="store_true", help="exit 1 if a budget is missed, or lacks its numbers")
    add("--folder", type=Path, default=Path("results"), help="where to write; default: results")
    text = "also write the tables into this document, between its markers, and plot and JSON beside it"
    add("--write", type=Path, metavar="FILE", help=text)
    return parser


def _crowds(keys: Sequence[str], callers: Sequence[int]) -> list[Crowd]:
    """Measure the crowds: the floor, everybody, then ours with few descriptors and with longer work."""
    crowds = []
    for candidate in (FLOOR, *(CANDIDATES[key] for key in keys)):
        if not candidate.crowd:
            continue
        for count in callers:
            _progress(f"{count} callers of {candidate.key}")
            crowds.append(measure_crowd(candidate, count, work_seconds=WORK_SECONDS))
    for candidate in (CANDIDATES[key] for key in keys if key in ("ours", "asyncio_run")):
        for seconds in (WORK_SECONDS, LONG_WORK_SECONDS):
            _progress(f"{callers[-1]} callers of {candidate.key}, few descriptors")
            few = measure_crowd(candidate, callers[-1], work_seconds=seconds, limit=FEW_DESCRIPTORS)
            crowds.append(few)
    return crowds


def _write(results: Results, folder: Path) -> None:
    candidates = {**CANDIDATES, FLOOR.key: FLOOR}
    text = as_markdown(results, candidates)
    print(text)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.md").write_text(text, encoding="utf-8")
    (folder / "bench.json").write_text(as_json(results), encoding="utf-8")
    _draw(results, folder / "bench.svg")


def _publish(results: Results, document: Path) -> None:
    """Put what was measured into a document that has markers for it."""
    text = as_markdown(results, {**CANDIDATES, FLOOR.key: FLOOR}).partition("\n\n")[2]
    written = replace_tables(document.read_text(encoding="utf-8"), {"bench": text})
    document.write_text(written, encoding="utf-8", newline="\n")
    (document.parent / "bench.json").write_text(as_json(results), encoding="utf-8", newline="\n")
    _draw(results, document.parent / "images" / "bench.svg")


def _draw(results: Results, picture: Path) -> None:
    if importlib.util.find_spec("matplotlib") is not None:
        from benchmarks.plot import draw

        draw(results, {**CANDIDATES, FLOOR.key: FLOOR}, picture)


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
