"""Runs where no thread can start: sync ones and async ones, whatever their steps are."""

from __future__ import annotations

import sys

import pytest

from tests.helpers.children import run_child

RUNS = """
import asyncio, threading
from agent_runtime import Runtime, RunFinished, run_workflow, run_workflow_async, stream_workflow
from agent_runtime.storage import MemoryStorage

WORKFLOW = '''
steps:
  - {id: plain, function: plain}
  - {id: worker, function: plain, thread: worker, needs: [plain]}
  - {id: asynchronous, tool: asynchronous, needs: [worker]}
  - {id: ask, agent: {messages: [{role: user, content: "Well?"}]}, needs: [asynchronous]}
outputs:
  where: ["${steps.plain.output}", "${steps.worker.output}", "${steps.asynchronous.output}"]
  said: ${steps.ask.output.content}
'''

class Client:
    def call_llm(self, *, messages, **_):
        return {"content": messages[-1]["content"]}

def plain():
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return threading.current_thread().name + ", no loop to be seen"

async def asynchronous():
    asyncio.get_running_loop()
    return threading.current_thread().name

given = dict(functions={"plain": plain}, tools={"asynchronous": asynchronous}, llm=Client())
"""

REFUSED_IN_PYTHON = """
import _thread
def refuse(*args): raise RuntimeError("can't start new thread")
_thread.start_new_thread = refuse
"""
REFUSED_BY_THE_KERNEL = """
from matrix.contexts.thread_refused import refuse_threads
refuse_threads()
"""

WAYS = {
    "run_workflow": "print(run_workflow(WORKFLOW, **given).outputs)",
    "run_workflow_async": "print(asyncio.run(run_workflow_async(WORKFLOW, **given)).outputs)",
    "with_a_storage": (
        "print(asyncio.run(run_workflow_async(WORKFLOW, storage=MemoryStorage(), **given)).outputs)"
    ),
    "stream_async": """
async def main():
    async for event in Runtime(WORKFLOW, **given).stream_async():
        if isinstance(event, RunFinished):
            print(event.result.outputs)
asyncio.run(main())
""",
    "map_async": """
async def main():
    async for run in Runtime(WORKFLOW, **given).map_async([{}]):
        print(run.outputs)
asyncio.run(main())
""",
}


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(REFUSED_IN_PYTHON, id="in_python"),
        pytest.param(
            REFUSED_BY_THE_KERNEL,
            id="by_the_kernel",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's"),
        ),
    ],
)
@pytest.mark.parametrize("way", list(WAYS))
def test_every_step_runs_on_the_one_thread_that_there_is(way: str, refused: str) -> None:
    child = run_child(RUNS + refused + WAYS[way])

    alone = "MainThread, no loop to be seen"
    assert child.check().lines == [str({"where": [alone, alone, "MainThread"], "said": "Well?"})]


def test_the_advice_of_the_refusal_beside_a_loop_can_be_followed() -> None:
    child = run_child(
        RUNS
        + REFUSED_IN_PYTHON
        + """
async def main():
    try:
        run_workflow(WORKFLOW, **given)
    except Exception as error:
        print(type(error).__name__, "await run_workflow_async(...)" in str(error))
    print((await run_workflow_async(WORKFLOW, **given)).outputs["said"])
asyncio.run(main())
"""
    )

    assert child.check().lines == ["NoThreadError True", "Well?"]
