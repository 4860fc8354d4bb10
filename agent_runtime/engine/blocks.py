"""Steps that consist of steps: those written inside it, or another workflow."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple, cast

from agent_runtime.engine.execution import Flow
from agent_runtime.engine.plan import Plan
from agent_runtime.engine.scope import BlockScope, RunScope
from agent_runtime.engine.step_run import StepRun
from agent_runtime.engine.timeouts import inner, within
from agent_runtime.expressions import render
from agent_runtime.outcomes import Outcome
from agent_runtime.workflow.model import Block, WorkflowCall

__all__ = ("MAX_DEPTH", "BlockRun", "CallRun", "SubWorkflow")

MAX_DEPTH = 50
"""Workflows inside each other in one run. A guess: a workflow that runs itself ends by its own ``when``."""


class SubWorkflow(NamedTuple):
    """A workflow that others run.

    Attributes:
        plan: what to run.
        bind: makes its inputs of what it is given for them.
    """

    plan: Plan
    bind: Callable[[str, Mapping[str, object]], dict[str, object]]


class _Inside(Flow[dict[str, object]]):
    """The steps of a block: together they come to a mapping of their outputs."""

    def _make_result(self) -> dict[str, object]:
        scope = self._scope
        return {plan.step.id: scope.outputs[number] for number, plan in enumerate(self._plan.steps)}


class _Called(Flow[dict[str, object]]):
    """The steps of another workflow, and what it says comes out."""

    def _make_result(self) -> dict[str, object]:
        return self._outputs()


class BlockRun(StepRun):
    """A step with steps inside it."""

    __slots__ = ()

    def _attempt(self) -> Coroutine[Any, Any, Outcome[object]]:
        block, plan = self.plan.step.action, self.plan.block
        assert isinstance(block, Block)
        assert plan is not None
        scope = BlockScope(self.values.scope, plan.numbers, self.values.file)
        steps = _Inside(plan, scope, self.around, self.feed, step=self.step, concurrency=block.concurrency)
        return self._through(steps)

    async def _done(self) -> Outcome[object]:
        if self.around.journal is not None:
            self.attempts = self.around.journal.attempts(self.step)
        return await super()._done()

    async def _through(self, steps: Flow[dict[str, object]]) -> Outcome[object]:
        if self.around.journal is not None:
            await self.around.journal.begin_attempt(self.step, self.attempts)
        outcome = await steps.work()
        self.spend(steps.usage)
        if outcome.error is None:
            self.undo = (*self.undo, *steps.undo)
        return cast("Outcome[object]", outcome)


class CallRun(BlockRun):
    """A step that runs another workflow."""

    __slots__ = ()

    async def _attempt(self) -> Outcome[object]:
        action, called = self.plan.step.action, self.around.workflows[self.plan.callee]
        assert isinstance(action, WorkflowCall)
        assert isinstance(called, SubWorkflow)
        given = cast("dict[str, object]", render(action.arguments, self.values))
        depth = self.around.depth + 1
        if depth > MAX_DEPTH:
            raise RecursionError(f"step '{self.step}' runs workflows more than {MAX_DEPTH} deep")
        workflow = called.plan.workflow
        around = self.around._replace(workflow_id=workflow.id, workflow_name=workflow.name, depth=depth)
        inputs = called.bind(self.step, given)
        scope = RunScope(inputs, called.plan.numbers, workflow.file, around.secrets)
        steps = _Called(called.plan, scope, around, self.feed, step=self.step)
        if workflow.timeout is None:
            return await self._through(steps)
        return inner(await within(workflow.timeout, self._through(steps), self.step, around))
