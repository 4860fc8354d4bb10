"""The published JSON Schema says of a file's form what loading says of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from agent_runtime import WorkflowError, load_workflow
from agent_runtime.loading.compose import compose
from agent_runtime.loading.json_schema import SCHEMA_FILE, workflow_schema
from agent_runtime.loading.keys import ACTIONS, KEYS
from agent_runtime.loading.nodes import Notes, to_python
from tests.unit.runtime import test_bad_language, test_bad_workflows
from tests.unit.runtime.test_format_docs import EXAMPLES

ROOT = Path(__file__).parents[3]
VALIDATOR = Draft202012Validator(workflow_schema())

VALID = {
    **{f"page_{number}": text for number, text in enumerate(EXAMPLES)},
    **{path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").glob("*.yaml"))},
    "version": "version: 1\nsteps: [{id: a, tool: t}]\n",
    "empty_inputs": "inputs:\nsteps: [{id: a, tool: t, with: }]\n",
    "output_types": "steps: [{id: a, tool: t}]\noutput_types: {a: string}\n",
    "bare_output_types": "steps: [{id: a, tool: t}]\noutput_types: {a: , }\n",
    "schema": "inputs: {a: {schema: {type: string}, default: x}}\nsteps: [{id: a, tool: t}]\n",
    "bare_input": "inputs: {a: , b: string}\nsteps: [{id: a, tool: t}]\n",
    "retry": "steps: [{id: a, tool: t, retry: {on: [OSError], factor: 1, jitter: 0.5, max_backoff: 3}}]\n",
    "needs": "steps: [{id: a, tool: t}, {id: b, tool: t, needs: a}, {id: c, tool: t, needs: [a, b]}]\n",
    "while": "steps: [{id: a, tool: t, repeat: {max: 3, while: true, at_max: end, delay: 0.5}}]\n",
    "thread": "steps: [{id: a, function: f, thread: worker, when: false}]\n",
    "standby": "steps: [{id: a, tool: t, fallback: {steps: [{id: b, tool: t}], timeout: 3}}]\n",
    "config": "steps: [{id: a, agent: {version: 3, config: {}, messages: [{role: user, content: [x]}]}}]\n",
}

MEANING = {
    # what is wrong with these is not their form: ids, names, references, values against each other
    *("unknown_function", "tool_as_function", "unknown_tool", "argument", "same_id_twice", "unknown_need"),
    *("unknown_input", "unknown_step", "whole_step", "unknown_root", "arithmetic", "open_reference"),
    *("self_cycle", "default", "output", "same_key", "timeout_nan", "fallback"),
    *("fallback_of_itself", "compensation_of_itself", "item_early", "item_in_when", "item_outside", "error"),
    *("id_of_outer", "block_waits_for_itself", "inner_step_from_outside", "needs_of_outer"),
    *("parallel_that_waits", "circle_inside"),
}


def corpus_of_mistakes() -> dict[str, str]:
    """Return the wrong files of the tests that hold what loading says of them, if they are YAML at all."""
    marks = [
        *test_bad_workflows.test_mistake_is_reported_with_line_and_column.pytestmark,  # type: ignore[attr-defined]  # pytest's
        *test_bad_language.test_mistake_is_named_with_its_place.pytestmark,  # type: ignore[attr-defined]  # pytest's
    ]
    rows = [row for mark in marks for row in mark.args[1]]
    return {row.id: row.values[0] for row in rows if compose(row.values[0], Notes("")) is not None}


def is_valid(text: str) -> bool:
    """Whether the schema accepts a file, as YAML is read here."""
    node = compose(text, Notes(""))
    assert node is not None
    return bool(VALIDATOR.is_valid(to_python(node)))


def test_published_file_is_up_to_date() -> None:
    published = json.loads(Path(SCHEMA_FILE).read_text(encoding="utf-8"))

    assert published == workflow_schema(), "run python -m agent_runtime.loading.json_schema --write"


def test_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(workflow_schema())


@pytest.mark.parametrize("text", VALID.values(), ids=VALID)
def test_what_loads_is_valid(text: str) -> None:
    load_workflow(text)

    assert is_valid(text)


@pytest.mark.parametrize("name", corpus_of_mistakes())
def test_what_is_of_a_wrong_form_is_not_valid(name: str) -> None:
    assert is_valid(corpus_of_mistakes()[name]) is (name in MEANING)


def test_every_exception_is_one_of_the_corpus() -> None:
    assert set(corpus_of_mistakes()) >= MEANING


def test_every_key_of_the_format_is_described_and_no_other() -> None:
    schema = json.loads(json.dumps(workflow_schema()))
    tables: dict[str, dict[str, dict[str, dict[str, object]]]] = {"workflow": schema, **schema["$defs"]}

    actions = {key for rows in ACTIONS.values() for key in rows}
    for name, table in tables.items():
        own = {*KEYS[name], *(actions if name in ("step", "standby") else ())}
        assert set(table["properties"]) == own, name
        assert all(row["description"] for row in table["properties"].values())


@pytest.mark.parametrize("number", [2, 10**30])
def test_file_of_a_later_version_is_refused_for_that_alone(number: int) -> None:
    with pytest.raises(WorkflowError) as caught:
        load_workflow(f"version: {number}\nstages: [{{id: a}}]\n")

    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (1, 10)
    assert f"the file is of version {number} of the format, and this release reads 1" in problem.message


@pytest.mark.parametrize("value", ["0", "true", "one", "1.5", "'1'"])
def test_version_that_is_none_is_a_mistake(value: str) -> None:
    with pytest.raises(WorkflowError, match="'version' in the workflow must be"):
        load_workflow(f"version: {value}\nsteps: [{{id: a, tool: t}}]\n")


@pytest.mark.parametrize("arguments", [[], ["--path"]])
def test_schema_is_printed_or_said_where_it_is(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent_runtime.loading.json_schema", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=True,
    )

    text = Path(done.stdout.strip()).read_text(encoding="utf-8") if arguments else done.stdout
    assert json.loads(text) == workflow_schema()
