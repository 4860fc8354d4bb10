"""Calls made where the caller has nearly used the stack up: a RecursionError, no word about the workflow."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from agent_runtime import run_workflow
from agent_runtime.bridge import run_sync
from agent_runtime.errors import WorkflowError

_WORKFLOW = """
name: deep
inputs: {text: {type: string, schema: {pattern: "^((a|b)|(c|d))$"}}}
steps:
  - {id: work, function: work, with: {said: "say ${inputs.text}"}}
"""


def _depth() -> int:
    depth, frame = 0, sys._getframe()
    while frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    return depth


def _below(frames: int, call: Callable[[], object]) -> object:
    return call() if not frames else _below(frames - 1, call)


def _outcomes(call: Callable[[], object]) -> set[str]:
    """Return what comes of a call with any few frames left, as names of classes; a value is "value"."""
    seen = set()
    room = sys.getrecursionlimit() - _depth()
    for left in range(5, 200, 3):
        try:
            _below(room - left, call)
            seen.add("value")
        except Exception as error:
            seen.add(type(error).__name__)
    return seen


def _run(**options: Any) -> object:
    return run_workflow(_WORKFLOW, inputs={"text": "a"}, functions={"work": lambda said: said}, **options)


@pytest.mark.parametrize("strategy", ["portal", "direct"])
def test_call_with_hardly_any_stack_left_is_told_so(strategy: str) -> None:
    async def work() -> object:
        return _run()

    calls = {"portal": _run, "direct": lambda: run_sync(work, strategy="direct")}
    _run()

    assert _outcomes(calls[strategy]) == {"value", "RecursionError"}


def test_next_call_works() -> None:
    _outcomes(_run)

    assert _run() is not None


def test_regular_expression_that_is_nested_too_deep_is_still_the_files_fault() -> None:
    pattern = json.dumps("(" * 4000 + ")" * 4000)

    with pytest.raises(WorkflowError, match="regular expression"):
        run_workflow(
            f"name: deep\ninputs: {{a: {{type: string, schema: {{pattern: {pattern}}}}}}}\nsteps: []\n"
        )
