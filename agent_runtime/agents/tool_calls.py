"""The tools that a model calls in one turn: found, checked, run a bounded number at once."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from agent_runtime.engine.steps import Callee, Surroundings, Trace, invoke
from agent_runtime.errors import LLMClientError, ToolError
from agent_runtime.errors.stacks import is_of_the_caller
from agent_runtime.outcomes import Outcome, this_task
from agent_runtime.tools import Tool
from agent_runtime.workflow.agent_options import AgentTool
from agent_runtime.workflow.model import OnToolError

__all__ = ("BoundTool", "Call", "Calls", "calls_in", "content_of")


class BoundTool(NamedTuple):
    """A tool that an agent may call: what the file says of it, what a model is told, and its code."""

    said: AgentTool
    told: Tool
    callee: Callee
    on_error: OnToolError


class Call(NamedTuple):
    """One call, as a model has written it."""

    id: str
    name: str
    arguments: str


class Result(NamedTuple):
    """What the model is told of one call.

    Attributes:
        content: the text.
        fault: what kind of mistake it tells of: ``unknown_tool``, ``wrong_arguments``, or the name of an
            exception's class; None if it is none.
    """

    content: str
    fault: str | None = None

    @property
    def failed(self) -> bool:
        """Whether it tells of a mistake."""
        return self.fault is not None


def calls_in(reply: Mapping[str, object], turn: int) -> list[Call]:
    """Return the calls that a reply asks for.

    Raises:
        LLMClientError: they are not in the wire form.
    """
    given = reply.get("tool_calls")
    if not given:
        return []
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        raise _not_wire_form("they are no list")
    return [_call(each, f"call_{turn}_{number}") for number, each in enumerate(given, 1)]


def _call(given: object, otherwise: str) -> Call:
    function = given.get("function") if isinstance(given, Mapping) else None
    if not isinstance(given, Mapping) or not isinstance(function, Mapping):
        raise _not_wire_form("one of them has no 'function'")
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(name, str):
        raise _not_wire_form("one of them has no name")
    if isinstance(arguments, Mapping):  # some servers do not write them as text
        arguments = json.dumps(arguments, default=str)
    if not isinstance(arguments, str | None):
        raise _not_wire_form(f"the arguments of '{name}' are no JSON text")
    own = given.get("id")
    return Call(own if isinstance(own, str) and own else otherwise, name, arguments or "{}")


def _not_wire_form(what: str) -> LLMClientError:
    return LLMClientError(f"call_llm() returned 'tool_calls' that are not in the wire form: {what}")


class Calls:
    """The calls of one turn.

    Args:
        calls: what the model asks for.
        tools: what there is, by the names that the model knows and by those of the file.
        around: what the steps of the run share.
        trace: of the agent's step.
        concurrency: how many may run at once.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        tools: Mapping[str, BoundTool],
        around: Surroundings,
        trace: Trace,
        concurrency: int,
    ) -> None:
        self._calls = calls
        self._tools = tools
        self._around = around
        self._trace = trace
        self._concurrency = min(concurrency, len(calls))
        self._results: list[Result | None] = [None] * len(calls)
        self._failure: BaseException | None = None

    async def carry_out(self) -> Outcome[list[Result]]:
        """Run them all; the first exception that is not for the model cancels the others, and comes back.

        Raises:
            CancelledError: this was cancelled from outside; every tool has cleaned up.
        """
        waiting = iter(enumerate(self._calls))
        if self._concurrency == 1:
            await self._work(waiting, [])
        else:
            workers: list[asyncio.Task[None]] = []
            async with asyncio.TaskGroup() as group:  # no worker raises but when it is cancelled
                workers += (
                    group.create_task(
                        self._work(waiting, workers), name=f"agent_runtime tools of {self._step}"
                    )
                    for _ in range(self._concurrency)
                )
        failure, self._failure = self._failure, None
        if failure is not None:
            try:
                return Outcome(error=failure)
            finally:
                del failure  # this frame may be in its traceback
        return Outcome([result for result in self._results if result is not None])

    @property
    def _step(self) -> str:
        return self._trace.step

    async def _work(self, waiting: Iterator[tuple[int, Call]], workers: Sequence[asyncio.Task[None]]) -> None:
        """Take one call after the other, until there is none, or one has failed."""
        for number, call in waiting:
            outcome = await self._one(call)
            if outcome.error is None:
                self._results[number] = outcome.value
                continue
            error = outcome.take_error()
            if self._failure is None:
                self._failure = error
                this = this_task()
                for worker in workers:
                    if worker is not this:
                        worker.cancel()
            del error
            return

    async def _one(self, call: Call) -> Outcome[Result]:
        tool, events, tracing = self._tools.get(call.name), self._around.tool_events, self._around.tracing
        name = call.name if tool is None else tool.said.name
        if events is not None:
            await events.tool_called(self._step, name, call.id, call.arguments)
        trace = Trace(self._step, tool=None if tool is None else name)
        work = self._result_of(call, tool, trace)
        outcome = await (work if tracing is None else tracing.tool(trace, call.id, self._around, work))
        if events is not None and (result := outcome.value) is not None:
            await events.tool_returned(self._step, name, call.id, result.content, failed=result.failed)
        return outcome

    async def _result_of(self, call: Call, tool: BoundTool | None, trace: Trace) -> Outcome[Result]:
        if tool is None:
            there = ", ".join(dict.fromkeys(tool.told.name for tool in self._tools.values())) or "none"
            told = f"There is no tool {call.name!r}; the tools are: {there}."
            return Outcome(self._mistake("unknown_tool", told))
        faults: list[str] = []
        arguments = _arguments(call, tool, faults)
        if faults:
            listed = "\n".join(f"- {fault}" for fault in faults[:20])
            return Outcome(self._mistake("wrong_arguments", f"Wrong arguments:\n{listed}"))
        outcome = await invoke(tool.callee, arguments, tool.said.runs_on, self._around, trace)
        if outcome.error is None:
            return Outcome(Result(content_of(outcome.value)))
        if isinstance(outcome.error, ToolError):
            kind, text = self._around.texts_of(outcome.take_error())
            return Outcome(Result(text, kind))
        if isinstance(outcome.error, Exception) and tool.on_error is OnToolError.TELL:
            kind, text = self._around.texts_of(outcome.take_error())
            return Outcome(Result(f"{kind}: {text}", kind))
        return Outcome(error=outcome.take_error())

    def _mistake(self, fault: str, content: str) -> Result:
        """Return what a model is told of its own mistake; what a tool takes may name a secret."""
        return Result(str(self._around.redacted(content)), fault)


def _arguments(call: Call, tool: BoundTool, faults: list[str]) -> Mapping[str, object]:
    """Read what a model has written; what is wrong with it goes into the faults."""
    try:
        given: object = json.loads(call.arguments)
    except (ValueError, RecursionError) as error:
        if is_of_the_caller(error):
            raise
        faults.append(f"they are not JSON: {error}")
        return {}
    if not isinstance(given, dict):
        faults.append("they must be one JSON object")
        return {}
    read = tool.told.read(given, "$", faults)
    return read if isinstance(read, dict) else {}


def content_of(value: object) -> str:
    """Return what a tool has returned as text: text as it is, all else as JSON."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:  # keys that are no texts, or a circle
        if is_of_the_caller(error):
            raise
        return str(value)


def _plain(value: object) -> object:
    """Return a value that JSON knows, or text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet | tuple) and isinstance(value, Iterable):
        return list(value)
    dump = getattr(value, "model_dump", None)  # pydantic's
    return dump(mode="json") if callable(dump) else str(value)
