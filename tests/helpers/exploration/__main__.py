"""Explore a section: perform one experiment for each of its opcodes, or for a sample, and judge each."""

from __future__ import annotations

import argparse
import dataclasses
import gc
import itertools
import random
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# First of all: its exit hook has to be the oldest.
from tests.helpers.exploration.aftermath import say
from tests.helpers.exploration.children import Ended, fork_child
from tests.helpers.exploration.disturbances import DISTURBANCES, EXCUSED
from tests.helpers.exploration.experiment import Experiment, Observation, perform
from tests.helpers.exploration.sections import SECTIONS
from tests.helpers.exploration.verdict import complaints_about

SIDES = ("caller", "loop")
_ENOUGH = 5
"""Failures after which there is nothing new to learn."""


def main() -> int:
    """Explore as the command line says; print failures, and return 1 if there were any."""
    options = _options()
    gc.collect()
    gc.freeze()  # the children's collections need not look at what is here already
    failures = 0
    for disturbance, side in itertools.product(options.disturbance, options.side):
        if (options.section, disturbance) in EXCUSED:
            continue
        found = _explore(Experiment(options.section, disturbance, side), options)
        if found is None:
            return 0  # in a child, which has done its part
        failures += found
    return int(failures > 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.helpers.exploration", description=__doc__)
    parser.add_argument("section", choices=SECTIONS)
    parser.add_argument("--disturbance", choices=DISTURBANCES, action="append", help="all, if not given")
    parser.add_argument("--side", choices=SIDES, action="append", help="whose opcodes: both, if not given")
    parser.add_argument("--at", type=int, action="append", help="this opcode only; may be given again")
    parser.add_argument("--sample", type=int, metavar="N", help="N opcodes, spread over all")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--limit", type=float, default=30.0, help="seconds for each experiment")
    options = parser.parse_args()
    options.disturbance = options.disturbance or list(DISTURBANCES)
    options.side = options.side or SIDES
    return options


def _explore(base: Experiment, options: argparse.Namespace) -> int | None:
    """Perform one undisturbed experiment, then the others; return the number of failures.

    In a child process it returns None.
    """
    ended = _perform(base, None, options.limit)
    if ended is None:
        return None
    undisturbed = _observation(ended)
    complaints = _judge(base, ended, undisturbed.left)
    if complaints:
        _print(base, ended, complaints)
        return 1
    points = options.at or _points(undisturbed.opcodes, options.sample, options.seed)
    failures = 0
    for at in points:
        experiment = dataclasses.replace(base, at=at)
        ended = _perform(experiment, undisturbed.left, options.limit)
        if ended is None:
            return None
        complaints = _judge(experiment, ended, undisturbed.left)
        if complaints:
            _print(experiment, ended, complaints)
            failures += 1
        if failures == _ENOUGH:
            break
    print(f"{base}: {failures} failures at {len(points)} of {undisturbed.opcodes} opcodes", flush=True)
    return failures


def _points(count: int, sample: int | None, seed: int) -> Sequence[int]:
    """Return all opcodes, or one from each of ``sample`` strata."""
    if sample is None or sample >= count:
        return range(count)
    chance = random.Random(seed)
    bounds = [number * count // sample for number in range(sample + 1)]
    return [chance.randrange(first, last) for first, last in itertools.pairwise(bounds)]


def _perform(experiment: Experiment, limits: Mapping[str, int] | None, limit: float) -> Ended | None:
    """Perform an experiment in a child; return None in the child, when it is to end."""

    def in_child(descriptor: int) -> Callable[[], dict[str, Any]]:
        observation, tripwire = perform(experiment, limits, lambda place: say(descriptor, {"place": place}))

        def report() -> dict[str, Any]:
            tripwire.disarm()
            return {"opcodes": tripwire.count} | {
                k: v for k, v in observation.as_dict().items() if k not in ("place", "opcodes")
            }

        return report

    return fork_child(in_child, limit=limit)


def _observation(ended: Ended) -> Observation:
    return Observation(**{name: value for told in ended.told for name, value in told.items()})


def _judge(experiment: Experiment, ended: Ended, limits: Mapping[str, int]) -> list[str]:
    if ended.hung:
        return ["it hung"]
    if not ended.told or "opcodes" not in ended.told[-1]:
        return [f"it died with {ended.returncode}"]
    return complaints_about(
        experiment, _observation(ended), limits, returncode=ended.returncode, stderr=ended.stderr
    )


def _print(experiment: Experiment, ended: Ended, complaints: list[str]) -> None:
    where = _observation(ended).place
    print(f"{experiment}, opcode {experiment.at} at {where}: {'; '.join(complaints)}")
    names = f"{experiment.section} --disturbance {experiment.disturbance} --side {experiment.side}"
    print(f"  repeat: python -m tests.helpers.exploration {names} --at {experiment.at}")
    print(textwrap.indent(ended.stderr, "  | "), end="", flush=True)


sys.exit(main())
