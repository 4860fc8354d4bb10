"""The loop of an agent step: tools are called, their results handed back, until the model answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from agent_runtime import LLMClientError, TurnLimitError, WorkflowError, run_workflow, tool_calls
from tests.helpers.agents import SUPPORT, TOOLS, Recorded, agent, ask, output

# The loop


def test_tool_is_called_and_its_result_handed_back() -> None:
    client = Recorded(tool_calls(("crm_find", {"customer": "Ada"})), "Ada has the gold plan.")

    result = run_workflow(SUPPORT, tools=TOOLS, llm=client)

    assert output(result)["content"] == "Ada has the gold plan."
    assert output(result)["turns"] == 2
    user, assistant, answer = client.last
    assert user == {"role": "user", "content": "Who is Ada"}
    assert assistant == {"role": "assistant", **tool_calls(("crm_find", {"customer": "Ada"}))}
    assert answer == {"role": "tool", "tool_call_id": "call_1", "content": '{"name": "Ada", "plan": "gold"}'}


def test_model_is_told_of_the_tools_in_the_wire_form() -> None:
    client = Recorded("hello")

    run_workflow(SUPPORT, tools=TOOLS, llm=client)

    first, second = client.asked[0]["config"]["tools"]
    assert first == {
        "type": "function",
        "function": {
            "name": "crm_find",
            "description": "Look a customer up.",
            "parameters": {
                "type": "object",
                "properties": {"customer": {"type": "string", "description": "name or number."}},
                "additionalProperties": False,
                "required": ["customer"],
            },
        },
    }
    assert second["function"]["name"] == "clock"


def test_calls_are_recorded_in_the_output_under_the_registered_names() -> None:
    result = ask(tool_calls(("crm_find", {"customer": "Ada"})), tool_calls("clock"), "done")

    assert [(call["tool"], call["content"], call["failed"]) for call in output(result)["calls"]] == [
        ("crm.find", '{"name": "Ada", "plan": "gold"}', False),
        ("clock", "noon", False),
    ]


def test_what_a_client_was_asked_stays_as_it_was() -> None:
    client = Recorded(tool_calls("clock"), tool_calls("clock"), "done")

    run_workflow(SUPPORT, tools=TOOLS, llm=client)

    assert [len(question["messages"]) for question in client.asked] == [1, 3, 5]


def test_agent_that_answers_at_once_calls_nothing() -> None:
    result = ask("hello")

    assert (output(result)["turns"], output(result)["calls"]) == (1, [])


def test_turns_are_bounded_by_an_error_that_says_what_to_do() -> None:
    client = Recorded(tool_calls("clock"))

    with pytest.raises(TurnLimitError) as caught:
        run_workflow(agent("max_turns: 3"), tools=TOOLS, llm=client)

    assert str(caught.value) == (
        "step 'ask' has asked the model 3 times, which is its 'max_turns', and it still calls clock;"
        " raise 'max_turns', or say in the prompt when to answer"
    )
    assert len(client.asked) == 3


def test_failure_of_the_last_turn_can_be_retried() -> None:
    text = SUPPORT.replace("  - id: ask", "  - id: ask\n    retry: {attempts: 2}") + "      max_turns: 1\n"

    result = ask(tool_calls("clock"), "done", text=text)

    assert output(result)["content"] == "done"
    assert result.steps["ask"].attempts == 2


def test_usage_of_all_turns_and_attempts_is_added_up() -> None:
    turn = {**tool_calls("clock"), "usage": {"input_tokens": 5, "output_tokens": 1, "details": {"cached": 2}}}

    result = ask(turn, turn, {"content": "done", "usage": {"input_tokens": 7, "output_tokens": 2}})

    assert result.steps["ask"].usage == {"input_tokens": 17, "output_tokens": 4, "details": {"cached": 4}}


# Mistakes of the model


@pytest.mark.parametrize(
    ("call", "told"),
    [
        pytest.param(("find", {}), "There is no tool 'find'; the tools are: crm.find, clock.", id="unknown"),
        pytest.param("crm_find", "Wrong arguments:\n- $: 'customer' is missing", id="missing_argument"),
        pytest.param(
            ("crm_find", {"customer": 3}),
            "Wrong arguments:\n- $.customer: must be a text, not 3",
            id="wrong_type",
        ),
        pytest.param(
            ("crm_find", {"customer": "Ada", "limit": 3}),
            "Wrong arguments:\n- $: there is no 'limit' here; it takes customer",
            id="unknown_argument",
        ),
    ],
)
def test_mistake_of_the_model_is_handed_back(call: str | tuple[str, dict[str, object]], told: str) -> None:
    client = Recorded(tool_calls(call), "sorry")

    result = run_workflow(SUPPORT, tools=TOOLS, llm=client)

    assert client.last[-1]["content"] == told
    assert output(result)["calls"][0]["failed"] is True


@pytest.mark.parametrize("arguments", ["{", "[1]", '{"customer": "Ada"', "[" * 100_000, "3"])
def test_arguments_that_are_no_json_object_are_handed_back(arguments: str) -> None:
    given = tool_calls("crm_find")
    cast("Any", given["tool_calls"])[0]["function"]["arguments"] = arguments
    client = Recorded(given, "sorry")

    run_workflow(SUPPORT, tools=TOOLS, llm=client)

    assert client.last[-1]["content"].startswith("Wrong arguments:\n- they ")


def test_empty_arguments_mean_none() -> None:
    given = tool_calls("clock")
    cast("Any", given["tool_calls"])[0]["function"]["arguments"] = ""

    assert output(ask(given, "done"))["calls"][0]["content"] == "noon"


@pytest.mark.parametrize(
    ("calls", "message"),
    [
        pytest.param("clock", "they are no list", id="text"),
        pytest.param([{"id": "1"}], "one of them has no 'function'", id="no_function"),
        pytest.param([{"id": "1", "function": {}}], "one of them has no name", id="no_name"),
        pytest.param([{"function": {"name": "clock", "arguments": 3}}], "are no JSON text", id="number"),
    ],
)
def test_calls_that_are_not_in_the_wire_form_are_a_mistake_of_the_client(calls: object, message: str) -> None:
    with pytest.raises(LLMClientError, match=message):
        ask({"tool_calls": calls})


# Mistakes of the file


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        pytest.param(
            "[clok]", "the tool 'clok', which is not registered; did you mean 'clock'?", id="misspelt"
        ),
        pytest.param("[fn]", "it is registered as a function: pass tools={'fn': ...}", id="function"),
        pytest.param("[zzz]", "pass tools={'zzz': ...}", id="unknown"),
        pytest.param(
            "[crm.find, crm_find]", "both are written 'crm_find'; register one anew", id="two_of_one_name"
        ),
        pytest.param("[items]", "which is a generator function; return a list", id="generator"),
        pytest.param("[raw]", "cannot be described to a model: 'x': no JSON Schema", id="hint"),
        pytest.param(f"[{'x' * 65}]", "its name is longer than 64 characters", id="long_name"),
    ],
)
def test_tool_that_an_agent_cannot_have_is_a_mistake_with_its_place(tools: str, message: str) -> None:
    def items() -> Iterator[int]:
        yield 1

    def raw(x: bytes) -> None: ...

    with pytest.raises(WorkflowError) as caught:
        run_workflow(
            SUPPORT.replace("[crm.find, clock]", tools),
            tools={**TOOLS, "crm_find": items, "items": items, "raw": raw, "x" * 65: raw},
            functions={"fn": items},
        )

    (problem, *_) = [problem for problem in caught.value.problems if message in str(problem)]
    assert (problem.line, (problem.column or 0) >= 15) == (5, True)
    assert problem.message.startswith("the agent in step 'ask'")
