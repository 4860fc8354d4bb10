"""Compare what a call costs with what it cost at another commit, side by side in one run.

``python -m benchmarks.against COMMIT`` puts that commit's ``agent_runtime`` into a temporary folder, starts
one child process for each candidate of ours with each of the two, lets them take turns, and prints the
ratios, taken round by round: below 1 is faster than that commit. Publish what it says where nothing else
runs. ``--cpu`` counts the processor's time in the place of the wall clock's, for a look on a busy machine.
Hand-offs between threads depend on the processors that the threads run on, so pin both to one:
``taskset -c 0 python -m benchmarks.against COMMIT``.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from benchmarks.candidates import CANDIDATES, obstacle
from benchmarks.latency import Runner, turn
from benchmarks.model import Kind
from benchmarks.samples import ratios, spread

__all__ = ("main",)

ROOT = Path(__file__).parents[1]
ROUNDS = 41
OURS = [key for key, candidate in CANDIDATES.items() if candidate.kind is Kind.OURS]
UNIT = "handoff"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0, or 1 where a ratio is above ``--at-most``."""
    parser = argparse.ArgumentParser("python -m benchmarks.against", description=__doc__)
    parser.add_argument("commit", help="what git knows it by")
    parser.add_argument("--only", nargs="+", choices=OURS, default=OURS, metavar="KEY", help=", ".join(OURS))
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, metavar="N", help=f"turns of each; default: {ROUNDS}"
    )
    parser.add_argument("--cpu", action="store_true", help="processor time, for a look on a busy machine")
    parser.add_argument("--at-most", type=float, metavar="RATIO", help="exit 1 if a ratio is above this")
    options = parser.parse_args(arguments)
    keys = [key for key in options.only if not obstacle(CANDIDATES[key])]
    clock = ["cpu"] if options.cpu else []
    with _tree_of(options.commit) as then:
        samples = _measure(keys, then, clock, options.rounds)
    print(
        f"Python {sys.version.split()[0]}, {options.rounds} rounds, {'processor' if clock else 'wall'} time"
    )
    worst = 0.0
    for key in keys:
        candidate, now, before = CANDIDATES[key], samples[key, "now"], samples[key, "then"]
        ratio, unit = spread(ratios(now, before)), spread(ratios(now, samples[UNIT, "now"]))
        worst = max(worst, ratio.median)
        print(
            f"{candidate.label}, {candidate.where.value}: {spread(now).median:.1f} us,"
            f" {unit.median:.2f} x hand-off,"
            f" {ratio.median:.2f} x {options.commit} ({ratio.low:.2f}-{ratio.high:.2f})"
        )
    return 1 if options.at_most is not None and worst > options.at_most else 0


def _measure(
    keys: Sequence[str], then: Path, clock: Sequence[str], rounds: int
) -> dict[tuple[str, str], list[float]]:
    """Return microseconds a call, by candidate and tree, one number a round."""
    with contextlib.ExitStack() as stack:
        runners = {}
        for key, tree, folder in [
            (UNIT, "now", ROOT),
            *((key, tree, folder) for key in keys for tree, folder in (("now", ROOT), ("then", then))),
        ]:
            runner = stack.enter_context(Runner(key, *clock, folder=folder))
            if problem := runner.problem():
                raise SystemExit(f"{key} cannot be measured with the tree of {tree}: {problem}")
            runners[key, tree] = runner
        samples: dict[tuple[str, str], list[float]] = {one: [] for one in runners}
        for number in range(rounds):
            for one in turn(list(runners), number):
                samples[one].append(runners[one].micros_per_call())
    return samples


@contextlib.contextmanager
def _tree_of(commit: str) -> Iterator[Path]:
    """Put the package of a commit, and this benchmark, into a folder that lasts for the block."""
    archive = subprocess.run(
        ["git", "archive", commit, "agent_runtime"], cwd=ROOT, capture_output=True, check=False
    )
    if archive.returncode:
        raise SystemExit(f"git knows no tree of {commit!r}: {archive.stderr.decode().strip()}")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=BytesIO(archive.stdout)) as tree:
            tree.extractall(folder, filter="data")
        Path(folder, "benchmarks").symlink_to(ROOT / "benchmarks", target_is_directory=True)
        yield Path(folder)


if __name__ == "__main__":
    sys.exit(main())
