"""Processes that nest_asyncio has patched: tasks are cancelled there, too, whoever still knows them."""

from __future__ import annotations

import pytest

from tests.helpers.children import run_child

_CALLS = """
import asyncio, time
import {library}
{library}.apply()
from agent_runtime import run_workflow
from agent_runtime.bridge import run_sync
WORKFLOW = "name: limited\\nsteps: [{{id: work, tool: work, timeout: {{seconds}}}}]\\n"
cleaned_up = []
async def short(): await asyncio.sleep(0); return "well"
async def long():
    try: await asyncio.sleep(60)
    finally: await asyncio.sleep(0); cleaned_up.append(1)
async def nested(): return asyncio.run(short())
def step(work, seconds):
    text = WORKFLOW.replace("{{seconds}}", str(seconds))
    try: return run_workflow(text, tools={{"work": work}}).outputs["work"]
    except Exception as error: return type(error).__name__
def limited(**options):
    try: return run_sync(long, timeout=0.05, **options)
    except TimeoutError as error: return type(error).__name__
def calls(): return step(short, 10), step(long, 0.05), limited()
async def host(): return calls()
print(*calls(), limited(strategy="direct"))
print(*asyncio.run(host()))
print(run_sync(nested), len(cleaned_up))
"""


@pytest.mark.parametrize("library", ["nest_asyncio", "nest_asyncio2"])
def test_limits_cancel_work_where_nest_asyncio_has_patched_asyncio(library: str) -> None:
    pytest.importorskip(library)
    child = run_child(_CALLS.format(library=library), options=("-W", "ignore::DeprecationWarning"), limit=60)

    assert child.check().lines == [
        "well StepTimeoutError TimeoutError TimeoutError",
        "well StepTimeoutError TimeoutError",
        "well 5",
    ]
