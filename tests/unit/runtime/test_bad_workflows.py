"""A wrong workflow is refused before any step runs, with every mistake and its place."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from agent_runtime import Executor, Problem, Runtime, WorkflowError, load_workflow, run_workflow

ONE_STEP = "steps:\n  - id: a\n    function: f\n"


def f(x: object = None) -> object:
    return x


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(WorkflowError) as caught:
        Runtime(text, functions={"f": f}, tools={"t": f})
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        pytest.param("steps: [\n", 2, 1, "this is not YAML", id="broken_yaml"),
        pytest.param("steps:\n\t- id: a\n", 2, 1, "a tab is used for indentation", id="tab"),
        pytest.param("\n", 1, 1, "the file is empty", id="empty"),
        pytest.param("# nothing\n", 1, 1, "the file is empty", id="comment_only"),
        pytest.param("- a\n- b\n", 1, 1, "must be a mapping, not a list", id="list_as_workflow"),
        pytest.param("name: x\n", 1, 1, "the workflow has no 'steps'", id="no_steps"),
        pytest.param("steps: []\n", 1, 8, "'steps' is empty", id="empty_steps"),
        pytest.param("steps: {a: 1}\n", 1, 8, "'steps' must be a list, not a mapping", id="steps_mapping"),
        pytest.param("steps:\n - word\n", 2, 4, "step 1 must be a mapping, not a text", id="step_is_text"),
        pytest.param(
            "step: []\n" + ONE_STEP,
            1,
            1,
            "unknown key 'step' in the workflow; write 'steps'",
            id="unknown_key",
        ),
        pytest.param(ONE_STEP + "    tool: t\n", 4, 5, "has both 'function' and 'tool'", id="two_kinds"),
        pytest.param(
            "steps:\n  - id: a\n    tol: t\n",
            3,
            5,
            "unknown key 'tol' in step 'a'; write 'tool'",
            id="near_key",
        ),
        pytest.param(
            "steps:\n  - id: a\n    shell: ls\n", 2, 5, "does not say what to do", id="unknown_kind"
        ),
        pytest.param("steps:\n  - function: f\n", 2, 5, "step 1 has no 'id'", id="no_id"),
        pytest.param(
            "steps:\n  - id: 7\n    function: f\n", 2, 9, "must be a text, not a number", id="id_is_number"
        ),
        pytest.param(
            "steps:\n  - id: a b\n    function: f\n", 2, 9, "cannot be the id of a step", id="bad_id"
        ),
        pytest.param(
            ONE_STEP + "  - id: a\n    function: f\n", 4, 9, "the first is in line 2", id="same_id_twice"
        ),
        pytest.param(
            ONE_STEP + "    id: b\n",
            4,
            5,
            "the key 'id' is here a second time; it is also in line 2",
            id="same_key",
        ),
        pytest.param(
            "steps:\n  - id: a\n    function: g\n", 3, 15, "which is not registered", id="unknown_function"
        ),
        pytest.param("steps:\n  - id: a\n    function: t\n", 3, 15, "write 'tool: t'", id="tool_as_function"),
        pytest.param("steps:\n  - id: a\n    tool: tt\n", 3, 11, "did you mean 't'?", id="unknown_tool"),
        pytest.param(
            ONE_STEP + "    with: [1]\n", 4, 11, "'with' in step 'a' must be a mapping", id="with_is_list"
        ),
        pytest.param(
            ONE_STEP + "    with: {y: 1}\n",
            3,
            15,
            "unexpected keyword argument 'y'; it takes 'x'",
            id="argument",
        ),
        pytest.param(ONE_STEP + "    thread: main\n", 4, 13, "write one of caller, worker", id="thread"),
        pytest.param(ONE_STEP + "    timeout: 0\n", 4, 14, "must be more than 0", id="timeout_zero"),
        pytest.param(ONE_STEP + "    timeout: .nan\n", 4, 14, "must be more than 0", id="timeout_nan"),
        pytest.param(
            ONE_STEP + "    timeout: soon\n",
            4,
            14,
            "must be a number of seconds, not a text",
            id="timeout_text",
        ),
        pytest.param(
            ONE_STEP + "    retry: {attempts: 0}\n", 4, 23, "must be from 1 to 1000", id="no_attempts"
        ),
        pytest.param(ONE_STEP + "    retry: {tries: 2}\n", 4, 13, "unknown key 'tries'", id="retry_key"),
        pytest.param(ONE_STEP + "    retry: {backoff: true}\n", 4, 22, "not a boolean", id="backoff_boolean"),
        pytest.param(ONE_STEP + "    when: maybe\n", 4, 11, "must be exactly one reference", id="when_text"),
        pytest.param(
            ONE_STEP + "    needs: [b]\n", 4, 13, "needs 'b', and there is no such step", id="unknown_need"
        ),
        pytest.param(
            ONE_STEP + '    with: {x: "${inputs.q}"}\n',
            4,
            18,
            "'q', which is not declared",
            id="unknown_input",
        ),
        pytest.param(
            ONE_STEP + '    with: {x: "a ${steps.b.output}"}\n',
            4,
            20,
            "there is no such step",
            id="unknown_step",
        ),
        pytest.param(
            ONE_STEP + '    with: {x: "${steps.a}"}\n', 4, 18, "write 'steps.a.output'", id="whole_step"
        ),
        pytest.param(
            ONE_STEP + '    with: {x: "${env.HOME}"}\n', 4, 18, "unknown word 'env'", id="unknown_root"
        ),
        pytest.param(
            ONE_STEP + '    with: {x: "${inputs.a + 1}"}\n', 4, 27, "there is no arithmetic", id="arithmetic"
        ),
        pytest.param(
            ONE_STEP + '    with: {x: "${inputs.a"}\n', 4, 16, "'${' is not closed", id="open_reference"
        ),
        pytest.param(
            ONE_STEP + '    with: {x: "${steps.a.output}"}\n',
            2,
            9,
            "step 'a' waits for itself",
            id="self_cycle",
        ),
        pytest.param("inputs: [a]\n" + ONE_STEP, 1, 9, "'inputs' must be a mapping", id="inputs_list"),
        pytest.param(
            "inputs: {a: {type: text}}\n" + ONE_STEP, 1, 20, "write one of string, integer", id="input_type"
        ),
        pytest.param(
            "inputs: {a: {type: integer, default: x}}\n" + ONE_STEP,
            1,
            38,
            "the default of input 'a'",
            id="default",
        ),
        pytest.param(
            "inputs: {a b: string}\n" + ONE_STEP, 1, 10, "cannot be the name of an input", id="input_name"
        ),
        pytest.param(
            ONE_STEP + 'outputs: {o: "${steps.z.output}"}\n',
            4,
            17,
            "output 'o' refers to the step 'z'",
            id="output",
        ),
        pytest.param(
            "steps:\n  - id: a\n    agent: {version: s}\n",
            3,
            12,
            "has no 'messages'",
            id="agent_no_messages",
        ),
        pytest.param(
            "steps:\n  - id: a\n    agent: {messages: []}\n", 3, 23, "at least one message", id="no_message"
        ),
        pytest.param(
            "steps: !!python/name:os.system x\n", 1, 8, "is not part of the format", id="python_tag"
        ),
        pytest.param(ONE_STEP + "---\n" + ONE_STEP, 4, 1, "holds one document", id="two_documents"),
        pytest.param("a: &x [1]\nb: {<<: *x}\n" + ONE_STEP, 2, 5, "merge keys", id="merge_key"),
        pytest.param("steps: *nobody\n", 1, 8, "there is no anchor '&nobody'", id="unknown_alias"),
    ],
)
def test_mistake_is_reported_with_line_and_column(text: str, line: int, column: int, message: str) -> None:
    found = problems_of(text)

    assert [(p.line, p.column) for p in found if message in f"{p.message}; {p.hint}"] == [(line, column)], (
        found
    )


def test_reference_in_a_block_text_is_found_in_its_own_line() -> None:
    text = ONE_STEP + "    with:\n      x: |\n        first line\n        second ${inputs.gone} here\n"

    (problem,) = problems_of(text)

    assert (problem.line, problem.column) == (7, 18)


def test_cycle_is_shown_from_step_to_step() -> None:
    text = (
        "steps:\n"
        "  - {id: a, function: f, needs: c}\n"
        "  - {id: b, function: f, needs: a}\n"
        '  - {id: c, function: f, when: "${steps.b.output}"}\n'
        "  - {id: d, function: f, needs: c}\n"
    )

    (problem,) = problems_of(text)

    assert problem.message == "these steps wait for each other: a -> c -> b -> a"
    assert (problem.line, problem.column) == (2, 10)


def test_two_separate_cycles_are_both_reported() -> None:
    rows = [("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")]
    text = "steps:\n" + "".join(f"  - {{id: {one}, function: f, needs: {other}}}\n" for one, other in rows)

    found = problems_of(text)

    assert [problem.line for problem in found] == [2, 4]


def test_every_mistake_is_in_one_error_in_the_order_of_the_file() -> None:
    text = (
        "name: 7\n"
        "inputs: {n: {type: intger}}\n"
        "steps:\n"
        "  - {id: a, function: nope, tmeout: 3}\n"
        "  - {id: a, tool: t, with: {x: '${steps.q.output}'}}\n"
        "outputs: {o: '${inputs.m}'}\n"
    )

    found = problems_of(text)

    assert [problem.line for problem in found] == [1, 2, 4, 4, 5, 5, 6]


def test_message_of_the_error_is_one_line_for_each_mistake(tmp_path: Path) -> None:
    file = tmp_path / "triage.yaml"
    file.write_text("steps:\n  - id: lookup\n    tol: crm\n")

    with pytest.raises(WorkflowError) as caught:
        load_workflow(file)

    kinds = "add one of 'agent', 'function', 'tool', 'workflow', 'approval', 'steps', 'parallel'"
    assert str(caught.value).splitlines() == [
        f"{file}:2:5: step 'lookup' does not say what to do; {kinds}",
        f"{file}:3:5: unknown key 'tol' in step 'lookup'; write 'tool'",
    ]


def test_text_is_named_as_such_in_messages() -> None:
    with pytest.raises(WorkflowError, match=r"^<workflow text>:1:1: "):
        load_workflow("nope: 1\nsteps: [{id: a, function: f}]\n")


def test_missing_file_is_reported_with_a_similar_name(tmp_path: Path) -> None:
    (tmp_path / "triage.yaml").write_text(ONE_STEP)

    with pytest.raises(WorkflowError) as caught:
        run_workflow(tmp_path / "triagge.yaml")

    (problem,) = caught.value.problems
    assert problem.message == "there is no such file"
    assert problem.hint == f"did you mean '{tmp_path / 'triage.yaml'}'?"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param(
            "steps: [{id: a, function: f}]", "told from a path by its line breaks", id="one_line_text"
        ),
        pytest.param("", "there is no such file", id="empty_text"),
        pytest.param(os.sep, "this is a folder", id="folder"),
        pytest.param("no/such/folder/x.yaml", "nor is there a folder", id="no_folder"),
        pytest.param("nul\0byte", "cannot be read", id="nul_byte"),
        pytest.param("x" * 5_000, "cannot be read", id="endless_name"),
    ],
)
def test_source_that_is_no_file_is_explained(source: str, message: str) -> None:
    with pytest.raises(WorkflowError, match=message):
        load_workflow(source)


@pytest.mark.parametrize("source", [None, 7, b"steps: []\n", {"steps": []}])
def test_source_of_another_type_is_a_type_error(source: object) -> None:
    with pytest.raises(TypeError, match="a workflow is given as a path or as YAML text"):
        load_workflow(source)  # type: ignore[arg-type]  # the mistake under test


def test_file_that_is_not_utf8_is_reported_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"name: x\nsteps: caf\xe9\n")

    with pytest.raises(WorkflowError) as caught:
        load_workflow(file)

    (problem,) = caught.value.problems
    assert (problem.line, problem.column, problem.hint) == (2, 11, "save it as UTF-8")


@pytest.mark.parametrize(
    ("inputs", "lines"),
    [
        pytest.param({}, [2], id="missing"),
        pytest.param({"count": "3"}, [2], id="mistyped"),
        pytest.param({"count": True}, [2], id="boolean_is_no_integer"),
        pytest.param({"count": 3, "cuont": 4}, [1], id="undeclared"),
        pytest.param({"label": 3, "other": 1}, [1, 2, 3], id="all_at_once"),
    ],
)
def test_wrong_inputs_are_reported_at_the_declaration(inputs: dict[str, object], lines: list[int]) -> None:
    ran: list[int] = []
    text = "inputs:\n  count: integer\n  label: {type: string, default: x}\n" + ONE_STEP
    runtime = Runtime(text, functions={"f": lambda: ran.append(1)})

    with pytest.raises(WorkflowError) as caught:
        runtime.run(inputs)

    assert [problem.line for problem in caught.value.problems] == lines
    assert not ran


def test_inputs_that_are_no_mapping_are_a_type_error() -> None:
    with pytest.raises(TypeError, match="inputs are given as a mapping"):
        run_workflow(ONE_STEP, inputs=[1], functions={"f": f})  # type: ignore[arg-type]  # the mistake under test


def test_registered_thing_that_cannot_be_called_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="must be a callable"):
        Runtime(ONE_STEP, functions={"f": 3})  # type: ignore[dict-item]  # the mistake under test


def test_steps_given_as_mappings_are_validated_alike() -> None:
    with pytest.raises(WorkflowError) as caught:
        Executor([{"id": "a", "funtion": "f"}, {"id": "a", "function": "g", "needs": ["z"]}])

    messages = [problem.message for problem in caught.value.problems]
    assert messages == [
        "unknown key 'funtion' in step 'a'",
        "step 'a' does not say what to do",
        "step 'a' needs 'z', and there is no such step",
        "step 'a' names the function 'g', which is not registered",
    ]


def test_executor_reports_inputs_that_its_steps_name_and_a_run_is_not_given() -> None:
    executor = Executor([{"id": "a", "function": "f", "with": {"x": "${inputs.color}"}}], functions={"f": f})

    with pytest.raises(
        WorkflowError, match="refers to the input 'color', which was not given; did you mean 'colour'"
    ):
        executor.run({"colour": 1})


def test_workflow_error_can_be_pickled() -> None:
    error = WorkflowError([Problem("a.yaml", 1, 2, "wrong", "write right")])

    again = pickle.loads(pickle.dumps(error))

    assert again.problems == error.problems
    assert str(again) == "a.yaml:1:2: wrong; write right"
