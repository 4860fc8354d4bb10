"""Files made to harm: each ends in a clear error, soon, and without much memory."""

from __future__ import annotations

import string
import time

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_runtime import Problem, WorkflowError, load_workflow
from agent_runtime.loading import compose

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)

STEP = "steps:\n  - id: a\n    function: f\n"

LIMIT = 20.0  # seconds of processor time; a hostile file that works takes minutes or for ever


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(LAUGHS + STEP, "values, aliases counted in full", id="billion_laughs"),
        pytest.param("a: &a [*a]\n" + STEP, "stands inside what it stands for", id="alias_in_itself"),
        pytest.param("steps: " + "[" * 100_000 + "\n", "nested more than 60 levels", id="deep_lists"),
        pytest.param("steps: " + "{a: " * 100_000 + "\n", "nested more than 60 levels", id="deep_mappings"),
        pytest.param(
            "\n".join(" " * n + "a:" for n in range(2_000)) + "\n", "nested more than 60", id="deep_blocks"
        ),
        pytest.param("- " * 50_000 + "\n", "nested more than 60 levels", id="deep_dashes"),
        pytest.param("x: 1\n" * 1_000_000, "characters, and", id="too_long"),
        pytest.param("? " + "x" * 2_000 + "\n: 1\n" + STEP, "a key may have 1000 characters", id="huge_key"),
        pytest.param(f"steps:\n  - id: {'i' * 100_000}\n    function: f\n", "cannot be the id", id="huge_id"),
        pytest.param(
            f"steps:\n  - id: a\n    timeout: {'9' * 100_000}\n", "400 digits at most", id="huge_number"
        ),
        pytest.param(f"steps:\n  - id: a\n    timeout: {'9' * 350}\n", "", id="number_beyond_float"),
        pytest.param(f"x{'y' * 900}: 1\n" + STEP, "unknown key 'xyyyy", id="long_unknown_key"),
        pytest.param(
            "steps:\n  - id: \u202eevil\n    function: f\n", "'\\u202eevil' cannot be the id", id="bidi"
        ),
        pytest.param(
            "steps:\n  - id: \u0440\u0430ypal\n    function: f\n", "cannot be the id", id="cyrillic_id"
        ),
        pytest.param("name: a\x00b\n" + STEP, "is not allowed in YAML", id="nul"),
        pytest.param("name: \x1b[31mred\n" + STEP, "is not allowed in YAML", id="terminal_escape"),
        pytest.param("name: \ud800\n" + STEP, "is not allowed in YAML", id="lone_surrogate"),
        pytest.param("? [a, b]\n: 1\n" + STEP, "a key must be a text", id="list_as_key"),
        pytest.param("? {a: b}\n: 1\n" + STEP, "a key must be a text", id="mapping_as_key"),
        pytest.param("%YAML 9.9\n---\n" + STEP, "this is not YAML", id="wrong_version"),
        pytest.param(
            "!!python/object/apply:os.system [id]\n", "is not part of the format", id="python_object"
        ),
        pytest.param("steps: !<tag:x> []\n", "is not part of the format", id="foreign_tag"),
        pytest.param("x: '" + "'" * 100_001 + "\n", "unknown key 'x'", id="quotes"),
        pytest.param(
            "steps:\n"
            + "".join(f"  - {{id: s{n}, function: f, needs: s{(n + 1) % 2_000}}}\n" for n in range(2_000)),
            "these steps wait for each other: s0 -> s1",
            id="huge_cycle",
        ),
        pytest.param(
            STEP + "    with: {x: '" + "${inputs.q}" * 10_000 + "'}\n",
            "which is not declared",
            id="many_references",
        ),
    ],
)
def test_hostile_file_ends_in_a_clear_error_soon(text: str, message: str) -> None:
    began = time.process_time()

    with pytest.raises(WorkflowError) as caught:
        load_workflow(text)

    assert time.process_time() - began < LIMIT
    assert message in str(caught.value)
    assert all(
        len(str(problem)) < 2_000 and "\x1b" not in str(problem) for problem in caught.value.problems[:10]
    )


DEEP = "[" * 5_000 + "\n"

DEEPER_THAN_LIBYAML = [
    pytest.param("steps: " + DEEP, ["1:67 nested"], id="lists"),
    pytest.param("x: " + "[{a: " * 3_000 + "\n", ["1:150 nested"], id="both"),
    pytest.param("name: \U0001f600\r\nx: " + DEEP, ["2:63 nested"], id="wide_characters"),
    pytest.param("? " + DEEP, ["1:62 nested"], id="in_a_key"),
    pytest.param("a: !!x 1\na: " + DEEP, ["1:4 tag", "2:1 second", "2:63 nested"], id="mistakes_before"),
    pytest.param("x: [1\ny: " + DEEP, ["2:2 expected"], id="not_yaml_before"),
    pytest.param("x: y\n" + DEEP, ["2:1026 expected"], id="no_key"),
    pytest.param("x:\n" + "".join(" " * n + "-\n" for n in range(1_500)), ["61:60 nested"], id="lines"),
]


@pytest.mark.parametrize("loader", ["C", "Python"])
@pytest.mark.parametrize(("text", "said"), DEEPER_THAN_LIBYAML)
def test_nesting_beyond_the_limit_of_the_parser_is_answered_as_if_it_had_none(
    text: str, said: list[str], loader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if loader == "Python":
        monkeypatch.setattr(compose, "_LOADER", yaml.SafeLoader)

    problems = problems_of(text)

    assert [f"{each.line}:{each.column}" for each in problems] == [each.split()[0] for each in said]
    assert all(each.split()[1] in problem.message for each, problem in zip(said, problems, strict=True)), (
        problems
    )


def test_long_chain_of_steps_is_no_problem_for_the_stack() -> None:
    rows = "".join(f"  - {{id: s{n}, function: f, needs: s{n - 1}}}\n" for n in range(1, 3_000))

    workflow = load_workflow("steps:\n  - {id: s0, function: f}\n" + rows)

    assert len(workflow.steps) == 3_000


def test_alias_within_reason_is_expanded() -> None:
    text = "steps:\n  - {id: a, function: f, retry: &r {attempts: 3}}\n  - {id: b, function: f, retry: *r}\n"

    workflow = load_workflow(text)

    assert [step.retry.attempts for step in workflow.steps] == [3, 3]


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        pytest.param("yes", "yes", id="yes_is_text"),
        pytest.param("NO", "NO", id="norway"),
        pytest.param("010", 10, id="no_octal"),
        pytest.param("1:30", "1:30", id="no_base_sixty"),
        pytest.param("2024-01-01", "2024-01-01", id="no_dates"),
        pytest.param("1_000", "1_000", id="no_underscores"),
        pytest.param("1e3", 1000.0, id="exponent"),
        pytest.param("1.", 1.0, id="point_at_end"),
        pytest.param("True", True, id="boolean"),
        pytest.param("~", None, id="null"),
        pytest.param("'1'", "1", id="quoted_number"),
        pytest.param("!!str 1", "1", id="tagged_text"),
        pytest.param(".inf", float("inf"), id="infinity"),
    ],
)
def test_plain_scalars_are_read_by_the_rules_of_json(scalar: str, value: object) -> None:
    workflow = load_workflow(f"inputs: {{x: {{default: {scalar}}}}}\n" + STEP)

    assert workflow.inputs["x"].default == value
    assert type(workflow.inputs["x"].default) is type(value)


YAML_ISH = st.text(
    alphabet=string.ascii_lowercase + " \n\t:-[]{}&*!|>'\"%@`#,?${}.<\u2028\x85\ufeffé", max_size=120
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(YAML_ISH)
def test_arbitrary_text_raises_nothing_but_a_workflow_error(text: str) -> None:
    problems = problems_of(text + "\n")

    assert all(problem.line and problem.column for problem in problems)


def problems_of(text: str) -> tuple[Problem, ...]:
    try:
        load_workflow(text)
    except WorkflowError as error:
        return error.problems
    return ()


@given(st.text(max_size=60))
def test_arbitrary_characters_raise_nothing_but_a_workflow_error(text: str) -> None:
    with pytest.raises(WorkflowError):
        load_workflow(f"name: x\n{text}\n")


def test_a_thousand_mistakes_are_listed_and_no_more() -> None:
    rows = "".join(f"  - {{id: s{n}, function: f, needs: gone{n}}}\n" for n in range(3_000))
    began = time.process_time()

    with pytest.raises(WorkflowError) as caught:
        load_workflow("steps:\n" + rows)

    assert len(caught.value.problems) == 1_000
    assert time.process_time() - began < LIMIT
