"""Where no step can wait for an approval: where runs are not kept, and in what undoes another step."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from agent_runtime.loading.form import shown
from agent_runtime.loading.library import Library, every_step
from agent_runtime.loading.nodes import Notes
from agent_runtime.workflow.model import Approval, Block, Step, Workflow, WorkflowCall

__all__ = ("ASK_BEFORE", "check_approvals", "check_undoing", "done_by")

ASK_BEFORE = "ask in a step before the one that may have to be undone"


def check_approvals(workflow: Workflow, notes: Notes) -> None:
    """Note every step that waits for an approval, where runs are not kept and so cannot wait."""
    for step in every_step(workflow.steps):
        if isinstance(step.action, Approval):
            message = f"step '{shown(step.id)}' waits for an approval, and runs are not kept"
            hint = "pass storage=SQLiteStorage(path), or storage=MemoryStorage()"
            notes.add(step.action.position, message, hint)


def done_by(step: Step) -> Iterator[Step]:
    """Yield a step and all that may be done for it, but what undoes something."""
    waiting = [step]
    while waiting:
        each = waiting.pop()
        yield each
        waiting += each.action.steps if isinstance(each.action, Block) else ()
        waiting += () if each.fallback is None else (each.fallback,)


def check_undoing(workflows: Sequence[Workflow], library: Library, notes: Notes) -> None:
    """Note everything that undoes a step by a workflow in which one waits for an approval.

    What undoes a step, and waits in the file itself, has been noted when that was read.
    """
    undoing = [
        (workflow, step, done.action)
        for workflow in workflows
        for step in every_step(workflow.steps)
        if step.compensate is not None
        for done in done_by(step.compensate)
        if isinstance(done.action, WorkflowCall)
    ]
    waits = _waiting(library) if undoing else {}
    for workflow, step, call in undoing:
        asks = waits.get(library.callee_of(workflow.file, call.name) or "")
        if asks is not None:
            message = (
                f"what undoes step '{shown(step.id)}' runs the workflow '{shown(call.name)}',"
                f" and step '{shown(asks)}' there waits for an approval"
            )
            library.notes_of(workflow, notes).add(call.position, message, ASK_BEFORE)


def _waiting(library: Library) -> dict[str, str]:
    """Return the workflows that may wait by their keys, each with a step that does, or runs one that does."""
    waits: dict[str, str] = {}
    callers: dict[str, list[tuple[str, str]]] = {}
    for key, workflow in library.workflows.items():
        for done in (done for step in workflow.steps for done in done_by(step)):
            if isinstance(done.action, Approval):
                waits.setdefault(key, done.id)
            elif isinstance(done.action, WorkflowCall):
                callee = library.callee_of(workflow.file, done.action.name)
                callers.setdefault(callee or "", []).append((key, done.id))
    left = deque(waits)
    while left:
        for key, step in callers.get(left.popleft(), ()):
            if key not in waits:
                waits[key] = step
                left.append(key)
    return waits
