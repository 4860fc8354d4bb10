"""Steps that wait for each other in a circle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent_runtime.loading.form import shown
from agent_runtime.loading.nodes import Notes
from agent_runtime.workflow.model import Step

__all__ = ("find_cycles",)


def find_cycles(steps: Sequence[Step], notes: Notes) -> None:
    """Note one cycle for each knot of steps that wait for each other."""
    by_id = {step.id: step for step in steps}
    left = {step.id: set(step.depends_on) & by_id.keys() for step in by_id.values()}
    while True:
        _trim(left)
        if not left:
            return
        cycle = _walk(left)
        first = min(range(len(cycle)), key=lambda place: by_id[cycle[place]].position.line or 0)
        cycle = cycle[first:] + cycle[:first]
        chain = " -> ".join(
            shown(name) for name in (*cycle[:20], *(["..."] if len(cycle) > 20 else []), cycle[0])
        )
        if len(cycle) == 1:
            message = f"step '{shown(cycle[0])}' waits for itself"
        else:
            message = f"these steps wait for each other: {chain}"
        notes.add(by_id[cycle[0]].position, message, "remove one of the references or 'needs' between them")
        for name in cycle:
            del left[name]


def _trim(left: dict[str, set[str]]) -> None:
    """Remove every step that could run, as if it had; what stays is a cycle or waits for one."""
    dependents: dict[str, list[str]] = {}
    for name, needed in left.items():
        needed.intersection_update([other for other in needed if other in left])
        for other in needed:
            dependents.setdefault(other, []).append(name)
    ready = [name for name, needed in left.items() if not needed]
    while ready:
        done = ready.pop()
        del left[done]
        for name in dependents.get(done, ()):
            left[name].discard(done)
            if not left[name]:
                ready.append(name)


def _walk(left: Mapping[str, set[str]]) -> list[str]:
    """Follow dependencies until a step comes again; every step left has one that is left."""
    seen: dict[str, int] = {}
    name = next(iter(left))
    while name not in seen:
        seen[name] = len(seen)
        name = min(left[name])
    return list(seen)[seen[name] :]
