"""An agent step that calls three tools at once, three kinds of client for it, and its trace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agent_runtime import LLMClient, Options, Runtime, ScriptedClient, fast, run_workflow, tool_calls
from agent_runtime.tracing import Recorder

__all__ = ("ASK", "TOOLS", "Awaited", "Blocking", "Fast", "Model", "asked", "support")

ASK = """
name: support
steps:
  - id: ask
    agent:
      scenario: helper
      config: {model: small, temperature: 0.5}
      tools: [find, {name: clock, thread: worker}, think]
      messages: [{role: user, content: private question}]
"""
INNER = Runtime("name: inner\nsteps:\n  - {id: deep, function: deep}\n", functions={"deep": lambda: None})


class Model:
    """Calls three tools at once, and answers then; how it is called is up to those below."""

    def reply(self, messages: Sequence[Mapping[str, Any]]) -> Mapping[str, object]:
        usage = {"usage": {"input_tokens": 10, "output_tokens": 2}, "model": "small-2"}
        if messages[-1]["role"] == "user":
            calls = tool_calls(("find", {"name": "private argument"}), "clock", "think")
            return {**calls, **usage, "finish_reason": "tool_calls"}
        return {"content": "private answer", "finish_reason": "stop", "id": "answer-1", **usage}


class Awaited(Model):
    async def call_llm(self, messages: Sequence[Mapping[str, Any]], **_: object) -> Mapping[str, object]:
        await asyncio.sleep(0)
        return self.reply(messages)


class Blocking(Model):
    def call_llm(self, messages: Sequence[Mapping[str, Any]], **_: object) -> Mapping[str, object]:
        INNER.run()  # as a client may that is itself made of a workflow
        return self.reply(messages)


class Fast(Model):
    @fast
    def call_llm(self, messages: Sequence[Mapping[str, Any]], **_: object) -> Mapping[str, object]:
        return self.reply(messages)


def find(name: str) -> str:
    INNER.run()
    return "private result"


def clock() -> str:
    INNER.run()
    return "noon"


async def think() -> str:
    await INNER.run_async()
    return "hm"


TOOLS: dict[str, Callable[..., object]] = {"find": find, "clock": clock, "think": think}


def support(recorder: Recorder, client: LLMClient, text: str = ASK, **options: Any) -> Runtime:
    return Runtime(text, tools=TOOLS, llm=client, options=Options(trace=recorder, **options))


def asked(*replies: Any, text: str = ASK, tools: Mapping[str, Any] = TOOLS, errors: bool = False) -> Recorder:
    """Run once, with a model that replies this; return the trace."""
    recorder = Recorder(errors=errors)
    client = ScriptedClient({"ask": list(replies)})
    run_workflow(text, tools=tools, llm=client, options=Options(trace=recorder))
    return recorder
