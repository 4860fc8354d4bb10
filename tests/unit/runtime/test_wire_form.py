"""The wire form between agent steps and LLM clients, as the scripted client speaks it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import cast

from agent_runtime import ChatReply, ScriptedClient, run_workflow, tool_calls

ASK = "steps: [{id: ask, agent: {messages: [{role: user, content: Who is Ada}]}}]\n"


def test_scripted_call_of_a_tool_is_written_as_servers_write_it() -> None:
    reply = cast("ChatReply", tool_calls(("crm.find", {"customer": "Ada ü"}), "clock", content="One moment"))

    first, second = reply["tool_calls"]

    assert reply["content"] == "One moment"
    assert (first["id"], first["type"], first["function"]["name"]) == ("call_1", "function", "crm.find")
    assert json.loads(first["function"]["arguments"]) == {"customer": "Ada ü"}
    assert second == {"id": "call_2", "type": "function", "function": {"name": "clock", "arguments": "{}"}}


def test_scripted_client_counts_what_a_call_of_a_tool_takes() -> None:
    result = run_workflow(ASK, llm=ScriptedClient({"ask": tool_calls("clock")}))

    assert set(result.steps["ask"].usage or ()) == {"input_tokens", "output_tokens"}


def test_scripted_client_streams_a_call_of_a_tool_as_one_whole_mapping() -> None:
    given = tool_calls(("crm.find", {"customer": "Ada"}), content="One moment")
    client = ScriptedClient({"ask": given})

    async def items() -> list[str | Mapping[str, object]]:
        stream = client.stream_llm(
            messages=[{"role": "user", "content": "Who?"}],
            config={},
            task_id="step_ask",
            workflow_name="w",
            prompt_template=None,
            template_version=None,
            metadata={},
        )
        return [item async for item in stream]

    *words, last = asyncio.run(items())

    assert words == ["One", " moment"]
    assert isinstance(last, Mapping)
    assert last["tool_calls"] == given["tool_calls"]
