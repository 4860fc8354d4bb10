"""JSON Schemas in workflow files that would take for ever: by their patterns, by what they refer to."""

from __future__ import annotations

import pytest

from agent_runtime import WorkflowError, load_workflow, run_workflow
from agent_runtime.loading.patterns import fault_of

STEP = "steps:\n  - {id: a, function: f}\n"
DOUBLING = (
    "{$defs: {"
    + "".join(
        f"d{n}: {{allOf: [{{$ref: '#/$defs/d{n + 1}'}}, {{$ref: '#/$defs/d{n + 1}'}}]}}, " for n in range(30)
    )
    + "d30: {}}, $ref: '#/$defs/d0'}"
)
BRANCHING = (
    "{$defs: {s: {allOf: [{properties: {a: {$ref: '#/$defs/s'}}}, {properties: {a: {$ref: '#/$defs/s'}}}]}},"
    " $ref: '#/$defs/s'}"
)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        pytest.param(
            f"default: {'a' * 40}!, schema: {{pattern: '^(a+)+$'}}", "which may take for ever", id="pattern"
        ),
        pytest.param(
            "schema: {patternProperties: {'(a|a)*b': {}}}", "which may take for ever", id="key_pattern"
        ),
        pytest.param("schema: {pattern: '('}", "it is no regular expression", id="no_pattern"),
        pytest.param(
            f"default: {'a' * 2_000}, schema: {{pattern: 'a*a*b'}}",
            "a text has 2000 characters, and its patterns are for 500 at most",
            id="long_text",
        ),
        pytest.param(f"default: 1, schema: {DOUBLING}", "it would take too long", id="doubles_itself"),
        pytest.param(
            "default: " + "{a: " * 40 + "1" + "}" * 40 + f", schema: {BRANCHING}",
            "it would take too long",
            id="doubles_with_each_level",
        ),
        pytest.param(f"schema: {{enum: [{'1,' * 6_000}]}}", "and 5000 is the most", id="large"),
        pytest.param(
            "schema: {unevaluatedProperties: false}",
            "write 'additionalProperties' or 'items'",
            id="not_taken",
        ),
        pytest.param("default: 1, schema: {$ref: '#'}", "does not fit its schema", id="is_itself"),
        pytest.param("schema: {$ref: 'file:///etc/passwd'}", "nothing is fetched", id="file"),
    ],
)
def test_schema_that_would_take_for_ever_ends_in_a_clear_error(declared: str, message: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        load_workflow(f"inputs: {{x: {{{declared}}}}}\n" + STEP)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[a-z0-9]+(-[a-z0-9]+)*$",
        r"^(?:[a-z0-9]+\.)+[a-z]{2,}$",
        r"^[^@\s]+@[^@\s]+\.[a-z]+$",
        r"^\d{4}-\d{2}-\d{2}$",
        r"^(\+\d+)?$",
        r"^(?!x)\w+$",
        r"^#[0-9a-fA-F]{3,6}$",
        r"^(mon|tue|wed)$",
    ],
)
def test_pattern_as_people_write_them_is_taken(pattern: str) -> None:
    assert fault_of(pattern) == ""


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+",
        r"(a*)*",
        r"(a|a)*",
        r"([a-z]+-?)*",
        r"(.*-)*",
        r"((ab?)+c?)+",
        r"(\w+)\1",
        "a?" * 12 + "a{12}",
        "a*" * 6,
        r"(\s*,\s*|x)*",
    ],
)
def test_pattern_that_can_match_in_too_many_ways_is_refused(pattern: str) -> None:
    assert fault_of(pattern)


def test_items_are_compared_as_json_schema_says_and_in_one_pass() -> None:
    workflow = "inputs: {x: {type: array, schema: {uniqueItems: true}}}\n" + STEP

    def run(*items: object) -> bool:
        try:
            run_workflow(workflow, inputs={"x": list(items)}, functions={"f": lambda: None})
        except WorkflowError:
            return False
        return True

    assert run(1, True, "1", [1], [True], {"a": 1}, {"a": 2}, None)
    assert not run({"a": 1, "b": [2]}, {"b": [2.0], "a": 1})
    assert run(*([number] for number in range(20_000)))
