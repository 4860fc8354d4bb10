"""Workflows where every import waits for its first use: ``-X lazy_imports=all`` of CPython 3.15."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from tests.helpers.children import run_child

pytestmark = pytest.mark.skipif(sys.version_info < (3, 15), reason="CPython has no lazy imports before 3.15")

GIVEN = """
import asyncio
from agent_runtime import (
    RunFinished, Runtime, ScriptedClient, run_workflow, run_workflow_async, stream_workflow, tool_calls,
)

def weather(city: str) -> str:
    '''Say what the weather is like.'''
    return f"rain in {city}"

def first(text):
    return text.split()[0]

WORKFLOW = '''
name: forecast
inputs: {city: {type: string}}
steps:
  - id: ask
    agent:
      messages: [{role: user, content: "The weather in ${inputs.city}?"}]
      tools: [weather]
  - id: short
    function: first
    with: {text: "${steps.ask.output.content}"}
    when: ${steps.ask.output.content != ""}
outputs: {short: "${steps.short.output}"}
'''
inputs = {"city": "Rome"}
parts = dict(functions={"first": first}, tools={"weather": weather})

def script():
    return ScriptedClient({"ask": [tool_calls(("weather", {"city": "Rome"})), "rainy all day"]})
"""

WAYS = [
    pytest.param(
        "print(run_workflow(WORKFLOW, inputs=inputs, llm=script(), **parts).outputs['short'])",
        id="run_workflow",
    ),
    pytest.param(
        """
        async def main():
            result = await run_workflow_async(WORKFLOW, inputs=inputs, llm=script(), **parts)
            return result.outputs["short"]
        print(asyncio.run(main()))
        """,
        id="run_workflow_async",
    ),
    pytest.param(
        """
        async def main():
            return run_workflow(WORKFLOW, inputs=inputs, llm=script(), **parts).outputs["short"]
        print(asyncio.run(main()))
        """,
        id="run_workflow_under_asyncio_run",
    ),
    pytest.param(
        """
        for event in stream_workflow(WORKFLOW, inputs=inputs, llm=script(), **parts):
            if isinstance(event, RunFinished):
                print(event.result.outputs["short"])
        """,
        id="stream_workflow",
    ),
    pytest.param(
        """
        runtime = Runtime(WORKFLOW, llm=script(), **parts)
        print(*(run.outputs["short"] for run in runtime.map([inputs])))
        """,
        id="map",
    ),
    pytest.param(
        """
        import signal
        def handler(*_):
            print(run_workflow(WORKFLOW, inputs=inputs, llm=script(), **parts).outputs["short"])
        signal.signal(signal.SIGTERM, handler)
        signal.raise_signal(signal.SIGTERM)
        """,
        id="first_call_in_a_signal_handler",
    ),
    pytest.param(
        """
        import atexit
        atexit.register(
            lambda: print(run_workflow(WORKFLOW, inputs=inputs, llm=script(), **parts).outputs["short"])
        )
        """,
        id="first_call_in_an_exit_hook",
    ),
]


@pytest.mark.parametrize("way", WAYS)
def test_agent_with_a_tool_answers(way: str) -> None:
    child = run_child(GIVEN + textwrap.dedent(way), options=("-X", "lazy_imports=all"))

    assert child.check().lines == ["rainy"]


def test_command_line_draws_and_checks(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("steps:\n  - {id: a, function: f, with: {x: '${1 == 1}'}}\n", "utf-8")
    for command in ("graph", "validate"):
        child = run_child(
            "import sys; from agent_runtime.cli import main; sys.exit(main(sys.argv[1:]))",
            options=("-X", "lazy_imports=all"),
            arguments=(command, str(tmp_path / "w.yaml")),
        )

        assert child.check().returncode == 0
