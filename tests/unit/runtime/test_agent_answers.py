"""Answers that are data: read, held against what the step says, and handed back when they are wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, cast

import pytest

from agent_runtime import AnswerError, RunResult, WorkflowError, load_workflow, run_workflow, tool_calls
from tests.helpers.agents import Recorded

FIELDS = "{fields: {queue: {type: string, enum: [billing, bug]}, urgent: {type: boolean, required: false}}}"


def asking(output: str, more: str = "") -> str:
    return (
        "steps:\n  - id: ask\n    agent:\n      messages: [{role: user, content: Sort it}]\n"
        f"      output: {output}\n{more}"
    )


def ask(client: Recorded, output: str = FIELDS, more: str = "") -> RunResult:
    return run_workflow(asking(output, more), tools={"clock": lambda: "noon"}, llm=client)


def parsed(*answers: Any, output: str = FIELDS) -> object:
    return cast("Mapping[str, object]", ask(Recorded(*answers), output).outputs["ask"])["parsed"]


@pytest.mark.parametrize(
    ("output", "answer", "value"),
    [
        pytest.param(FIELDS, '{"queue": "bug"}', {"queue": "bug"}, id="fields"),
        pytest.param(
            FIELDS, ' \n{"queue": "bug", "urgent": true}\n', {"queue": "bug", "urgent": True}, id="all"
        ),
        pytest.param(FIELDS, '```json\n{"queue": "bug"}\n```', {"queue": "bug"}, id="fenced"),
        pytest.param(FIELDS, '```\n{"queue": "bug"}\n```\n', {"queue": "bug"}, id="fenced_without_a_name"),
        pytest.param("object", '{"a": [1]}', {"a": [1]}, id="any_object"),
        pytest.param("array", "[1, 2]", [1, 2], id="array"),
        pytest.param("boolean", "true", True, id="boolean"),
        pytest.param("any", "null", None, id="any"),
        pytest.param("{fields: {n: number}}", '{"n": 1}', {"n": 1}, id="integer_as_number"),
        pytest.param("{fields: {tags: {items: string}}}", '{"tags": ["a"]}', {"tags": ["a"]}, id="items"),
        pytest.param("{fields: {x: }}", '{"x": {"y": 1}}', {"x": {"y": 1}}, id="field_of_any_type"),
        pytest.param("{schema: {type: string, maxLength: 2}}", '"ab"', "ab", id="schema"),
    ],
)
def test_answer_is_read_as_json(output: str, answer: str, value: object) -> None:
    assert parsed(answer, output=output) == value


@pytest.mark.parametrize(
    ("output", "answer", "fault"),
    [
        pytest.param(FIELDS, "billing", "it is not JSON", id="text"),
        pytest.param(FIELDS, "[" * 100_000, "it is not JSON", id="nested_without_end"),
        pytest.param(FIELDS, "[]", "it must be of the type object", id="array"),
        pytest.param(FIELDS, "{}", "$: 'queue' is missing", id="missing"),
        pytest.param(
            FIELDS, '{"queue": "spam"}', "$.queue: must be one of 'billing', 'bug', not 'spam'", id="enum"
        ),
        pytest.param(
            FIELDS, '{"queue": "bug", "urgent": 1}', "$.urgent: must be of the type boolean", id="type"
        ),
        pytest.param(FIELDS, '{"queue": "bug", "x": 1}', "$: there is no 'x' here", id="unknown"),
        pytest.param(
            "{fields: {tags: {items: string}}}",
            '{"tags": ["a", 1]}',
            "$.tags[1]: must be of the type string",
            id="item",
        ),
        pytest.param("{schema: {type: string, maxLength: 2}}", '"abc"', "$: 'abc' is too long", id="schema"),
    ],
)
def test_model_is_told_what_is_wrong_and_asked_again(output: str, answer: str, fault: str) -> None:
    client = Recorded(answer, '{"queue": "bug", "tags": []}')

    with contextlib.suppress(AnswerError):  # for some of them the second answer is wrong as well
        ask(client, output.replace("{", "{repairs: 1, ", 1))

    question = client.asked[1]["messages"]
    assert question[-2] == {"role": "assistant", "content": answer}
    assert question[-1]["role"] == "user"
    assert question[-1]["content"].startswith("Your answer cannot be used:\n- ")
    assert fault in question[-1]["content"]


def test_repairs_are_bounded_by_an_error_that_has_the_answer() -> None:
    client = Recorded("one", "two", "three", '{"queue": "bug"}')

    with pytest.raises(AnswerError) as caught:
        ask(client)

    assert len(client.asked) == 3
    assert (caught.value.answer, caught.value.repairs) == ("three", 2)
    assert str(caught.value).startswith(
        "the answer in step 'ask' is not what its 'output' says after 2 repairs: it is not JSON"
    )
    assert str(caught.value).endswith("the answer was 'three'")


def test_repairs_do_not_count_as_turns() -> None:
    client = Recorded("no", tool_calls("clock"), '{"queue": "bug"}')

    result = ask(client, more="      tools: [clock]\n      max_turns: 2\n")

    assert cast("Any", result.outputs["ask"])["turns"] == 3


def test_answer_of_a_repair_may_call_tools_again() -> None:
    client = Recorded("no", tool_calls("clock"), '{"queue": "bug"}')

    result = ask(client, more="      tools: [clock]\n")

    assert cast("Any", result.outputs["ask"])["calls"][0]["content"] == "noon"


def test_client_is_told_what_the_answer_has_to_look_like() -> None:
    client = Recorded('{"queue": "bug"}')

    ask(client)

    assert client.asked[0]["config"]["response_format"] == {
        "type": "json_schema",
        "json_schema": {
            "name": "answer",
            "schema": {
                "type": "object",
                "properties": {
                    "queue": {"type": "string", "enum": ["billing", "bug"]},
                    "urgent": {"type": "boolean"},
                },
                "additionalProperties": False,
                "required": ["queue"],
            },
        },
    }


@pytest.mark.parametrize(
    ("config", "sent"),
    [
        pytest.param("{response_format: null}", {}, id="left_out"),
        pytest.param(
            "{response_format: {type: json_object}}", {"response_format": {"type": "json_object"}}, id="own"
        ),
    ],
)
def test_file_may_say_what_the_client_is_told(config: str, sent: Mapping[str, object]) -> None:
    client = Recorded('{"queue": "bug"}')

    ask(client, more=f"      config: {config}\n")

    assert client.asked[0]["config"] == sent


def test_answer_that_a_client_has_read_already_is_taken_as_it_is() -> None:
    assert parsed({"content": {"queue": "bug"}}) == {"queue": "bug"}


@pytest.mark.parametrize(
    ("agent", "message"),
    [
        pytest.param("tools: [a, a]", "the tool 'a' is named twice in 'agent'", id="tool_twice"),
        pytest.param("tools: []", "must be a list with at least one name", id="no_tool"),
        pytest.param("tools: [{nme: a}]", "unknown key 'nme' in a tool in 'agent'", id="key_of_a_tool"),
        pytest.param("tools: [3]", "must be a mapping, not a number", id="number"),
        pytest.param("tools: [a]\n      config: {tools: []}", "says 'tools' in its 'config'", id="config"),
        pytest.param("max_turns: 0", "must be from 1 to 1000", id="turns"),
        pytest.param("on_tool_error: ask", "'ask' is not an on_tool_error", id="policy"),
        pytest.param("output: {fields: {}}", "with at least one name", id="no_field"),
        pytest.param("output: {fields: {a b: string}}", "cannot be the name of", id="name_of_a_field"),
        pytest.param("output: {fields: {a: strng}}", "write 'string'", id="type_of_a_field"),
        pytest.param("output: {fields: {a: {enum: [[]]}}}", "takes texts and numbers", id="choice"),
        pytest.param("output: {type: array, fields: {a: string}}", "its type is array", id="fields_of_array"),
        pytest.param(
            "output: {schema: {type: object}, fields: {a: string}}",
            "has both 'fields' and 'schema'",
            id="both",
        ),
        pytest.param("output: {repairs: 11}", "must be from 0 to 10", id="repairs"),
        pytest.param("output: {schema: {type: 3}}", "is not a JSON Schema", id="schema"),
    ],
)
def test_mistake_in_what_an_agent_says_is_named_with_its_place(agent: str, message: str) -> None:
    text = f"steps:\n  - id: ask\n    agent:\n      messages: [{{role: user, content: Hi}}]\n      {agent}\n"

    with pytest.raises(WorkflowError) as caught:
        load_workflow(text)

    (problem,) = [problem for problem in caught.value.problems if message in str(problem)]
    assert problem.line in (5, 6)
