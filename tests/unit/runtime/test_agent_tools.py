"""The tools of an agent: on which thread and when they run, and what becomes of what they raise."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping, Sequence
from typing import Literal

import pytest

from agent_runtime import (
    Runtime,
    ScriptedClient,
    StepFailed,
    StepFinished,
    TokenReceived,
    ToolCalled,
    ToolError,
    ToolReturned,
    fast,
    run_workflow,
    run_workflow_async,
    stream_workflow,
    tool,
    tool_calls,
)
from tests.helpers.agents import LIMIT, SUPPORT, TOOLS, Recorded, agent, ask, output

# Tools that raise


def test_exception_of_a_tool_comes_out_as_it_is() -> None:
    error = ConnectionError("down")

    def broken() -> None:
        raise error

    with pytest.raises(ConnectionError) as caught:
        ask(tool_calls("clock"), "unreachable", clock=broken)

    assert caught.value is error
    assert caught.value.__context__ is None


def test_exception_of_a_tool_is_told_to_the_model_where_the_agent_says_so() -> None:
    def broken() -> None:
        raise ConnectionError("down")

    client = Recorded(tool_calls("clock"), "I cannot tell the time.")

    result = run_workflow(agent("on_tool_error: tell"), tools={**TOOLS, "clock": broken}, llm=client)

    assert client.last[-1]["content"] == "ConnectionError: down"
    assert output(result)["content"] == "I cannot tell the time."


def test_one_tool_may_be_treated_otherwise() -> None:
    def broken() -> None:
        raise ConnectionError("down")

    text = SUPPORT.replace("clock]", "{name: clock, on_error: tell}]")

    assert output(ask(tool_calls("clock"), "done", text=text, clock=broken))["calls"][0]["failed"] is True


def test_tool_can_tell_the_model_something_itself() -> None:
    def picky(customer: str) -> None:
        raise ToolError(f"there are two named {customer}: say which")

    client = Recorded(tool_calls(("crm_find", {"customer": "Ada"})), "Which one?")

    run_workflow(SUPPORT, tools={**TOOLS, "crm.find": picky}, llm=client)

    assert client.last[-1]["content"] == "there are two named Ada: say which"


@pytest.mark.parametrize("error", [ToolError, ConnectionError])
def test_secret_in_an_exception_of_a_tool_is_not_told(error: type[Exception]) -> None:
    def leaks() -> None:
        raise error("no entry with hunter2-hunter2")

    client = Recorded(tool_calls("clock"), "done")

    events = stream_workflow(
        agent("on_tool_error: tell"),
        tools={**TOOLS, "clock": leaks},
        llm=client,
        secrets={"password": "hunter2-hunter2"},
    )

    told = [event.content for event in events if isinstance(event, ToolReturned)]
    assert [text.partition("no entry with ")[2] for text in told] == ["***"]
    assert "hunter2" not in client.last[-1]["content"]


def test_secret_that_a_tool_takes_is_not_told_where_arguments_are_wrong() -> None:
    def find(customer: Literal["hunter2-hunter2"]) -> None: ...

    client = Recorded(tool_calls(("crm.find", {"customer": "x"})), "done")

    events = list(
        stream_workflow(
            SUPPORT, tools={**TOOLS, "crm.find": find}, llm=client, secrets={"password": "hunter2-hunter2"}
        )
    )

    (told,) = [event.content for event in events if isinstance(event, ToolReturned)]
    assert "***" in told
    assert "hunter2" not in told + client.last[-1]["content"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit])
def test_what_is_no_exception_is_never_told_to_the_model(error: type[BaseException]) -> None:
    async def stops() -> None:
        raise error

    with pytest.raises(error):
        ask(tool_calls("clock"), "unreachable", text=agent("on_tool_error: tell"), clock=stops)


# Where and when


def test_async_tools_of_a_turn_run_at_the_same_time() -> None:
    meeting = threading.Barrier(3)

    async def meet() -> str:
        await asyncio.to_thread(meeting.wait, LIMIT)
        return "met"

    result = ask(tool_calls("clock", "clock", "clock"), "done", clock=meet)

    assert [call["content"] for call in output(result)["calls"]] == ["met"] * 3


def test_no_more_tools_run_at_once_than_the_agent_says() -> None:
    running, most = 0, 0

    async def count() -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return "ok"

    ask(tool_calls(*["clock"] * 10), "done", text=agent("concurrency: 3"), clock=count)

    assert most == 3


def test_results_keep_the_order_of_the_calls() -> None:
    async def late(customer: str) -> str:
        await asyncio.sleep(0.02 if customer == "first" else 0)
        return customer

    calls = tool_calls(("crm_find", {"customer": "first"}), ("crm_find", {"customer": "second"}))

    result = ask(calls, "done", find=late)

    assert [call["content"] for call in output(result)["calls"]] == ["first", "second"]


def test_failure_of_one_tool_cancels_the_others_and_waits_for_their_cleanup() -> None:
    cleaned: list[str] = []
    begun = asyncio.Event()

    async def slow(customer: str) -> None:
        begun.set()
        try:
            await asyncio.sleep(LIMIT)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            cleaned.append(customer)
            raise

    async def fails() -> None:
        await begun.wait()
        raise ConnectionError("down")

    with pytest.raises(ConnectionError):
        ask(
            tool_calls(("crm_find", {"customer": "a"}), ("crm_find", {"customer": "b"}), "clock"),
            "unreachable",
            clock=fails,
            find=slow,
        )

    assert cleaned == ["a", "b"]


def test_step_timeout_cancels_the_tools() -> None:
    cleaned: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(LIMIT)
        finally:
            cleaned.append("clock")

    text = SUPPORT.replace("  - id: ask", "  - id: ask\n    timeout: 0.05")

    with pytest.raises(TimeoutError):
        ask(tool_calls("clock", "clock"), "unreachable", text=text, clock=slow)

    assert cleaned == ["clock", "clock"]


def test_def_tool_runs_on_the_calling_thread_and_async_def_on_the_loop() -> None:
    threads: dict[str, threading.Thread] = {}

    def here(customer: str) -> None:
        threads["def"] = threading.current_thread()

    async def there() -> None:
        threads["async def"] = threading.current_thread()

    ask(tool_calls(("crm_find", {"customer": "a"}), "clock"), "done", clock=there, find=here)

    assert threads["def"] is threading.current_thread()
    assert threads["async def"] is not threading.current_thread()


def test_def_tool_runs_on_a_worker_where_the_agent_says_so() -> None:
    threads: list[str] = []
    text = SUPPORT.replace("clock]", "{name: clock, thread: worker}]")

    ask(
        tool_calls("clock"),
        "done",
        text=text,
        clock=lambda: threads.append(threading.current_thread().name),
    )

    assert threads != [threading.current_thread().name]
    assert "worker" in threads[0]


def test_async_variant_gives_the_same() -> None:
    replies = (tool_calls(("crm_find", {"customer": "Ada"})), "gold")

    there = asyncio.run(run_workflow_async(SUPPORT, tools=TOOLS, llm=Recorded(*replies)))

    assert there.outputs == ask(*replies).outputs


def test_one_runtime_serves_many_threads() -> None:
    class Client:
        @fast
        def call_llm(self, messages: Sequence[Mapping[str, object]], **_rest: object) -> Mapping[str, object]:
            return {"content": "done"} if messages[-1]["role"] == "tool" else tool_calls("clock")

    runtime = Runtime(SUPPORT, tools=TOOLS, llm=Client())
    outputs: list[object] = []

    def work() -> None:
        outputs.extend(output(runtime.run())["content"] for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)

    assert outputs == ["done"] * 20


# Streams


def test_stream_tells_of_calls_results_and_tokens() -> None:
    client = ScriptedClient({"ask": [tool_calls(("crm.find", {"customer": "Ada"}), "nothing"), "gold plan"]})

    events = list(stream_workflow(SUPPORT, tools=TOOLS, llm=client))

    called = [event for event in events if isinstance(event, ToolCalled)]
    returned = [event for event in events if isinstance(event, ToolReturned)]
    assert [(event.step, event.tool, event.call_id) for event in called] == [
        ("ask", "crm.find", "call_1"),
        ("ask", "nothing", "call_2"),
    ]
    assert json.loads(called[0].arguments) == {"customer": "Ada"}
    assert {event.tool: event.failed for event in returned} == {"crm.find": False, "nothing": True}
    assert [event.text for event in events if isinstance(event, TokenReceived)] == ["gold", " plan"]
    assert isinstance(events[-2], StepFinished)


def test_stream_tells_of_a_call_that_ends_the_step_by_the_failure_of_the_step() -> None:
    def broken() -> None:
        raise ConnectionError("down")

    stream = stream_workflow(
        SUPPORT, tools={**TOOLS, "clock": broken}, llm=ScriptedClient({"ask": tool_calls("clock")})
    )

    events = []
    with pytest.raises(ConnectionError):
        for event in stream:
            events.append(event)  # noqa: PERF402 - what came before the exception counts

    assert [type(event) for event in events if not isinstance(event, ToolCalled)][-2:][0] is StepFailed
    assert not [event for event in events if isinstance(event, ToolReturned)]


def test_def_tools_of_a_stream_run_on_the_readers_thread() -> None:
    threads: list[threading.Thread] = []

    @tool
    def note() -> None:
        threads.append(threading.current_thread())

    client = ScriptedClient({"ask": [tool_calls("clock", "clock"), "done"]})

    for _ in stream_workflow(SUPPORT, tools={**TOOLS, "clock": note}, llm=client):
        pass

    assert threads == [threading.current_thread()] * 2
