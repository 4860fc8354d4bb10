"""From a checked workflow to the plan of its runs: what waits for what, and which class runs each step."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from agent_runtime.engine.plan import PlainRun, Plan, StepPlan
from agent_runtime.engine.step_run import StepRun
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

__all__ = ("Links", "compile_plan")


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


def compile_plan(workflow: Workflow, links: Links, steps: Sequence[Step] | None = None) -> Plan:
    """Number the steps of a checked workflow, or those inside one of its steps."""
    steps = workflow.steps if steps is None else steps
    numbers = {step.id: number for number, step in enumerate(steps)}
    dependents: list[list[int]] = [[] for _ in steps]
    for number, step in enumerate(steps):
        for other in step.depends_on:
            dependents[numbers[other]].append(number)
    plans = tuple(_plan_step(step, workflow, links) for step in steps)
    return Plan(
        workflow=workflow,
        steps=plans,
        numbers=numbers,
        dependents=tuple(map(tuple, dependents)),
        needed=tuple(len(step.depends_on) for step in steps),
        ready=tuple(number for number, step in enumerate(steps) if not step.depends_on),
        check_outputs=links.check_outputs,
        follows=_followers(plans, dependents),
    )


def _plan_step(step: Step, workflow: Workflow, links: Links) -> StepPlan:
    """Find out how a step is to be run."""
    name = f"agent_runtime step {step.id}"
    if step.for_each is not None or step.repeat is not None:
        return _plan_loop(step, name, workflow, links)
    run: type[PlainRun] = PlainRun if _is_plain(step) else StepRun
    block, callee = None, ""
    if isinstance(step.action, Block):
        from agent_runtime.engine.blocks import BlockRun  # most workflows need none of these

        run, block = BlockRun, compile_plan(workflow, links, step.action.steps)
    elif isinstance(step.action, Approval):
        from agent_runtime.engine.approvals import ApprovalRun

        run = ApprovalRun
    elif isinstance(step.action, WorkflowCall):
        from agent_runtime.engine.blocks import CallRun

        run, callee = CallRun, links.callee(workflow.file, step.action.name)
    return StepPlan(
        step,
        name,
        run,
        tuple(links.errors[on.name] for on in step.retry.on) or (Exception,),
        None if step.fallback is None else _plan_step(step.fallback, workflow, links),
        None if step.compensate is None else _plan_step(step.compensate, workflow, links),
        block=block,
        callee=callee,
        agent=links.agent(step.action) if isinstance(step.action, AgentCall) else None,
        batched=run is PlainRun and links.on_caller(step),
    )


def _plan_loop(step: Step, name: str, workflow: Workflow, links: Links) -> StepPlan:
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
    return StepPlan(whole, name, run, body=_plan_step(once, workflow, links))


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
