"""Steps that wait until somebody has decided: the run ends as it stands, and is resumed with the decision."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from agent_runtime.engine.step_run import StepRun
from agent_runtime.engine.suspension import Waiting
from agent_runtime.errors import ApprovalRejectedError
from agent_runtime.expressions import render
from agent_runtime.outcomes import Outcome
from agent_runtime.results.run_result import REJECT, Question
from agent_runtime.workflow.model import Approval

__all__ = ("ApprovalRun",)


class ApprovalRun(StepRun):
    """A step with ``approval``."""

    __slots__ = ()

    def _attempt(self) -> Coroutine[Any, Any, Outcome[object]]:
        return self._ask()

    async def _ask(self) -> Outcome[object]:
        action, journal = self.plan.step.action, self.around.journal
        assert isinstance(action, Approval)
        assert journal is not None  # a program with such a step has a storage
        decided = journal.decision(self.step)
        if decided is None:
            message = str(self.around.redacted(render(action.message, self.values)))
            question = Question(message, action.options)
            if self.feed is not None and self.told:
                self.feed.step_waiting(self.step, question)
            await asyncio.sleep(0)
            return Outcome(error=Waiting({self.step: question}))
        if decided["decision"] == REJECT:
            error = ApprovalRejectedError(self.step, str(decided["by"]), str(decided["comment"]))
            return Outcome(error=error)
        return Outcome(dict(decided))
