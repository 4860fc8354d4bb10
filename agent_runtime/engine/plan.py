"""The order of a workflow's steps as numbers, and how each is run: made once, read by every run of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from agent_runtime.engine.step_run import PlainRun, StepRun
from agent_runtime.engine.steps import Agent
from agent_runtime.workflow.model import (
    ONCE,
    AgentCall,
    Approval,
    Block,
    OnError,
    Step,
    Workflow,
    WorkflowCall,
)

__all__ = ("Links", "Plan", "Ready", "StepPlan")


def _no_agent(_call: AgentCall) -> Agent | None:
    return None


def _nowhere(_step: Step) -> bool:
    return False


class Links(NamedTuple):
    """What names in a file stand for, apart from functions and tools.

    Attributes:
        errors: classes of exceptions by the names that ``retry`` may use.
        callee: from a file and the name in a ``workflow`` step to the key of that workflow.
        check_outputs: holds what comes out against what a workflow says of it.
        agent: from an agent step to what performs it, if it asks for more than one question.
        on_caller: whether a step is a plain function for the calling thread.
    """

    errors: Mapping[str, type[BaseException]]
    callee: Callable[[str, str], str]
    check_outputs: Callable[[Workflow, Mapping[str, object]], None]
    agent: Callable[[AgentCall], Agent | None] = _no_agent
    on_caller: Callable[[Step], bool] = _nowhere


class StepPlan(NamedTuple):
    """One step, and what can be known of it before a run.

    Attributes:
        step: the step.
        name: of its task, for debuggers.
        run: what runs it; a step that asks for nothing takes the short way.
        retry_on: classes of exceptions after which it is tried again.
        fallback: what to do when it has failed.
        compensate: what undoes it.
        body: what is done for each item or each time, if it is a loop.
        block: the steps inside it.
        callee: the key of the workflow that it runs.
        agent: what performs it, if it is an agent that asks for more than one question.
        batched: whether it is a plain function for the calling thread, and asks for nothing more.
    """

    step: Step
    name: str
    run: type[PlainRun]
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    fallback: StepPlan | None = None
    compensate: StepPlan | None = None
    body: StepPlan | None = None
    block: Plan | None = None
    callee: str = ""
    agent: Agent | None = None
    batched: bool = False

    @classmethod
    def of(cls, step: Step, workflow: Workflow, links: Links) -> StepPlan:
        """Find out how a step is to be run."""
        name = f"agent_runtime step {step.id}"
        if step.for_each is not None or step.repeat is not None:
            return cls._of_loop(step, name, workflow, links)
        run: type[PlainRun] = PlainRun if _is_plain(step) else StepRun
        block, callee = None, ""
        if isinstance(step.action, Block):
            from agent_runtime.engine.blocks import BlockRun  # most workflows need none of these

            run, block = BlockRun, Plan.of(workflow, links, step.action.steps)
        elif isinstance(step.action, Approval):
            from agent_runtime.engine.approvals import ApprovalRun

            run = ApprovalRun
        elif isinstance(step.action, WorkflowCall):
            from agent_runtime.engine.blocks import CallRun

            run, callee = CallRun, links.callee(workflow.file, step.action.name)
        return cls(
            step,
            name,
            run,
            tuple(links.errors[on.name] for on in step.retry.on) or (Exception,),
            None if step.fallback is None else cls.of(step.fallback, workflow, links),
            None if step.compensate is None else cls.of(step.compensate, workflow, links),
            block=block,
            callee=callee,
            agent=links.agent(step.action) if isinstance(step.action, AgentCall) else None,
            batched=run is PlainRun and links.on_caller(step),
        )

    @classmethod
    def _of_loop(cls, step: Step, name: str, workflow: Workflow, links: Links) -> StepPlan:
        """Plan a step that is done more than once: attempts and time limit are those of one time."""
        from agent_runtime.engine.loops import ItemsRun, RepeatRun

        once = dataclasses.replace(
            step,
            when=None,
            for_each=None,
            repeat=None,
            on_error=OnError.FAIL if step.for_each is None else step.for_each.on_error,
        )
        whole = dataclasses.replace(step, retry=ONCE, timeout=None, fallback=None, compensate=None)
        run = RepeatRun if step.for_each is None else ItemsRun
        return cls(whole, name, run, body=cls.of(once, workflow, links))


class Plan(NamedTuple):
    """Which steps wait for which, by their number in the file.

    Attributes:
        workflow: the workflow that they belong to.
        steps: the steps.
        numbers: each step's number by its id.
        dependents: for each step the numbers of those that wait for it.
        needed: for each step how many others it waits for.
        ready: the numbers of the steps that wait for nothing.
        check_outputs: holds what comes out against what the workflow says of it.
        follows: for each step the batched one that may begin where this one, batched too, has ended, as it
            waits for nothing else, and nothing else for this one; else None.
    """

    workflow: Workflow
    steps: tuple[StepPlan, ...]
    numbers: dict[str, int]
    dependents: tuple[tuple[int, ...], ...]
    needed: tuple[int, ...]
    ready: tuple[int, ...]
    check_outputs: Callable[[Workflow, Mapping[str, object]], None]
    follows: tuple[int | None, ...] = ()

    @classmethod
    def of(cls, workflow: Workflow, links: Links, steps: Sequence[Step] | None = None) -> Plan:
        """Number the steps of a checked workflow, or those inside one of its steps."""
        steps = workflow.steps if steps is None else steps
        numbers = {step.id: number for number, step in enumerate(steps)}
        dependents: list[list[int]] = [[] for _ in steps]
        for number, step in enumerate(steps):
            for other in step.depends_on:
                dependents[numbers[other]].append(number)
        plans = tuple(StepPlan.of(step, workflow, links) for step in steps)
        return cls(
            workflow=workflow,
            steps=plans,
            numbers=numbers,
            dependents=tuple(map(tuple, dependents)),
            needed=tuple(len(step.depends_on) for step in steps),
            ready=tuple(number for number, step in enumerate(steps) if not step.depends_on),
            check_outputs=links.check_outputs,
            follows=_followers(plans, dependents),
        )


class Ready(NamedTuple):
    """A step that waits for nothing but its thread, and since when, in seconds since the epoch."""

    number: int
    since: float


def _followers(plans: Sequence[StepPlan], dependents: Sequence[Sequence[int]]) -> tuple[int | None, ...]:
    """Find the chains of batched steps."""
    found: list[int | None] = [None] * len(plans)
    for number, waiting in enumerate(dependents):
        if len(waiting) == 1 and plans[number].batched and plans[waiting[0]].batched:
            (follower,) = waiting
            found[number] = follower if len(plans[follower].step.depends_on) == 1 else None
    return tuple(found)


def _is_plain(step: Step) -> bool:
    """Whether a step is done at once, a single time, and its failure is the run's."""
    return (
        step.when is None
        and step.retry is ONCE
        and step.timeout is None
        and step.on_error is OnError.FAIL
        and step.fallback is None
        and step.compensate is None
    )
