"""The order of a workflow's steps as numbers: made once, read by every run of it."""

from __future__ import annotations

from typing import NamedTuple

from agent_runtime.workflow import Workflow

__all__ = ("Plan",)


class Plan(NamedTuple):
    """Which steps wait for which, by their number in the file.

    Attributes:
        workflow: what it is the plan of.
        numbers: each step's number by its id.
        dependents: for each step the numbers of those that wait for it.
        needed: for each step how many others it waits for.
        ready: the numbers of the steps that wait for nothing.
        names: for each step the name of its task, for debuggers.
    """

    workflow: Workflow
    numbers: dict[str, int]
    dependents: tuple[tuple[int, ...], ...]
    needed: tuple[int, ...]
    ready: tuple[int, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, workflow: Workflow) -> Plan:
        """Number the steps of a checked workflow."""
        steps = workflow.steps
        numbers = {step.id: number for number, step in enumerate(steps)}
        dependents: list[list[int]] = [[] for _ in steps]
        for number, step in enumerate(steps):
            for other in step.depends_on:
                dependents[numbers[other]].append(number)
        return cls(
            workflow=workflow,
            numbers=numbers,
            dependents=tuple(map(tuple, dependents)),
            needed=tuple(len(step.depends_on) for step in steps),
            ready=tuple(number for number, step in enumerate(steps) if not step.depends_on),
            names=tuple(f"agent_runtime step {step.id}" for step in steps),
        )
