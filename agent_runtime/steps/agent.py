"""Agent steps: one question to the LLM client, on the thread that its kind belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent_runtime.errors import LLMClientError
from agent_runtime.llm.client import Kind
from agent_runtime.outcomes import Outcome, capture
from agent_runtime.steps.call import Invocation, Surroundings, Trace, settled
from agent_runtime.workflow import AgentCall

__all__ = ("NO_CONTENT", "ask")

NO_CONTENT = "No content generated"
"""What stands for the content of a reply that has none."""


async def ask(
    step_id: str,
    action: AgentCall,
    messages: Sequence[Mapping[str, object]],
    config: Mapping[str, object],
    around: Surroundings,
    trace: Trace,
) -> Outcome[object]:
    """Call the client and make its reply the step's output: a mapping with at least ``content``."""
    arguments: dict[str, object] = {
        "messages": messages,
        "config": config,
        "task_id": f"step_{step_id}",
        "workflow_name": around.workflow_name,
        "prompt_template": action.scenario,
        "template_version": action.version,
        "metadata": {
            "workflow_id": around.workflow_id,
            "workflow_name": around.workflow_name,
            "step_id": step_id,
            "instance_id": around.run_id,
        },
    }
    outcome = await settled(await _call(arguments, around, trace))
    if outcome.error is not None:
        return outcome
    return capture(_output, outcome.value, trace)


async def _call(arguments: Mapping[str, object], around: Surroundings, trace: Trace) -> Outcome[object]:
    """Call ``call_llm``; an ``async def`` gives its coroutine, which the loop awaits."""
    call_llm = Invocation(around.llm.call_llm, arguments, trace)
    if around.llm.kind is Kind.BLOCKING:
        return await call_llm.on(around.offload.on_worker, around.workflow_name)
    return capture(call_llm)


def _output(reply: object, trace: Trace) -> dict[str, object]:
    if not isinstance(reply, Mapping):
        raise LLMClientError(f"call_llm() returned {type(reply).__name__}")
    output: dict[str, object] = dict(reply)
    if output.get("content") is None:
        output["content"] = NO_CONTENT
    usage = output.get("usage")
    if isinstance(usage, Mapping):
        trace.usage = usage
    return output
