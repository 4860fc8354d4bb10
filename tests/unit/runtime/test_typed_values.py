"""What goes in and what comes out is held against its type and, where there is one, its JSON Schema."""

from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from agent_runtime import (
    Options,
    OutputTypeError,
    Problem,
    Runtime,
    StepInputError,
    WorkflowError,
    load_workflow,
    run_workflow,
)

ROOT = Path(__file__).parents[3]

ORDER = """
inputs:
  order:
    type: object
    schema:
      type: object
      required: [id]
      properties:
        id: {type: string, minLength: 3}
        lines: {type: array, items: {$ref: "#/$defs/amount"}}
      $defs: {amount: {type: number, minimum: 0}}
steps:
  - {id: a, tool: echo, with: {value: "${inputs.order.id}"}}
"""


def echo(value: object) -> object:
    return value


def refused(text: str, **inputs: object) -> list[str]:
    with pytest.raises(WorkflowError) as caught:
        Runtime(text, tools={"echo": echo}).run(inputs=inputs)
    return [f"{problem.line}:{problem.column} {problem.message}" for problem in caught.value.problems]


@pytest.mark.parametrize(
    "order",
    [
        pytest.param({"id": "o-1"}, id="dict"),
        pytest.param({"id": "o-1", "lines": (1, 2)}, id="tuple_is_an_array"),
    ],
)
def test_input_that_fits_its_schema_is_taken(order: object) -> None:
    assert run_workflow(ORDER, inputs={"order": order}, tools={"echo": echo}).outputs == {"a": "o-1"}


def test_everything_that_does_not_fit_is_listed() -> None:
    found = refused(ORDER, order={"id": "o", "lines": [1, -1, "x"]})

    who = "3:3 the input 'order' does not fit its schema:"
    assert sorted(found) == [
        f"{who} $.id: 'o' is too short",
        f"{who} $.lines[1]: -1 is less than the minimum of 0",
        f"{who} $.lines[2]: 'x' is not of type 'number'",
    ]


def test_no_more_than_ten_faults_of_a_value_are_listed() -> None:
    assert len(refused(ORDER, order={"id": "o-1", "lines": ["x"] * 1_000})) == 10


def test_value_of_a_wrong_type_is_not_held_against_the_schema_as_well() -> None:
    assert refused(ORDER, order=7) == ["3:3 the input 'order' must be an object, and int was given"]


def test_value_that_contains_itself_is_refused_and_harms_nothing() -> None:
    text = "inputs: {a: {schema: {$ref: '#'}}}\nsteps: [{id: a, tool: echo, with: {value: 1}}]\n"

    (found,) = refused(text, a=1)

    assert "its schema cannot be used: RecursionError" in found


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        pytest.param("7", "the schema of input 'a' must be a mapping", id="number"),
        pytest.param("{type: txt}", "is not a JSON Schema: $.type: 'txt'", id="no_schema"),
        pytest.param("{$ref: 'https://example.com/s.json'}", "refers to another document", id="remote"),
        pytest.param("{allOf: [{$ref: 'file:///etc/passwd'}]}", "refers to another document", id="file"),
    ],
)
def test_wrong_schema_is_a_mistake_of_the_file(schema: str, message: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        load_workflow(f"inputs: {{a: {{schema: {schema}}}}}\nsteps: [{{id: a, tool: t}}]\n")

    assert message in caught.value.problems[0].message
    assert caught.value.problems[0].line == 1


def test_reference_to_nothing_inside_a_schema_is_told_when_a_value_comes() -> None:
    text = "inputs: {a: {schema: {$ref: '#/$defs/no'}}}\nsteps: [{id: a, tool: echo, with: {value: 1}}]\n"

    (found,) = refused(text, a=1)

    assert "its schema cannot be used" in found


def test_default_is_held_against_the_schema_when_the_file_is_loaded() -> None:
    with pytest.raises(
        WorkflowError, match="the default of input 'a' does not fit its schema: \\$: 7 is not"
    ):
        load_workflow("inputs: {a: {default: 7, schema: {type: string}}}\nsteps: [{id: a, tool: t}]\n")


def test_schema_without_the_library_says_what_to_install() -> None:
    code = """
        import sys
        sys.modules["jsonschema"] = None
        from agent_runtime import WorkflowError, load_workflow
        try:
            load_workflow("inputs: {a: {schema: {type: string}}}\\nsteps: [{id: a, tool: t}]\\n")
        except WorkflowError as error:
            print(error)
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=True,
    )

    assert done.stdout.strip() == (
        "<workflow text>:1:22: the schema of input 'a' needs the library jsonschema;"
        " pip install 'agent-runtime[jsonschema]', or remove the schema"
    )


def test_library_is_not_imported_for_workflows_without_a_schema() -> None:
    code = "import sys, agent_runtime; agent_runtime.load_workflow('steps: [{id: a, tool: t}]\\n');"
    code += "print('jsonschema' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT, check=True
    )

    assert done.stdout.strip() == "False"


TYPED = """
inputs: {value: any}
steps:
  - {id: a, tool: echo, with: {value: "${inputs.value}"}}
outputs: {x: "${steps.a.output}", y: "${steps.a.output}"}
output_types:
  x: string
  y: {schema: {maxLength: 2}, description: short}
"""


def test_outputs_of_the_right_types_come_out() -> None:
    outputs = run_workflow(TYPED, inputs={"value": "ab"}, tools={"echo": echo}).outputs

    assert outputs == {"x": "ab", "y": "ab"}


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        pytest.param(7, [(7, "the output 'x' must be a string, and int came out")], id="type"),
        pytest.param(
            "abc", [(8, "the output 'y' does not fit its schema: $: 'abc' is too long")], id="schema"
        ),
    ],
)
def test_outputs_of_wrong_types_fail_the_run_and_all_are_listed(
    value: object, faults: list[tuple[int, str]]
) -> None:
    with pytest.raises(OutputTypeError) as caught:
        run_workflow(TYPED, inputs={"value": value}, tools={"echo": echo})

    assert [(problem.line, problem.message) for problem in caught.value.problems] == faults
    assert caught.value.step is None


def test_type_of_an_output_that_does_not_exist_is_a_mistake() -> None:
    with pytest.raises(WorkflowError, match=r"there is no output 'resutl'; did you mean 'result'\?"):
        load_workflow("steps: [{id: result, tool: t}]\noutput_types: {resutl: string}\n")


def test_outputs_of_another_workflow_are_held_against_their_types() -> None:
    text = "steps: [{id: s, workflow: sub, with: {value: 7}, on_error: continue}]\n"
    text += "outputs: {e: '${steps.s.error}'}\n"

    outputs = run_workflow(text, tools={"echo": echo}, options=Options(workflows={"sub": TYPED})).outputs

    assert "OutputTypeError" in str(outputs["e"])


def test_workflow_with_schemas_can_be_pickled() -> None:
    workflow = pickle.loads(pickle.dumps(load_workflow(ORDER)))

    check = workflow.inputs["order"].check
    assert check is not None
    assert check({"id": "o"}) == ["$.id: 'o' is too short"]


@pytest.mark.parametrize(
    "error",
    [
        OutputTypeError([Problem("f", 1, 2, "m")]),
        StepInputError("a", [Problem("f", 1, 2, "m")]),
    ],
    ids=["output", "input"],
)
def test_errors_survive_pickling(error: Exception) -> None:
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
