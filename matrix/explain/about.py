"""All that is known of one cell, from the files that make it: put together, and as plain data."""

from __future__ import annotations

import inspect
import shlex
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from matrix.chains import links_of
from matrix.claims import cells_of_control
from matrix.explain import places
from matrix.facts import as_data
from matrix.model import Limits, limits_of
from matrix.plan import does_not_apply
from matrix.promises import promises
from matrix.recorded import repeat_command
from matrix.registry import BUILT_IN
from matrix.targets import AGENT_RUNTIME, CONTROL, control_name, target_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matrix.expectations import Expectation, Expectations
    from matrix.explain.seen import Seen
    from matrix.model import AnyFunction, Cell, Facts
    from matrix.registry import Registry

__all__ = ("About", "Part", "Witness", "about_cell")


@dataclass(frozen=True)
class Part:
    """One of the four parts of a cell.

    Attributes:
        name: as in the cell's name.
        text: what it is, in a line.
        place: the file and line where it is.
        needs: import names of the packages that it needs.
    """

    name: str
    text: str
    place: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Witness:
    """A control that the probe is held against: what the probe must make of it, and where it is."""

    target: str
    must: str
    text: str
    place: str


@dataclass(frozen=True)
class About:
    """One cell.

    Attributes:
        cell: which.
        target: whose bridge.
        entry_point: which sync function.
        context: in which situation.
        facts: what has to be true there.
        probe: which claim.
        promise: number, title and text in the contract, and where that stands.
        limits: how long the host may stay silent.
        isolated: whether it has a host process of its own.
        skipped: why it means nothing here; None when it means something.
        witnesses: the controls that show what the probe can tell.
        expected: the known failures that speak of it, each with whether it holds here.
        expectations: the file of known failures.
        seen: what runs have said.
        commands: what to do next, by purpose.
    """

    cell: Cell
    target: Part
    entry_point: Part
    context: Part
    facts: Facts
    probe: Part
    promise: tuple[str, str, str, str]
    limits: Limits
    isolated: bool
    skipped: str | None
    witnesses: tuple[Witness, ...]
    expected: tuple[tuple[Expectation, bool], ...]
    expectations: str
    seen: tuple[Seen, ...]
    commands: dict[str, str]

    def as_data(self) -> dict[str, object]:
        """Return it as plain data."""
        parts = {name: asdict(getattr(self, name)) for name in ("target", "entry_point", "context", "probe")}
        return {
            "cell": self.cell.id,
            **parts,
            "facts": as_data(self.facts),
            "promise": dict(zip(("number", "title", "text", "place"), self.promise, strict=True)),
            "limits": asdict(self.limits),
            "isolated": self.isolated,
            "skipped": self.skipped,
            "controls": [asdict(one) for one in self.witnesses],
            "expectations": [_entry(entry, holds=holds) for entry, holds in self.expected],
            "runs": [one.as_data() for one in self.seen],
            "commands": self.commands,
        }


def about_cell(registry: Registry, cell: Cell, known: Expectations, runs: Sequence[Seen]) -> About:
    """Return what there is to say of a cell."""
    context, probe = registry.context(cell.context).statement, registry.probe(cell.probe).statement
    entry_point = registry.entry_point(cell.entry_point)
    title, text = promises().get(probe.promise, ("", ""))
    return About(
        cell=cell,
        target=_target(registry, cell),
        entry_point=Part(
            cell.entry_point,
            entry_point.statement.label,
            places.of_function(registry, entry_point.functions["call"]),
        ),
        context=Part(
            cell.context,
            context.summary,
            ", ".join(
                places.of_statement(registry, "contexts", link, "CONTEXT") for link in links_of(cell.context)
            ),
            context.requires,
        ),
        facts=context.facts,
        probe=Part(
            cell.probe,
            probe.claim,
            places.of_statement(registry, "probes", cell.probe, "PROBE"),
            probe.requires,
        ),
        promise=(probe.promise, title, text, places.of_promise(probe.promise)),
        limits=_limits(registry, cell),
        isolated=probe.isolated,
        skipped=does_not_apply(registry, cell),
        witnesses=tuple(_witnesses(registry, cell)),
        expected=tuple((entry, known.holds(entry)) for entry in known.entries if entry.covers(cell)),
        expectations="" if known.path is None else known.path.name,
        seen=tuple(runs),
        commands=_commands(registry, cell),
    )


def _target(registry: Registry, cell: Cell) -> Part:
    entry_point, probe = registry.entry_point(cell.entry_point), registry.probe(cell.probe)
    if cell.target == AGENT_RUNTIME:
        place = places.of_function(registry, entry_point.functions["call"])
        return Part(cell.target, "the project's own entry point", place)
    if cell.target == CONTROL:
        broken = probe.functions["broken"]
        text = f"the probe's own broken bridge: {_first_line(broken)}"
        return Part(cell.target, text, places.of_function(registry, broken))
    name = control_name(cell.target)
    if name is None:
        peer = registry.peer(cell.target)
        place = places.of_function(registry, peer.functions["call"])
        return Part(cell.target, peer.statement.summary, place, peer.statement.requires)
    control = registry.control(name)
    kind = "a right bridge that looks odd" if control.statement.near_miss else "a broken bridge"
    place = places.of_function(registry, control.functions["call"])
    return Part(cell.target, f"{kind}: {control.statement.summary}", place, control.statement.requires)


def _limits(registry: Registry, cell: Cell) -> Limits:
    name = control_name(cell.target)
    control = None if name is None else registry.control(name).statement
    return limits_of(registry.context(cell.context).statement, registry.probe(cell.probe).statement, control)


def _witnesses(registry: Registry, cell: Cell) -> list[Witness]:
    """Return the controls that each run of the gate holds the cell's probe against."""
    broken = registry.probe(cell.probe).functions["broken"]
    found = [Witness(CONTROL, "notice", _first_line(broken), places.of_function(registry, broken))]
    for name, control in registry.controls().items():
        if any(one.probe == cell.probe for one in cells_of_control(registry, control)):
            must = "pass" if control.near_miss else "notice"
            place = places.of_function(registry, registry.control(name).functions["call"])
            found.append(Witness(target_of(control), must, control.summary, place))
    return found


def _first_line(function: AnyFunction) -> str:
    text = inspect.getdoc(function) or ""
    return text.splitlines()[0] if text else "(it does not say what it breaks)"


def _entry(entry: Expectation, *, holds: bool) -> dict[str, object]:
    return {
        "cells": list(entry.cells),
        "failure": entry.failure,
        "reason": entry.reason,
        "issue": entry.issue,
        "expires": None if entry.expires is None else entry.expires.isoformat(),
        "line": entry.table.heading + 1,
        "holds_here": holds,
    }


def _commands(registry: Registry, cell: Cell) -> dict[str, str]:
    is_chain = len(links_of(cell.context)) > 1
    own = "" if registry.root == BUILT_IN.resolve() else f" --registry {shlex.quote(str(registry.root))}"
    commands = {"run": repeat_command(cell) + own}
    if not own and not is_chain and cell.target in {AGENT_RUNTIME, CONTROL}:
        test = f"tests/contexts/test_cells.py::test_cell[{cell.id}]"
        commands["test"] = f"python -m pytest {shlex.quote(test)}"
    if not is_chain and does_not_apply(registry, cell) is None:
        commands["repro"] = f"python -m matrix repro {shlex.quote(cell.id)} -o repro.py{own}"
        commands["debug"] = "python -m pdb repro.py --here"
    return commands
