"""Agent steps: one question to the LLM client, on the thread that its kind belongs to."""

from __future__ import annotations

import asyncio
import contextlib
from _thread import get_ident
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from agent_runtime.engine.steps.context import Surroundings
from agent_runtime.engine.steps.invocation import Invocation, settled
from agent_runtime.engine.steps.reply import Reply
from agent_runtime.engine.steps.trace import Trace
from agent_runtime.errors import LLMClientError
from agent_runtime.llm.client import Kind
from agent_runtime.llm.retry_hook import told_of_repeats
from agent_runtime.outcomes import Outcome, acapture, capture
from agent_runtime.results.usage import priced
from agent_runtime.results.warning_codes import WarningCode
from agent_runtime.workflow.model import AgentCall

if TYPE_CHECKING:
    from agent_runtime.secrets import RunSecrets

__all__ = ("MISSING", "NO_CONTENT", "ask", "put", "question")

NO_CONTENT = "No content generated"
"""What stands for the content of a reply that has none."""

MISSING = f"the reply has no 'content'; {NO_CONTENT!r} stands in its place"

_CUT_OFF = {
    "length": "the answer was cut off: it has reached the model's limit of tokens",
    "content_filter": "the answer was cut off: a filter of the model's server has stopped it",
}
"""What a ``finish_reason`` in the wire form means for an answer."""


async def ask(
    step_id: str,
    action: AgentCall,
    messages: Sequence[Mapping[str, object]],
    config: Mapping[str, object],
    around: Surroundings,
    trace: Trace,
) -> Outcome[object]:
    """Ask once and make the reply the step's output: a mapping with at least ``content``."""
    outcome = await put(question(step_id, action, messages, config, around), around, trace)
    if outcome.error is None and outcome.value is not None and outcome.value.get("content") is None:
        outcome.value["content"] = NO_CONTENT
        around.warn(trace.step, WarningCode.ANSWER_MISSING, MISSING)
    return cast("Outcome[object]", outcome)


def question(
    step_id: str,
    action: AgentCall,
    messages: Sequence[Mapping[str, object]],
    config: Mapping[str, object],
    around: Surroundings,
) -> dict[str, object]:
    """Return the keywords that a client is called with."""
    return {
        "messages": around.redacted(messages),
        "config": around.redacted(config),
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


async def put(
    arguments: Mapping[str, object], around: Surroundings, trace: Trace, *, aloud: bool = True
) -> Outcome[dict[str, object]]:
    """Put a question to the client; what comes back is a mapping of our own, and its usage is noted.

    Args:
        arguments: the question.
        around: what the steps of the run share.
        trace: where usage and thread are noted.
        aloud: whether readers of the run's events are given the answer piece by piece.
    """
    work = _put(arguments, around, trace, aloud=aloud)
    if around.on_warning is not None:
        work = _told_of_repeats(work, around, trace)
    done = await (work if around.tracing is None else around.tracing.model(arguments, around, trace, work))
    if done.error is not None or done.value is None:
        return Outcome(error=done.take_error())
    return Outcome(done.value.said)


async def _put(
    arguments: Mapping[str, object], around: Surroundings, trace: Trace, *, aloud: bool
) -> Outcome[Reply]:
    if aloud and around.on_token is not None and around.llm.stream_llm is not None:
        trace.thread = around.loop_thread
        on_token = partial(around.on_token, trace.step)
        pieces = _piece_by_piece(around.llm.stream_llm, arguments, on_token, around.secrets)
        outcome = await acapture(pieces)
    else:
        outcome = await settled(await _call(arguments, around, trace))
    if outcome.error is not None:
        return Outcome(error=outcome.take_error())
    return capture(_reply, around.redacted(outcome.value), arguments, around, trace)


async def _told_of_repeats(
    work: Coroutine[Any, Any, Outcome[Reply]], around: Surroundings, trace: Trace
) -> Outcome[Reply]:
    """Put a question, and warn of each time that the client asks it again."""
    loop, thread = asyncio.get_running_loop(), get_ident()

    def tell(message: str) -> None:
        if get_ident() == thread:
            around.warn(trace.step, WarningCode.ASKED_AGAIN, message)
        else:  # a client that blocks, on its worker thread; the loop may have ended meanwhile
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(around.warn, trace.step, WarningCode.ASKED_AGAIN, message)

    with told_of_repeats(tell):
        return await work


async def _call(arguments: Mapping[str, object], around: Surroundings, trace: Trace) -> Outcome[object]:
    """Call ``call_llm``; an ``async def`` gives its coroutine, which the loop awaits."""
    call_llm = Invocation(around.llm.call_llm, arguments, trace)
    if around.llm.kind is Kind.BLOCKING:
        return await call_llm.on(around.offload.on_worker, around)
    return capture(call_llm)


async def _piece_by_piece(
    stream_llm: Callable[..., object],
    arguments: Mapping[str, object],
    on_token: Callable[[str], Awaitable[None]],
    secrets: RunSecrets | None,
) -> object:
    """Call ``stream_llm``, pass on the pieces of the answer, and put the reply together."""
    reply: dict[str, object] = {}
    texts: list[str] = []
    told = _Told(on_token, secrets)
    items = stream_llm(**arguments)
    if not isinstance(items, AsyncIterator):
        raise LLMClientError(f"stream_llm() returned {type(items).__name__}, which is no async iterator")
    async with contextlib.AsyncExitStack() as closing:
        if hasattr(items, "aclose"):
            closing.push_async_callback(items.aclose)  # in this task, also when the step is cancelled
        async for item in items:
            if isinstance(item, Mapping):
                reply.update(item)
            elif isinstance(item, str):
                texts.append(item)
                await told.piece(item)
            else:
                raise LLMClientError(f"stream_llm() gave {type(item).__name__}, neither text nor mapping")
        await told.end()
    return reply if "content" in reply or not texts else {**reply, "content": "".join(texts)}


class _Told:
    """The pieces that a reader is told; what may be the beginning of a secret waits for what follows."""

    def __init__(self, on_token: Callable[[str], Awaitable[None]], secrets: RunSecrets | None) -> None:
        self._on_token = on_token
        self._redactor = None if secrets is None else secrets.redactor
        self._held = ""

    async def piece(self, text: str) -> None:
        """Pass a piece on, as far as it can be judged."""
        if self._redactor is not None:
            text = self._redactor.text(self._held + text)
            count = self._redactor.held_back(text)
            text, self._held = text[: len(text) - count], text[len(text) - count :]
            if not text:
                return
        await self._on_token(text)

    async def end(self) -> None:
        """Pass on what has been waiting: nothing follows that would make it a secret."""
        if self._held:
            await self._on_token(self._held)


def _reply(reply: object, arguments: Mapping[str, object], around: Surroundings, trace: Trace) -> Reply:
    if not isinstance(reply, Mapping):
        raise LLMClientError(f"call_llm() returned {type(reply).__name__}")
    reason = reply.get("finish_reason")
    if isinstance(reason, str) and reason in _CUT_OFF:
        around.warn(trace.step, WarningCode.ANSWER_CUT_OFF, _CUT_OFF[reason])
    usage = reply.get("usage")
    if around.prices is not None:
        given = usage if isinstance(usage, Mapping) else {}
        usage = _with_cost(given, reply, arguments, around, trace)
    if isinstance(usage, Mapping):
        trace.spend(usage)
    return Reply(dict(reply), usage if isinstance(usage, Mapping) else None)


def _with_cost(
    usage: Mapping[str, object],
    reply: Mapping[str, object],
    arguments: Mapping[str, object],
    around: Surroundings,
    trace: Trace,
) -> Mapping[str, object]:
    """Return usage with its cost; where that is not known, tell so once in a step."""
    assert around.prices is not None
    config = arguments["config"]
    asked = config.get("model") if isinstance(config, Mapping) else None
    models = [name for name in (reply.get("model"), asked) if isinstance(name, str)]
    usage = priced(usage, around.prices, *models)
    was_known = trace.usage is None or trace.usage.get("cost", 0) is not None
    if usage["cost"] is None and was_known:
        known = any(name in around.prices for name in models)
        named = " or ".join(map(repr, models)) or "a model without a name"
        what = "the reply does not say how many tokens it took" if known else f"there is no price of {named}"
        around.warn(trace.step, WarningCode.COST_UNKNOWN, f"what the question cost is not known: {what}")
    return usage
