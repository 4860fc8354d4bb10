"""Tools of a real MCP server, a child process: called by agents and steps, from any loop; its end."""

from __future__ import annotations

import asyncio
import errno
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from agent_runtime import (
    MCPClosedError,
    MCPTools,
    Runtime,
    ToolError,
    run_workflow,
    run_workflow_async,
    tool_calls,
)
from tests.helpers.agents import Recorded

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mcp") is None, reason="needs the extra mcp: nox -s mcp brings it"
)

SERVER = [sys.executable, str(Path(__file__).parents[2] / "helpers" / "mcp_server.py")]
Tools = Mapping[str, Callable[..., object]]
ADD = "steps: [{id: add, tool: add, with: {a: 1, b: 2}}]\n"
ASK = "steps: [{id: ask, agent: {tools: [add, fail], messages: [{role: user, content: How much}]}}]\n"


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno != errno.ESRCH
    return True


@pytest.fixture(scope="module")
def tools() -> Iterator[Tools]:
    """The tools of one server for most tests: each start takes a second."""
    with MCPTools(SERVER, env={"GIVEN": "yes"}) as tools:
        yield tools


def test_agent_calls_a_tool_of_the_server_which_ends_with_the_block() -> None:
    client = Recorded(tool_calls(("add", {"a": 1, "b": 2})), "3")

    with MCPTools(SERVER) as tools:
        pid = cast("int", run_workflow("steps: [{id: pid, tool: pid}]\n", tools=tools).outputs["pid"])
        result = run_workflow(ASK, tools=tools, llm=client)
        assert is_alive(pid)

    assert not is_alive(pid)
    assert cast("Any", result.outputs["ask"])["calls"][0]["content"] == "3"
    described = client.asked[0]["config"]["tools"][0]["function"]
    assert (described["name"], described["description"]) == ("add", "Add two numbers.")
    assert set(described["parameters"]["properties"]) == {"a", "b"}


def test_mistakes_that_the_server_finds_are_told_to_the_model(tools: Tools) -> None:
    client = Recorded(tool_calls(("add", {"a": "x"}), ("fail", {"why": "no reason"})), "sorry")

    run_workflow(ASK, tools=tools, llm=client)

    *_, wrong, failed = client.last
    assert "a" in wrong["content"]
    assert "b" in wrong["content"]
    assert "no reason" in failed["content"]


def test_failure_of_a_tool_fails_a_tool_step(tools: Tools) -> None:
    step = "steps: [{id: fail, tool: fail, with: {why: no reason}}]\n"

    with pytest.raises(ToolError, match="no reason"):
        run_workflow(step, tools=tools)


def test_tools_can_be_called_from_every_loop_and_thread(tools: Tools) -> None:
    sums: list[object] = []

    async def on_a_loop_of_its_own() -> None:
        sums.append((await run_workflow_async(ADD, tools=tools)).outputs["add"])

    runtime = Runtime(ADD, tools=tools)
    threads = [threading.Thread(target=lambda: sums.append(runtime.run().outputs["add"])) for _ in range(4)]
    threads.append(threading.Thread(target=lambda: asyncio.run(on_a_loop_of_its_own())))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sums == [3] * 5


def test_async_code_enters_on_its_own_loop() -> None:
    async def main() -> object:
        async with MCPTools(SERVER, prefix="math.", names=["add"]) as tools:
            assert list(tools) == ["math.add"]
            return (await run_workflow_async(ADD.replace("tool: add", "tool: math.add"), tools=tools)).outputs

    assert asyncio.run(main()) == {"add": 3}


def test_tool_of_a_server_that_has_been_left_says_so() -> None:
    with MCPTools(SERVER) as left:
        pass

    with pytest.raises(MCPClosedError, match="its tool 'add' was called"):
        run_workflow(ADD, tools=left)


def test_server_that_dies_fails_the_step_and_the_block_ends() -> None:
    with MCPTools(SERVER) as tools, pytest.raises(Exception, match=r"(?i)closed"):
        run_workflow("steps: [{id: die, tool: die}]\n", tools=tools)


def test_name_that_the_server_has_not_is_said_with_those_that_it_has() -> None:
    with pytest.raises(LookupError, match=r"has no tool 'sub'; it has add, pid, fail, die"):
        MCPTools(SERVER, names=["sub"]).__enter__()


def test_program_that_there_is_not_is_said() -> None:
    with pytest.raises(FileNotFoundError):
        MCPTools(["/nowhere/server"]).__enter__()


def test_environment_of_the_server_is_what_the_host_gives(tools: Tools) -> None:
    assert "PYTEST_CURRENT_TEST" in os.environ
    step = (
        "steps: [{id: v, for_each: [PYTEST_CURRENT_TEST, GIVEN], tool: variable, with: {name: '${item}'}}]\n"
    )

    assert run_workflow(step, tools=tools).outputs["v"] == ["", "yes"]


@pytest.mark.parametrize("command", ["server --stdio", [], [3]])
def test_command_is_a_list_of_texts(command: Any) -> None:
    with pytest.raises(TypeError, match="command= is a list of texts"):
        MCPTools(command)
