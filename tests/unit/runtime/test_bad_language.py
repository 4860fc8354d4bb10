"""Mistakes in what steps ask for are found before the run: each with its place, all at once."""

from __future__ import annotations

import pytest

from agent_runtime import Problem, Runtime, WorkflowError


def echo(value: object = None) -> object:
    return value


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(WorkflowError) as caught:
        Runtime(text, tools={"t": echo})
    return caught.value.problems


ROW = "steps:\n  - {id: a, tool: t, "


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        pytest.param("timeout: 0\nsteps: [{id: a, tool: t}]\n", 1, 10, "more than 0", id="timeout_of_run"),
        pytest.param(ROW + "on_error: ignore}\n", 2, 32, "write one of fail, continue", id="policy"),
        pytest.param(ROW + "on_error: contine}\n", 2, 32, "write 'continue'", id="policy_misspelled"),
        pytest.param(ROW + "fallback: t}\n", 2, 32, "'fallback' of step 'a' must be a mapping", id="text"),
        pytest.param(ROW + "fallback: {}}\n", 2, 32, "does not say what to do", id="empty_fallback"),
        pytest.param(ROW + "fallback: {tool: u}}\n", 2, 39, "'u', which is not registered", id="fallback"),
        pytest.param(
            ROW + "fallback: {tool: t, id: b}}\n", 2, 42, "unknown key 'id' in 'fallback'", id="fallback_id"
        ),
        pytest.param(
            ROW + 'fallback: {tool: t, with: {value: "${steps.a.output}"}}}\n',
            2,
            32,
            "the fallback of step 'a' refers to that step",
            id="fallback_of_itself",
        ),
        pytest.param(
            ROW + 'compensate: {tool: t, with: {value: "${steps.a.output}"}}}\n',
            2,
            34,
            "write '${output}' for its output",
            id="compensation_of_itself",
        ),
        pytest.param(ROW + "retry: {jitter: 2}}\n", 2, 38, "must be at least 0 and at most 1", id="jitter"),
        pytest.param(ROW + "retry: {factor: 0.5}}\n", 2, 38, "must be at least 1", id="factor"),
        pytest.param(ROW + "retry: {on: 7}}\n", 2, 34, "takes names of errors, not a number", id="on"),
        pytest.param(ROW + "for_each: 7}\n", 2, 32, "must be a list or exactly one reference", id="items"),
        pytest.param(ROW + "for_each: {}}\n", 2, 32, "'for_each' of step 'a' has no 'in'", id="no_items"),
        pytest.param(
            ROW + "for_each: {in: [], concurrency: 0}}\n", 2, 54, "from 1 to 10000", id="concurrency"
        ),
        pytest.param(
            ROW + 'for_each: ["${item}"]}\n',
            2,
            36,
            "refers to 'item', which means nothing here",
            id="item_early",
        ),
        pytest.param(
            ROW + 'for_each: [1], when: "${item}"}\n', 2, 46, "which means nothing here", id="item_in_when"
        ),
        pytest.param(
            ROW + 'with: {value: "${item.a}"}}\n',
            2,
            39,
            "it can be used in a step with 'for_each'",
            id="item_outside",
        ),
        pytest.param(
            ROW + 'with: {value: "${error.message}"}}\n',
            2,
            39,
            "under 'fallback' and 'compensate'",
            id="error",
        ),
        pytest.param(ROW + "repeat: {}}\n", 2, 30, "'repeat' of step 'a' has no 'max'", id="no_max"),
        pytest.param(ROW + "repeat: {max: 0}}\n", 2, 36, "from 1 to 1000000", id="max"),
        pytest.param(
            ROW + "repeat: {max: 2, until: never}}\n", 2, 46, "must be exactly one reference", id="until"
        ),
        pytest.param(
            ROW + "repeat: {max: 2, at_max: end}}\n", 2, 47, "needs 'until' or 'while'", id="at_max"
        ),
        pytest.param(
            ROW + "repeat: {max: 2}, for_each: [1]}\n", 2, 22, "both 'for_each' and 'repeat'", id="both_loops"
        ),
        pytest.param("steps:\n  - {id: a, steps: []}\n", 2, 20, "'steps' is empty", id="empty_block"),
        pytest.param(
            "steps:\n  - {id: a, parallel: {b: 1}}\n", 2, 23, "'parallel' must be a list", id="parallel"
        ),
        pytest.param(
            "steps:\n  - {id: a, steps: [{id: b, tool: t}], concurrency: 2}\n",
            2,
            40,
            "unknown key 'concurrency'",
            id="concurrency_of_steps",
        ),
        pytest.param(
            "steps:\n  - {id: a, steps: [{id: a, tool: t}]}\n",
            2,
            26,
            "a second step has the id 'a'; the first is in line 2",
            id="id_of_outer",
        ),
        pytest.param(
            'steps:\n  - {id: a, steps: [{id: b, tool: t, with: {value: "${steps.a.output}"}}]}\n',
            2,
            10,
            "step 'a' waits for itself",
            id="block_waits_for_itself",
        ),
        pytest.param(
            "steps:\n  - {id: a, steps: [{id: b, tool: t}]}\n"
            '  - {id: c, tool: t, with: {value: "${steps.b.output}"}}\n',
            3,
            39,
            "refers to the step 'b', and there is no such step",
            id="inner_step_from_outside",
        ),
        pytest.param(
            "steps:\n  - {id: c, tool: t}\n  - {id: a, steps: [{id: b, tool: t, needs: c}]}\n",
            3,
            45,
            "needs 'c', and there is no such step",
            id="needs_of_outer",
        ),
        pytest.param(
            "steps:\n  - {id: a, parallel: [{id: b, tool: t}, {id: c, tool: t, needs: b}]}\n",
            2,
            47,
            "write 'steps' in the place of 'parallel'",
            id="parallel_that_waits",
        ),
        pytest.param(
            "steps:\n  - {id: a, steps: [{id: b, tool: t, needs: c}, {id: c, tool: t, needs: b}]}\n",
            2,
            26,
            "these steps wait for each other: b -> c -> b",
            id="circle_inside",
        ),
    ],
)
def test_mistake_is_named_with_its_place(text: str, line: int, column: int, message: str) -> None:
    (problem,) = problems_of(text)

    assert message in str(problem)
    assert (problem.line, problem.column) == (line, column)


def test_block_waits_for_the_steps_that_steps_inside_refer_to() -> None:
    text = """
steps:
  - {id: block, steps: [{id: x, tool: t, with: {value: "${steps.later.output}"}}]}
  - {id: later, tool: t, with: {value: "${steps.block.output}"}}
"""

    (problem,) = problems_of(text)

    assert "these steps wait for each other: block -> later -> block" in problem.message


def test_all_of_them_are_reported_at_once() -> None:
    text = """
steps:
  - id: a
    for_each: 7
    steps:
      - {id: b, tool: u, repeat: {max: 0}}
      - {id: c, tool: t, fallback: {tool: v, retry: {on: Nope}}}
    on_error: never
"""

    assert [(problem.line, problem.column) for problem in problems_of(text)] == [
        (4, 15),
        (6, 23),
        (6, 40),
        (7, 43),
        (7, 58),
        (8, 15),
    ]
