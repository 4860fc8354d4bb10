"""``python -m benchmarks.runtimes``: compare, print, write ``results/runtimes.{md,json,svg}``."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.runtimes.model import Cell, Entry, Rival, Shape
from benchmarks.runtimes.report import Comparison, as_json, as_markdown, draw
from benchmarks.runtimes.rivals import RIVALS
from benchmarks.runtimes.turns import Runner
from benchmarks.samples import ratios, spread

__all__ = ("main",)

ROUNDS, QUICK_ROUNDS = 9, 3
UNIT = "ours"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for."""
    options = _parser().parse_args(arguments)
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    keys = [UNIT, *(key for key in options.only or RIVALS if key != UNIT)]
    cells = [
        cell for entry in Entry for cell in measured([RIVALS[key] for key in keys], entry, rounds=rounds)
    ]
    versions = {key: version for key in keys if (version := _version(RIVALS[key]))}
    found = Comparison(machine(), versions, rounds, cells)
    _write(found, options.folder)
    if options.page is not None:
        images = options.page.parent / "images"
        options.page.write_text(as_markdown(found, RIVALS, picture="images/runtimes.svg"), encoding="utf-8")
        draw(found, RIVALS, images / "runtimes.svg")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.runtimes", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="fewer rounds: a look, not a result")
    add("--rounds", type=int, metavar="N", help=f"how often each cell has its turn; default: {ROUNDS}")
    add("--only", nargs="+", choices=RIVALS, metavar="KEY", help=", ".join(RIVALS))
    add("--page", type=Path, metavar="FILE", help="write the page of the docs as well, with its picture")
    add("--folder", type=Path, default=Path("results"), help="where to write; default: results")
    return parser


def measured(rivals: Sequence[Rival], entry: Entry, *, rounds: int) -> list[Cell]:
    """Measure all shapes in all runtimes, in turns; what cannot be measured says why."""
    problems: dict[tuple[str, Shape], str] = {}
    samples: dict[tuple[str, Shape], list[float]] = {}
    with contextlib.ExitStack() as stack:
        children: dict[str, Runner] = {}
        for rival in rivals:
            obstacle = _obstacle(rival)
            if not obstacle:
                children[rival.key] = stack.enter_context(Runner(rival.key, entry))
            for shape in Shape:
                problem = obstacle or children[rival.key].problem(shape)
                if problem:
                    problems[rival.key, shape] = problem
                else:
                    samples[rival.key, shape] = []
        for number in range(rounds):
            for key, shape in list(samples)[:: 1 if number % 2 == 0 else -1]:
                samples[key, shape].append(children[key].micros_per_step(shape))
    return [_cell(rival.key, shape, entry, samples, problems) for rival in rivals for shape in Shape]


def _cell(
    key: str,
    shape: Shape,
    entry: Entry,
    samples: Mapping[tuple[str, Shape], Sequence[float]],
    problems: Mapping[tuple[str, Shape], str],
) -> Cell:
    mine, unit = samples.get((key, shape)), samples.get((UNIT, shape))
    if mine is None or unit is None:
        problem = problems.get((key, shape), f"{UNIT} was not measured")
        return Cell(key, shape.value, entry.value, problem=problem)
    return Cell(key, shape.value, entry.value, spread(mine), spread(ratios(mine, unit)))


def _obstacle(rival: Rival) -> str:
    """Return why a runtime cannot be measured here, or ""."""
    if importlib.util.find_spec(rival.module) is None:
        return f"{rival.package} is not installed"
    return ""


def _version(rival: Rival) -> str:
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version(rival.package)
    return ""


def _write(found: Comparison, folder: Path) -> None:
    text = as_markdown(found, RIVALS)
    print(text)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "runtimes.md").write_text(text, encoding="utf-8")
    (folder / "runtimes.json").write_text(as_json(found), encoding="utf-8")
    if importlib.util.find_spec("matplotlib") is not None:
        draw(found, RIVALS, folder / "runtimes.svg")


if __name__ == "__main__":
    raise SystemExit(main())
