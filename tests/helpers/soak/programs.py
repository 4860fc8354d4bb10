"""Programs of chains: made by a seed, checked for what is possible, and shrunk when they fail."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.helpers.soak import inside, outside
from tests.helpers.soak.situation import Link, Situation
from tests.helpers.soak.walk import FAIL, LINKS

__all__ = ("Program", "is_possible", "make_program", "shrunk")

Chain = tuple[str, ...]

MODULES = (inside, outside)
"""Importing them registers their links."""

_MAIN = ("main", True)
_IN_THREAD = (("main", False), ("loop", False))
_ON_LOOP_THREAD = (("main", False), ("loop", True), ("portal", True))
_OFF_LOOP_THREADS = (("portal", False),)
_FORKED = (("main", True), ("storm", False), ("portal", False), ("forked", True))
_NEW_PROCESS = (*_FORKED, ("loop", False), ("collecting", False), ("forked", False))
_HAS_CHILDREN = (("daemonic", False),)

TABLE: dict[str, Link] = {
    "call_with_def_step": Link(6, gives=(("loop", False),)),
    "call_with_async_step": Link(6, gives=_ON_LOOP_THREAD),
    "workflow_with_def_step": Link(3, gives=(("loop", False),)),
    "workflow_with_async_step": Link(3, gives=_ON_LOOP_THREAD),
    "asyncio_run": Link(6, (("loop", False),), (("loop", True),)),
    "uvloop_run": Link(4, (("loop", False),), (("loop", True),)),
    "callback": Link(3, gives=_ON_LOOP_THREAD),
    "worker": Link(3, gives=_IN_THREAD),
    "thread": Link(4, _OFF_LOOP_THREADS, _IN_THREAD),
    "signal_handler": Link(4, (_MAIN,)),
    "signal_handler_during_call": Link(6, (_MAIN,)),
    "storm": Link(3, (_MAIN, ("storm", False)), (("storm", True),)),
    "ctrl_c": Link(4, (_MAIN, ("storm", False))),
    "finaliser": Link(5, (("collecting", False),), (("collecting", True),)),
    "gc_callback": Link(4, (("collecting", False),), (("collecting", True),)),
    "timeout": Link(3),
    "own_bridge": Link(4, gives=_ON_LOOP_THREAD),
    "iteration": Link(4),
    "entered": Link(4),
    "fork": Link(6, gives=_FORKED),
    "fork_in_thread_during_call": Link(5, gives=(*_FORKED, ("loop", False))),
    "multiprocessing_fork": Link(3, _HAS_CHILDREN, _FORKED),
    "multiprocessing_spawn": Link(1, _HAS_CHILDREN, _NEW_PROCESS),
    "multiprocessing_forkserver": Link(1, (*_HAS_CHILDREN, ("forked", False)), _NEW_PROCESS),
    "pool": Link(1, _HAS_CHILDREN, (*_NEW_PROCESS, ("daemonic", True))),
    "forking_pool": Link(1, _HAS_CHILDREN, (*_FORKED, ("daemonic", True))),
}
NEEDS = {"uvloop_run": "uvloop"}
"""The package that a link needs; where it is not installed, programs do without the link."""
AT_EXIT = (
    "call_with_def_step",
    "workflow_with_def_step",
    "signal_handler",
    "finaliser",
    "gc_callback",
    "ctrl_c",
)
"""What an exit hook can do as well; no thread starts there any more."""


@dataclass(frozen=True)
class Program:
    """What one process does: chains one after another, twice; and one when it ends."""

    chains: tuple[Chain, ...]
    at_exit: Chain = ()

    def arguments(self) -> list[str]:
        """Return the arguments that repeat it."""
        chains = [argument for chain in self.chains for argument in ("--chain", ",".join(chain))]
        return [*chains, "--at-exit", ",".join(self.at_exit)]


def is_possible(chain: Chain) -> bool:
    """Whether every link is possible where it stands."""
    situation = Situation()
    for name in chain:
        if name == FAIL:
            continue
        if not TABLE[name].is_possible(situation):
            return False
        situation = TABLE[name].inside(situation)
    return True


def make_program(seed: int, *, chains: int, longest: int) -> Program:
    """Return the program that a number makes."""
    assert set(TABLE) == set(LINKS)
    chance = random.Random(seed)
    # Free-threaded builds have no wheel of uvloop, say.
    missing = {name for name, package in NEEDS.items() if importlib.util.find_spec(package) is None}
    here = {name: link for name, link in TABLE.items() if name not in missing}
    return Program(
        tuple(_make_chain(chance, here, longest) for _ in range(chains)),
        _make_chain(chance, {name: TABLE[name] for name in AT_EXIT}, 3),
    )


def _make_chain(chance: random.Random, table: dict[str, Link], longest: int) -> Chain:
    situation, chain = Situation(), []
    for _ in range(chance.randint(1, longest)):
        possible = [name for name in table if table[name].is_possible(situation)]
        (name,) = chance.choices(possible, [table[name].weight for name in possible])
        chain.append(name)
        situation = table[name].inside(situation)
    if chance.random() < 0.25:
        chain.append(FAIL)
    return tuple(chain)


def shrunk(program: Program, fails: Callable[[Program], bool], *, tries: int) -> Program:
    """Leave out chains and links for as long as the program still fails; ``tries`` attempts at most."""
    shrinking = True
    while shrinking:
        shrinking = False
        for smaller in _smaller(program):
            if tries == 0:
                return program
            tries -= 1
            if fails(smaller):
                program, shrinking = smaller, True
                break
    return program


def _smaller(program: Program) -> Iterator[Program]:
    """Return programs with something left out, those with the most left out first."""
    chains = program.chains
    half = len(chains) // 2
    if half:
        yield Program(chains[:half])
        yield Program(chains[half:])
    if program.at_exit:
        yield Program(chains)
    for number in range(len(chains)):
        yield Program(chains[:number] + chains[number + 1 :], program.at_exit)
    for number, chain in enumerate(chains):
        for place in range(len(chain)):
            shorter = chain[:place] + chain[place + 1 :]
            if is_possible(shorter):
                yield Program((*chains[:number], shorter, *chains[number + 1 :]), program.at_exit)
    for place in range(len(program.at_exit)):
        shorter = program.at_exit[:place] + program.at_exit[place + 1 :]
        yield Program(chains, shorter)
