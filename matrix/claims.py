"""What the controls claim: which cells each of them has, and which claims cannot be true."""

from __future__ import annotations

import difflib
import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from matrix.model import Cell
from matrix.targets import target_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matrix.model import Context, Control
    from matrix.registry import Registry

__all__ = ("cells_of_control", "control_entry_point", "offers", "wrong_claims")

BOTH_OR_NEITHER = (
    "a control is either broken or a near miss; write caught_by=('PROBE', ...) or passes=('PROBE', ...),"
    " and not both"
)
# A control proves something about the probe in a context; through which entry point is all one.
CONTROL_ENTRY_POINT = "run_workflow"


def offers(registry: Registry, entry_point: str, probe: str) -> bool:
    """Whether an entry point has what a probe is to be given."""
    needs_session = registry.probe(probe).statement.session
    return not needs_session or "open_session" in registry.entry_point(entry_point).functions


def control_entry_point(registry: Registry, probe: str | None = None) -> str:
    """Return the entry point through which controls run: those that bring a call, or a probe's own one."""
    names = registry.names("entry_points")
    if probe is not None:
        names = [name for name in names if offers(registry, name, probe)]
    return CONTROL_ENTRY_POINT if CONTROL_ENTRY_POINT in names else names[0]


def cells_of_control(registry: Registry, control: Control) -> list[Cell]:
    """Return the cells that a control speaks of: its context with each probe it names."""
    entry_point, target = control_entry_point(registry), target_of(control)
    return [
        Cell(target, entry_point, control.context, probe)
        for probe in _named(control, list(registry.probes()))
        if offers(registry, entry_point, probe)
    ]


def wrong_claims(registry: Registry) -> list[str]:
    """Return what is wrong with what controls and contexts say of others, each with what to write instead.

    Every file of the registry has to be in order by itself.
    """
    controls = [
        f"{registry.root / 'controls' / name}.py: {problem}"
        for name, control in registry.controls().items()
        for problem in _problems(registry, control)
    ]
    contexts = [
        f"{registry.root / 'contexts' / name}.py: {problem}"
        for name, context in registry.contexts().items()
        for problem in _unknown_names(registry, context)
    ]
    return controls + contexts + _unknown_contexts(registry)


def _unknown_contexts(registry: Registry) -> list[str]:
    """Return what entry points say of contexts that do not exist."""
    known = list(registry.contexts())
    return [
        f"{registry.root / 'entry_points' / name}.py: gate_contexts names {context!r}, which is no context;"
        f" {_nearest(context, known)}"
        for name, entry_point in registry.entry_points().items()
        for context in entry_point.gate_contexts
        if context not in known
    ]


def _unknown_names(registry: Registry, context: Context) -> list[str]:
    """Return what a context says of probes and entry points that do not exist."""
    probes, entry_points = list(registry.probes()), list(registry.entry_points())
    named = [
        *(("without", pattern, "probe", probes) for pattern in context.without),
        *(("gate_probes", pattern, "probe", probes) for pattern in context.gate_probes),
        *(("gate_entry_points", name, "entry point", entry_points) for name in context.gate_entry_points),
    ]
    return [
        f"{word} names {pattern!r}, which is no {kind}; {_nearest(pattern, names)}"
        for word, pattern, kind, names in named
        if not any(fnmatchcase(name, pattern) for name in names)
    ]


def _problems(registry: Registry, control: Control) -> list[str]:
    if bool(control.caught_by) == bool(control.passes):
        return [BOTH_OR_NEITHER]
    problems = []
    contexts, probes = list(registry.contexts()), list(registry.probes())
    if control.context not in contexts:
        problems.append(
            f"context names {control.context!r}, which is no context; {_nearest(control.context, contexts)}"
        )
    word = "passes" if control.near_miss else "caught_by"
    named = [(word, pattern) for pattern in control.passes or control.caught_by]
    for word, pattern in [*named, *(("without", name) for name in control.without)]:
        if not any(fnmatchcase(probe, pattern) for probe in probes):
            problems.append(f"{word} names {pattern!r}, which is no probe; {_nearest(pattern, probes)}")
    return problems or _meaningless(registry, control)


def _meaningless(registry: Registry, control: Control) -> list[str]:
    """Return the claims about a broken bridge that would be skipped for ever, and so never held."""
    context = registry.context(control.context).statement
    here = [platforms for platforms in (control.platforms, context.platforms) if platforms]
    if control.near_miss or not all(any(sys.platform.startswith(name) for name in names) for names in here):
        return []
    reasons = {name: registry.probe(name).statement.skip_when(context.facts) for name in control.caught_by}
    return [
        f"caught_by names {name!r}, which means nothing in {control.context} ({reason}); write another"
        " context=, or leave the probe out"
        for name, reason in reasons.items()
        if reason
    ]


def _named(control: Control, probes: Sequence[str]) -> list[str]:
    """Return the probes that a control names, in the order of ``probes``."""
    patterns = control.passes or control.caught_by
    named = [probe for probe in probes if any(fnmatchcase(probe, pattern) for pattern in patterns)]
    return [probe for probe in named if probe not in control.without]


def _nearest(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    return f"nearest: {', '.join(near)}" if near else f"there are: {', '.join(names) or 'none'}"
