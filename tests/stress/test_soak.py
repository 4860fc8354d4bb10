"""Random chains of contexts, several to a process: a call, in a fork, in a signal handler, during a call."""

from __future__ import annotations

import shlex
import sys

import pytest

from tests.helpers.soak.processes import failure_of
from tests.helpers.soak.programs import Program, is_possible, make_program, shrunk

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and counts descriptors in /proc")

_LIMIT = 30.0
"""Seconds for one program; usually it takes one."""


def check(program: Program) -> None:
    """Walk a program; if it fails, look for the least that still fails, and say how to repeat that."""
    failure = failure_of(program, limit=_LIMIT)
    if failure is None:
        return
    least = shrunk(program, lambda smaller: failure_of(smaller, limit=_LIMIT) is not None, tries=12)
    repeat = shlex.join(["python", "-m", "tests.helpers.soak", *least.arguments()])
    pytest.fail(f"{failure_of(least, limit=_LIMIT) or failure}\nrepeat: {repeat}", pytrace=False)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_chains_of_contexts_keep_values_variables_exceptions_and_leave_nothing(
    part: int, long: bool, seed: int
) -> None:
    length = 200 if long else 2

    for number in range(part * length, (part + 1) * length):
        check(make_program(seed * 1_000_000 + number, chains=10, longest=8))


def test_shrinking_finds_the_one_link_that_fails() -> None:
    program = make_program(3, chains=6, longest=6)
    guilty = Program((*program.chains, ("thread", "fork", "call_with_def_step")))

    least = shrunk(guilty, lambda some: any("fork" in chain for chain in some.chains), tries=200)

    assert least == Program((("fork",),))


def test_seed_makes_the_same_possible_program_again() -> None:
    programs = [make_program(seed, chains=6, longest=8) for seed in range(100)]

    assert programs == [make_program(seed, chains=6, longest=8) for seed in range(100)]
    assert all(is_possible(chain) for program in programs for chain in program.chains)
