"""The comparison of runtimes: our workflows are what they should be, and tables say what was found."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from benchmarks.model import Spread
from benchmarks.runtimes.__main__ import measured
from benchmarks.runtimes.model import Cell, Entry, Rival, Shape
from benchmarks.runtimes.report import Comparison, as_json, as_markdown
from benchmarks.runtimes.rivals import RIVALS

OURS = RIVALS["ours"]
ABSENT = Rival("absent", "Absent", "absent-package", "no_such_module_anywhere", OURS.maker)


@pytest.mark.parametrize("shape", Shape)
@pytest.mark.parametrize("entry", Entry)
def test_workflows_have_the_steps_that_are_counted(shape: Shape, entry: Entry) -> None:
    with OURS.maker(shape, entry) as call:
        made: Any = call()
        result = asyncio.run(made) if entry is Entry.ASYNC else made

    done = [record for record in result.steps.values() if record.state == "succeeded"]
    assert len(done) == shape.steps


def test_runtime_that_is_not_installed_is_named() -> None:
    cells = measured([ABSENT], Entry.SCRIPT, rounds=1)

    assert [cell.shape for cell in cells] == [shape.value for shape in Shape]
    assert {cell.problem for cell in cells} == {"absent-package is not installed"}


def test_what_a_runtime_refuses_stands_in_its_own_words_in_the_table() -> None:
    cells = [
        Cell("ours", shape.value, Entry.IN_LOOP.value, Spread(20.4, 20, 21), Spread(1, 1, 1))
        for shape in Shape
    ]
    cells += [
        Cell("langgraph", shape.value, Entry.IN_LOOP.value, problem="RuntimeError: not here")
        for shape in Shape
    ]
    found = Comparison({"Python": "3.11"}, {"ours": "0.1.0", "langgraph": "1.2"}, 3, cells)

    lines = as_markdown(found, RIVALS).splitlines()

    assert "Python 3.11, 3 rounds." in lines
    (mine,) = [line for line in lines if line.startswith("| agent_runtime")]
    (other,) = [line for line in lines if line.startswith("| LangGraph")]
    assert mine.count("20 (20-21)") == 3
    assert other.count("RuntimeError: not here") == 3
    assert json.loads(as_json(found))["versions"]["langgraph"] == "1.2"
